package mag

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// linkAttached begins a registration (RFC 5213 section 6.9.1.1). Of a node that is only on an access point's list it is not
// known whether it is still there: a PBU could take its binding away from the MAG where it is.
func (m *MAG) linkAttached(now time.Time, ev LinkAttached) {
	if ev.MobileNodeLinkLayerID.IsZero() {
		ev.MobileNodeLinkLayerID = ""
	}
	m.expectationFor(&ev)
	if reason, err := m.admit(now, ev); reason != "" {
		m.do(Ignored{Reason: reason, MobileNodeID: ev.MobileNodeID, Err: err})
		return
	}
	if m.listedElsewhere(ev) {
		return
	}
	if !ev.Unconfirmed {
		m.attachedAnew(ev.MobileNodeID)
	}
	m.attach(now, ev)
}

// attach takes a mobile node that may be served.
func (m *MAG) attach(now time.Time, ev LinkAttached) {
	m.tellAbout(ev.MobileNodeLinkLayerID)
	m.makeRoom(now, ev)
	s := m.sessionFor(now, ev)
	m.forgetListed(s)
	m.takePolicy(s, ev)
	s.attached, s.refusals, s.away = now, 0, false
	handoff := ev.HandoffIndicator
	if handoff == 0 {
		handoff = mobility.HandoffStateUnknown
	}
	if !ev.Unconfirmed {
		m.attachConfirmed(now, s, ev, handoff)
		return
	}
	m.begin(s, Registration, handoff)
	if m.moveLink(now, s, ev.Interface) {
		m.do(ApplyForwarding{s.correlationID})
	}
	m.becomeConfirmingPresence(now, s)
}

// attachConfirmed registers a mobile node that is on the link. One that another gateway announced is served before that.
func (m *MAG) attachConfirmed(now time.Time, s *session, ev LinkAttached, handoff mobility.HandoffIndicator) {
	m.stillAttached(s)
	m.begin(s, Registration, handoff)
	s.seen = now
	m.closeDeparture(now, s, HandoverReturned)
	announced := s.arrival != nil && s.arrival.expected != nil
	if announced {
		m.arrive(now, s, ev.Interface)
	}
	m.transmit(now, s)
	if m.moveLink(now, s, ev.Interface) {
		m.do(ApplyForwarding{s.correlationID})
	}
	m.thaw(now, s)
	if ev.PreviousMAG.IsValid() && !announced {
		m.requestContext(now, s, ev.PreviousMAG)
	}
}

// takePolicy makes what the attachment says that of the session.
func (m *MAG) takePolicy(s *session, ev LinkAttached) {
	announced := s.arrival != nil && s.arrival.expected != nil
	s.accessTechnology, s.correlationID = ev.AccessTechnologyType, ev.CorrelationID
	s.wishes, s.localRouting, s.anchorLinkLocal = ev.wishes(), ev.LocalRouting, ev.AnchorLinkLocal
	s.takeProposal(ev.OffloadPolicy)
	s.lifetime = max(ev.Lifetime, mh.LifetimeUnit)
	if ev.Lifetime == 0 {
		s.lifetime = m.config.Lifetime
	}
	if len(ev.HomeNetworkPrefixes) > 0 && !announced {
		s.known = slices.Clone(ev.HomeNetworkPrefixes)
	}
	if ev.IPv4HomeAddress.IsValid() && !announced {
		s.knownIPv4 = ev.IPv4HomeAddress
	}
	if !ev.AnchorLinkLocal {
		s.linkLocal, s.takenLinkLocal = netip.Addr{}, netip.Addr{}
	}
}

// admit says why an attachment cannot be served; "" when it can.
func (m *MAG) admit(now time.Time, ev LinkAttached) (DropReason, error) {
	present := m.sessions[sessionKey{ev.MobileNodeID, ev.MobileNodeLinkLayerID}] != nil
	switch {
	case m.stopping:
		return DropStopping, nil
	case ev.MobileNodeID.IsZero() || len(ev.MobileNodeID.Value) > maximumIdentifier:
		return DropInvalidAttachment, fmt.Errorf("mobile node identifier of %d octets", len(ev.MobileNodeID.Value))
	case len(ev.MobileNodeLinkLayerID) > maximumIdentifier:
		return DropInvalidAttachment, fmt.Errorf("link-layer identifier of %d octets", len(ev.MobileNodeLinkLayerID))
	case !isTransportAddress(ev.LMAAddress):
		return DropInvalidAttachment, fmt.Errorf("LMA address %v is no global address", ev.LMAAddress)
	case !m.proxyCareOfAddress(ev.LMAAddress).IsValid():
		return DropInvalidAttachment, fmt.Errorf("LMA address %v: no proxy care-of address of that family", ev.LMAAddress)
	case ev.Lifetime < 0 || ev.Lifetime > maximumLifetime:
		return DropInvalidAttachment, fmt.Errorf("lifetime %v is out of range", ev.Lifetime)
	case !ev.wishes().any():
		return DropInvalidAttachment, errors.New("neither home network prefixes nor an IPv4 home address are wanted")
	}
	if err := m.checkWishes(ev); err != nil {
		return DropInvalidAttachment, err
	}
	if reason := m.deniedAttachment(now, ev); reason != "" {
		return reason, nil
	}
	if !present && m.full() && m.lapsing.Len() == 0 && m.expected.Len() == 0 {
		return DropBindingUpdateListFull, nil
	}
	return "", nil
}

