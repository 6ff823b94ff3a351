package mag

import (
	"net/netip"
	"slices"
	"time"

	"netlmm/internal/timers"
	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// Fast handovers (RFC 5949). A session that leaves has a departure, one that comes has an arrival; both exist at once only while a
// handover away from here is being prepared and the remainder of the one that led here is still forwarded.

// departure is a handover from here to another gateway: this is the previous MAG.
type departure struct {
	handover Handover
	hold     bool // state Leaving: the other gateway asked to keep packets until it asks for them
}

// arrival is a handover from another gateway to here: this is the new MAG.
type arrival struct {
	handover  Handover
	routes    []netip.Prefix // what the other gateway may forward
	forwarded bool           // it does, or was asked to
	expected  *expectation   // the mobile node is not here yet
	step      timers.Timer   // expected: until it is asked for again; registered: until the other gateway need not forward any more
}

// isFrozen: no PBU leaves for the session, whatever happens but an attachment. Either the mobile node is not here, or it is about
// to be elsewhere, and a PBU would race with that of the other gateway.
func (s *session) isFrozen() bool {
	return s.state == Expected || s.state == Holding || s.state == Leaving
}

// isRegistered: the LMA has granted what is bound, as far as is known, and no PBU that could move the binding is under way.
func (s *session) isRegistered() bool {
	return s.isBound() && !s.provisional && s.purpose != DeRegistration && (s.purpose == ReRegistration || s.state == Registered || s.isFrozen())
}

// isFresh: what was last seen of the mobile node is no older than a probe may take.
func (m *MAG) isFresh(now time.Time, s *session) bool {
	return !s.seen.IsZero() && !s.away && !s.isFrozen() && now.Sub(s.seen) < m.config.PresenceTimeout
}

// transfer says how one prefix of the session is forwarded between this gateway and another one.
func (s *session) transfer(prefix netip.Prefix) (way forwarding.Transfer, other netip.Addr, hold bool) {
	switch {
	case s.state == Leaving && s.departure != nil:
		return forwarding.Leaving, s.departure.handover.OtherGateway, s.departure.hold
	case s.arrival != nil && slices.Contains(s.arrival.routes, prefix):
		way = forwarding.Arrived
		if s.provisional {
			way = forwarding.Arriving
		}
		return way, s.arrival.handover.OtherGateway, s.arrival.expected != nil
	}
	return forwarding.NoTransfer, netip.Addr{}, s.state == Holding || s.state == Expected
}

// reforward brings the forwarding entries of the session to what it is now, and has them applied if they changed.
func (m *MAG) reforward(s *session) {
	changed := false
	for _, p := range routes(s.bound, s.home) {
		changed = m.forward(s, p) || changed
	}
	if changed {
		m.do(ApplyForwarding{s.correlationID})
	}
}

// freeze moves the session to Expected, Holding or Leaving until deadline. An answer to a PBU that is under way fits none any more.
func (m *MAG) freeze(s *session, state State, deadline time.Time) {
	m.withdrawRequest(s)
	s.attempt, s.probes = 0, 0
	s.verifying, s.again, s.moved = false, false, false
	m.forgetListed(s)
	m.become(s, state)
	m.timers.Set(&s.signal, deadline)
	m.timers.Stop(&s.advertise)
}

// verify ends a frozen state of a mobile node of which nobody said that it left: it is served directly again, and asked for. When
// it answers a PBU tells the LMA that it is here, which may have heard otherwise; when it does not, it is gone.
func (m *MAG) verify(now time.Time, s *session) {
	if s.isBound() && !s.provisional && !s.moved {
		m.begin(s, ReRegistration, mobility.HandoffStateNotChanged)
	} else {
		moved := s.moved
		m.begin(s, Registration, s.handoffAgain())
		s.moved = moved
	}
	m.become(s, ConfirmingPresence)
	m.reforward(s)
	m.thaw(now, s)
	m.probe(now, s)
}

// thaw gives back to a mobile node that is here what it had before freeze: timers, and what the DHCP servers offer.
func (m *MAG) thaw(now time.Time, s *session) {
	if s.listed != nil && s.listed.Interface == s.iface {
		m.forgetListed(s)
	}
	if len(s.bound) > 0 && !s.advertise.IsSet() {
		m.timers.Set(&s.advertise, now.Add(m.config.RouterLifetime/3))
	}
	if s.isBound() && !s.lapse.IsSet() {
		s.expires = now.Add(m.config.HandoverLifetime)
		m.timers.Set(&s.lapse, s.expires)
	}
	if s.isBound() && !s.offered {
		m.offerAddresses(now, s)
	}
}

// closeHandovers ends what handovers the session has, for this reason. Forwarding is the caller's to change: none of the callers
// leaves it as it is.
func (m *MAG) closeHandovers(now time.Time, s *session, reason HandoverReason) {
	m.closeDeparture(now, s, reason)
	m.closeArrival(now, s, reason)
	m.forgetInitiation(s.initiation)
}

// forgetHandovers is the same without a word to anybody.
func (m *MAG) forgetHandovers(s *session) {
	m.forgetInitiation(s.initiation)
	s.departure = nil
	m.forgetArrival(s)
}

// gateway says whether an address is that of another gateway, and the identity that it has to authenticate itself with.
func (m *MAG) gateway(address netip.Addr) (identity string, ok bool) {
	if m.config.Gateways == nil || !address.IsValid() || address == m.proxyCareOfAddress(address) {
		return "", false
	}
	return m.config.Gateways(address)
}
