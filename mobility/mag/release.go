package mag

import (
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// maximumReleases bounds the selective de-registrations without an answer: an LMA that forgot the binding gives none.
const maximumReleases = 3

// releaseSurplus gives up what the LMA may still hold for a session that goes on without it, because policy or an answer took
// one of the families away (RFC 5844 section 3.2.3.3): an extension of the other one leaves it bound. It goes out once after
// each acceptance until it is answered; a de-registration names it too.
func (m *MAG) releaseSurplus(now time.Time, s *session) {
	granted := s.granted()
	surplus := s.holds.without(granted)
	switch {
	case !surplus.any():
		s.releases = 0
		return
	case m.compat(s.lma()) != mobility.CompatStrict || s.releases == maximumReleases:
		s.holds = granted // these peers know no such message
		return
	case m.config.RequireSecurityAssociation && !s.association.up, now.Before(s.recent[0].Add(time.Second)):
		return
	}
	copy(s.recent[:], s.recent[1:])
	s.recent[len(s.recent)-1] = now
	s.releases++
	s.request.wants, s.request.handoff = surplus, mobility.HandoffStateUnknown
	update := m.compose(now, s, 0)
	s.request.release = true
	payload, err := update.AppendTo(nil)
	if err != nil {
		m.do(Ignored{Reason: DropEncodingFailed, MobileNodeID: s.id, Err: err})
		return
	}
	m.do(SendMessage{
		CorrelationID: s.correlationID, Source: m.proxyCareOfAddress(s.lma()), Destination: s.lma(),
		Payload: payload, Kind: DeRegistration, Attempt: s.releases,
	})
}

// releaseAnswered: what was given up is not held any more; if not, the next acceptance tries again.
func (m *MAG) releaseAnswered(now time.Time, s *session, pba *mh.BindingAcknowledgement) {
	s.association.heard = now
	m.withdrawRequest(s)
	if pba.Status != mobility.StatusAccepted {
		m.do(Ignored{Reason: DropDeRegistrationRefused, Source: s.lma(), MobileNodeID: s.id})
		return
	}
	s.holds, s.releases = s.holds.without(s.request.wants), 0
}
