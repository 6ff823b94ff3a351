package mag

import (
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility/mh"
)

// requestContext asks the gateway that the mobile node came from for what it knows of it, and to keep its packets (RFC 5949
// section 4.1, figure 3, step c). The PBU is under way meanwhile; whichever answer comes first brings the Router Advertisement.
// The packets are asked for afterwards, when there is a place for them here: section 4.2 has the U flag followed by the F flag.
func (m *MAG) requestContext(now time.Time, s *session, gateway netip.Addr) {
	if reason := m.mayRequest(s, gateway); reason != "" {
		m.do(HandoverFailed{Handover: m.reactiveHandover(s, gateway), Reason: reason})
		return
	}
	if a, in := s.arrival, s.initiation; a != nil && a.handover.OtherGateway == gateway || in != nil && in.association.lma == gateway {
		return // as it knows
	}
	m.closeArrival(now, s, HandoverSuperseded)
	m.reforward(s)
	message := mh.HandoverInitiate{Flags: mh.InitiateBuffer, Options: identify(s)}
	o := &message.Options
	if s.wishes.ipv6 {
		o.ContextRequest = append(o.ContextRequest, mh.RequestedContext{Type: mh.OptionHomeNetworkPrefix})
	} else {
		o.ContextRequest = append(o.ContextRequest, mh.RequestedContext{Type: mh.OptionIPv4HomeAddressRequest})
	}
	if !s.linkLayerID.IsZero() {
		o.ContextRequest = append(o.ContextRequest, mh.RequestedContext{Type: mh.OptionMobileNodeLinkLayerID})
	}
	o.ContextRequest = append(o.ContextRequest, mh.RequestedContext{Type: mh.OptionLMAAddress})
	o.Present.Add(mh.OptionContextRequest)
	m.initiate(now, &initiation{purpose: contextRequest, session: s, correlationID: s.correlationID}, gateway, &message)
}

// askAnother asks one more gateway, unless the mobile node has gone meanwhile, something else is agreed on with another gateway, or one has
// said what it knows.
func (m *MAG) askAnother(now time.Time, ev RequestContext) {
	s := m.links[linkKey{ev.Interface, ev.MobileNodeLinkLayerID}]
	switch {
	case m.stopping:
		m.do(Ignored{Reason: DropStopping})
	case s == nil || s.away || s.purpose == DeRegistration:
		m.do(Ignored{Reason: DropNotAttached})
	case s.arrival != nil || s.departure != nil || s.initiation != nil || s.isFrozen():
		m.do(Ignored{Reason: DropHandoverPending, MobileNodeID: s.id})
	default:
		m.requestContext(now, s, ev.PreviousMAG)
	}
}

func (m *MAG) mayRequest(s *session, gateway netip.Addr) HandoverReason {
	if _, known := m.gateway(gateway); !known {
		return HandoverUnknownGateway
	}
	if gateway.Is4() != s.lma().Is4() {
		return HandoverTransportDiffers
	}
	return ""
}

// contextReceived serves the mobile node by what its previous gateway says, unless the LMA has answered already.
func (m *MAG) contextReceived(now time.Time, s *session, in *initiation, hack *mh.HandoverAcknowledge) {
	gateway := in.association.lma
	c, err := readContext(&hack.Options)
	unusable := err != nil || c.lma != s.lma() || c.linkLayerID != "" && c.linkLayerID != s.linkLayerID ||
		s.purpose == DeRegistration || s.state == Refused || s.isFrozen() || s.arrival != nil || m.ownedByOthers(&c, s)
	if unusable {
		m.do(Ignored{Reason: DropUnusableContext, Source: gateway, MobileNodeID: s.id, Err: err})
		m.requestFailed(s, in, HandoverUnusable, hack.Code)
		return
	}
	h := m.reactiveHandover(s, gateway)
	if hack.Code.Accepted() {
		m.newArrival(s, h, routes(c.prefixes, c.home), false)
	}
	if s.isRegistered() {
		m.arrived(now, s)
		m.reforward(s)
	} else {
		m.serveFrom(now, s, &c, h)
	}
	if !hack.Code.Accepted() { // it has no forwarding to offer
		m.do(HandoverFailed{h, HandoverRefused, hack.Code})
	} else if s.arrival != nil {
		m.requestForwarding(now, s)
	}
}

func (m *MAG) reactiveHandover(s *session, gateway netip.Addr) Handover {
	return Handover{
		CorrelationID: s.correlationID, Side: NewMAG, Reactive: true, Interface: s.iface,
		MobileNodeID: s.id, MobileNodeLinkLayerID: s.linkLayerID, OtherGateway: gateway,
	}
}

