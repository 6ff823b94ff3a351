package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"netlmm/mobility"
)

// Features is the MIP6-Feature-Vector (RFC 5447 section 4.2.5).
type Features uint64

// Capabilities of Proxy Mobile IPv6 (RFC 6572 section 4.1).
const (
	PMIP6Supported           Features = 0x0000010000000000
	IP4HoASupported          Features = 0x0000020000000000
	LocalMAGRoutingSupported Features = 0x0000040000000000
	IP4TransportSupported    Features = 0x0000800000000000
	IP4HoAOnlySupported      Features = 0x0001000000000000
)

// Check refuses what contradicts itself: it is to be treated as an Access-Reject (RFC 6572 section 4.1).
func (f Features) Check() error {
	switch {
	case f&IP4HoAOnlySupported != 0 && f&IP4HoASupported != 0:
		return errors.New("MIP6-Feature-Vector has both IP4_HOA_ONLY_SUPPORTED and IP4_HOA_SUPPORTED")
	case f&PMIP6Supported == 0:
		return errors.New("MIP6-Feature-Vector lacks PMIP6_SUPPORTED: no Proxy Mobile IPv6 is authorized")
	}
	return nil
}

// Grant is what an AAA server says of a mobile node (RFC 6572 section 4). What is zero was not said. Of what it says of the home and
// of the visited network it has one, the home's where there are both.
type Grant struct {
	MobileNodeID           string // an NAI, which MUST be used towards the anchor (section 4.2)
	ChargeableUserIdentity string
	LMAAddress             netip.Addr
	LMAIPv4Address         netip.Addr
	HomeNetworkPrefixes    []netip.Prefix
	IPv4HomeAddress        netip.Prefix
	Features               *Features
	SessionTimeout         time.Duration
	OffloadPolicy          string // the name that the gateway's configuration has for one (RFC 6909); NoOffloadPolicy for none at all
}

// NoOffloadPolicy stands for none, where everybody has one: the gateway proposes none, and an anchor that has one of its own tells it.
const NoOffloadPolicy = "none"

// Empty: nothing was said that a profile has a place for.
func (g *Grant) Empty() bool {
	return g.MobileNodeID == "" && g.ChargeableUserIdentity == "" && !g.LMAAddress.IsValid() && !g.LMAIPv4Address.IsValid() &&
		len(g.HomeNetworkPrefixes) == 0 && !g.IPv4HomeAddress.IsValid() && g.Features == nil && g.SessionTimeout == 0 && g.OffloadPolicy == ""
}

// Over is what holds when g is said after before: a CoA-Request names what it changes (RFC 5176 section 2.2).
func (g Grant) Over(before Grant) Grant {
	if g.MobileNodeID == "" {
		g.MobileNodeID = before.MobileNodeID
	}
	if g.ChargeableUserIdentity == "" {
		g.ChargeableUserIdentity = before.ChargeableUserIdentity
	}
	if !g.LMAAddress.IsValid() && !g.LMAIPv4Address.IsValid() {
		g.LMAAddress, g.LMAIPv4Address = before.LMAAddress, before.LMAIPv4Address
	}
	if len(g.HomeNetworkPrefixes) == 0 {
		g.HomeNetworkPrefixes = before.HomeNetworkPrefixes
	}
	if !g.IPv4HomeAddress.IsValid() {
		g.IPv4HomeAddress = before.IPv4HomeAddress
	}
	if g.Features == nil {
		g.Features = before.Features
	}
	if g.SessionTimeout == 0 {
		g.SessionTimeout = before.SessionTimeout
	}
	if g.OffloadPolicy == "" {
		g.OffloadPolicy = before.OffloadPolicy
	}
	return g
}

// Profile is the profile that a grant makes of the one that everybody has, but for the offload policy, of which it has no more than the
// name. id is what the mobile node authenticated as: where that is
// no more than an address, which may be a private one, the Chargeable-User-Identity (RFC 4372) is the stable name.
func (g *Grant) Profile(id mobility.MobileNodeID, everybody mobility.Profile) (mobility.Profile, error) {
	p := everybody
	p.ProxyRegistration, p.MobileNodeID = true, id
	switch {
	case g.MobileNodeID != "":
		p.MobileNodeID = mobility.NAI(g.MobileNodeID)
	case g.ChargeableUserIdentity != "" && id.Subtype != mobility.SubtypeNAI:
		p.MobileNodeID = mobility.NAI(g.ChargeableUserIdentity)
	}
	p.HomeNetworkPrefixes, p.IPv4HomeAddress = g.HomeNetworkPrefixes, g.IPv4HomeAddress
	if g.IPv4HomeAddress.IsValid() {
		p.IPv4Mobility = true
	}
	p.LMAAddress = g.LMAAddress
	if !p.LMAAddress.IsValid() {
		p.LMAAddress = g.LMAIPv4Address
	}
	if err := g.authorize(&p); err != nil {
		return p, err
	}
	if g.SessionTimeout > 0 && (p.Lifetime == 0 || g.SessionTimeout < p.Lifetime) {
		p.Lifetime = max(g.SessionTimeout, leastLifetime)
	}
	return p, nil
}

// leastLifetime is one unit of the Lifetime field (RFC 6275 section 6.1.7).
const leastLifetime = 4 * time.Second

// authorize takes what the MIP6-Feature-Vector says of the modes of mobility.
func (g *Grant) authorize(p *mobility.Profile) error {
	if g.Features == nil {
		return nil
	}
	f := *g.Features
	if err := f.Check(); err != nil {
		return err
	}
	if f&IP4TransportSupported == 0 && p.LMAAddress.Is4() {
		return fmt.Errorf("MIP6-Feature-Vector lacks IP4_TRANSPORT_SUPPORTED, and the anchor is %v", p.LMAAddress)
	}
	local := f&LocalMAGRoutingSupported != 0
	p.MAGLocalRouting = &local
	p.IPv6Prohibited = f&IP4HoAOnlySupported != 0
	p.IPv4Mobility = f&(IP4HoAOnlySupported|IP4HoASupported) != 0
	if !p.IPv4Mobility {
		p.IPv4HomeAddress = netip.Prefix{}
	}
	if p.IPv6Prohibited {
		p.HomeNetworkPrefixes = nil
	}
	return nil
}
