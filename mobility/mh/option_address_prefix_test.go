package mh

import (
	"net/netip"
	"testing"
)

func addressPrefix(code AddressPrefixCode, text string) Options {
	return Options{Present: set(OptionAddressPrefix), AddressPrefixes: []AddressPrefix{{code, netip.MustParsePrefix(text)}}}
}

func TestAddressPrefixOption(t *testing.T) {
	wantOptions(t, "22 12 01 80 20010db8000000000000000000000001", addressPrefix(AddressOldCareOf, "2001:db8::1/128"))
	wantOptions(t, "22 12 02 40 20010db8000000000000000000000001", addressPrefix(AddressNewCareOf, "2001:db8::1/64"))
	wantOptions(t, "22 12 04 40 20010db8000000000000000000000000", addressPrefix(PrefixNewAccessRouter, "2001:db8::/64"))
}

// RFC 5568 section 6.4.2: what stands behind the length of a prefix is zero, and ignored.
func TestAddressPrefixOptionClearsHostBits(t *testing.T) {
	var m BindingUpdate
	if err := m.Decode(updateOf(octets(t, "22 12 04 40 20010db8000000000000000000000001"))); err != nil {
		t.Fatal(err)
	}
	if d := diff(addressPrefix(PrefixNewAccessRouter, "2001:db8::/64"), m.Options); d != "" {
		t.Errorf("decoded (-want +got):\n%s", d)
	}
	if b := encoded(t, &BindingUpdate{Options: addressPrefix(PrefixNewAccessRouter, "2001:db8::1/64")}); b[31] != 0 {
		t.Errorf("encoded as %x", b)
	}
}

func TestAddressPrefixOptionErrors(t *testing.T) {
	wantBadOption(t, "22 12 01 81 20010db8000000000000000000000001",
		DecodeError{15, "Mobility Header IPv6 Address/Prefix option", "has prefix length 129, want 0 to 128", Drop})
	wantEncodeError(t, Options{Present: set(OptionAddressPrefix)}, "IPv6 Address/Prefix", "without an address")
	wantEncodeError(t, addressPrefix(AddressOldCareOf, "192.0.2.1/32"), "192.0.2.1/32", "IPv6")
	wantEncodeError(t, Options{Present: set(OptionAddressPrefix), AddressPrefixes: make([]AddressPrefix, 1)}, "IPv6")
}
