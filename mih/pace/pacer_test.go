package pace

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drain takes tokens at one instant until there are none.
func drain(p *Pacer, now time.Time, roundTrip time.Duration) (taken int) {
	for p.Take(now, roundTrip) {
		taken++
	}
	return taken
}

func TestWithoutRoundTripTimeOneMessageInThreeSeconds(t *testing.T) {
	var p Pacer
	now := start
	if got := drain(&p, now, 0); got != DefaultLimits.Burst {
		t.Errorf("a burst of %d", got)
	}
	for range 10 {
		next := p.Next(now, 0)
		if wait := next.Sub(now); wait < 3*time.Second || wait > 3*time.Second+10 {
			t.Fatalf("the next after %v, want 3 s (RFC 5677 section 6.2)", wait)
		}
		now = next
		if got := drain(&p, now, 0); got != 1 {
			t.Fatalf("%d messages after 3 s", got)
		}
	}
}

func TestAWindowInARoundTripTime(t *testing.T) {
	var p Pacer
	const roundTrip = 20 * time.Millisecond
	now := start
	drain(&p, now, 0)
	total := 0
	for range 1000 {
		now = now.Add(time.Millisecond)
		total += drain(&p, now, roundTrip)
	}
	if total < 499 || total > 501 { // 1 s is 50 round-trip times
		t.Errorf("%d messages in 50 round-trip times, want 10 in each", total)
	}
}

func TestTheWindowGrowsWhileItIsUsedUp(t *testing.T) {
	p := NewPacer(Limits{Window: 4, MaximumWindow: 64})
	const roundTrip = 10 * time.Millisecond
	now := start
	drain(&p, now, 0)
	used := 0
	for range 20 {
		now = now.Add(roundTrip)
		used = drain(&p, now, roundTrip)
		for range used {
			p.Acknowledged(now, roundTrip)
		}
	}
	if used < 60 || used > 64 {
		t.Errorf("%d messages in a round-trip time, want the maximum window of 64", used)
	}
	p.Lost(now, roundTrip)
	p.Lost(now.Add(roundTrip/2), roundTrip)
	now = now.Add(2 * roundTrip)
	if got := drain(&p, now, roundTrip); got != 32 {
		t.Errorf("%d messages in a round-trip time after losses in one, want half of 64", got)
	}
	for range 32 {
		p.Acknowledged(now, roundTrip)
	}
	now = now.Add(2 * roundTrip)
	if got := drain(&p, now, roundTrip); got != 32 && got != 33 {
		t.Errorf("%d messages a round-trip time later, want one more", got)
	}
}

func TestAnIdleWindowDoesNotGrow(t *testing.T) {
	var p Pacer
	const roundTrip = 10 * time.Millisecond
	now := start
	for range 1000 {
		now = now.Add(roundTrip)
		p.Take(now, roundTrip)
		p.Acknowledged(now, roundTrip)
	}
	if got := drain(&p, now.Add(time.Second), roundTrip); got != DefaultLimits.Window {
		t.Errorf("%d messages at one stroke after one in each round-trip time, want %d", got, DefaultLimits.Window)
	}
}

func TestLossNeverStopsTheFlow(t *testing.T) {
	var p Pacer
	now := start
	for range 100 {
		now = now.Add(time.Second)
		p.Take(now, 100*time.Millisecond)
		p.Lost(now, 100*time.Millisecond)
	}
	if !p.Take(now.Add(100*time.Millisecond), 100*time.Millisecond) {
		t.Error("no message in a round-trip time")
	}
}

// TestNextIsWhenTakeSucceeds, and not a moment before; never does more leave than the bucket holds and gains.
func TestNextIsWhenTakeSucceeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		roundTrip := time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "round trip"))
		var p Pacer
		now, sent := start, 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "passes")))
			if !p.Take(now, roundTrip) {
				next := p.Next(now, roundTrip)
				if !next.After(now) {
					t.Fatal("has to wait, but not for anything")
				}
				if now = next; !p.Take(now, roundTrip) {
					t.Fatalf("no token when Next said there would be one")
				}
			}
			sent++
			size, each := p.bucket(roundTrip)
			if most := size + float64(now.Sub(start))/float64(each) + 1; float64(sent) > most {
				t.Fatalf("%d messages in %v, at most %v were due", sent, now.Sub(start), most)
			}
		}
	})
}

func TestTimeThatGoesBack(t *testing.T) {
	var p Pacer
	drain(&p, start, 0)
	if p.Take(start.Add(-time.Hour), 0) {
		t.Error("a token for time that went back")
	}
}
