package mh

import (
	"net/netip"
	"testing"
)

func TestAddressOptions(t *testing.T) {
	t.Run("Link-local Address", func(t *testing.T) {
		wantOptions(t, "01 00 1a 10 fe800000000000000000000000000001",
			Options{Present: set(OptionLinkLocalAddress), LinkLocalAddress: netip.MustParseAddr("fe80::1")})
	})
	t.Run("Link-local Address, a request for one", func(t *testing.T) {
		wantOptions(t, "01 00 1a 10 00000000000000000000000000000000",
			Options{Present: set(OptionLinkLocalAddress), LinkLocalAddress: netip.IPv6Unspecified()})
	})
	t.Run("Alternate Care-of Address", func(t *testing.T) {
		wantOptions(t, "01 00 03 10 20010db8000000000000000000000002",
			Options{Present: set(OptionAlternateCareOfAddress), AlternateCareOfAddress: netip.MustParseAddr("2001:db8::2")})
	})
}

func TestAddressOptionErrors(t *testing.T) {
	wantBadOption(t, "1a 0f fe8000000000000000000000000000 000000", DecodeError{13, "Link-local Address option", "has length 15, want 16", Drop})
	wantBadOption(t, "03 11 20010db800000000000000000000000200 00", DecodeError{13, "Alternate Care-of Address option", "has length 17, want 16", Drop})

	wantEncodeError(t, Options{Present: set(OptionLinkLocalAddress)}, "Link-local Address", "IPv6")
	wantEncodeError(t, Options{Present: set(OptionAlternateCareOfAddress), AlternateCareOfAddress: netip.MustParseAddr("192.0.2.1")}, "Alternate Care-of Address", "192.0.2.1")
}

func TestAddressOptionLeavesOutTheZone(t *testing.T) {
	with := encoded(t, &BindingUpdate{Options: Options{Present: set(OptionLinkLocalAddress), LinkLocalAddress: netip.MustParseAddr("fe80::1%eth0")}})
	without := encoded(t, &BindingUpdate{Options: Options{Present: set(OptionLinkLocalAddress), LinkLocalAddress: netip.MustParseAddr("fe80::1")}})
	if string(with) != string(without) {
		t.Errorf("%x, want %x", with, without)
	}
}
