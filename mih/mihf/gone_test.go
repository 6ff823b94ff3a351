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
