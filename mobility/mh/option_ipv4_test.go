package mh

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestIPv4Options(t *testing.T) {
	t.Run("Request", func(t *testing.T) {
		wantOptions(t, "24 06 60 00 c0000207 01 02 0000",
			Options{Present: set(OptionIPv4HomeAddressRequest), IPv4HomeAddressRequest: netip.MustParsePrefix("192.0.2.7/24")})
	})
	t.Run("Request for any address", func(t *testing.T) {
		wantOptions(t, "24 06 00 00 00000000 01 02 0000",
			Options{Present: set(OptionIPv4HomeAddressRequest), IPv4HomeAddressRequest: netip.MustParsePrefix("0.0.0.0/0")})
	})
	t.Run("Reply, router and mode", func(t *testing.T) {
		wantOptions(t, "25 06 84 80 c0000207 26 06 0000 c0000201 27 02 0001", Options{
			Present:              set(OptionIPv4HomeAddressReply, OptionIPv4DefaultRouter, OptionIPv4DHCPSupportMode),
			IPv4HomeAddressReply: IPv4HomeAddressReply{IPv4HomeAddressDynamicNotAvailable, netip.MustParsePrefix("192.0.2.7/32")},
			IPv4DefaultRouter:    netip.MustParseAddr("192.0.2.1"),
			IPv4DHCPSupportMode:  DHCPServer,
		})
	})
	t.Run("a second request, which RFC 5844 section 3.1.2.1 has the anchor reject", func(t *testing.T) {
		var m BindingUpdate
		if err := m.Decode(updateOf(octets(t, "24 06 60 00 c0000207 24 06 60 00 c0000208"))); err != nil {
			t.Fatal(err)
		}
		want := Options{
			Present: set(OptionIPv4HomeAddressRequest), IPv4HomeAddressRequest: netip.MustParsePrefix("192.0.2.7/24"),
			Unknown: []RawOption{{OptionIPv4HomeAddressRequest, "\x60\x00\xc0\x00\x02\x08"}},
		}
		if d := diff(want, m.Options); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

// Reserved bits are the sender's to clear and the receiver's to ignore (RFC 5844 sections 3.3.1 to 3.3.4).
func TestIPv4OptionsIgnoreReservedBits(t *testing.T) {
	var m BindingUpdate
	if err := m.Decode(updateOf(octets(t, "24 06 63 ff c0000207 25 06 00 63 c0000207 26 06 ffff c0000201 27 02 fffe"))); err != nil {
		t.Fatal(err)
	}
	want := Options{
		Present:                set(OptionIPv4HomeAddressRequest, OptionIPv4HomeAddressReply, OptionIPv4DefaultRouter, OptionIPv4DHCPSupportMode),
		IPv4HomeAddressRequest: netip.MustParsePrefix("192.0.2.7/24"),
		IPv4HomeAddressReply:   IPv4HomeAddressReply{IPv4HomeAddressSuccess, netip.MustParsePrefix("192.0.2.7/24")},
		IPv4DefaultRouter:      netip.MustParseAddr("192.0.2.1"),
		IPv4DHCPSupportMode:    DHCPRelay,
	}
	if d := diff(want, m.Options); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestIPv4OptionErrors(t *testing.T) {
	wantBadOption(t, "24 06 84 00 c0000207", DecodeError{14, "IPv4 Home Address Request option", "has prefix length 33, want 0 to 32", Drop})
	wantBadOption(t, "25 06 00 fc c0000207", DecodeError{15, "IPv4 Home Address Reply option", "has prefix length 63, want 0 to 32", Drop})
	wantBadOption(t, "26 04 0000 c000", DecodeError{13, "IPv4 Default-Router Address option", "has length 4, want 6", Drop})
	wantBadOption(t, "27 01 00 00", DecodeError{13, "IPv4 DHCP Support Mode option", "has length 1, want 2", Drop})

	wantEncodeError(t, Options{Present: set(OptionIPv4HomeAddressRequest)}, "IPv4 Home Address Request", "0.0.0.0/0")
	wantEncodeError(t, Options{Present: set(OptionIPv4HomeAddressReply), IPv4HomeAddressReply: IPv4HomeAddressReply{0, netip.MustParsePrefix("2001:db8::/64")}},
		"IPv4 Home Address Reply", "2001:db8::/64")
	wantEncodeError(t, Options{Present: set(OptionIPv4DefaultRouter), IPv4DefaultRouter: netip.MustParseAddr("2001:db8::1")}, "IPv4 Default-Router Address", "2001:db8::1")
}

func TestIPv4OptionNames(t *testing.T) {
	for status, want := range map[IPv4HomeAddressStatus]bool{IPv4HomeAddressSuccess: true, 127: true, IPv4HomeAddressReasonUnspecified: false} {
		if status.Accepted() != want {
			t.Errorf("%v: Accepted is %v, want %v", status, !want, want)
		}
	}
	wantNames(t, map[fmt.Stringer]string{
		IPv4HomeAddressSuccess: "success", IPv4HomeAddressIncorrect: "incorrect_ipv4_home_address", IPv4HomeAddressStatus(133): "status_133",
		DHCPRelay: "relay", DHCPServer: "server",
	})
}

// ipv4Options are what an anchor answers to a request for an IPv4 home address, and more.
func ipv4Options() Options {
	return Options{
		Present: set(OptionIPv4HomeAddressRequest, OptionIPv4HomeAddressReply, OptionIPv4DefaultRouter, OptionIPv4DHCPSupportMode,
			OptionServiceSelection, OptionBindingRefreshAdvice, OptionRestartCounter),
		IPv4HomeAddressRequest: netip.MustParsePrefix("192.0.2.7/24"),
		IPv4HomeAddressReply:   IPv4HomeAddressReply{IPv4HomeAddressIncorrect, netip.MustParsePrefix("192.0.2.8/25")},
		IPv4DefaultRouter:      netip.MustParseAddr("192.0.2.1"),
		IPv4DHCPSupportMode:    DHCPServer,
		ServiceSelection:       "internet",
		BindingRefreshAdvice:   75,
		RestartCounter:         9,
	}
}

func TestIPv4OptionAllocations(t *testing.T) {
	options := ipv4Options()
	message := &BindingUpdate{Options: options}
	payload := encoded(t, message)
	var m BindingUpdate
	wantAllocations(t, "Decode", 1, func() error { return m.Decode(payload) })
	wantAllocations(t, "AppendTo nil", 1, func() error { _, err := message.AppendTo(nil); return err })
}
