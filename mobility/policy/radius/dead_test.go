package radius

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"netlmm/internal/radiusauth"
	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// moody is a server that answers about everybody but some.
type moody struct {
	at    netip.AddrPort
	mute  atomic.Value // func(nai string) bool
	asked atomic.Int32
}

func newMoody(t *testing.T) *moody {
	conn, at := peer(t)
	m := &moody{at: at}
	m.silentAbout()
	go m.serve(conn)
	return m
}

// silentAbout says about whom it is silent from now on.
func (m *moody) silentAbout(nais ...string) {
	m.mute.Store(func(nai string) bool {
		for _, n := range nais {
			if n == nai || n == "*" {
				return true
			}
		}
		return false
	})
}

func (m *moody) serve(conn *net.UDPConn) {
	buf := make([]byte, codec.MaxPacketLength)
	for {
		size, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		p, err := codec.Parse(buf[:size], []byte(secret))
		if err != nil {
			continue
		}
		m.asked.Add(1)
		if m.mute.Load().(func(string) bool)(rfc2865.UserName_GetString(p)) {
			continue
		}
		answer := p.Response(codec.CodeAccessAccept)
		radiusauth.Add(answer)
		if packet, err := radiusauth.Encode(answer); err == nil {
			_, _ = conn.WriteToUDPAddrPort(packet, from)
		}
	}
}

// dead is a client of servers, with what it asks.
func dead(t *testing.T, servers ...*moody) (c *Client, n *counts, ask func(nai string, anyway bool) policy.Outcome) {
	cfg := Config{Retries: 1, Timeout: 300 * time.Millisecond, DeadTime: time.Hour}
	for _, s := range servers {
		cfg.Servers = append(cfg.Servers, Server{Address: s.at})
	}
	c, n = newClient(t, cfg)
	return c, n, func(nai string, anyway bool) policy.Outcome {
		return c.ask(context.Background(), policy.Query{MobileNodeID: mobility.NAI(nai), Anyway: anyway}).Outcome
	}
}

// A server that has nothing to say about one mobile node is asked about all others, however often that one comes; an answer takes what was
// suspected away.
func TestAServerIsNotDeadForOneMobileNode(t *testing.T) {
	t.Parallel()
	s := newMoody(t)
	s.silentAbout("odd@x", "odder@x")
	c, n, ask := dead(t, s)
	for i, step := range []struct {
		nai  string
		want policy.Outcome
		dead int
	}{
		{"odd@x", policy.Silent, 0}, {"odd@x", policy.Silent, 0}, {"a@x", policy.Accepted, 0}, {"odd@x", policy.Silent, 0}, {"b@x", policy.Accepted, 0}, {"odder@x", policy.Silent, 0},
		{"odd@x", policy.Silent, 1}, // the second one that is not answered for, and nobody else is
	} {
		if got := ask(step.nai, false); got != step.want || len(c.Silent()) != step.dead {
			t.Errorf("question %d, about %s: outcome %v, %d dead; %v", i+1, step.nai, got, len(c.Silent()), n.n)
		}
	}
}

// What a server answers to others while a question waits in vain shows that it lives.
func TestAServerThatAnswersOthersMeanwhileLives(t *testing.T) {
	t.Parallel()
	s := newMoody(t)
	s.silentAbout("odd@x", "odder@x")
	c, n, ask := dead(t, s)
	ask("odd@x", false)
	done := make(chan policy.Outcome)
	go func() { done <- ask("odder@x", false) }()
	for before := s.asked.Load(); s.asked.Load() == before; time.Sleep(time.Millisecond) {
	}
	if got := ask("a@x", false); got != policy.Accepted {
		t.Errorf("outcome %v, %v", got, n.n)
	}
	if got := <-done; got != policy.Silent || len(c.Silent()) != 0 {
		t.Errorf("outcome %v, %d dead, %v", got, len(c.Silent()), n.n)
	}
}

// When all are dead nobody is asked, but about a mobile node that has just come and would be refused: one of them is, the one that is due
// next, and when it answers it lives.
func TestADeadServerIsAskedRatherThanNobody(t *testing.T) {
	t.Parallel()
	first, second := newMoody(t), newMoody(t)
	first.silentAbout("*")
	second.silentAbout("*")
	c, n, ask := dead(t, first, second)
	ask("a@x", false)
	ask("b@x", false)
	if len(c.Silent()) != 2 {
		t.Fatalf("dead: %v, %v", c.Silent(), n.n)
	}
	asked := first.asked.Load() + second.asked.Load()
	if got := ask("c@x", false); got != policy.Silent || first.asked.Load()+second.asked.Load() != asked {
		t.Errorf("outcome %v, %v", got, n.n)
	}
	before := second.asked.Load()
	if got := ask("c@x", true); got != policy.Silent || second.asked.Load() != before || n.of("dead_server_asked") != 1 { // the first died first
		t.Errorf("outcome %v, %v", got, n.n)
	}
	second.silentAbout()
	if got := ask("c@x", true); got != policy.Accepted || len(c.Silent()) != 1 { // its turn, now that the first was asked again
		t.Errorf("outcome %v, %v", got, n.n)
	}
	if got := ask("d@x", false); got != policy.Accepted {
		t.Errorf("outcome %v, %v", got, n.n)
	}
}
