package mh

import (
	"bytes"
	"net/netip"
	"testing"

	"netlmm/mobility"
)

// What the strict decoder drops (TestCapturesOfOAI) is a message of this peer, whose Timestamp has its octets in an order of its
// own: they come back as they were, which is what the peer compares.
func TestRepairHeaderLenOfOAI(t *testing.T) {
	options := Options{
		Present:               set(OptionMobileNodeID, OptionHomeNetworkPrefix, OptionMobileNodeLinkLayerID, OptionTimestamp),
		MobileNodeID:          mobility.NAI("\x00\x00\x02\x00\x00\x00\x00\xa1"),
		HomeNetworkPrefixes:   []netip.Prefix{netip.MustParsePrefix("2001:db8:aaaa:1::/128")},
		MobileNodeLinkLayerID: "\x00\x00\x00\xff\xfe\x00\x00\xa1",
		Timestamp:             0x026b000069937c14,
	}
	requested := options
	requested.Present.Add(OptionHandoffIndicator, OptionAccessTechnologyType)
	requested.HandoffIndicator, requested.AccessTechnologyType = mobility.HandoffBetweenMAGsSameInterface, mobility.AccessWLAN
	for _, test := range []struct {
		name      string
		want, got codec
	}{
		{"oai 4", &BindingUpdate{0, UpdateAcknowledge | UpdateProxy, 2, requested}, &BindingUpdate{}},
		{"oai 5", &BindingAcknowledgement{mobility.StatusAccepted, 0, 0, 2, options}, &BindingAcknowledgement{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			payload := capture(t, test.name)
			before := bytes.Clone(payload)
			if err := test.got.Decode(RepairHeaderLen(payload)); err != nil {
				t.Fatal(err)
			}
			if d := diff(test.want, test.got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if !bytes.Equal(payload, before) {
				t.Errorf("the payload changed to %x", payload)
			}
			if echo := encoded(t, test.got); !bytes.Contains(echo, octets(t, "1b 08 026b000069937c14")) {
				t.Errorf("the octets of the timestamp are not in %x", echo)
			}
		})
	}
}

func TestRepairHeaderLen(t *testing.T) {
	for _, test := range []struct{ name, payload, want string }{
		{"as it should be", "3b 01 05 00 0000 0001 8200 000f 01020000", "3b 01 05 00 0000 0001 8200 000f 01020000"},
		{"an octet more", "3b 01 05 00 0000 0001 8200 000f c8030000 00", "3b 02 05 00 0000 0001 8200 000f c8030000 00 00000000000000"},
		{"seven octets more", "3b 00 05 00 0000 0001 8200 000f 000000", "3b 01 05 00 0000 0001 8200 000f 000000 00"},
		{"eight octets more are another thing", "3b 00 05 00 0000 0001 8200 000f 01020000", "3b 00 05 00 0000 0001 8200 000f 01020000"},
		{"truncated", "3b 02 05 00 0000 0001 8200 000f 01", "3b 02 05 00 0000 0001 8200 000f 01"},
		{"too short", "3b 00 05", "3b 00 05"},
		{"empty", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := RepairHeaderLen(octets(t, test.payload)); !bytes.Equal(got, octets(t, test.want)) {
				t.Errorf("got %x, want %s", got, test.want)
			}
		})
	}
	t.Run("the longest, which cannot be longer", func(t *testing.T) {
		longest := append([]byte{59, 255, 5}, make([]byte, maxLength)...)
		if got := RepairHeaderLen(longest); !bytes.Equal(got, longest) {
			t.Errorf("changed to %x", got)
		}
	})
}
