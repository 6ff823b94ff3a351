package mag

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// TestHostileSchedules throws random events at a MAG, answers among them that no honest LMA would send, and checks after
// each that its tables agree with each other, that no session is stuck and that no PBU left without the SA.
func TestHostileSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHostile(t)
		t.Repeat(map[string]func(*rapid.T){
			"attach": func(t *rapid.T) {
				h.handle(LinkAttached{
					Interface: h.link(t), MobileNodeID: h.node(t), MobileNodeLinkLayerID: h.mac(t), AccessTechnologyType: 4,
					LMAAddress: h.lma(t), HomeNetworkPrefixes: h.prefixes(t),
				})
			},
			"detach":  func(t *rapid.T) { h.handle(LinkDetached{h.link(t), h.mac(t)}) },
			"solicit": func(t *rapid.T) { h.handle(RouterSolicited{h.link(t), h.mac(t)}) },
			"present": func(t *rapid.T) { h.handle(PresenceConfirmed{h.link(t), h.mac(t)}) },
			"sa": func(t *rapid.T) {
				lma, up := h.lma(t), rapid.Bool().Draw(t, "up")
				h.up[lma] = up
				h.handle(SecurityAssociationChanged{lma, up})
			},
			"answer":  h.answer,
			"garbage": func(t *rapid.T) { h.receive(h.lma(t), rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "bytes")) },
			"time":    func(t *rapid.T) { h.pass(time.Duration(rapid.IntRange(1, 100000).Draw(t, "ms")) * time.Millisecond) },
			"":        h.check,
		})
		h.handle(Stop{Deregister: true})
		h.pass(2 * time.Second)
		h.check(t)
		if !h.stopped || len(h.mag.sessions)+len(h.mag.requests)+len(h.mag.links)+len(h.mag.owners)+len(h.mag.timers) != 0 {
			t.Fatalf("after Stop: stopped=%t, left: %+v", h.stopped, h.mag)
		}
	})
}

type hostile struct {
	t       *rapid.T
	mag     *MAG
	now     time.Time
	up      map[netip.Addr]bool
	sent    []SendMessage
	stopped bool
}

func newHostile(t *rapid.T) *hostile {
	m, err := New(Config{
		ProxyCareOfAddress: proxyCoA, MaximumMobileNodes: 4, RequireSecurityAssociation: true,
		TimestampBasedApproachInUse: rapid.Bool().Draw(t, "timestamps"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &hostile{t: t, mag: m, now: start, up: map[netip.Addr]bool{}}
}

func (h *hostile) link(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b"}).Draw(t, "link")
}

func (h *hostile) node(t *rapid.T) mobility.MobileNodeID {
	return mobility.NAI(rapid.SampledFrom([]string{"mn1", "mn2", "mn3"}).Draw(t, "node"))
}

func (h *hostile) mac(t *rapid.T) mobility.MobileNodeLinkLayerID {
	return mobility.MobileNodeLinkLayerID(rapid.SampledFrom([]string{"", "\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02"}).Draw(t, "mac"))
}

func (h *hostile) lma(t *rapid.T) netip.Addr {
	return rapid.SampledFrom([]netip.Addr{defaultLMA, netip.MustParseAddr("2001:db8:f::2")}).Draw(t, "lma")
}

func (h *hostile) prefixes(t *rapid.T) []netip.Prefix {
	some := rapid.SampledFrom([]string{"::/0", "2001:db8:1::/64", "2001:db8:2::/64", "2001:db8:3::/64", "fe80::/64"})
	var prefixes []netip.Prefix
	for _, p := range rapid.SliceOfN(some, 0, 2).Draw(t, "prefixes") {
		prefixes = append(prefixes, netip.MustParsePrefix(p))
	}
	return prefixes
}

// answer takes one of the last PBUs and answers it, more or less honestly.
func (h *hostile) answer(t *rapid.T) {
	if len(h.sent) == 0 {
		t.Skip("no PBU yet")
	}
	message := h.sent[len(h.sent)-1-rapid.IntRange(0, min(3, len(h.sent)-1)).Draw(t, "which")]
	var pbu mh.BindingUpdate
	if err := pbu.Decode(message.Payload); err != nil {
		t.Fatal(err)
	}
	pba := mh.BindingAcknowledgement{Flags: mh.AcknowledgementProxy, Sequence: pbu.Sequence, Lifetime: pbu.Lifetime, Options: pbu.Options}
	pba.Status = mobility.Status(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 128, 129, 130, 135, 152, 153, 155, 156, 157, 159}).Draw(t, "status"))
	if pba.Status.Accepted() {
		pba.Options.HomeNetworkPrefixes = append(h.prefixes(t), netip.MustParsePrefix("2001:db8:4::/64"))
	}
	switch rapid.IntRange(0, 9).Draw(t, "lie") {
	case 0:
		pba.Options.HandoffIndicator++
	case 1:
		pba.Sequence += 3
	case 2:
		pba.Lifetime = uint16(rapid.IntRange(0, 65535).Draw(t, "lifetime"))
	case 3:
		pba.Options.Present = 1 << mh.OptionMobileNodeID
	}
	payload, err := pba.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.receive(message.Destination, payload)
}

func (h *hostile) receive(from netip.Addr, payload []byte) {
	h.handle(MessageReceived{Source: from, Destination: proxyCoA, Payload: payload})
}

func (h *hostile) handle(ev Event) { h.take(h.mag.Handle(h.now, ev)) }

func (h *hostile) pass(d time.Duration) {
	end := h.now.Add(d)
	for n := 0; ; n++ {
		next, ok := h.mag.NextDeadline()
		if !ok || next.After(end) {
			break
		}
		if n > 10000 {
			h.t.Fatal("timers without end")
		}
		h.now = next
		h.take(h.mag.Expire(h.now))
	}
	h.now = end
}

func (h *hostile) take(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case SendMessage:
			if a.Kind == BindingError {
				break
			}
			if !h.up[a.Destination] {
				h.t.Fatalf("a PBU left for %v without the SA", a.Destination)
			}
			h.sent = append(h.sent, a)
		case AdvertiseRouter:
			served := a.PrefixLifetime > 0 && len(a.HomeNetworkPrefixes) > 0
			withdrawn := a.RouterLifetime == 0 && len(a.HomeNetworkPrefixes) == 0 && len(a.DeprecatedPrefixes) > 0
			if !served && !withdrawn {
				h.t.Fatalf("advertised without a binding: %+v", a)
			}
		case Stopped:
			h.stopped = true
		}
	}
}

