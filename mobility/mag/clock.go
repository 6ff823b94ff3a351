package mag

import (
	"time"

	"netlmm/mobility/mh"
)

// clockTolerance is how far an LMA's clock may lie outside the time that a PBU and its PBA were under way, and the two clocks still count
// as synchronised: what is left is no reason for TIMESTAMP_MISMATCH by itself (RFC 5213 section 9.1, TimestampValidityWindow 300 ms).
const clockTolerance = 100 * time.Millisecond

// clockDiffers compares the LMA's clock in a TIMESTAMP_MISMATCH with this one. When it reads a time at which the PBU was
// under way, this clock is right and the PBU was merely slow; then the next one may do, and is paced like any retry. The
// LMA's clock is evidence only: nothing is ever set by it.
func clockDiffers(now time.Time, s *session, o *mh.Options) (offset time.Duration, differs bool) {
	if !o.Present.Has(mh.OptionTimestamp) {
		return 0, false // RFC 5213 section 5.5(8) has it; without, the retry is the only way to find out
	}
	switch there := o.Timestamp.Time(); {
	case there.Before(s.request.sent.Add(-clockTolerance)):
		return there.Sub(s.request.sent), true
	case there.After(now.Add(clockTolerance)):
		return there.Sub(now), true
	}
	return 0, false
}

// awaitClock lets s wait for ClockSynchronized (RFC 5213 section 6.9.1.2, 9), and says so at a slow pace.
func (m *MAG) awaitClock(now time.Time, s *session, offset time.Duration) {
	m.becomeRefused(now, s, 0)
	if s.clock == nil {
		s.clock = m.clockless.PushBack(s)
	}
	m.clockOffset, m.clockLMA = offset, s.lma()
	if next := m.clockDoubted.Add(m.config.MaxBindackTimeout); m.clockDoubted.IsZero() || !now.Before(next) {
		m.doubtClock(now)
	} else {
		m.timers.Set(&m.clockTimer, next)
	}
}

// doubtClock asks for ClockSynchronized as long as somebody waits for it.
func (m *MAG) doubtClock(now time.Time) {
	if m.clockless.Len() == 0 {
		return
	}
	m.clockDoubted = now
	m.do(ClockDoubted{LMAAddress: m.clockLMA, Offset: m.clockOffset})
	m.timers.Set(&m.clockTimer, now.Add(m.config.MaxBindackTimeout))
}

func (m *MAG) forgetClock(s *session) {
	if s.clock != nil {
		m.clockless.Remove(s.clock)
		s.clock = nil
	}
	if m.clockless.Len() == 0 {
		m.timers.Stop(&m.clockTimer)
	}
}

// clockSynchronized lets those register again who waited for it.
func (m *MAG) clockSynchronized(now time.Time) {
	var again []*session
	for e := m.clockless.Front(); e != nil; e = e.Next() {
		again = append(again, e.Value.(*session))
	}
	m.registerAgain(now, again)
}
