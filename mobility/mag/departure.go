package mag

import (
	"time"

	"netlmm/mobility/mh"
)

// prepareHandover announces a mobile node to the gateway that it will reach next (RFC 5949 section 4.1, steps b and c).
func (m *MAG) prepareHandover(now time.Time, ev PrepareHandover) {
	s := m.links[linkKey{ev.Interface, ev.MobileNodeLinkLayerID}]
	h := Handover{
		CorrelationID: ev.CorrelationID, Side: PreviousMAG, Interface: ev.Interface,
		MobileNodeLinkLayerID: ev.MobileNodeLinkLayerID, OtherGateway: ev.NewMAG,
	}
	if s != nil {
		h.MobileNodeID = s.id
	}
	if reason := m.mayPrepare(s, ev); reason != "" {
		m.do(HandoverFailed{Handover: h, Reason: reason})
		return
	}
	if s.departure != nil {
		if s.departure.handover.OtherGateway == ev.NewMAG {
			m.do(Ignored{Reason: DropHandoverPending, Source: ev.NewMAG, MobileNodeID: s.id})
			return
		}
		m.redirect(now, s)
	}
	s.departure = &departure{handover: h}
	message := mh.HandoverInitiate{Flags: mh.InitiateForwarding, Code: mh.InitiateAllContextTransferred, Options: m.contextOf(s)}
	if a := ev.MobileNodeLinkLocal; isLinkLocal(a) {
		octets := a.As16()
		copy(message.Options.LinkLocalInterfaceID[:], octets[8:])
		message.Options.Present.Add(mh.OptionLinkLocalInterfaceID)
	}
	m.initiate(now, &initiation{purpose: preparation, session: s, correlationID: ev.CorrelationID}, ev.NewMAG, &message)
	if s.initiation == nil { // it could not be written
		s.departure = nil
	}
}

func (m *MAG) mayPrepare(s *session, ev PrepareHandover) HandoverReason {
	_, known := m.gateway(ev.NewMAG)
	switch {
	case m.stopping:
		return HandoverStopping
	case !known:
		return HandoverUnknownGateway
	case s == nil || s.purpose == DeRegistration || s.away:
		return HandoverNotAttached
	case s.state == Expected || !s.isRegistered():
		return HandoverNotRegistered
	case ev.NewMAG.Is4() != s.lma().Is4():
		return HandoverTransportDiffers
	}
	return ""
}

// redirect gives up one departure for another one; the mobile node is still here.
func (m *MAG) redirect(now time.Time, s *session) {
	leaving := s.state == Leaving
	m.closeDeparture(now, s, HandoverSuperseded)
	if leaving {
		m.become(s, Registered)
		m.timers.Set(&s.signal, s.extension)
		m.thaw(now, s)
		m.reforward(s)
	}
}

// contextOf is what another gateway needs to serve the mobile node (RFC 5949 sections 4.1 and 6.2). The IPv4 default router and
// the DHCP mode are not in its list; with them the other one can serve IPv4 before the anchor answers.
func (m *MAG) contextOf(s *session) mh.Options {
	o := identify(s)
	prefixes, home := s.bound, s.home
	if !s.isBound() {
		prefixes, home = s.known, homeAddress{address: s.knownIPv4}
	}
	if len(prefixes) > 0 {
		o.HomeNetworkPrefixes = clone(prefixes)
		o.Present.Add(mh.OptionHomeNetworkPrefix)
	}
	if home.address.IsValid() {
		o.IPv4HomeAddressRequest = home.address
		o.Present.Add(mh.OptionIPv4HomeAddressRequest)
	}
	if home.router.IsValid() {
		o.IPv4DefaultRouter, o.IPv4DHCPSupportMode = home.router, mh.DHCPServer
		if home.relay {
			o.IPv4DHCPSupportMode = mh.DHCPRelay
		}
		o.Present.Add(mh.OptionIPv4DefaultRouter, mh.OptionIPv4DHCPSupportMode)
	}
	if s.linkLocal.IsValid() {
		o.LinkLocalAddress = s.linkLocal
		o.Present.Add(mh.OptionLinkLocalAddress)
	}
	o.LMAAddress = s.lma()
	o.Present.Add(mh.OptionLMAAddress)
	return o
}

// prepared: the other gateway is ready, and the packets go there (RFC 5949 section 4.1, steps d and f).
func (m *MAG) prepared(now time.Time, s *session) { m.becomeLeaving(now, s, false) }

// becomeLeaving begins to forward to the other gateway, or with hold to keep packets for it. If it is from a third one that the
// mobile node has come here, that one need not forward any more.
func (m *MAG) becomeLeaving(now time.Time, s *session, hold bool) {
	m.closeArrival(now, s, HandoverSuperseded)
	s.departure.hold = hold
	m.freeze(s, Leaving, now.Add(m.config.HandoverLifetime))
	m.reforward(s)
	if !hold {
		m.do(HandoverPrepared{s.departure.handover})
	}
}

