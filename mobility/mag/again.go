package mag

import (
	"time"

	"netlmm/mobility"
)

// peerRestarted: the LMA may have lost its bindings, of which this MAG still knows everything. Each is asked for again with
// the prefixes it has; forwarding stands meanwhile, as the LMA may also have them all back from its store.
func (m *MAG) peerRestarted(now time.Time, ev PeerRestarted) {
	a := m.associations[ev.LMAAddress]
	if a == nil || a.sessions.Len() == 0 {
		m.do(Ignored{Reason: DropUnknownLMA, Source: ev.LMAAddress})
		return
	}
	var again []*session
	for e := a.sessions.Front(); e != nil; e = e.Next() {
		s := e.Value.(*session)
		// One that was refused gains nothing from a restart: its retry is due, or awaits an administrative action.
		if s.purpose != DeRegistration && s.state != Refused {
			again = append(again, s)
		}
	}
	m.registerAgain(now, again)
}

// registerAgain has these sessions send a PBU, in bursts: each LMA is about as fast as when it saw them for the first time.
func (m *MAG) registerAgain(now time.Time, sessions []*session) {
	var filled []*association
	for _, s := range sessions {
		if s.again {
			continue
		}
		if a := s.association; len(a.again) == 0 {
			filled = append(filled, a)
		}
		s.again = true
		s.association.again = append(s.association.again, s)
	}
	for _, a := range filled {
		m.registerSomeAgain(now, a)
	}
}

func (m *MAG) registerSomeAgain(now time.Time, a *association) {
	for n := 0; n < burstSize && len(a.again) > 0; {
		s := a.again[0]
		a.again[0] = nil
		a.again = a.again[1:]
		if m.sessions[s.sessionKey] != s || s.association != a || !s.again {
			continue
		}
		s.again = false
		if m.renew(now, s) {
			n++
		}
	}
	if len(a.again) > 0 {
		m.timers.Set(&a.renew, now.Add(burstInterval))
	} else {
		a.again = nil
	}
}

// renew begins a registration, or an extension where there is something to extend, for a mobile node that did nothing itself: a
// restart elsewhere says nothing about where it is. It goes out when the mobile node has answered a probe (RFC 5213 section 6.13),
// even for one that was seen a moment ago: that is long enough to reach another MAG, from which the PBU would take the binding
// away. It reports whether that cost anything.
func (m *MAG) renew(now time.Time, s *session) bool {
	switch {
	case s.purpose == DeRegistration, s.state == WaitingForSecurityAssociation, s.state == Lapsing, s.isFrozen():
		return false // gone, or the PBU goes out anyway once it can
	case s.state == ConfirmingPresence:
		s.verifying = false
		return false // the answer to the probe decides
	}
	if s.isBound() {
		m.begin(s, ReRegistration, mobility.HandoffStateNotChanged)
	} else {
		m.begin(s, Registration, s.handoffAgain())
	}
	m.becomeConfirmingPresence(now, s)
	return true
}

// handoffAgain is the Handoff Indicator of a registration that follows another one. That an extension is repeated as a
// registration says nothing of a handoff.
func (s *session) handoffAgain() mobility.HandoffIndicator {
	if s.handoff == mobility.HandoffStateNotChanged {
		return mobility.HandoffStateUnknown
	}
	return s.handoff
}
