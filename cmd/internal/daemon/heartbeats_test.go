package daemon

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netlmm/cmd/internal/api"
	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/security"
)

// end is one end of a heartbeat in memory.
type end struct {
	*Heartbeats
	counters *Counters

	mu        sync.Mutex
	peer      *end // nil: what is sent is lost
	restarted []netip.Addr
	stored    map[netip.Addr]uint32
}

// newEnd makes an end that runs until the test ends.
func newEnd(t *testing.T, local, remote netip.Addr, counter uint32, change func(*HeartbeatConfig)) *end {
	t.Helper()
	e := &end{stored: map[netip.Addr]uint32{}, counters: NewCounters(prometheus.NewRegistry(), map[string]string{HeartbeatCount: "h"})}
	c := HeartbeatConfig{
		Variables: configs.Heartbeat{HeartbeatInterval: time.Minute, MissingHeartbeatsAllowed: 3},
		Peers:     []configs.Peer{{Name: "other", Peer: security.Peer{Address: remote}}}, Local: local, RestartCounter: counter,
		Log: slog.New(slog.DiscardHandler), Counters: e.counters,
		Authorized: func(peer netip.Addr, identity string) bool { return peer == remote && identity == "proved" },
		Sessions:   func() map[netip.Addr]int { return map[netip.Addr]int{remote: 1} },
		Send: func(source, destination netip.Addr, payload []byte) error {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.peer != nil {
				e.peer.Received(source, destination, payload, "proved")
			}
			return nil
		},
		Restarted: func(peer netip.Addr) { e.restarted = append(e.restarted, peer) },
		Store:     func(peer netip.Addr, counter uint32) { e.stored[peer] = counter },
	}
	if change != nil {
		change(&c)
	}
	var err error
	if e.Heartbeats, err = NewHeartbeats(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go e.Task().Run(ctx)
	return e
}

func (e *end) connect(other *end) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.peer = other
}

// shown is what netlmmctl peers shows of the other end.
func (e *end) shown(t *testing.T) api.Heartbeat {
	t.Helper()
	list := []api.Peer{{PeerStatus: security.PeerStatus{Address: e.cfg.Peers[0].Address}}}
	if err := e.Annotate(context.Background(), list); err != nil || list[0].Heartbeat == nil {
		t.Fatalf("error %v, %+v", err, list)
	}
	return *list[0].Heartbeat
}

func TestHeartbeatsFindOutWhoFailedAndWhoRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newEnd(t, ours, peer, 10, nil), newEnd(t, peer, ours, 20, nil)
		a.connect(b)
		b.connect(a)
		if got := a.shown(t); got.State != "unknown" || got.RestartCounter != nil {
			t.Errorf("before the association: %+v", got)
		}
		a.AssociationChanged(peer, true)
		b.AssociationChanged(ours, true)
		time.Sleep(2 * time.Minute)
		if got := a.shown(t); got.State != "up" || got.RestartCounter == nil || *got.RestartCounter != 20 || got.LastHeard.IsZero() {
			t.Errorf("%+v", got)
		}
		if a.stored[peer] != 20 || b.stored[ours] != 10 {
			t.Errorf("stored %v and %v", a.stored, b.stored)
		}

		a.connect(nil)
		b.connect(nil)
		time.Sleep(6 * time.Minute)
		if got := a.shown(t); got.State != "failed" || got.Missing < 4 {
			t.Errorf("%+v", got)
		}
		if w := a.Warnings(context.Background()); len(w) != 1 || !strings.Contains(w[0], "other") || !strings.Contains(w[0], "does not answer heartbeats") {
			t.Errorf("warnings %q", w)
		}

		before := len(a.restarted)
		c := newEnd(t, peer, ours, 21, nil) // b, started again
		a.connect(c)
		c.connect(a)
		c.AssociationChanged(ours, true)
		time.Sleep(2 * time.Minute)
		if got := a.shown(t); got.State != "up" || *got.RestartCounter != 21 || len(a.Warnings(context.Background())) != 0 {
			t.Errorf("%+v", got)
		}
		if !slices.Equal(a.restarted[before:], []netip.Addr{peer}) || a.stored[peer] != 21 {
			t.Errorf("restarted %v, stored %v", a.restarted, a.stored)
		}
		if n := a.counters.Snapshot()[HeartbeatCount+"{peer_failed}"]; n != 1 {
			t.Errorf("%d failures counted", n)
		}
	})
}

func TestHeartbeatsOfWhoProvedNothingAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newEnd(t, ours, peer, 10, nil), newEnd(t, peer, ours, 20, func(c *HeartbeatConfig) {
			c.Authorized = func(netip.Addr, string) bool { return false }
		})
		a.connect(b)
		a.AssociationChanged(peer, true)
		b.AssociationChanged(ours, true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if counts := b.counters.Snapshot(); counts[HeartbeatCount+"{no_security_association}"] == 0 || counts[HeartbeatCount+"{response_sent}"] > 1 {
			t.Errorf("%v", counts)
		}
	})
}

// With heartbeat.interval 0s nobody is asked, and in a laboratory without security every peer may be written to from the start.
func TestHeartbeatsThatAreOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		laboratory := func(c *HeartbeatConfig) { c.Security.None = true }
		a := newEnd(t, ours, peer, 10, func(c *HeartbeatConfig) { laboratory(c); c.Variables.HeartbeatInterval = 0 })
		b := newEnd(t, peer, ours, 20, laboratory)
		a.connect(b)
		b.connect(a)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if counts := a.counters.Snapshot(); counts[HeartbeatCount+"{request_sent}"] != 0 || counts[HeartbeatCount+"{response_sent}"] == 0 {
			t.Errorf("%v", counts)
		}
		if got := a.shown(t); got.State != "not asked" {
			t.Errorf("%+v", got)
		}
		if got := b.shown(t); got.State != "up" {
			t.Errorf("%+v", got)
		}
	})
}

// A peer that a message of an unknown type makes deaf never gets one.
func TestPeersThatKnowNoHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newEnd(t, ours, peer, 10, func(c *HeartbeatConfig) { c.Peers[0].Compat = mobility.CompatOPMIP })
		a.AssociationChanged(peer, true)
		time.Sleep(time.Hour)
		synctest.Wait()
		if counts := a.counters.Snapshot(); len(counts) != 0 || a.shown(t).State != "none" {
			t.Errorf("%v, %+v", counts, a.shown(t))
		}
	})
}

func TestForHeartbeats(t *testing.T) {
	for _, c := range []struct {
		payload           []byte
		heartbeats, alone bool
	}{
		{[]byte{59, 1, 13, 0, 0, 0, 0, 0}, true, true},
		{[]byte{59, 2, 7, 0, 0, 0, 2, 0}, true, false},
		{[]byte{59, 2, 7, 0, 0, 0, 1, 0}, false, false},
		{[]byte{59, 1, 5, 0, 0, 0, 2, 0}, false, false},
		{[]byte{59, 1, 13}, false, false},
		{nil, false, false},
	} {
		if heartbeats, alone := ForHeartbeats(c.payload); heartbeats != c.heartbeats || alone != c.alone {
			t.Errorf("% x: %v, %v", c.payload, heartbeats, alone)
		}
	}
}

// Who doubts a peer is told when it is heard, although heartbeats never missed it.
func TestADoubtedPeerIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answers []bool
		a := newEnd(t, ours, peer, 10, func(c *HeartbeatConfig) {
			c.Answers = func(of netip.Addr, does bool) { answers = append(answers, of == peer && does) }
		})
		b := newEnd(t, peer, ours, 20, nil)
		a.connect(b)
		b.connect(a)
		a.AssociationChanged(peer, true)
		b.AssociationChanged(ours, true)
		time.Sleep(5 * time.Minute)
		synctest.Wait() // for what the other goroutines wrote
		if len(answers) != 0 {
			t.Errorf("told of a peer that nobody doubted: %v", answers)
		}
		a.Doubt(peer)
		time.Sleep(5 * time.Minute)
		synctest.Wait() // for what the other goroutines wrote
		if !slices.Equal(answers, []bool{true}) || a.counters.Snapshot()[HeartbeatCount+"{peer_heard}"] != 1 {
			t.Errorf("told %v, %v", answers, a.counters.Snapshot())
		}
	})
}
