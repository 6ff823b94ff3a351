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
	if reason, err := m.admit(ev); reason != "" {
		m.do(Ignored{Reason: reason, MobileNodeID: ev.MobileNodeID, Err: err})
		return
	}
	m.makeRoom(now, ev)
	s := m.sessionFor(now, ev)
	if s == nil {
		m.do(Ignored{Reason: DropAdministrativelyRefused, MobileNodeID: ev.MobileNodeID})
		return
	}
	s.accessTechnology, s.correlationID = ev.AccessTechnologyType, ev.CorrelationID
	s.lifetime = max(ev.Lifetime, mh.LifetimeUnit)
	if ev.Lifetime == 0 {
		s.lifetime = m.config.Lifetime
	}
	if len(ev.HomeNetworkPrefixes) > 0 {
		s.known = slices.Clone(ev.HomeNetworkPrefixes)
	}
	s.attached, s.refusals = now, 0
	handoff := ev.HandoffIndicator
	if handoff == 0 {
		handoff = mobility.HandoffStateUnknown
	}
	m.begin(s, Registration, handoff)
	if !ev.Unconfirmed {
		s.seen = now
		m.transmit(now, s)
	}
	if m.moveLink(now, s, ev.Interface) {
		m.do(ApplyForwarding{s.correlationID})
	}
	if ev.Unconfirmed {
		m.becomeConfirmingPresence(now, s)
	}
}

// admit says why an attachment cannot be served; "" when it can.
func (m *MAG) admit(ev LinkAttached) (DropReason, error) {
	present := m.sessions[sessionKey{ev.MobileNodeID, ev.MobileNodeLinkLayerID}] != nil
	switch {
	case m.stopping:
		return DropStopping, nil
	case ev.MobileNodeID.IsZero() || len(ev.MobileNodeID.Value) > maximumIdentifier:
		return DropInvalidAttachment, fmt.Errorf("mobile node identifier of %d octets", len(ev.MobileNodeID.Value))
	case len(ev.MobileNodeLinkLayerID) > maximumIdentifier:
		return DropInvalidAttachment, fmt.Errorf("link-layer identifier of %d octets", len(ev.MobileNodeLinkLayerID))
	case !ev.LMAAddress.Is6() || !ev.LMAAddress.IsGlobalUnicast():
		return DropInvalidAttachment, fmt.Errorf("LMA address %v is no global IPv6 address", ev.LMAAddress)
	case ev.Lifetime < 0 || ev.Lifetime > maximumLifetime:
		return DropInvalidAttachment, fmt.Errorf("lifetime %v is out of range", ev.Lifetime)
	case !present && m.full() && m.lapsing.Len() == 0:
		return DropBindingUpdateListFull, nil
	case len(ev.HomeNetworkPrefixes) > 0:
		if err := checkPrefixes(ev.HomeNetworkPrefixes); err != nil {
			return DropInvalidAttachment, err
		}
	}
	return "", nil
}

func (m *MAG) full() bool { return len(m.sessions) >= m.config.MaximumMobileNodes }

// makeRoom lets the mobile node that has not answered for the longest time give way to a newcomer, when the list is full: it
// left most likely, and RFC 5213 section 6.13 would have had it de-registered before.
func (m *MAG) makeRoom(now time.Time, newcomer LinkAttached) {
	if m.full() && m.sessions[sessionKey{newcomer.MobileNodeID, newcomer.MobileNodeLinkLayerID}] == nil {
		m.abandon(now, m.lapsing.Front().Value.(*session), EndDisplaced)
	}
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

// sessionFor finds or creates the session of an attachment and puts it under its LMA; nil: the LMA refused the service and
// RFC 5213 section 6.9.1.2(7) asks not to try again until an administrative action is taken; a detachment ends that here.
func (m *MAG) sessionFor(now time.Time, ev LinkAttached) *session {
	key := sessionKey{ev.MobileNodeID, ev.MobileNodeLinkLayerID}
	s := m.sessions[key]
	if s != nil && s.state == Refused && s.lastStatus == mobility.StatusProxyRegNotEnabled {
		return nil
	}
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
// once, since this MAG's tunnel serves all of its links. Another identity behind the same link-layer address is gone.
func (m *MAG) moveLink(now time.Time, s *session, iface string) (changed bool) {
	if m.links[s.link()] == s {
		delete(m.links, s.link())
	}
	s.iface = iface
	if other := m.links[s.link()]; other != nil {
		s.told = other.told
		m.detach(now, other, EndReplaced)
	}
	m.links[s.link()] = s
	for _, p := range s.bound {
		changed = m.forward(s, p) || changed
	}
	return changed
}

// linkDetached de-registers (RFC 5213 section 6.9.1.4).
func (m *MAG) linkDetached(now time.Time, ev LinkDetached) {
	s := m.links[linkKey{ev.Interface, ev.MobileNodeLinkLayerID}]
	if s == nil || s.purpose == DeRegistration {
		m.do(Ignored{Reason: DropNotAttached})
		return
	}
	m.detach(now, s, EndDetached)
}

// detach takes forwarding away at once and sends the de-registration, unless the LMA cannot hold a binding anyway.
func (m *MAG) detach(now time.Time, s *session, reason EndReason) {
	if s.purpose == DeRegistration {
		return
	}
	s.ending = reason
	if len(s.bound) > 0 {
		s.known = s.bound // the de-registration names what was assigned, whatever policy says by now
	}
	if m.becomeUnbound(s) {
		m.do(ApplyForwarding{s.correlationID})
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
