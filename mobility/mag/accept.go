package mag

import (
	"errors"
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// grant is what an acceptance gives, as far as it was asked for and can be used.
type grant struct {
	prefixes []netip.Prefix
	home     homeAddress
	lifetime time.Duration

	status   mobility.Status          // a refusal after all: of the IPv4 home address, where nothing else was asked for
	rejected mh.IPv4HomeAddressStatus // of the IPv4 home address, beside prefixes; 0: it was not
	broken   error                    // what was wrong with it, beside prefixes
}

// readGrant takes the grant from a PBA, or says why it is of no use: the PBU then goes unanswered. One family of two is a
// grant (RFC 5844 section 3.2.3.2).
func readGrant(now time.Time, s *session, pba *mh.BindingAcknowledgement, compat mobility.Compat) (g grant, reason DropReason, err error) {
	wants, o := s.request.wants, &pba.Options
	g.lifetime = time.Duration(pba.Lifetime) * mh.LifetimeUnit
	if wants.ipv4 {
		g.home, g.rejected, g.broken = readHomeAddress(o)
	}
	if wants.ipv6 {
		g.prefixes = prefixesFrom(compat, o)
	}
	switch {
	case len(g.prefixes) > 0 || !g.home.address.IsValid() && wants.ipv6:
		if err := checkPrefixes(g.prefixes); err != nil {
			return grant{}, DropInvalidGrant, err
		}
	case g.rejected != 0:
		g.status = statusOfReply(g.rejected)
		return g, "", nil
	case g.broken != nil:
		return grant{}, DropInvalidGrant, g.broken
	case !g.home.address.IsValid():
		return grant{}, DropInvalidGrant, errors.New("no IPv4 Home Address Reply option")
	}
	if !s.request.sent.Add(g.lifetime).After(now) {
		return grant{}, DropInvalidGrant, errors.New("the granted lifetime is over already")
	}
	return g, "", nil
}

// accept: steps 12 to 15. The lifetime counts from the PBU, so that it never ends later here than at the LMA.
func (m *MAG) accept(now time.Time, s *session, g grant, pba *mh.BindingAcknowledgement) {
	s.takeLinkLocal(&pba.Options)
	if g.home.address.IsValid() {
		g.home.offload = m.readOffload(s, &pba.Options)
	}
	m.becomeBound(now, s, g, s.request.sent.Add(g.lifetime))
	m.ipv4Rejected(now, s, g.rejected)
	if g.broken != nil {
		m.do(Ignored{Reason: DropInvalidGrant, Source: s.lma(), MobileNodeID: s.id, Err: g.broken})
	}
	m.arrived(now, s)
	m.becomeRegistered(s, g.lifetime)
	m.do(BindingAccepted{m.entry(s)})
	m.do(ApplyForwarding{s.correlationID})
	m.offerAddresses(now, s)
	m.releaseSurplus(now, s)
	if len(s.bound) > 0 {
		m.advertiseRouter(now, s)
		return
	}
	m.timers.Stop(&s.advertise)
	m.withdrawRouter(s) // of the prefixes that it had, if it had any
}

// refuse: steps 7 to 11. Whatever the status, the mobile node gets no service; whether and when to ask again is retryAfter's.
func (m *MAG) refuse(now time.Time, s *session, pba *mh.BindingAcknowledgement) {
	m.do(BindingEnded{Entry: m.entry(s), Reason: EndRefused, Status: pba.Status})
	s.held = s.isBound() && !s.provisional // a rejected extension leaves the binding of before
	m.closeHandovers(now, s, HandoverEndedByLMA)
	if !s.held {
		s.holds = families{}
	}
	if m.becomeUnbound(s) {
		m.do(ApplyForwarding{s.correlationID})
	}
	wanted := s.request.wants
	m.begin(s, Registration, s.handoffAgain())
	s.refusals++
	delay, retry := m.retryAfter(s, pba.Status, wanted)
	m.learnFromRefusal(now, s, pba)
	if offset, differs := clockDiffers(now, s, &pba.Options); differs && pba.Status == mobility.StatusTimestampMismatch {
		m.awaitClock(now, s, offset)
		m.withdrawRouter(s)
		return
	}
	if retry && delay == 0 {
		// Without a probe this could race with the other MAG that the mobile node has reached meanwhile, and win.
		m.becomeConfirmingPresence(now, s)
		return
	}
	m.becomeRefused(now, s, delay+m.jitter(delay))
	m.withdrawRouter(s)
}

// learnFromRefusal keeps what the next PBU must not do again.
func (m *MAG) learnFromRefusal(now time.Time, s *session, pba *mh.BindingAcknowledgement) {
	switch pba.Status {
	case mobility.StatusSequenceNumberOutOfWindow:
		s.sequence = pba.Sequence
	case mobility.StatusNotAuthorizedForHomeNetworkPrefix, mobility.StatusBCEPBUPrefixSetDoNotMatch:
		s.known = nil // step 10: not the same prefixes again
	case mobility.StatusNotAuthorizedForIPv4HomeAddress:
		s.knownIPv4 = netip.Prefix{} // RFC 5844 section 3.2.3.2: nor the same address
	case mobility.StatusProxyRegNotEnabled:
		m.deny(now, s, denial{service: true})
	case mobility.StatusNotAuthorizedForIPv4Mobility:
		m.deny(now, s, denial{ipv4: true})
	case mobility.StatusNotAuthorizedForIPv6Mobility:
		m.deny(now, s, denial{ipv6: true})
	}
}

// retryAfter is how long to wait with the next PBU after a rejection of one that wanted these families; presence is confirmed
// before each.
func (m *MAG) retryAfter(s *session, status mobility.Status, wanted families) (delay time.Duration, retry bool) {
	backoff := func(n int) time.Duration {
		return min(m.config.InitialBindackTimeout<<min(n, 16), m.config.MaxBindackTimeout)
	}
	switch status {
	case mobility.StatusProxyRegNotEnabled, mobility.StatusAdministrativelyProhibited:
		return 0, false // step 7
	case mobility.StatusNotAuthorizedForIPv4Mobility, mobility.StatusNotAuthorizedForIPv6Mobility:
		return 0, wanted == families{true, true} // RFC 5844 section 3.2.3.2: the other family alone, or nothing
	case mobility.StatusTimestampLowerThanPrevAccepted, mobility.StatusSequenceNumberOutOfWindow:
		// Step 8, RFC 6275 section 11.7.3: assert the presence again; a clock that lags must not make a storm of it.
		if s.refusals == 1 {
			return 0, true
		}
		return backoff(s.refusals - 2), true
	case mobility.StatusTimestampMismatch:
		// Step 9: our clock agrees with the LMA's, so it is synchronised; the PBU was delayed beyond the LMA's window, which
		// the next one mends.
		return backoff(s.refusals - 1), true
	case mobility.StatusNotAuthorizedForHomeNetworkPrefix, mobility.StatusBCEPBUPrefixSetDoNotMatch:
		if len(s.known) > 0 {
			return 0, true // step 10: one all-zero prefix
		}
	case mobility.StatusNotAuthorizedForIPv4HomeAddress:
		if s.knownIPv4.IsValid() {
			return 0, true // one all-zero address
		}
	}
	return m.config.MaxBindackTimeout, true // what the operator of the LMA may mend, such as 130, 153 and 154
}

// deregistrationAnswered: RFC 5213 section 6.9.1.4 waits for status 0 or for the timeout.
func (m *MAG) deregistrationAnswered(s *session, ev MessageReceived, pba *mh.BindingAcknowledgement) {
	s.lastStatus = pba.Status
	if pba.Status != mobility.StatusAccepted {
		m.do(Ignored{Reason: DropDeRegistrationRefused, Source: ev.Source, MobileNodeID: s.id})
		return
	}
	m.end(s, s.ending)
}
