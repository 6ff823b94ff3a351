package mag

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// handoverContext is what the previous MAG tells of a mobile node, as far as it is of use here.
type handoverContext struct {
	id          mobility.MobileNodeID
	linkLayerID mobility.MobileNodeLinkLayerID // "" when it was not told
	lma         netip.Addr
	prefixes    []netip.Prefix
	home        homeAddress // without a router where that was not told
	linkLocal   netip.Addr  // of the previous MAG on its access link
	nodeLocal   netip.Addr  // of the mobile node there
}

// readContext takes the context from a Handover Initiate or Acknowledge. What it keeps is its own.
func readContext(o *mh.Options) (c handoverContext, err error) {
	has := o.Present.Has
	c.id = mobility.MobileNodeID{Subtype: o.MobileNodeID.Subtype, Value: strings.Clone(o.MobileNodeID.Value)}
	if has(mh.OptionMobileNodeLinkLayerID) && !o.MobileNodeLinkLayerID.IsZero() {
		c.linkLayerID = mobility.MobileNodeLinkLayerID(strings.Clone(string(o.MobileNodeLinkLayerID)))
	}
	if has(mh.OptionHomeNetworkPrefix) {
		c.prefixes = clone(o.HomeNetworkPrefixes)
		if err := checkPrefixes(c.prefixes); err != nil {
			return c, err
		}
	}
	if has(mh.OptionIPv4HomeAddressRequest) {
		c.home.address = o.IPv4HomeAddressRequest
		if err := checkHomeAddress(c.home.address); err != nil {
			return c, err
		}
		c.readRouter(o)
	}
	if has(mh.OptionLinkLocalAddress) && isLinkLocal(o.LinkLocalAddress) {
		c.linkLocal = o.LinkLocalAddress
	}
	if has(mh.OptionLinkLocalInterfaceID) {
		octets := [16]byte{0xfe, 0x80}
		copy(octets[8:], o.LinkLocalInterfaceID[:])
		c.nodeLocal = netip.AddrFrom16(octets)
	}
	if has(mh.OptionLMAAddress) {
		c.lma = o.LMAAddress
	}
	switch {
	case len(c.id.Value) > maximumIdentifier || len(c.linkLayerID) > maximumIdentifier:
		return c, errors.New("an identifier is too long")
	case len(c.prefixes) == 0 && !c.home.address.IsValid():
		return c, errors.New("neither home network prefixes nor an IPv4 home address")
	case !isTransportAddress(c.lma):
		return c, fmt.Errorf("LMA address %v is no global address", c.lma)
	}
	return c, nil
}

// readRouter takes the IPv4 default router, which is of no use where it cannot be one.
func (c *handoverContext) readRouter(o *mh.Options) {
	router := o.IPv4DefaultRouter
	if !o.Present.Has(mh.OptionIPv4DefaultRouter) || !router.IsGlobalUnicast() || router == c.home.address.Addr() {
		return
	}
	c.home.router = router
	c.home.relay = !o.Present.Has(mh.OptionIPv4DHCPSupportMode) || o.IPv4DHCPSupportMode == mh.DHCPRelay
}

// ownedByOthers: something of the context belongs to another mobility session here, from which another gateway cannot take it.
func (m *MAG) ownedByOthers(c *handoverContext, s *session) bool {
	return slices.ContainsFunc(routes(c.prefixes, c.home), func(p netip.Prefix) bool {
		owner := m.owners[p]
		return owner != nil && owner != s
	})
}

// becomeProvisional gives the session what the context says, until the LMA has answered or the session's time for that is over.
func (m *MAG) becomeProvisional(s *session, c *handoverContext) {
	told := routes(c.prefixes, c.home)
	for _, p := range routes(s.bound, s.home) {
		if !slices.Contains(told, p) {
			m.withdrawOffer(s) // or the mobile node would be offered, once it is served again, what is no longer its own
			m.release(s, p)
		}
	}
	s.bound, s.home, s.provisional = c.prefixes, c.home, true
	m.keepKnown(s)
	if c.linkLocal.IsValid() && (s.anchorLinkLocal || s.iface == "") { // policy comes with the attachment
		s.linkLocal = c.linkLocal
	}
	m.timers.Stop(&s.lapse)
	for _, p := range told {
		m.forward(s, p)
	}
}

// serveFrom serves a mobile node that is here by the context.
func (m *MAG) serveFrom(now time.Time, s *session, c *handoverContext, h Handover) {
	m.becomeProvisional(s, c)
	m.restrict(now, s)
	m.do(ApplyForwarding{s.correlationID})
	if !s.isBound() {
		m.closeArrival(now, s, HandoverUnusable)
		m.withdrawOffer(s)
		m.withdrawRouter(s)
		return
	}
	m.serve(now, s)
	m.do(HandoverArrived{h})
}

// serve tells the mobile node, which is here, what it has, before the LMA has answered (RFC 5949 section 5.2). It has it for as
// long as the previous MAG forwards; the lifetime that it is told is the one that the PBU asks for.
func (m *MAG) serve(now time.Time, s *session) {
	s.expires = now.Add(m.config.HandoverLifetime)
	m.timers.Set(&s.lapse, s.expires)
	m.offerAddresses(now, s)
	if len(s.bound) > 0 {
		m.advertiseRouter(now, s)
		return
	}
	m.withdrawRouter(s)
}

// lifetimeLeft is how long the mobile node may use what it has.
func (s *session) lifetimeLeft(now time.Time) time.Duration {
	if s.provisional {
		return s.lifetime
	}
	return s.expires.Sub(now)
}

// restrict drops of the context what the policy here does not allow the mobile node.
func (m *MAG) restrict(now time.Time, s *session) {
	allowed := m.permitted(now, s)
	if !allowed.ipv6 {
		for _, p := range s.bound {
			m.release(s, p)
		}
		s.bound = nil
	}
	if !allowed.ipv4 && s.home.address.IsValid() {
		m.release(s, s.home.route())
		s.home = homeAddress{}
	}
	if len(s.bound) == 0 {
		m.timers.Stop(&s.advertise)
	}
	if !s.isBound() {
		s.provisional, s.expires = false, time.Time{}
	}
}
