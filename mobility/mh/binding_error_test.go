package mh

import (
	"net/netip"
	"testing"
)

func TestBindingError(t *testing.T) {
	used := func() *BindingError { return &BindingError{9, netip.MustParseAddr("2001:db8::99"), usedOptions()} }
	t.Run("no options, RFC 6275 6.1.9: Header Len 2", func(t *testing.T) {
		wantVector(t, octets(t, "3b 02 07 00 0000 01 00 20010db8000000000000000000000007"),
			&BindingError{Status: UnknownBinding, HomeAddress: netip.MustParseAddr("2001:db8::7")}, used())
	})
	t.Run("unknown MH type and an option", func(t *testing.T) {
		wantVector(t, octets(t, "3b 03 07 00 0000 02 00 00000000000000000000000000000000 c8 01 aa 01 03 000000"),
			&BindingError{Status: UnknownMHType, HomeAddress: netip.IPv6Unspecified(), Options: Options{Unknown: []RawOption{{200, "\xaa"}}}}, used())
	})
}

func TestBindingErrorIsEmptyAfterAnError(t *testing.T) {
	m := BindingError{9, netip.IPv6Unspecified(), usedOptions()}
	if err := m.Decode(octets(t, "3b 03 07 00 0000 01 00 20010db8000000000000000000000007 c8 07 0000000000 00")); err == nil {
		t.Fatal("an option past the end was accepted")
	}
	if d := diff(BindingError{}, m); d != "" {
		t.Errorf("left (-want +got):\n%s", d)
	}
}

func TestBindingErrorNeedsAnIPv6Address(t *testing.T) {
	for _, a := range []netip.Addr{{}, netip.MustParseAddr("192.0.2.1")} {
		if b, err := (&BindingError{Status: UnknownMHType, HomeAddress: a}).AppendTo(nil); err == nil || len(b) != 0 {
			t.Errorf("home address %v: got %x, %v, want an error", a, b, err)
		}
	}
}
