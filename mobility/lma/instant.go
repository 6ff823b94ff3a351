package lma

import (
	"math"
	"time"
)

// instant is a reading of the clock in nanoseconds since the first one that the anchor was given: a third of a time.Time,
// of which a binding has several. Differences go by the monotonic clock where the readings have one, so that lifetimes do
// not follow a wall clock that is set.
type instant int64

// never is the instant of the zero time.
const never instant = math.MinInt64

// read takes note of the clock; it is the first thing that every entry point does.
func (l *LMA) read(now time.Time) {
	if l.base.IsZero() {
		l.base = now
	}
	l.now, l.nowAt = now, instant(now.Sub(l.base))
}

// instantOf is t on the anchor's scale.
func (l *LMA) instantOf(t time.Time) instant {
	if t.IsZero() {
		return never
	}
	return instant(t.Sub(l.base))
}

// timeOf is i by the clock as it was last read: one that was set since i moves i with it, so that what a record says is
// still to come is as far off as it really is.
func (l *LMA) timeOf(i instant) time.Time {
	if i == never {
		return time.Time{}
	}
	return l.now.Add(time.Duration(i - l.nowAt))
}
