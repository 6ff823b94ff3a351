package mihf

import (
	"testing"
	"time"

	"netlmm/mih/wire"
)

// TestAPeerThatIsGone, in the midst of all that there may be with it, costs nothing any more; who waited for it is told. It may come
// back.
func TestAPeerThatIsGone(t *testing.T) {
	handlers := map[wire.MessageID]User{wire.IDGetInformationRequest: user}
	w := subscribedWorld(t, 3, func(_ int, cfg *Config) { cfg.Handlers, cfg.MaximumOutstanding = handlers, 2 })
	f0, f1 := w.order[0], w.order[1]
	f1.event(EventSubscribe{User: User{"f1", "mag"}, Destination: "f0", Events: all})
	f1.event(SAPIndication{apA.up(1)})
	f1.event(SAPIndication{apA.up(2)})
	w.order[2].event(SAPIndication{apA.up(3)})
	f1.event(Request{User: user, RequestID: 1, Destination: "f0", Body: wire.GetInformationRequest{}})
	w.run(time.Second)
	f0.seen()
	for i := range 5 { // some leave, some wait in the queue
		f0.event(Request{User: user, RequestID: uint64(i), Destination: "f1", Body: wire.GetInformationRequest{}})
		f0.event(SAPIndication{apA.up(10)})
		f0.event(SAPIndication{apA.down(10)})
	}
	packets := len(w.flight)
	f0.event(PeerGone{"f1"})
	if len(w.flight) != packets {
		t.Errorf("%d packets leave for it", len(w.flight)-packets)
	}
	f0.wantSeen("Down 02:00:00:00:00:01@f1 resync, Down 02:00:00:00:00:02@f1 resync")
	if n := len(f0.confirms); n != 5 {
		t.Errorf("%d requests ended", n)
	}
	for _, c := range f0.confirms {
		if c.Failure != FailedNoPeer {
			t.Errorf("a request ended with %q", c.Failure)
		}
	}
	f0.event(Respond{Handle: f0.requests[0].Handle, Body: wire.GetInformationResponse{}})
	w.flight = nil
	w.run(time.Minute)
	if f0.ignored[IgnoredLate] != 1 || f0.ignored[IgnoredStranger] == 0 || f0.remote != 1 || f0.subscriptions.count != 0 {
		t.Errorf("ignored %v, %d subscriptions at others, %d of others", f0.ignored, f0.remote, f0.subscriptions.count)
	}
	f0.event(PeerGone{"f1"})
	f0.event(PeerChanged{Peer{MIHFID: "f1", Endpoint: f1.at}})
	f0.event(EventSubscribe{User: user, Destination: "f1", Events: all})
	w.run(time.Minute)
	f0.wantSeen("Up 02:00:00:00:00:01@f1 resync, Up 02:00:00:00:00:02@f1 resync")
	w.settled()
}

// TestAPeerHasItsShareOfTheTable: one that tells of more stations than it may leaves room for those of others.
func TestAPeerHasItsShareOfTheTable(t *testing.T) {
	w := subscribedWorld(t, 3, func(_ int, cfg *Config) { cfg.MaximumLinks, cfg.MaximumLinksOfPeer = 100, 10 })
	f0, f1, f2 := w.order[0], w.order[1], w.order[2]
	wantShares := func(of1, of2, ignored int) {
		t.Helper()
		if got := f0.ignored[IgnoredPeerFull]; f0.shares["f1"] != of1 || f0.shares["f2"] != of2 || got != ignored {
			t.Errorf("shares %v, %d ignored; want %d, %d and %d", f0.shares, got, of1, of2, ignored)
		}
	}
	for i := range 30 {
		f1.event(SAPIndication{apA.up(i)})
	}
	f2.event(SAPIndication{apB.up(40)})
	w.run(time.Second)
	wantShares(10, 1, 20)
	f1.event(SAPIndication{apA.up(0)}) // that one it has
	f2.event(SAPIndication{apB.up(1)}) // and here one leaves it
	w.run(time.Second)
	wantShares(9, 2, 20)
	f1.event(SAPIndication{apA.goingDown(2, time.Second)})
	w.run(100 * time.Millisecond)
	wantShares(9, 2, 20)
	w.run(2 * time.Second)
	f1.event(SAPIndication{apA.down(2)})
	f1.event(SAPIndication{apA.down(3)})
	w.run(time.Second)
	wantShares(7, 2, 20)
	for i := range 30 {
		f1.event(SAPIndication{apA.down(i)})
	}
	f2.event(SAPIndication{apB.down(40)})
	f2.event(SAPIndication{apB.down(1)})
	w.run(time.Hour) // what f1 told of in vain it told again, as the two views differ
	if len(f0.shares) != 0 {
		t.Errorf("%v", f0.shares)
	}
}