func (h *hostile) check(t *rapid.T) {
	m := h.mag
	sessions := map[*association]int{}
	outstanding, bound := 0, 0
	for key, s := range m.sessions {
		sessions[s.association]++
		bound += len(s.bound)
		if s.request.outstanding {
			outstanding++
		}
		if err := h.checkSession(key, s); err != nil {
			t.Fatalf("%v %v: %v", key, s.state, err)
		}
	}
	if len(m.sessions) > m.config.MaximumMobileNodes || len(m.links) > len(m.sessions) || len(m.requests) != outstanding ||
		len(m.owners) != bound || m.forwarding.Len() != bound {
		t.Fatalf("%d sessions, %d links, %d requests for %d outstanding, %d owners and %d forwarding entries for %d prefixes",
			len(m.sessions), len(m.links), len(m.requests), outstanding, len(m.owners), m.forwarding.Len(), bound)
	}
	for e := m.lapsing.Front(); e != nil; e = e.Next() {
		if s := e.Value.(*session); m.sessions[s.sessionKey] != s || s.state != Lapsing {
			t.Fatalf("%v, %v, stands among those that lapse", s.sessionKey, s.state)
		}
	}
	for _, a := range m.associations {
		if a.sessions != sessions[a] || a.waiting.Len() > a.sessions {
			t.Fatalf("association of %d sessions counts %d, %d wait", sessions[a], a.sessions, a.waiting.Len())
		}
	}
}

// checkSession: its prefixes are its own, and something will happen to it.
func (h *hostile) checkSession(key sessionKey, s *session) error {
	m := h.mag
	for _, p := range s.bound {
		e, _ := m.forwarding.Get(p)
		if m.owners[p] != s || e.Interface != s.iface || e.MobileNodeLinkLayerID != key.linkLayerID || e.Peer != s.lma() {
			return fmt.Errorf("%v is forwarded as %+v", p, e)
		}
	}
	waits := s.signal.index != 0
	switch s.state {
	case WaitingForSecurityAssociation:
		waits = s.waiting != nil
	case Refused:
		waits = true // perhaps for an administrative action
	}
	if s.seen.Before(s.attached) || (s.lapsing != nil) != (s.state == Lapsing) {
		return fmt.Errorf("seen %v, attached %v, among those that lapse: %t", s.seen, s.attached, s.lapsing != nil)
	}
	if !waits || (len(s.bound) > 0) != (s.lapse.index != 0) || (len(s.bound) > 0) != (s.advertise.index != 0) {
		return fmt.Errorf("stuck: signal %d, lapse %d, advertise %d, bound %v", s.signal.index, s.lapse.index, s.advertise.index, s.bound)
	}
	return nil
}

// BenchmarkRegistration is one attachment with its answer and its detachment, beside as many mobile nodes as the name
// says: the cost does not grow with them.
func BenchmarkRegistration(b *testing.B) {
	for _, n := range []int{0, 1000, 50000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m, err := New(Config{ProxyCareOfAddress: proxyCoA, MaximumMobileNodes: n + 1, TimestampBasedApproachInUse: true})
			if err != nil {
				b.Fatal(err)
			}
			now := start
			for i := range n {
				register(b, m, now, i)
			}
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Second) // within the rate of one session
				register(b, m, now, n)
				m.Handle(now, LinkDetached{"wlan0", macOf(n)})
			}
		})
	}
}

func macOf(i int) mobility.MobileNodeLinkLayerID {
	return mobility.LinkLayerID([6]byte{2, 0, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
}

func register(b *testing.B, m *MAG, now time.Time, i int) {
	actions := m.Handle(now, LinkAttached{
		Interface: "wlan0", MobileNodeID: mobility.NAI(fmt.Sprint(i)), MobileNodeLinkLayerID: macOf(i), AccessTechnologyType: 4, LMAAddress: defaultLMA,
	})
	var pbu mh.BindingUpdate
	if err := pbu.Decode(actions[len(actions)-1].(SendMessage).Payload); err != nil {
		b.Fatal(err)
	}
	pba := mh.BindingAcknowledgement{Flags: mh.AcknowledgementProxy, Sequence: pbu.Sequence, Lifetime: pbu.Lifetime, Options: pbu.Options}
	pba.Options.HomeNetworkPrefixes = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}), 64)}
	payload, err := pba.AppendTo(nil)
	if err != nil {
		b.Fatal(err)
	}
	m.Handle(now, MessageReceived{Source: defaultLMA, Destination: proxyCoA, Payload: payload})
}
