package accesslink

import (
	"testing"
	"time"
)

func TestHold(t *testing.T) {
	l := &Link{port: &port{}, nodes: newNodes()}
	first, other := Advertisement{Destination: nodeMAC}, Advertisement{Destination: [6]byte{2, 9}}
	latest := Advertisement{Destination: nodeMAC, RouterLifetime: time.Hour}
	if l.hold(first) {
		t.Error("held although nobody would release it")
	}
	l.setWatched(true)
	for _, a := range []Advertisement{first, other, latest} {
		if !l.hold(a) {
			t.Error("not held although the interface does not run")
		}
	}
	if got := l.held.advertisements; len(got) != 2 || got[nodeMAC].RouterLifetime != time.Hour {
		t.Errorf("holds %v", got)
	}
	l.unhold(other.Destination)
	l.setRunning(true)
	if l.hold(first) {
		t.Error("held although the interface runs")
	}
	if len(l.held.advertisements) != 0 {
		t.Errorf("still holds %v", l.held.advertisements)
	}
	l.setRunning(false)
	for n := range 2 * maximumHeld {
		l.hold(Advertisement{Destination: [6]byte{2, 0, byte(n >> 8), byte(n)}})
	}
	if len(l.held.advertisements) != maximumHeld {
		t.Errorf("holds %d", len(l.held.advertisements))
	}
}

// A driver that never says that it runs gets its advertisements all the same.
func TestHeldIsSentInTheEnd(t *testing.T) {
	mag := here(t)
	l := open(t, mag.newAccess()) // a bridge without ports has no carrier
	run(t, l)
	for range 3 {
		if err := l.Advertise(Advertisement{Destination: nodeMAC}); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, "the advertisement", func() bool { return l.Counters().Advertisements != 0 })
}
