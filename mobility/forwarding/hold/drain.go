package hold

import "time"

// How fast packets leave once the mobile node is there. RFC 5568 section 5.4 allows five at once and wants a rate behind them that
// follows from the one at which they came. It must be more than that one, or those that still come would never be
// overtaken; and it must come to an end, since a mobile node that has arrived does not wait.
const (
	burst       = 5
	drainFactor = 4
	drainTime   = 200 * time.Millisecond // at most, for what is there at the beginning; behind that nothing is spaced
	passTime    = 2 * time.Second        // at most, until packets pass us by, should there be no moment without one on its way through us
)

// meter is the rate at which packets came.
type meter struct {
	packets     int
	first, last time.Time
}

func (m *meter) count(now time.Time) {
	if m.packets++; m.packets == 1 {
		m.first = now
	}
	m.last = now
}

// rate is in packets a second; 0 when nothing can be said.
func (m *meter) rate() float64 {
	if span := m.last.Sub(m.first).Seconds(); m.packets > 1 && span > 0 {
		return float64(m.packets-1) / span
	}
	return 0
}

// drain is the letting out of what was kept for one prefix.
type drain struct {
	began time.Time
	rate  float64 // packets a second
	out   int

	refused time.Time // when the packet filter last did not let packets pass us by
}

func newDrain(now time.Time, m *meter, waiting int) *drain {
	return &drain{began: now, rate: max(drainFactor*m.rate(), float64(waiting)/drainTime.Seconds())}
}

// may says whether the next packet may leave now.
func (d *drain) may(now time.Time) bool {
	return now.Sub(d.began) >= drainTime || float64(d.out) < burst+d.rate*now.Sub(d.began).Seconds()
}

// over says whether the time for all of it is over.
func (d *drain) over(now time.Time) bool { return now.Sub(d.began) >= passTime }