// checkWishes says why what is to be asked for cannot be had.
func (m *MAG) checkWishes(ev LinkAttached) error {
	if len(ev.HomeNetworkPrefixes) > 0 {
		if err := checkPrefixes(ev.HomeNetworkPrefixes); err != nil {
			return err
		}
	}
	if ev.IPv4HomeAddress != (netip.Prefix{}) {
		if err := checkHomeAddress(ev.IPv4HomeAddress); err != nil {
			return err
		}
	}
	if m.needsStaticPrefix(ev) {
		return fmt.Errorf("LMA %v (profile opmip) assigns no prefix: the mobile node's policy has to name one", ev.LMAAddress)
	}
	return nil
}

func (m *MAG) full() bool { return len(m.sessions) >= m.config.MaximumMobileNodes }

// makeRoom lets the mobile node that has not answered for the longest time give way to a newcomer, when the list is full: it
// left most likely, and RFC 5213 section 6.13 would have had it de-registered before. Else it is one that is yet to come.
func (m *MAG) makeRoom(now time.Time, newcomer LinkAttached) {
	if !m.full() || m.sessions[sessionKey{newcomer.MobileNodeID, newcomer.MobileNodeLinkLayerID}] != nil {
		return
	}
	longest := m.lapsing
	if longest.Len() == 0 {
		longest = m.expected
	}
	m.abandon(now, longest.Front().Value.(*session), EndDisplaced)
}

// checkPrefixes says why these cannot be the home network prefixes of a session.
func checkPrefixes(prefixes []netip.Prefix) error {
	if len(prefixes) == 0 || len(prefixes) > maximumPrefixes {
		return fmt.Errorf("%d home network prefixes, want 1 to %d", len(prefixes), maximumPrefixes)
	}
	for i, p := range prefixes {
		if !p.IsValid() || !p.Addr().Is6() || !p.Addr().IsGlobalUnicast() || p.Bits() == 0 || p != p.Masked() {
			return fmt.Errorf("%v is no home network prefix", p)
		}
		if slices.Contains(prefixes[:i], p) {
			return errors.New("a home network prefix stands twice")
		}
	}
	return nil
}

// sessionFor finds or creates the session of an attachment and puts it under its LMA.
func (m *MAG) sessionFor(now time.Time, ev LinkAttached) *session {
	key := sessionKey{ev.MobileNodeID, ev.MobileNodeLinkLayerID}
	s := m.sessions[key]
	var told []netip.Prefix
	if s != nil && s.lma() != ev.LMAAddress {
		told = s.told
		m.abandon(now, s, EndLMAChanged)
		s = nil
	}
	if s == nil {
		s = m.newSession(key)
		s.iface, s.told = ev.Interface, told
		m.joinAssociation(s, ev.LMAAddress)
	} else if s.purpose == DeRegistration {
		m.do(BindingEnded{Entry: m.entry(s), Reason: EndReattached})
	}
	return s
}

// moveLink makes iface the access link of s. It reports whether forwarding changed: that of a bound session follows at
// once, since this MAG's tunnel serves all of its links, and what the DHCP servers offer with it. Another identity behind the
// same link-layer address is gone.
func (m *MAG) moveLink(now time.Time, s *session, iface string) (changed bool) {
	if m.links[s.link()] == s {
		delete(m.links, s.link())
	}
	moved := s.iface != iface && s.offered
	if moved {
		m.withdrawOffer(s)
	}
	s.iface = iface
	if other := m.links[s.link()]; other != nil {
		s.told = other.told
		m.detach(now, other, EndReplaced)
	}
	m.links[s.link()] = s
	for _, p := range routes(s.bound, s.home) {
		changed = m.forward(s, p) || changed
	}
	if moved {
		m.offerAddresses(now, s)
	}
	return changed
}

// handoverReasonOf is what the end of a session is to a handover that it had.
func handoverReasonOf(reason EndReason) HandoverReason {
	switch reason {
	case EndStopped:
		return HandoverStopped
	case EndDisplaced:
		return HandoverDisplaced
	case EndLMAChanged:
		return HandoverSuperseded
	}
	return HandoverDetached
}

// linkDetached de-registers (RFC 5213 section 6.9.1.4).
func (m *MAG) linkDetached(now time.Time, ev LinkDetached) {
	link := linkKey{ev.Interface, ev.MobileNodeLinkLayerID}
	if s := m.listed[link]; s != nil {
		m.forgetListed(s)
	}
	s := m.links[link]
	if s == nil || s.purpose == DeRegistration {
		m.do(Ignored{Reason: DropNotAttached})
		return
	}
	if m.keepForHandover(now, s) {
		return
	}
	m.detach(now, s, EndDetached)
}

// detach takes forwarding away at once and sends the de-registration, unless the LMA cannot hold a binding anyway.
func (m *MAG) detach(now time.Time, s *session, reason EndReason) {
	if s.purpose == DeRegistration {
		return
	}
	m.closeHandovers(now, s, handoverReasonOf(reason))
	s.ending = reason
	m.keepKnown(s)
	if m.becomeUnbound(s) {
		m.do(ApplyForwarding{s.correlationID})
	}
	if s.iface == "" {
		m.remove(s)
		return
	}
	if !s.held {
		m.end(s, reason)
		return
	}
	m.begin(s, DeRegistration, mobility.HandoffStateUnknown)
	m.transmit(now, s)
}

// abandon ends the session now; its de-registration is sent when that is possible but not awaited.
func (m *MAG) abandon(now time.Time, s *session, reason EndReason) {
	m.detach(now, s, reason)
	if m.sessions[s.sessionKey] == s {
		m.end(s, reason)
	}
}
