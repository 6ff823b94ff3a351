package mh

import (
	"fmt"
	"net/netip"
)

// AddressPrefix is the value of a Mobility Header IPv6 Address/Prefix option (RFC 5568 section 6.4.2). A message of RFC 5568
// has several; those of RFC 5949 have none.
type AddressPrefix struct {
	Code   AddressPrefixCode
	Prefix netip.Prefix // of a prefix the bits behind its length are zero; of an address all bits count, whatever the length
}

// AddressPrefixCode says what an AddressPrefix is.
type AddressPrefixCode uint8

// Option-Codes of RFC 5568 section 6.4.2.
const (
	AddressOldCareOf       AddressPrefixCode = 1
	AddressNewCareOf       AddressPrefixCode = 2
	AddressNewAccessRouter AddressPrefixCode = 3
	PrefixNewAccessRouter  AddressPrefixCode = 4
)

var addressPrefixCodeNames = map[AddressPrefixCode]string{
	AddressOldCareOf: "old_care_of_address", AddressNewCareOf: "new_care_of_address",
	AddressNewAccessRouter: "nar_address", PrefixNewAccessRouter: "nar_prefix",
}

// String names the code in lower snake case.
func (c AddressPrefixCode) String() string {
	if name, ok := addressPrefixCodeNames[c]; ok {
		return name
	}
	return fmt.Sprintf("code_%d", uint8(c))
}

// masked clears what section 6.4.2 tells a receiver to ignore.
func (a AddressPrefix) masked() AddressPrefix {
	if a.Code == PrefixNewAccessRouter {
		a.Prefix = a.Prefix.Masked()
	}
	return a
}

func (o *Options) decodeAddressPrefix(data string, at int) error {
	bits := int(data[1])
	if bits > 128 {
		return &DecodeError{at + 3, OptionAddressPrefix.String(), fmt.Sprintf("has prefix length %d, want 0 to 128", bits), Drop}
	}
	a := AddressPrefix{AddressPrefixCode(data[0]), netip.PrefixFrom(decodeAddress(data[2:]), bits)}
	o.AddressPrefixes = append(o.AddressPrefixes, a.masked())
	return nil
}

func (e *encoder) addressPrefixes(list []AddressPrefix) {
	if len(list) == 0 {
		e.fail(OptionAddressPrefix, "is marked present without an address")
	}
	for _, a := range list {
		if !a.Prefix.IsValid() || !a.Prefix.Addr().Is6() {
			e.fail(OptionAddressPrefix, fmt.Sprintf("address %v: want an IPv6 address with a prefix length", a.Prefix))
			return
		}
		e.option(OptionAddressPrefix, 18)
		e.buf = append(e.buf, byte(a.Code), byte(a.Prefix.Bits()))
		e.address(a.masked().Prefix.Addr())
	}
}