// preparationFailed: the mobile node is served here as before; one that has left meanwhile is de-registered now. The other
// gateway may have accepted what it did not say in time.
func (m *MAG) preparationFailed(now time.Time, s *session, reason HandoverReason, code mh.HandoverAcknowledgeCode) {
	h := s.departure.handover
	s.departure = nil
	m.do(HandoverFailed{h, reason, code})
	if reason == HandoverUnanswered {
		m.complete(now, h.OtherGateway, s, true)
	}
	if s.away {
		m.detach(now, s, EndDetached)
	}
}

// cancelHandover: the prediction was wrong.
func (m *MAG) cancelHandover(now time.Time, ev CancelHandover) {
	s := m.links[linkKey{ev.Interface, ev.MobileNodeLinkLayerID}]
	if s == nil || s.departure == nil || ev.CorrelationID != 0 && ev.CorrelationID != s.departure.handover.CorrelationID {
		m.do(Ignored{Reason: DropNoHandover})
		return
	}
	m.undoDeparture(now, s, HandoverCancelled)
}

// undoDeparture serves the mobile node here again. One that has left is de-registered, which was put off until now: RFC 5213
// section 6.9.1.4 has the PBU with lifetime zero as a SHOULD, and during a handover it would race with the PBU of the new MAG. If
// that one was first, the LMA ignores it (section 5.3.5).
func (m *MAG) undoDeparture(now time.Time, s *session, reason HandoverReason) {
	leaving := s.state == Leaving
	m.closeDeparture(now, s, reason)
	switch {
	case s.away:
		m.detach(now, s, EndDetached)
	case leaving:
		m.verify(now, s)
	}
}

// closeDeparture takes the departure away and tells the other gateway that nothing will come any more. What becomes of the session
// is the caller's.
func (m *MAG) closeDeparture(now time.Time, s *session, reason HandoverReason) {
	d := s.departure
	if d == nil {
		return
	}
	s.departure = nil
	if in := s.initiation; in != nil && in.purpose == preparation {
		told := in.attempt > 0
		m.forgetInitiation(in)
		m.do(HandoverFailed{Handover: d.handover, Reason: reason})
		if told {
			m.complete(now, d.handover.OtherGateway, s, true)
		}
		return
	}
	m.do(HandoverUndone{d.handover, reason})
	if reason != HandoverCrossed {
		m.complete(now, d.handover.OtherGateway, s, true)
	}
}

// departureCompleted: the new MAG has registered the mobile node. A session whose mobile node left ends without a PBU, since the
// binding is that one's. An access point that did not notice is not believed, but neither is it ignored: the mobile node is
// asked for, as it may have come back in the meantime.
func (m *MAG) departureCompleted(now time.Time, s *session) {
	h := s.departure.handover
	s.departure = nil
	m.do(HandoverCompleted{h})
	if s.away {
		m.end(s, EndHandedOver)
		return
	}
	s.moved = true
	m.verify(now, s)
}

// keepForHandover: the link of a mobile node went down that is on its way to another gateway, or may turn out to be. It reports
// whether the session goes on without it; a de-registration now would have the LMA drop its packets (RFC 5213 section 5.3.5), which
// are to be forwarded, and could overtake the PBU of the other gateway.
func (m *MAG) keepForHandover(now time.Time, s *session) bool {
	switch {
	case s.away:
		m.do(Ignored{Reason: DropNotAttached, MobileNodeID: s.id})
		return true
	case s.state == Leaving || s.state == Expected:
		s.away = true
		m.withdrawOffer(s)
		return true
	case s.departure != nil:
		m.becomeHolding(now, s, m.config.HandoverLifetime)
		return true
	case m.config.Gateways != nil && m.config.HoldLifetime > 0 && s.isRegistered() && !m.stopping:
		m.becomeHolding(now, s, m.config.HoldLifetime)
		return true
	}
	return false
}

// becomeHolding keeps the packets of a mobile node that left until another gateway asks for them, or has answered.
func (m *MAG) becomeHolding(now time.Time, s *session, lifetime time.Duration) {
	m.closeArrival(now, s, HandoverDetached)
	s.away = true
	m.withdrawOffer(s)
	m.freeze(s, Holding, now.Add(lifetime))
	m.reforward(s)
}

// holdingEnded: nobody asked. An answer that is still due has had its time.
func (m *MAG) holdingEnded(now time.Time, s *session) {
	m.closeDeparture(now, s, HandoverExpired)
	m.detach(now, s, EndDetached)
}

// mayForward says whether another gateway can be given the packets of the session: they come from the LMA, and both tunnels begin
// at the same Proxy-CoA.
func (m *MAG) mayForward(s *session, h Handover) bool {
	return s.isRegistered() && h.OtherGateway.Is4() == s.lma().Is4()
}
