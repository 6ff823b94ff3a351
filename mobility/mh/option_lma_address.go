package mh

import (
	"fmt"
	"net/netip"
)

// The Local Mobility Anchor Address option is an Option-Code, a reserved octet and an address of the family that the code says
// (RFC 5949 section 6.2.2).
const (
	lmaAddressIPv6 = 1
	lmaAddressIPv4 = 2
)

func (o *Options) decodeLMAAddress(data string, at int) error {
	code := data[0]
	switch {
	case code == lmaAddressIPv6 && len(data) == 18:
		o.LMAAddress = decodeAddress(data[2:])
	case code == lmaAddressIPv4 && len(data) == 6:
		o.LMAAddress = decodeIPv4(data[2:])
	default:
		return &DecodeError{at + 2, OptionLMAAddress.String(), fmt.Sprintf("has Option-Code %d and %d octets, want 1 with 18 or 2 with 6", code, len(data)), Drop}
	}
	return nil
}

func (e *encoder) lmaAddress(a netip.Addr) {
	switch {
	case a.Is4():
		e.option(OptionLMAAddress, 6)
		e.buf = append(e.buf, lmaAddressIPv4, 0)
		e.ipv4(a)
	case a.Is6():
		e.option(OptionLMAAddress, 18)
		e.buf = append(e.buf, lmaAddressIPv6, 0)
		e.address(a)
	default:
		e.fail(OptionLMAAddress, "has no address")
	}
}
