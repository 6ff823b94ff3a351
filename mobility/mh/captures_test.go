package mh

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"netlmm/mobility"
)

// capture returns the octets of one line of testdata/captures.txt, such as "opmip 4".
func capture(t *testing.T, name string) []byte {
	t.Helper()
	lines, err := os.ReadFile("testdata/captures.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		if hex, ok := strings.CutPrefix(line, name+" "); ok {
			return octets(t, hex)
		}
	}
	t.Fatalf("testdata/captures.txt has no %q", name)
	return nil
}

// This peer is well-formed. It does not align the Home Network Prefix, pads with Pad1 and sends access technology 0.
func TestCapturesOfOpmip(t *testing.T) {
	options := Options{
		Present:             set(OptionMobileNodeID, OptionHomeNetworkPrefix, OptionHandoffIndicator, OptionAccessTechnologyType),
		MobileNodeID:        mobility.NAI("mn1@example.net"),
		HomeNetworkPrefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:aaaa:1::/64")},
		HandoffIndicator:    mobility.HandoffStateUnknown,
	}
	for _, test := range []struct {
		name      string
		want, got codec
	}{
		{"opmip 4", &BindingUpdate{0x1406, UpdateAcknowledge | UpdateProxy, 15, options}, &BindingUpdate{}},
		{"opmip 5", &BindingAcknowledgement{mobility.StatusAccepted, AcknowledgementProxy, 0x1406, 15, options}, &BindingAcknowledgement{}},
		{"opmip 18", &BindingUpdate{0x1411, UpdateAcknowledge | UpdateProxy, 15, options}, &BindingUpdate{}},
		{"opmip 19", &BindingAcknowledgement{mobility.StatusAccepted, AcknowledgementProxy, 0x1411, 15, options}, &BindingAcknowledgement{}},
		{"opmip 33", &Raw{0, []byte{0, 0}}, &Raw{}},
		{"opmip 41", &BindingUpdate{1, UpdateAcknowledge, 15, Options{}}, &BindingUpdate{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.got.Decode(capture(t, test.name)); err != nil {
				t.Fatal(err)
			}
			if d := diff(test.want, test.got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// This peer rounds Header Len down, so that its last option runs four octets past the declared end (wire/pmipv6.md section 6).
func TestCapturesOfOAI(t *testing.T) {
	t.Run("oai 4", func(t *testing.T) {
		wantDecodeError(t, new(BindingUpdate).Decode(capture(t, "oai 4")), DecodeError{75, "Timestamp option", "needs 10 octets, Header Len leaves 6", Drop})
	})
	t.Run("oai 5", func(t *testing.T) {
		wantDecodeError(t, new(BindingAcknowledgement).Decode(capture(t, "oai 5")), DecodeError{67, "Timestamp option", "needs 10 octets, Header Len leaves 6", Drop})
	})
}
