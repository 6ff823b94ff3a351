package mag

import (
	"container/list"
	"net/netip"
	"time"

	"netlmm/internal/timers"
)

// association is the security association to one LMA, or to another gateway, and who waits for it.
type association struct {
	lma      netip.Addr
	up       bool
	sessions *list.List // of *session, the oldest first
	waiting  *list.List // of *session: held back, or unanswered so often that a new SA is their best hope

	initiations *list.List // of *initiation to the other gateway at this address, the oldest first

	heard     time.Time // last PBA that fitted a PBU
	suspected time.Time // last RequireSecurityAssociation with Suspect

	again []*session // that register again, see registerAgain

	nextGlobal time.Time // when it may revoke globally again

	interval time.Duration // until the next RequireSecurityAssociation
	require  timers.Timer
	drain    timers.Timer
	renew    timers.Timer
}

// associationTo finds the association to an LMA, or begins to keep one.
func (m *MAG) associationTo(lma netip.Addr) *association {
	a := m.associations[lma]
	if a == nil {
		a = &association{lma: lma, sessions: list.New(), waiting: list.New(), initiations: list.New(), interval: m.config.InitialBindackTimeout}
		a.require.Due = func(now time.Time) { m.requireAssociation(now, a) }
		a.drain.Due = func(now time.Time) { m.resumeSome(now, a) }
		a.renew.Due = func(now time.Time) { m.registerSomeAgain(now, a) }
		m.associations[lma] = a
	}
	return a
}

func (m *MAG) joinAssociation(s *session, lma netip.Addr) {
	s.association = m.associationTo(lma)
	s.member = s.association.sessions.PushBack(s)
}

func (m *MAG) leaveAssociation(s *session) {
	s.association.forget(s)
	s.association.sessions.Remove(s.member)
	s.member = nil
	m.dropIdle(s.association)
}

// dropIdle forgets an association that nobody uses and that is not up.
func (m *MAG) dropIdle(a *association) {
	if a.sessions.Len() == 0 && a.initiations.Len() == 0 && !a.up {
		m.timers.Stop(&a.require)
		m.timers.Stop(&a.drain)
		m.timers.Stop(&a.renew)
		delete(m.associations, a.lma)
	}
}

// await puts s among those that a new SA helps on.
func (a *association) await(s *session) {
	if s.waiting == nil {
		s.waiting = a.waiting.PushBack(s)
	}
}

func (a *association) forget(s *session) {
	if s.waiting != nil {
		a.waiting.Remove(s.waiting)
		s.waiting = nil
	}
}

// hold makes s wait for the SA and asks for it, unless that was done a short while ago.
func (m *MAG) hold(now time.Time, s *session) {
	s.association.await(s)
	m.requireSoon(now, s.association)
}

func (m *MAG) requireSoon(now time.Time, a *association) {
	if !a.require.IsSet() {
		m.requireAssociation(now, a)
	}
}

// isAwaited: somebody waits for the SA.
func (a *association) isAwaited() bool {
	if a.waiting.Len() > 0 {
		return true
	}
	for e := a.initiations.Front(); e != nil; e = e.Next() {
		if e.Value.(*initiation).waiting {
			return true
		}
	}
	return false
}

// requireAssociation asks for the SA, and again at growing intervals while somebody waits.
func (m *MAG) requireAssociation(now time.Time, a *association) {
	if a.up || !a.isAwaited() {
		return
	}
	m.do(RequireSecurityAssociation{LMAAddress: a.lma})
	m.timers.Set(&a.require, now.Add(a.interval))
	a.interval = min(2*a.interval, m.config.MaxBindackTimeout)
}

// suspect doubts an SA that is said to stand: a peer that lost its keys drops what we send without a word.
func (m *MAG) suspect(now, since time.Time, a *association) {
	quiet := a.heard.Before(since)
	paced := a.suspected.IsZero() || now.Sub(a.suspected) >= m.config.MaxBindackTimeout
	if m.config.RequireSecurityAssociation && quiet && paced {
		a.suspected = now
		m.do(RequireSecurityAssociation{LMAAddress: a.lma, Suspect: true})
	}
}

// securityAssociationChanged lets those go that waited, in bursts: the LMA has not seen them all at once either. An Up for
// an SA that is up already tells of a new one in its place, which those without an answer were waiting for.
func (m *MAG) securityAssociationChanged(now time.Time, ev SecurityAssociationChanged) {
	if m.associations[ev.LMAAddress] == nil && !ev.Up {
		m.do(Ignored{Reason: DropUnknownLMA, Source: ev.LMAAddress})
		return
	}
	a := m.associationTo(ev.LMAAddress)
	if a.up == ev.Up && !a.isAwaited() {
		m.do(Ignored{Reason: DropSecurityAssociationKnown, Source: ev.LMAAddress})
		return
	}
	a.up = ev.Up
	if !a.up {
		m.timers.Stop(&a.drain)
		m.dropIdle(a)
		return
	}
	a.interval = m.config.InitialBindackTimeout
	m.timers.Stop(&a.require)
	m.resumeInitiations(now, a)
	m.resumeSome(now, a)
}

// resumeSome continues with the next burst of those that wait.
func (m *MAG) resumeSome(now time.Time, a *association) {
	for n := 0; n < burstSize && a.up && a.waiting.Len() > 0; n++ {
		s := a.waiting.Front().Value.(*session)
		a.forget(s)
		m.resume(now, s)
	}
	if a.up && a.waiting.Len() > 0 {
		m.timers.Set(&a.drain, now.Add(burstInterval))
	}
}

// resume sends what s waited to send, or sends again what was not answered: at once while what was last seen of the mobile
// node is no older than a probe may take, else after a probe. If one is under way, its answer decides.
func (m *MAG) resume(now time.Time, s *session) {
	if s.state == ConfirmingPresence || s.state == Lapsing {
		return
	}
	s.attempt, s.backoff, s.probes = 0, m.config.InitialBindackTimeout, 0
	if s.purpose == DeRegistration || now.Sub(s.seen) < m.config.PresenceTimeout {
		m.transmit(now, s)
	} else {
		m.becomeConfirmingPresence(now, s)
	}
}
