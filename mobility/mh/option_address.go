package mh

import (
	"fmt"
	"net/netip"
)

// The Link-local Address and Alternate Care-of Address options are sixteen octets (RFC 5213 section 8.7, RFC 6275 section
// 6.2.5). The unspecified address is a value like others: a MAG asks with it for the link-local address.

func decodeAddress(data string) netip.Addr {
	var octets [16]byte
	copy(octets[:], data)
	return netip.AddrFrom16(octets)
}

// addressOption leaves out a zone: it names an interface of this host.
func (e *encoder) addressOption(t OptionType, a netip.Addr) {
	if !a.Is6() {
		e.fail(t, fmt.Sprintf("address %v: want an IPv6 address", a))
		return
	}
	e.option(t, 16)
	e.address(a)
}
