package mh

import (
	"fmt"
	"net/netip"
)

// The Home Network Prefix option is a reserved octet, the prefix length and sixteen octets (RFC 5213 section 8.3). The RFC is
// silent on the bits after the prefix length. They are cleared on the way in and out, as RFC 4861 section 4.6.2 has it for the
// prefix that the mobile node is told: a prefix is a key of the binding cache and must have one form only.

// IsZeroPrefix reports whether p has the prefix value ALL_ZERO (RFC 5213 section 2.2), which asks for an assignment (section
// 6.9.1.1). The RFC leaves its prefix length open: peers send ::/0 and ::/64.
func IsZeroPrefix(p netip.Prefix) bool { return p.Addr() == netip.IPv6Unspecified() }

func (o *Options) decodeHomeNetworkPrefix(data string, at int) error {
	bits := int(data[1])
	if bits > 128 {
		return &DecodeError{at + 3, OptionHomeNetworkPrefix.String(), fmt.Sprintf("has prefix length %d, want 0 to 128", bits), Drop}
	}
	o.HomeNetworkPrefixes = append(o.HomeNetworkPrefixes, netip.PrefixFrom(decodeAddress(data[2:]), bits).Masked())
	return nil
}

func (e *encoder) homeNetworkPrefixes(prefixes []netip.Prefix) {
	if len(prefixes) == 0 {
		e.fail(OptionHomeNetworkPrefix, "is marked present without a prefix")
	}
	for _, p := range prefixes {
		if !p.IsValid() || !p.Addr().Is6() {
			e.fail(OptionHomeNetworkPrefix, fmt.Sprintf("prefix %v: want an IPv6 prefix", p))
			return
		}
		e.option(OptionHomeNetworkPrefix, 18)
		e.buf = append(e.buf, 0, byte(p.Bits()))
		e.address(p.Masked().Addr())
	}
}
