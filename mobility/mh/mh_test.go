package mh

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"netlmm/mobility"
)

// codec is what all messages have in common.
type codec interface {
	Decode(payload []byte) error
	AppendTo(dst []byte) ([]byte, error)
}

// octets reads hex in which spaces and line ends are free and # begins a comment.
func octets(t testing.TB, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("hex in test: %v", err)
	}
	return b
}

func diff(want, got any) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}))
}

func set(types ...OptionType) (s OptionSet) {
	s.Add(types...)
	return s
}

// wantVector checks both directions between octets and a message; got is the receiver, already used.
func wantVector(t *testing.T, vector []byte, want, got codec) {
	t.Helper()
	if err := got.Decode(vector); err != nil {
		t.Fatalf("Decode: %v", err)
	}
	if d := diff(want, got); d != "" {
		t.Errorf("Decode (-want +got):\n%s", d)
	}
	before := []byte("before")
	b, err := want.AppendTo(before)
	if err != nil {
		t.Fatalf("AppendTo: %v", err)
	}
	if d := cmp.Diff(hex.EncodeToString(slices.Concat(before, vector)), hex.EncodeToString(b)); d != "" {
		t.Errorf("AppendTo (-want +got):\n%s", d)
	}
}

// wantDecodeError checks for a DecodeError at offset in field with the given reaction.
func wantDecodeError(t *testing.T, err error, want DecodeError) {
	t.Helper()
	var got *DecodeError
	if !errors.As(err, &got) {
		t.Fatalf("error %v, want a DecodeError", err)
	}
	if got.Problem == "" || !strings.Contains(got.Error(), got.Field) {
		t.Errorf("error %q does not name field and problem", got)
	}
	if want.Problem == "" {
		want.Problem = got.Problem
	}
	if *got != want {
		t.Errorf("error %+v\nwant  %+v", *got, want)
	}
}

// usedOptions are options as an earlier message may have left them in a receiver.
func usedOptions() Options {
	return Options{
		Present:                ^OptionSet(0),
		MobileNodeID:           mobility.NAI("earlier@example.net"),
		HomeNetworkPrefixes:    []netip.Prefix{netip.MustParsePrefix("2001:db8:dead::/64"), netip.MustParsePrefix("2001:db8:beef::/64")},
		HandoffIndicator:       99,
		AccessTechnologyType:   99,
		MobileNodeLinkLayerID:  "earlier",
		LinkLocalAddress:       netip.MustParseAddr("fe80::99"),
		Timestamp:              99,
		AlternateCareOfAddress: netip.MustParseAddr("2001:db8::99"),
		BindingRefreshAdvice:   99,
		ServiceSelection:       "earlier",
		RestartCounter:         99,
		IPv4HomeAddressRequest: netip.MustParsePrefix("192.0.2.99/24"),
		IPv4HomeAddressReply:   IPv4HomeAddressReply{99, netip.MustParsePrefix("192.0.2.99/24")},
		IPv4DefaultRouter:      netip.MustParseAddr("192.0.2.99"),
		IPv4DHCPSupportMode:    DHCPServer,
		LinkLayerAddress:       LinkLayerAddress{9, "earlier"},
		AddressPrefixes:        []AddressPrefix{{9, netip.MustParsePrefix("2001:db8:dead::1/64")}, {8, netip.MustParsePrefix("2001:db8:beef::/64")}},
		ContextRequest:         []RequestedContext{{99, "earlier"}, {98, "earlier"}},
		LMAAddress:             netip.MustParseAddr("2001:db8::98"),
		LinkLocalInterfaceID:   InterfaceID{9},
		TransientBinding:       TransientBinding{true, 9},
		Unknown:                []RawOption{{99, "earlier"}, {98, "earlier"}},

		IPv4TrafficOffloadSelectors: []IPv4TrafficOffloadSelector{{Mode: 1, Format: 2, Data: "earlier"}, selecting(1, everyRange()), {Data: "earlier", Fault: "earlier"}},
	}
}

// encoded is what AppendTo makes of a message that must be encodable.
func encoded(t testing.TB, m codec) []byte {
	t.Helper()
	b, err := m.AppendTo(nil)
	if err != nil {
		t.Fatalf("AppendTo: %v", err)
	}
	return b
}

// updateOf is an empty Binding Update with the given octets as options, padded by Pad1.
func updateOf(options []byte) []byte {
	b := append([]byte{59, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}, options...)
	for len(b) < 16 || len(b)%8 != 0 {
		b = append(b, 0)
	}
	b[1] = byte(len(b)/8 - 1)
	return b
}

// wantOptions checks both directions between octets and options, in a Binding Update.
func wantOptions(t *testing.T, vector string, want Options) {
	t.Helper()
	wantVector(t, updateOf(octets(t, vector)), &BindingUpdate{Options: want}, &BindingUpdate{Options: usedOptions()})
}

// wantBadOption checks that options after the twelfth octet make a Binding Update undecodable and that nothing of it is left.
func wantBadOption(t *testing.T, vector string, want DecodeError) {
	t.Helper()
	m := BindingUpdate{Options: usedOptions()}
	wantDecodeError(t, m.Decode(updateOf(octets(t, vector))), want)
	if d := diff(BindingUpdate{}, m); d != "" {
		t.Errorf("left after an error (-want +got):\n%s", d)
	}
}

// wantEncodeError checks that options cannot be encoded, and that the message says why.
func wantEncodeError(t *testing.T, o Options, words ...string) {
	t.Helper()
	dst := []byte("before")
	b, err := (&BindingUpdate{Options: o}).AppendTo(dst)
	if err == nil {
		t.Fatalf("AppendTo made %x, want an error", b)
	}
	if string(b) != string(dst) {
		t.Errorf("AppendTo left %q, want %q", b, dst)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}
