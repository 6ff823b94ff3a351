package radius

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc4372"
	"layeh.com/radius/rfc5447"
	"layeh.com/radius/rfc6572"

	"netlmm/mobility/policy"
)

// Attributes of RFC 6572 that the codec does not have (sections 4.12 and 4.13).
const (
	homeIPv4HoA    codec.Type = 155
	visitedIPv4HoA codec.Type = 156
)

const (
	mostPrefixes      = 16  // of one mobile node
	longestIdentifier = 250 // that a Mobile Node Identifier option of netlmm takes
)

// readGrant takes what a packet says of a mobile node. Of an attribute that is broken, or that says what cannot be, nothing is made: the
// error names it.
func readGrant(p *codec.Packet) (g policy.Grant, err error) {
	var problems []error
	check := func(name string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	one := func(name string, home, visited codec.Type, read func(codec.Attribute) error) {
		a, ok := p.Lookup(home)
		if !ok {
			a, ok = p.Lookup(visited)
		}
		if ok {
			check(name, read(a))
		}
	}
	const only = codec.TypeInvalid // there is none for the visited network
	one("Mobile-Node-Identifier", rfc6572.MobileNodeIdentifier_Type, only, func(a codec.Attribute) (err error) { g.MobileNodeID, err = identifier(a); return })
	one("Chargeable-User-Identity", rfc4372.ChargeableUserIdentity_Type, only, func(a codec.Attribute) (err error) {
		if string(a) != "\x00" { // a server that has none may send back the request's
			g.ChargeableUserIdentity, err = identifier(a)
		}
		return
	})
	one("PMIP6-LMA-IPv6-Address", rfc6572.PMIP6HomeLMAIPv6Address_Type, rfc6572.PMIP6VisitedLMAIPv6Address_Type, func(a codec.Attribute) (err error) {
		g.LMAAddress, err = address(a, 16)
		return
	})
	one("PMIP6-LMA-IPv4-Address", rfc6572.PMIP6HomeLMAIPv4Address_Type, rfc6572.PMIP6VisitedLMAIPv4Address_Type, func(a codec.Attribute) (err error) {
		g.LMAIPv4Address, err = address(a, 4)
		return
	})
	one("PMIP6-IPv4-HoA", homeIPv4HoA, visitedIPv4HoA, func(a codec.Attribute) (err error) { g.IPv4HomeAddress, err = homeAddress(a); return })
	one("MIP6-Feature-Vector", rfc5447.MIP6FeatureVector_Type, only, func(a codec.Attribute) error {
		if err := wantOctets(a, 8); err != nil {
			return err
		}
		f := policy.Features(binary.BigEndian.Uint64(a))
		g.Features = &f
		return f.Check()
	})
	one("Session-Timeout", rfc2865.SessionTimeout_Type, only, func(a codec.Attribute) error {
		seconds, err := codec.Integer(a)
		g.SessionTimeout = time.Duration(seconds) * time.Second
		return err
	})
	g.HomeNetworkPrefixes, err = prefixes(p)
	check("PMIP6-HN-Prefix", err)
	g.OffloadPolicy, _ = offloadPolicy(p) // what says no policy is a name that nobody knows: the mobile node is served, through the tunnel
	return g, errors.Join(problems...)
}

// offloadFilter begins a Filter-Id (RFC 2865 section 5.11) that names an offload policy of the gateway's configuration. RFC 6572 has no
// attribute for one: it is older than RFC 6909. Other Filter-Ids are filters of somebody else.
const offloadFilter = "offload:"

// offloadPolicy is the name of the offload policy that a packet says; "": it says nothing of one. With an error it is a text that says what
// came instead of one name, and that no configuration has as a name: those have neither colons nor spaces.
func offloadPolicy(p *codec.Packet) (name string, err error) {
	for _, avp := range p.Attributes {
		said, ours := strings.CutPrefix(string(avp.Attribute), offloadFilter)
		switch {
		case avp.Type != rfc2865.FilterID_Type || !ours:
		case said == "" || !utf8.ValidString(said):
			return string(avp.Attribute), fmt.Errorf("%q names no offload policy: want offload:NAME", avp.Attribute)
		case name != "" && name != said:
			return name + " and " + said, fmt.Errorf("offload policies %q and %q: want one", name, said)
		default:
			name = said
		}
	}
	return name, nil
}

// prefixes are those of the home network, or else of the visited one. One of all zeroes asks for any and says nothing.
func prefixes(p *codec.Packet) (list []netip.Prefix, err error) {
	for _, kind := range []codec.Type{rfc6572.PMIP6HomeHNPrefix_Type, rfc6572.PMIP6VisitedHNPrefix_Type} {
		for _, avp := range p.Attributes {
			if avp.Type != kind {
				continue
			}
			prefix, err := homeNetworkPrefix(avp.Attribute)
			if err != nil {
				return nil, err
			}
			if prefix.IsValid() && !slices.Contains(list, prefix) { // a server that says it twice means it once
				list = append(list, prefix)
			}
		}
		if len(list) > mostPrefixes {
			return nil, fmt.Errorf("%d prefixes: want at most %d", len(list), mostPrefixes)
		}
		if len(list) > 0 {
			return list, nil
		}
	}
	return nil, nil
}

// homeNetworkPrefix reads what RFC 3162 section 2.3 and RFC 6572 section 4.8 have in common.
func homeNetworkPrefix(a codec.Attribute) (netip.Prefix, error) {
	n, err := codec.IPv6Prefix(a)
	if err != nil {
		return netip.Prefix{}, err
	}
	bits, _ := n.Mask.Size()
	first, _ := netip.AddrFromSlice(n.IP)
	switch {
	case first.IsUnspecified():
		return netip.Prefix{}, nil
	case !first.IsGlobalUnicast() || first.Is4In6() || bits == 0:
		return netip.Prefix{}, fmt.Errorf("%v/%d is no global unicast prefix", first, bits)
	}
	return netip.PrefixFrom(first, bits), nil
}

// homeAddress reads an IPv4 address with the length of its network: ten reserved bits, six of the length, the address. One of all
// zeroes says nothing.
func homeAddress(a codec.Attribute) (netip.Prefix, error) {
	if err := wantOctets(a, 6); err != nil {
		return netip.Prefix{}, err
	}
	home, bits := netip.AddrFrom4([4]byte(a[2:6])), int(a[1]&0x3f)
	switch {
	case home.IsUnspecified():
		return netip.Prefix{}, nil
	case bits == 0 || bits > 32 || !home.IsGlobalUnicast():
		return netip.Prefix{}, fmt.Errorf("%v/%d is no address of a host", home, bits)
	}
	prefix := netip.PrefixFrom(home, bits)
	if bits < 31 && prefix.Masked() == prefix { // FreeRADIUS clears what is behind the length
		return netip.Prefix{}, fmt.Errorf("%v is the address of a network: where a server can write no other, give the host's with /32", prefix)
	}
	return prefix, nil
}

func address(a codec.Attribute, octets int) (netip.Addr, error) {
	if err := wantOctets(a, octets); err != nil {
		return netip.Addr{}, err
	}
	lma, _ := netip.AddrFromSlice(a)
	if !lma.IsGlobalUnicast() || lma.Is4In6() {
		return netip.Addr{}, fmt.Errorf("%v is no global unicast address", lma)
	}
	return lma, nil
}

func wantOctets(a codec.Attribute, octets int) error {
	if len(a) != octets {
		return fmt.Errorf("%d octets: want %d", len(a), octets)
	}
	return nil
}

// identifier reads the name of a mobile node. It stands in logs, and in messages to anchors.
func identifier(a codec.Attribute) (string, error) {
	if len(a) == 0 || len(a) > longestIdentifier || !utf8.Valid(a) {
		return "", fmt.Errorf("%d octets: want 1 to %d of UTF-8", len(a), longestIdentifier)
	}
	return string(a), nil
}
