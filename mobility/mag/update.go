package mag

import (
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// allZeroPrefix asks the LMA to choose (RFC 5213 section 8.3).
var allZeroPrefix = []netip.Prefix{netip.PrefixFrom(netip.IPv6Unspecified(), 0)}

// begin starts a new request: whatever was asked before is not awaited any more.
func (m *MAG) begin(s *session, purpose MessageKind, handoff mobility.HandoffIndicator) {
	m.withdrawRequest(s)
	s.purpose, s.handoff = purpose, handoff
	s.attempt, s.backoff, s.probes = 0, m.config.InitialBindackTimeout, 0
	s.verifying, s.again, s.moved = false, false, false
}

// transmit sends the PBU that is due, or makes it wait: for the SA, without which none leaves, or for its turn.
func (m *MAG) transmit(now time.Time, s *session) {
	if m.config.RequireSecurityAssociation && !s.association.up {
		m.becomeWaiting(now, s)
		return
	}
	if s.purpose != DeRegistration && !m.permitted(now, s).any() {
		// Denied since it became due, by the answer about another interface of the same mobile node.
		m.do(Ignored{Reason: DropAdministrativelyRefused, MobileNodeID: s.id})
		m.withdrawRequest(s)
		m.becomeRefused(now, s, 0)
		return
	}
	// RFC 6275 section 11.8: at most MAX_UPDATE_RATE a second. That was written for one mobile node; here it binds each
	// mobility session, since an LMA serves all mobile nodes of this MAG.
	if turn := s.recent[0].Add(time.Second); s.purpose != DeRegistration && now.Before(turn) {
		m.withdrawRequest(s)
		m.becomeSent(now, s, turn.Sub(now))
		return
	}
	copy(s.recent[:], s.recent[1:])
	s.recent[len(s.recent)-1] = now

	update := m.newUpdate(now, s)
	payload, err := update.AppendTo(nil)
	if err != nil {
		m.do(Ignored{Reason: DropEncodingFailed, MobileNodeID: s.id, Err: err})
	} else {
		s.attempt++
		s.held, s.holds = true, s.holds.or(s.request.wants)
		m.do(SendMessage{
			CorrelationID: s.correlationID, Source: m.proxyCareOfAddress(s.lma()), Destination: s.lma(),
			Payload: payload, Kind: s.purpose, Attempt: s.attempt,
		})
	}
	if s.purpose == DeRegistration {
		m.becomeSent(now, s, m.config.DeregistrationTimeout)
		return
	}
	m.becomeSent(now, s, s.backoff+m.jitter(s.backoff))
	s.backoff = min(2*s.backoff, m.config.MaxBindackTimeout)
	m.doubtWhenUnanswered(now, s)
}

// doubtWhenUnanswered: after several transmissions without any word from the LMA the SA itself may be dead.
func (m *MAG) doubtWhenUnanswered(now time.Time, s *session) {
	if s.attempt == 1 {
		s.firstSent = now
	}
	if s.attempt >= suspectAfter {
		s.association.await(s)
		m.suspect(now, s.firstSent, s.association)
	}
}

// newUpdate constructs a PBU (RFC 5213 sections 6.9.1.1, 6.9.1.3, 6.9.1.4) and makes it the request that is awaited.
func (m *MAG) newUpdate(now time.Time, s *session) mh.BindingUpdate {
	s.request.handoff, s.request.wants = s.handoff, m.permitted(now, s)
	lifetime := uint16(s.lifetime / mh.LifetimeUnit)
	switch s.purpose {
	case ReRegistration:
		s.request.handoff = mobility.HandoffStateNotChanged
	case DeRegistration:
		s.request.handoff, s.request.wants, lifetime = mobility.HandoffStateUnknown, s.holds, 0
	}
	return m.compose(now, s, lifetime)
}

// compose writes the PBU of a request for these families with this Handoff Indicator.
func (m *MAG) compose(now time.Time, s *session, lifetime uint16) mh.BindingUpdate {
	m.withdrawRequest(s)
	s.request.sent, s.request.release = now, false
	options := mh.Options{MobileNodeID: s.id, HandoffIndicator: s.request.handoff, AccessTechnologyType: s.accessTechnology}
	options.Present.Add(mh.OptionMobileNodeID, mh.OptionHandoffIndicator, mh.OptionAccessTechnologyType)
	s.addHomeAddresses(&options)
	m.addOffload(s, &options)
	m.addIdentity(now, s, &options)
	m.awaitAnswer(s)
	return mh.BindingUpdate{
		Sequence: s.request.sequence, Flags: mh.UpdateAcknowledge | mh.UpdateProxy, Lifetime: lifetime, Options: options,
	}
}

// addHomeAddresses names what is asked for, extended or given up: known prefixes or one all-zero prefix (RFC 5213 section
// 6.9.1.1, 3), the known IPv4 home address or an all-zero one, and no option of a family that is not meant (RFC 5844 sections
// 3.2.3.1 and 3.2.3.3).
func (s *session) addHomeAddresses(options *mh.Options) {
	if s.request.wants.ipv6 {
		options.HomeNetworkPrefixes = s.known
		if len(s.known) == 0 {
			options.HomeNetworkPrefixes = allZeroPrefix
		}
		options.Present.Add(mh.OptionHomeNetworkPrefix)
	}
	if s.request.wants.ipv4 {
		options.IPv4HomeAddressRequest = s.knownIPv4
		if !s.knownIPv4.IsValid() {
			options.IPv4HomeAddressRequest = anyHomeAddress
		}
		options.Present.Add(mh.OptionIPv4HomeAddressRequest)
	}
}

// addIdentity names the interface of the mobile node and this MAG's own on the link, and when that was so. A Link-local
// Address option is there only if no fixed link-local address is configured (RFC 5213 section 6.9.1.1, 9).
func (m *MAG) addIdentity(now time.Time, s *session, options *mh.Options) {
	if !s.linkLayerID.IsZero() {
		s.request.linkLayerID = linkLayerIDFor(m.compat(s.lma()), s.linkLayerID)
		options.MobileNodeLinkLayerID = s.request.linkLayerID
		options.Present.Add(mh.OptionMobileNodeLinkLayerID)
	}
	if s.anchorLinkLocal {
		options.LinkLocalAddress = s.requestLinkLocal()
		options.Present.Add(mh.OptionLinkLocalAddress)
	}
	s.request.timestamp = 0
	if m.timestamps(s.lma()) {
		s.timestamp = s.nextTimestamp(now)
		s.request.timestamp, options.Timestamp = s.timestamp, s.timestamp
		options.Present.Add(mh.OptionTimestamp)
	}
}

// nextTimestamp is the time of day, yet greater than every timestamp before of this session: two PBUs of one instant keep
// their order. When the clock was set back, it is followed back; else the LMA would find every PBU in its future.
func (s *session) nextTimestamp(now time.Time) mh.Timestamp {
	const second = 1 << 16
	today, last := mh.TimestampOf(now), s.timestamp
	if last > today+second {
		return today
	}
	return max(today, last+1)
}

// awaitAnswer gives the request its sequence number: from one counter of the MAG with timestamps, from the session's own
// without them (RFC 5213 section 6.9.1.1(6)). No two requests have the same key.
func (m *MAG) awaitAnswer(s *session) {
	for {
		m.sequence++
		s.request.sequence = m.sequence
		if !m.timestamps(s.lma()) {
			s.sequence++
			s.request.sequence = s.sequence
		}
		if m.requests[m.requestKey(s.lma(), s.id, s.request.sequence)] == nil {
			break
		}
	}
	m.requests[m.requestKey(s.lma(), s.id, s.request.sequence)] = s
	s.request.outstanding = true
}

func (m *MAG) requestKey(lma netip.Addr, id mobility.MobileNodeID, sequence uint16) requestKey {
	if m.timestamps(lma) {
		id = mobility.MobileNodeID{}
	}
	return requestKey{id, sequence}
}

// withdrawRequest makes any answer to the last PBU one that fits none.
func (m *MAG) withdrawRequest(s *session) {
	if s.request.outstanding {
		delete(m.requests, m.requestKey(s.lma(), s.id, s.request.sequence))
		s.request.outstanding = false
	}
}

// signalDue takes the next step of the signalling when its time has come.
func (m *MAG) signalDue(now time.Time, s *session) {
	switch s.state {
	case Registering, ReRegistering, Refused:
		if !s.isBound() {
			m.withdrawRouter(s) // no answer yet, and what it was told is not true any more
		}
		// RFC 5213 section 6.9.4(2): not without making sure that the mobile node is still attached.
		s.probes = 0
		m.becomeConfirmingPresence(now, s)
	case Registered:
		m.begin(s, ReRegistration, mobility.HandoffStateNotChanged)
		m.becomeConfirmingPresence(now, s)
	case ConfirmingPresence, Lapsing:
		m.presenceUnanswered(now, s)
	case DeRegistering, WaitingForSecurityAssociation:
		m.end(s, s.ending) // RFC 5213 section 6.9.1.4: one PBU, one timeout
	case Expected:
		m.unexpected(now, s, HandoverExpired)
	case Holding:
		m.holdingEnded(now, s)
	case Leaving:
		m.undoDeparture(now, s, HandoverExpired)
	}
}

// presenceConfirmed lets the PBU go that waited for it.
func (m *MAG) presenceConfirmed(now time.Time, ev PresenceConfirmed) {
	link := linkKey{ev.Interface, ev.MobileNodeLinkLayerID}
	s := m.links[link]
	if other := m.listed[link]; s == nil && other != nil && other.purpose != DeRegistration {
		m.foundElsewhere(now, other)
		return
	}
	if s == nil || s.purpose == DeRegistration {
		m.do(Ignored{Reason: DropNotAttached})
		return
	}
	if s.isFrozen() {
		m.seenFrozen(now, s, link)
		return
	}
	s.seen = now
	m.stillAttached(s)
	switch {
	case s.state == ConfirmingPresence && s.verifying && now.Before(s.extension):
		m.becomeVerified(s)
	case s.state == ConfirmingPresence || s.state == Lapsing:
		s.probes = 0
		m.transmit(now, s)
	}
}

// neighborUnreachable begins to ask for a registered mobile node before its extension is due (RFC 5213 section 6.13). Of any
// other it is asked already, or is about to be.
func (m *MAG) neighborUnreachable(now time.Time, ev NeighborUnreachable) {
	s := m.links[linkKey{ev.Interface, ev.MobileNodeLinkLayerID}]
	switch {
	case s == nil || s.purpose == DeRegistration:
		m.do(Ignored{Reason: DropNotAttached})
	case s.state != Registered:
		m.do(Ignored{Reason: DropPresenceDoubted, MobileNodeID: s.id})
	default:
		m.begin(s, ReRegistration, mobility.HandoffStateNotChanged)
		s.verifying = true
		m.becomeConfirmingPresence(now, s)
	}
}

// presenceUnanswered asks again a few times. Meanwhile no PBU speaks for the mobile node: it may be at another MAG, from which
// a registration would take it away. Then its binding is ended and forgotten (RFC 5213 section 6.13); where it is by now at
// another MAG, the LMA ignores that (section 5.3.5).
//
// With LapseOnUnknownPresence the binding is left to lapse instead, so that a node which merely slept keeps its prefix, and
// one whose first PBU was lost is not given up: it is asked on at the pace of retransmissions (section 6.9.4(3)). That ends with
// the lifetime that is asked for, counted from the first probe: when nobody says that a mobile node left, its entry does not
// stay for ever.
func (m *MAG) presenceUnanswered(now time.Time, s *session) {
	switch {
	case s.probes < presenceProbes:
		m.becomeConfirmingPresence(now, s)
	case s.departure != nil:
		m.becomeHolding(now, s, m.config.HandoverLifetime) // it left a little early
	case s.moved:
		m.end(s, EndHandedOver) // its binding is the other gateway's
	case !m.config.LapseOnUnknownPresence:
		m.detach(now, s, EndPresenceUnknown)
	case s.isBound() || now.Sub(s.doubted) < s.lifetime:
		m.becomeLapsing(now, s)
	default:
		m.end(s, EndPresenceUnknown)
	}
}

// lifetimeEnded takes the forwarding away. An attached mobile node goes on asking, as for a new registration.
func (m *MAG) lifetimeEnded(now time.Time, s *session) {
	m.closeHandovers(now, s, HandoverLapsed)
	if s.isFrozen() && s.away {
		m.end(s, EndLifetimeExpired)
		return
	}
	m.do(BindingEnded{Entry: m.entry(s), Reason: EndLifetimeExpired})
	m.becomeUnbound(s)
	m.do(ApplyForwarding{s.correlationID})
	m.withdrawRouter(s)
	if s.isFrozen() {
		m.verify(now, s)
		return
	}
	if s.purpose == ReRegistration {
		s.purpose, s.handoff = Registration, mobility.HandoffStateUnknown
		if s.state == ReRegistering {
			s.state = Registering
		}
	}
}
