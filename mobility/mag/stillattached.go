package mag

import (
	"slices"
	"time"

	"netlmm/internal/timers"
	"netlmm/mobility/mh"
)

// pendingRevocation awaits whether the mobile node is still here, which its LMA believes to be at another MAG.
type pendingRevocation struct {
	revocation
	sessions []*session
	timer    timers.Timer
}

// askBeforeRevocation asks the mobile node. Its answer, or an attachment, rejects the indication; when none comes within
// PresenceTimeout the indication is carried out.
func (m *MAG) askBeforeRevocation(now time.Time, r *revocation, targets []*session) {
	if slices.ContainsFunc(targets, func(s *session) bool { return s.revocation != nil }) {
		m.do(Ignored{Reason: DropRevocationPending, Source: r.from, MobileNodeID: r.id})
		return
	}
	here := func(s *session) bool { return s.purpose != DeRegistration && !s.away }
	if !slices.ContainsFunc(targets, here) {
		m.revoke(now, r, targets) // all of them left: there is nobody to ask
		return
	}
	p := &pendingRevocation{revocation: *r, sessions: targets}
	p.timer.Due = func(now time.Time) { m.notAttached(now, p) }
	m.timers.Set(&p.timer, now.Add(m.config.PresenceTimeout))
	for _, s := range targets {
		if here(s) {
			s.revocation = p
			m.do(ProbePresence{s.correlationID, s.iface, s.linkLayerID, clone(s.bound), s.home.address.Addr()})
		}
	}
}

// stillAttached rejects the indication that s was asked for: it is here (RFC 5846 section 9.1, status 132).
func (m *MAG) stillAttached(s *session) {
	if p := s.revocation; p != nil {
		m.timers.Stop(&p.timer)
		m.settle(p)
		m.answerRevocation(&p.revocation, mh.RevocationMobileNodeAttached)
	}
}

// notAttached carries the indication out. Those who left meanwhile have been released already.
func (m *MAG) notAttached(now time.Time, p *pendingRevocation) {
	m.settle(p)
	m.revoke(now, &p.revocation, slices.DeleteFunc(p.sessions, func(s *session) bool { return m.sessions[s.sessionKey] != s }))
}

func (m *MAG) settle(p *pendingRevocation) {
	for _, s := range p.sessions {
		s.revocation = nil
	}
}