func (m *MAG) requestFailed(s *session, in *initiation, reason HandoverReason, code mh.HandoverAcknowledgeCode) {
	m.do(HandoverFailed{m.reactiveHandover(s, in.association.lma), reason, code})
}

// requestForwarding asks the previous gateway for the packets (RFC 5949 section 4.1, step e).
func (m *MAG) requestForwarding(now time.Time, s *session) {
	s.arrival.forwarded = true
	message := mh.HandoverInitiate{Flags: mh.InitiateForwarding, Options: identify(s)}
	in := &initiation{purpose: forwardingRequest, session: s, correlationID: s.correlationID}
	m.initiate(now, in, s.arrival.handover.OtherGateway, &message)
}

// forwardingFailed: they do not. What is bound meanwhile is used without the other gateway.
func (m *MAG) forwardingFailed(s *session, in *initiation, reason HandoverReason, code mh.HandoverAcknowledgeCode) {
	if s.arrival == nil || s.arrival.handover.OtherGateway != in.association.lma {
		return
	}
	h := s.arrival.handover
	m.forgetArrival(s)
	m.do(HandoverFailed{h, reason, code})
	m.reforward(s)
}

// requested answers another gateway that has a mobile node of this one (RFC 5949 section 4.1, figure 3, step d). With the U flag
// its packets are kept, with the F flag they go there; with neither it is told the context only.
func (m *MAG) requested(now time.Time, ev MessageReceived, hi *mh.HandoverInitiate) (mh.HandoverAcknowledge, *refusal) {
	answer := mh.HandoverAcknowledge{Code: mh.HandoverAllContextTransferred}
	s := m.sessionOf(&hi.Options)
	if s == nil || s.iface == "" {
		return answer, &refusal{mh.HandoverContextNotAvailable, errUnknownMobileNode}
	}
	answer.Options = m.contextOf(s)
	if !isContext(&answer.Options) || !available(&hi.Options, &answer.Options) {
		return mh.HandoverAcknowledge{}, &refusal{mh.HandoverContextNotAvailable, errUnknownContext}
	}
	if hi.Flags&(mh.InitiateBuffer|mh.InitiateForwarding) == 0 {
		return answer, nil
	}
	h := Handover{
		CorrelationID: s.correlationID, Side: PreviousMAG, Reactive: true, Interface: s.iface,
		MobileNodeID: s.id, MobileNodeLinkLayerID: s.linkLayerID, OtherGateway: ev.Source,
	}
	if !m.mayForward(s, h) || m.stopping {
		answer.Code = mh.HandoverForwardingNotAvailable
		return answer, nil
	}
	m.handOut(now, s, h, hi.Flags&mh.InitiateForwarding == 0)
	return answer, nil
}

// handOut lets the packets go to the gateway that the mobile node has come to, or keeps them for it. What was planned
// otherwise is given up; what was planned like this is no other handover because the mobile node was faster.
func (m *MAG) handOut(now time.Time, s *session, h Handover, hold bool) {
	if d := s.departure; d != nil && d.handover.OtherGateway != h.OtherGateway {
		m.closeDeparture(now, s, HandoverSuperseded)
	} else if d != nil {
		h = d.handover
	}
	m.forgetInitiation(s.initiation)
	s.departure = &departure{handover: h}
	m.becomeLeaving(now, s, hold)
}

// sessionOf is the session that a Handover Initiate is about: that of the interface it names, or the only one of the mobile node.
func (m *MAG) sessionOf(o *mh.Options) *session {
	if o.Present.Has(mh.OptionMobileNodeLinkLayerID) && !o.MobileNodeLinkLayerID.IsZero() {
		return m.sessions[sessionKey{o.MobileNodeID, o.MobileNodeLinkLayerID}]
	}
	if of := m.nodes[o.MobileNodeID]; len(of) == 1 {
		return of[0]
	}
	return nil
}

// isContext says whether options name what a mobile node has, without which the rest is of no use.
func isContext(o *mh.Options) bool {
	return o.Present.Has(mh.OptionHomeNetworkPrefix) || o.Present.Has(mh.OptionIPv4HomeAddressRequest)
}

// available says whether anything of what was asked for is there to be told (RFC 5949 section 6.1.2); without a request the default
// context is meant.
func available(asked, told *mh.Options) bool {
	if len(asked.ContextRequest) == 0 {
		return true
	}
	return slices.ContainsFunc(asked.ContextRequest, func(r mh.RequestedContext) bool { return told.Present.Has(r.Type) })
}
