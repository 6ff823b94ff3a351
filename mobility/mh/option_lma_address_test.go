package mh

import (
	"net/netip"
	"testing"
)

func lmaAddressOptions(text string) Options {
	return Options{Present: set(OptionLMAAddress), LMAAddress: netip.MustParseAddr(text)}
}

func TestLMAAddressOption(t *testing.T) {
	wantOptions(t, "29 12 01 00 20010db8000f00000000000000000001", lmaAddressOptions("2001:db8:f::1"))
	wantOptions(t, "29 06 02 00 c0000201 01 02 0000", lmaAddressOptions("192.0.2.1"))
}

func TestLMAAddressOptionErrors(t *testing.T) {
	wantBadOption(t, "29 06 01 00 c0000201", DecodeError{14, "Local Mobility Anchor Address option", "has Option-Code 1 and 6 octets, want 1 with 18 or 2 with 6", Drop})
	wantBadOption(t, "29 12 00 00 20010db8000f00000000000000000001", DecodeError{14, "Local Mobility Anchor Address option", "has Option-Code 0 and 18 octets, want 1 with 18 or 2 with 6", Drop})
	wantBadOption(t, "29 07 02 00 c000020100 000000", DecodeError{14, "Local Mobility Anchor Address option", "has Option-Code 2 and 7 octets, want 1 with 18 or 2 with 6", Drop})
	wantBadOption(t, "29 02 02 00", DecodeError{13, "Local Mobility Anchor Address option", "has length 2, want 6 to 18", Drop})
	wantEncodeError(t, Options{Present: set(OptionLMAAddress)}, "Local Mobility Anchor Address", "no address")
}
