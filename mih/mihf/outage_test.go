package mihf

import (
	"testing"
	"time"

	"netlmm/mih/wire"
)

// TestNewsThatWaited is no news: what happened while the association with a peer was down says when that was, since the station may be
// elsewhere by now.
func TestNewsThatWaited(t *testing.T) {
	w := subscribedWorld(t, 2, func(_ int, cfg *Config) { cfg.Peers[0].Protected = true })
	f0, f1 := w.order[0], w.order[1]
	associated := func(up bool) {
		f0.event(SecurityAssociationChanged{f1.at.Address.Addr(), up})
		f1.event(SecurityAssociationChanged{f0.at.Address.Addr(), up})
	}
	associated(true)
	w.run(time.Minute)
	associated(false)
	f1.event(SAPIndication{apA.up(1)})
	happened := w.now
	w.run(10 * time.Minute)
	associated(true)
	f1.event(SAPIndication{apA.up(2)})
	w.run(time.Minute)
	for _, ind := range f0.events {
		old := ind.Event.LinkTuple().Link.Address == station(1)
		if age := ind.Since.Sub(happened).Abs(); ind.Resync != old || old && age > 2*time.Second {
			t.Errorf("%v: resync %v, since %v", ind.Event, ind.Resync, ind.Since)
		}
	}
	if len(f0.events) < 2 {
		t.Errorf("the user saw %v", f0.events)
	}
	w.settled()
}

// TestNothingWaitsForAPeerThatWasGivenUp: what happens then is told when it asks anew.
func TestNothingWaitsForAPeerThatWasGivenUp(t *testing.T) {
	w := subscribedWorld(t, 2, func(_ int, cfg *Config) { cfg.MaximumOutstanding = 2 })
	f0, f1 := w.order[0], w.order[1]
	w.run(time.Minute)
	w.spoil = func(packet) (int, time.Duration) { return 0, 0 }
	for i := range 100 {
		f1.event(SAPIndication{apA.up(i)})
	}
	w.run(5 * time.Second)
	p := f1.peers["f0"]
	if p.state != PeerDown || p.queue.Len() != 0 || p.waiting != 0 || len(p.order) > 2 {
		t.Errorf("%v: %d wait to be sent, %d behind others, %d links", p.state, p.queue.Len(), p.waiting, len(p.order))
	}
	w.spoil = nil
	w.run(2 * time.Minute)
	if n := len(f0.Links()); n != 100 {
		t.Errorf("f0 knows %d links", n)
	}
	w.settled()
}

// TestRequestsThatWaitedInVain leave nothing behind, however long the association is missed.
func TestRequestsThatWaitedInVain(t *testing.T) {
	w := newWorld(t, 2, func(_ int, cfg *Config) { cfg.Peers[0].Protected = true })
	f0 := w.order[0]
	for range 100 {
		f0.event(Request{User: user, Destination: "f1", Body: wire.GetInformationRequest{}})
		w.run(time.Minute)
	}
	if row := f0.PeerTable()[0]; row.Queued != 0 || row.Outstanding != 0 || len(f0.confirms) != 100 {
		t.Errorf("%d are queued, %d outstanding, %d ended", row.Queued, row.Outstanding, len(f0.confirms))
	}
}

// TestDiscoveriesGoOn when their transaction identifiers have all been used.
func TestDiscoveriesGoOn(t *testing.T) {
	w := newWorld(t, 2, func(_ int, cfg *Config) { cfg.First = maximumTransactionID - 10 })
	f0, f1 := w.order[0], w.order[1]
	for range 100 {
		f0.event(Discover{User: user, Endpoint: f1.at})
		w.run(time.Second)
	}
	for i, c := range f0.confirms {
		if c.Failure != NoFailure {
			t.Fatalf("discovery %d failed: %v", i, c.Failure)
		}
	}
	if len(f0.confirms) != 100 {
		t.Errorf("%d of 100 ended", len(f0.confirms))
	}
}
