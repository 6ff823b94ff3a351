package mihf

import (
	"slices"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// TestAProtectedStrangerWaits: who is known by address only is asked, and believed, under the association of that address.
func TestAProtectedStrangerWaits(t *testing.T) {
	w := newWorld(t, 2, func(i int, cfg *Config) { cfg.Peers = nil })
	f0, f1 := w.order[0], w.order[1]
	ask := Discover{User: user, RequestID: 7, Endpoint: f1.at, Protected: true}
	f0.event(ask)
	w.run(time.Second)
	if w.packets != 0 {
		t.Fatalf("%d packets without an association", w.packets)
	}
	f0.event(SecurityAssociationChanged{f1.at.Address.Addr(), true})
	f0.event(SecurityAssociationChanged{f1.at.Address.Addr(), false}) // it goes before the answer comes
	w.run(time.Second)
	if f0.ignored[IgnoredUnprotected] != 1 || len(f0.confirms) != 1 || f0.confirms[0].Failure != FailedNoAck || w.packets != 2 {
		t.Fatalf("f0 ignored %v and believes %+v after %d packets", f0.ignored, f0.confirms, w.packets)
	}
	f0.event(SecurityAssociationChanged{f1.at.Address.Addr(), true})
	f0.event(ask)
	w.run(time.Second)
	if n := len(f0.confirms); n != 2 || f0.confirms[1].Source != "f1" {
		t.Errorf("f0 got %+v", f0.confirms)
	}
	w.settled()
}

// TestDiscoveryOfAPeersAddress: the answer comes from a peer, not from a stranger, and tells what it can do since it last changed.
func TestDiscoveryOfAPeersAddress(t *testing.T) {
	w := newWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	events := mih.Events(mih.EventLinkUp)
	f1.event(CapabilitiesChanged{wire.Capabilities{Events: &events}})
	f0.event(Discover{User: user, RequestID: 7, Endpoint: f1.at})
	w.run(time.Second)
	if len(f0.confirms) != 1 || f0.confirms[0].Source != "f1" || f0.confirms[0].RequestID != 7 || *f0.confirms[0].Body.(wire.CapabilityDiscoverResponse).Events != events {
		t.Errorf("f0 got %+v", f0.confirms)
	}
	w.settled()
}

// TestSubscribersAreTold of: when they come, change and go, and not when they only ask again.
func TestSubscribersAreTold(t *testing.T) {
	w := newWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	up, both := mih.Events(mih.EventLinkUp), mih.Events(mih.EventLinkUp, mih.EventLinkDown)
	f0.event(EventSubscribe{User: user, Destination: "f1", Events: up})
	w.run(time.Minute)
	f0.event(EventSubscribe{User: user, Destination: "f1", Events: both})
	w.run(time.Minute)
	f0.event(EventUnsubscribe{User: user, Destination: "f1", Events: both})
	w.run(time.Second)
	if want := []mih.EventList{up, both, 0}; !slices.Equal(f1.subscribers, want) {
		t.Errorf("f1 was told %v, want %v", f1.subscribers, want)
	}
	f0.event(EventSubscribe{User: user, Destination: "f1", Events: up})
	w.run(time.Second)
	w.spoil = func(packet) (int, time.Duration) { return 0, 0 }
	f1.event(SAPIndication{apA.up(1)})
	w.run(time.Minute)
	if want := []mih.EventList{up, both, 0, up, 0}; !slices.Equal(f1.subscribers, want) {
		t.Errorf("f1 was told %v, want %v", f1.subscribers, want)
	}
}

// TestAPeerThatIntroducesItselfIsAskedAtOnce: it was started again perhaps, and what it tells meanwhile nobody would hear.
func TestAPeerThatIntroducesItselfIsAskedAtOnce(t *testing.T) {
	w := subscribedWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	f1.restart()
	f1.event(Discover{User: User{"f1", "start"}, RequestID: 1, Destination: "f0"})
	w.run(100 * time.Millisecond)
	f1.event(SAPIndication{apA.up(1)})
	w.run(100 * time.Millisecond)
	f0.wantSeen("Up 02:00:00:00:00:01@f1")
	w.settled()
}

// TestAPictureThatIsNotWholeTakesNothingDown: an access point's MIH Function that was started again has yet to hear which stations are
// there.
func TestAPictureThatIsNotWholeTakesNothingDown(t *testing.T) {
	w := subscribedWorld(t, 2, func(i int, cfg *Config) { cfg.Partial = i == 1 })
	f0, f1 := w.order[0], w.order[1]
	f1.event(PictureComplete{})
	for i := range 3 {
		f1.event(SAPIndication{apA.up(i)})
	}
	w.run(time.Minute)
	f0.events = nil
	f1.restart()
	f1.event(SAPIndication{apA.up(1)})
	w.run(time.Minute)
	f0.wantSeen("Up 02:00:00:00:00:01@f1 resync")
	f1.event(SAPIndication{apA.up(2)})
	f1.event(PictureComplete{})
	w.run(time.Minute)
	f0.wantSeen("Up 02:00:00:00:00:02@f1, Down 02:00:00:00:00:00@f1 resync")
	f1.event(SAPIndication{apA.down(1)})
	w.run(time.Minute)
	f0.wantSeen("Down 02:00:00:00:00:01@f1")
	w.settled()
}
