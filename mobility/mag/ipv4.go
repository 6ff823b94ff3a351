package mag

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// families says which home addresses are meant: prefixes, an IPv4 home address, or both (RFC 5844 section 3.2.2).
type families struct{ ipv6, ipv4 bool }

func (f families) any() bool { return f.ipv6 || f.ipv4 }

func (f families) or(g families) families { return families{f.ipv6 || g.ipv6, f.ipv4 || g.ipv4} }

func (f families) without(g families) families { return families{f.ipv6 && !g.ipv6, f.ipv4 && !g.ipv4} }

// homeAddress is the IPv4 part of a Binding Update List entry (RFC 5844 section 3.2.1).
type homeAddress struct {
	address netip.Prefix // with the length of its network; zero: none
	router  netip.Addr
	relay   bool                   // this gateway relays DHCP only
	offload mobility.OffloadPolicy // which flows leave here (RFC 6909)
}

// route is the prefix that the address is forwarded as.
func (h homeAddress) route() netip.Prefix { return netip.PrefixFrom(h.address.Addr(), 32) }

// anyHomeAddress asks the LMA to choose (RFC 5844 section 3.3.1).
var anyHomeAddress = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

// checkHomeAddress says why this cannot be the IPv4 home address of a mobile node.
func checkHomeAddress(p netip.Prefix) error {
	broadcast := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if a := p.Addr(); !p.IsValid() || p.Bits() == 0 || !a.Is4() || !a.IsGlobalUnicast() || a == broadcast {
		return fmt.Errorf("%v is no IPv4 home address with the length of its network", p)
	}
	return nil
}

// readHomeAddress takes the IPv4 part of an acceptance. Without a reply option, or with one that rejects, there is none (RFC 5844
// section 3.2.3.2); rejected is then the status of that option. Who is to serve DHCP is the LMA's word, and a relay without it.
func readHomeAddress(o *mh.Options) (home homeAddress, rejected mh.IPv4HomeAddressStatus, err error) {
	reply := o.IPv4HomeAddressReply
	switch has := o.Present.Has; {
	case !has(mh.OptionIPv4HomeAddressReply):
		return homeAddress{}, 0, nil
	case !reply.Status.Accepted():
		return homeAddress{}, reply.Status, nil
	case checkHomeAddress(reply.Address) != nil:
		return homeAddress{}, 0, checkHomeAddress(reply.Address)
	case !has(mh.OptionIPv4DefaultRouter):
		return homeAddress{}, 0, errors.New("an IPv4 home address without its default router")
	case !o.IPv4DefaultRouter.IsGlobalUnicast() || o.IPv4DefaultRouter == reply.Address.Addr():
		return homeAddress{}, 0, fmt.Errorf("%v is no default router of %v", o.IPv4DefaultRouter, reply.Address)
	}
	relay := !o.Present.Has(mh.OptionIPv4DHCPSupportMode) || o.IPv4DHCPSupportMode == mh.DHCPRelay
	return homeAddress{address: reply.Address, router: o.IPv4DefaultRouter, relay: relay}, 0, nil
}

// statusOfReply is the status that the whole PBA would have had, if the mobile node asked for nothing but the IPv4 home address
// that this reply refuses it: both come to the same then.
func statusOfReply(rejected mh.IPv4HomeAddressStatus) mobility.Status {
	switch rejected {
	case mh.IPv4HomeAddressAdministrativelyProhibited:
		return mobility.StatusNotAuthorizedForIPv4Mobility
	case mh.IPv4HomeAddressIncorrect, mh.IPv4HomeAddressInvalid:
		return mobility.StatusNotAuthorizedForIPv4HomeAddress
	case mh.IPv4HomeAddressDynamicNotAvailable:
		return mobility.StatusInsufficientResources
	}
	return mobility.StatusReasonUnspecified
}

// ipv4Rejected: the mobile node has its prefixes and no IPv4 home address. The next extension asks for one again, as RFC 5844
// section 3.2.3.3 has it for what is determined subsequently, but not for the same one, and not for what an operator forbade.
func (m *MAG) ipv4Rejected(now time.Time, s *session, rejected mh.IPv4HomeAddressStatus) {
	switch rejected {
	case mh.IPv4HomeAddressAdministrativelyProhibited:
		m.deny(now, s, denial{ipv4: true})
	case mh.IPv4HomeAddressIncorrect, mh.IPv4HomeAddressInvalid:
		s.knownIPv4 = netip.Prefix{}
	}
}

// offerAddresses tells the DHCP servers of the access link what the mobile node has, before it hears of its router.
func (m *MAG) offerAddresses(now time.Time, s *session) {
	s.offered = true
	offer := OfferAddresses{
		CorrelationID: s.correlationID, Interface: s.iface, MobileNodeLinkLayerID: s.linkLayerID, HomeNetworkPrefixes: clone(s.bound),
		Lifetime: s.lifetimeLeft(now),
	}
	if s.home.router.IsValid() { // another gateway may not have told it
		offer.IPv4HomeAddress, offer.IPv4DefaultRouter, offer.DHCPRelay = s.home.address, s.home.router, s.home.relay
	}
	m.do(offer)
}

// withdrawOffer: there is nothing to give out any more.
func (m *MAG) withdrawOffer(s *session) {
	if s.offered {
		s.offered = false
		m.do(OfferAddresses{CorrelationID: s.correlationID, Interface: s.iface, MobileNodeLinkLayerID: s.linkLayerID})
	}
}
