package mihf

import (
	"testing"
	"time"
)

// partialWorld is a world whose f1 never knows that its link SAPs have told of all stations.
func partialWorld(t *testing.T, n int, change func(i int, cfg *Config)) *world {
	return subscribedWorld(t, n, func(i int, cfg *Config) {
		cfg.Partial = i == 1
		if change != nil {
			change(i, cfg)
		}
	})
}

// cutOff lets nothing through for long, with what happens meanwhile.
func (w *world) cutOff(meanwhile ...Event) {
	w.spoil = func(packet) (int, time.Duration) { return 0, 0 }
	for _, ev := range meanwhile {
		w.order[1].event(ev)
	}
	w.run(10 * time.Minute)
	w.spoil = nil
}

// TestWhoLeftDuringAnOutage is told of by one who cannot say that it has told of all: once, with when it was.
func TestWhoLeftDuringAnOutage(t *testing.T) {
	w := partialWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	for i := range 4 {
		f1.event(SAPIndication{as(apA.up(i), "mn@example.net")})
	}
	f1.event(SAPIndication{apA.down(3)})
	w.run(time.Minute)
	f0.seen()
	left := w.now
	w.cutOff(SAPIndication{apA.down(1)}, SAPIndication{apB.up(2)}, SAPIndication{apB.down(2)}, SAPIndication{apA.up(7)}, SAPIndication{apA.down(7)})
	w.run(2 * time.Minute)
	for _, ind := range f0.events {
		if age := ind.Since.Sub(left).Abs(); age > 2*time.Second || ind.Event.LinkTuple().PointOfAttachment != apA.poa {
			t.Errorf("%v: since %v, left at %v", ind.Event, ind.Since, left)
		}
	}
	f0.wantSeen("Down 02:00:00:00:00:02@f1 mn@example.net resync, Down 02:00:00:00:00:01@f1 mn@example.net resync")
	w.cutOff(SAPIndication{apA.up(5)})
	w.run(2 * time.Minute)
	f0.wantSeen("Up 02:00:00:00:00:05@f1 resync")
	w.settled()
}

// TestWhoLeftAndWasTakenOver: an old word does not take down who came since by the word of another who watches the access point, and
// does not reach who has no use for it.
func TestWhoLeftAndWasTakenOver(t *testing.T) {
	w := partialWorld(t, 3, nil)
	f0, f1, f2 := w.order[0], w.order[1], w.order[2]
	f1.event(SAPIndication{apA.up(1)})
	f1.event(SAPIndication{apA.up(2)})
	w.run(time.Minute)
	f0.seen()
	w.spoil = func(p packet) (int, time.Duration) {
		if p.from == f1.at || p.to == f1.at {
			return 0, 0
		}
		return 1, time.Millisecond
	}
	f1.event(SAPIndication{apA.down(1)})
	f1.event(SAPIndication{apA.down(2)})
	w.run(time.Minute)
	f2.event(SAPIndication{apA.up(1)})
	f2.event(SAPIndication{apB.up(2)})
	w.run(time.Second)
	f0.wantSeen("Up 02:00:00:00:00:01@f2, Up 02:00:00:00:00:02@f2")
	w.spoil = nil
	w.run(2 * time.Minute)
	f0.wantSeen("")
	f0.restart()
	f0.event(EventSubscribe{User: user, Destination: "f1", Events: all})
	w.run(time.Minute)
	f0.wantSeen("")
	w.settled()
}

// TestWhoLeftIsToldWithinBounds: of so many as there are rows, and not for ever.
func TestWhoLeftIsToldWithinBounds(t *testing.T) {
	w := partialWorld(t, 2, func(i int, cfg *Config) {
		if i == 1 {
			cfg.MaximumLinks, cfg.DownRetention = 10, 5*time.Minute
		}
	})
	f0, f1 := w.order[0], w.order[1]
	for i := range 100 {
		f1.event(SAPIndication{apA.up(i)})
		f1.event(SAPIndication{apA.down(i)})
	}
	w.run(time.Minute)
	told := func() int {
		before := total(f0.ignored)
		f0.restart()
		f0.event(EventSubscribe{User: user, Destination: "f1", Events: all})
		w.run(time.Second)
		return total(f0.ignored) - before
	}
	if n := told(); n != 10 {
		t.Errorf("told of %d, want 10", n)
	}
	w.run(5 * time.Minute)
	if n := told(); n != 0 {
		t.Errorf("told of %d, want none", n)
	}
	w.settled()
}
