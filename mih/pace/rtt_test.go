package pace

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func measured(r *RTT, d time.Duration) { r.Acknowledged(start, start.Add(d), false) }

func TestTimeoutBeforeAnyMeasurement(t *testing.T) {
	var r RTT
	if got := r.Timeout(); got != 3*time.Second {
		t.Errorf("initial timeout %v, want the 3 s of RFC 5677 section 6.3", got)
	}
	if r.Smoothed() != 0 {
		t.Errorf("round-trip time %v before any measurement", r.Smoothed())
	}
}

func TestTimeoutFollowsRFC6298(t *testing.T) {
	r := NewRTT(Bounds{Minimum: time.Millisecond})
	for i, step := range []struct{ sample, smoothed, timeout time.Duration }{
		{100 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond},    // RTTVAR 50 ms
		{100 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond},    // 37.5 ms
		{180 * time.Millisecond, 110 * time.Millisecond, 302500 * time.Microsecond}, // 48.125 ms
	} {
		measured(&r, step.sample)
		if r.Smoothed() != step.smoothed || r.Timeout() != step.timeout {
			t.Errorf("after sample %d: %v, timeout %v, want %v, %v", i, r.Smoothed(), r.Timeout(), step.smoothed, step.timeout)
		}
	}
}

func TestTimeoutKeepsItsBounds(t *testing.T) {
	var r RTT
	measured(&r, 200*time.Microsecond)
	if got := r.Timeout(); got != time.Second {
		t.Errorf("timeout %v, want the minimum of 1 s", got)
	}
	for range 10 {
		r.TimedOut()
	}
	if got := r.Timeout(); got != 30*time.Second {
		t.Errorf("timeout %v, want the maximum of 30 s", got)
	}
	low := NewRTT(Bounds{Minimum: 20 * time.Millisecond})
	measured(&low, 200*time.Microsecond)
	if got := low.Timeout(); got != 20*time.Millisecond {
		t.Errorf("timeout %v, want the configured minimum of 20 ms", got)
	}
}

// TestKarn: what was sent twice measures nothing, and the timeout stays backed off until something is measured.
func TestKarn(t *testing.T) {
	r := NewRTT(Bounds{Minimum: 10 * time.Millisecond})
	measured(&r, 100*time.Millisecond)
	before := r.Timeout()
	r.TimedOut()
	r.Acknowledged(start, start.Add(5*time.Second), true)
	if r.Timeout() != 2*before || r.Smoothed() != 100*time.Millisecond {
		t.Errorf("timeout %v, round-trip time %v after an ambiguous acknowledgement", r.Timeout(), r.Smoothed())
	}
	measured(&r, 100*time.Millisecond)
	if r.Timeout() >= before {
		t.Errorf("timeout %v after a measurement, want less than %v", r.Timeout(), before)
	}
}

func TestTimeoutsInARowForgetTheMeasurement(t *testing.T) {
	var r RTT
	measured(&r, 100*time.Millisecond)
	for range forgetAfter {
		r.TimedOut()
	}
	if r.Smoothed() != 0 {
		t.Errorf("round-trip time %v is still believed", r.Smoothed())
	}
	measured(&r, 8*time.Second) // the first of a path that has changed
	if r.Smoothed() != 8*time.Second {
		t.Errorf("round-trip time %v, want that of the new path", r.Smoothed())
	}
}

func TestClocksThatJump(t *testing.T) {
	var r RTT
	r.Acknowledged(start, start.Add(-time.Hour), false)
	r.Acknowledged(start, start.Add(1000*time.Hour), false)
	if got := r.Timeout(); got < time.Second || got > 30*time.Second {
		t.Errorf("timeout %v", got)
	}
}

func TestAnyHistoryKeepsTheBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bounds := Bounds{Minimum: time.Duration(rapid.Int64Range(0, 1e10).Draw(t, "minimum")), Maximum: time.Duration(rapid.Int64Range(0, 1e11).Draw(t, "maximum"))}
		r := NewRTT(bounds)
		b := r.within()
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "lost") {
				r.TimedOut()
			} else {
				measured(&r, time.Duration(rapid.Int64().Draw(t, "sample")))
			}
			if got := r.Timeout(); got < min(b.Minimum, b.Initial) || got > b.Maximum {
				t.Fatalf("timeout %v outside of %+v", got, b)
			}
		}
	})
}
