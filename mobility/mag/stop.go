package mag

import "time"

// stop ends the service. With Deregister it goes through the Binding Update List in bursts, each of which is a load on the
// LMA; without, everything stays as it is and nothing moves any more.
func (m *MAG) stop(now time.Time, ev Stop) {
	m.stopping = true
	if !ev.Deregister {
		m.becomeStopped()
		return
	}
	m.leaving = m.inOrder()
	m.deregisterSome(now)
	m.stoppedWhenEmpty()
}

func (m *MAG) deregisterSome(now time.Time) {
	for n := 0; n < burstSize && len(m.leaving) > 0; n++ {
		s := m.leaving[0]
		m.leaving = m.leaving[1:]
		if m.sessions[s.sessionKey] == s {
			m.withdrawRouter(s)
			m.detach(now, s, EndStopped)
		}
	}
	if len(m.leaving) > 0 {
		m.timers.Set(&m.stopTimer, now.Add(burstInterval))
	}
}

func (m *MAG) stoppedWhenEmpty() {
	if m.stopping && len(m.sessions) == 0 {
		m.becomeStopped()
	}
}

func (m *MAG) becomeStopped() {
	m.stopped = true // takeActions says so, behind everything else
}
