package mh

import (
	"testing"

	"netlmm/mobility"
)

func TestHandoffIndicatorOption(t *testing.T) {
	wantOptions(t, "17 02 00 05", Options{Present: set(OptionHandoffIndicator), HandoffIndicator: mobility.HandoffStateNotChanged})
	wantOptions(t, "17 02 00 ff", Options{Present: set(OptionHandoffIndicator), HandoffIndicator: 255})
}

func TestAccessTechnologyTypeOption(t *testing.T) {
	wantOptions(t, "18 02 00 04", Options{Present: set(OptionAccessTechnologyType), AccessTechnologyType: mobility.AccessWLAN})
	wantOptions(t, "18 02 00 00", Options{Present: set(OptionAccessTechnologyType)}) // as a peer in the captures sends it
}

// Reserved octets are the sender's to clear and the receiver's to ignore (RFC 5213 sections 8.4 and 8.5).
func TestReservedOctetsAreIgnored(t *testing.T) {
	var m BindingUpdate
	if err := m.Decode(updateOf(octets(t, "17 02 ff 04 18 02 ff 03 19 02 ffff"))); err != nil {
		t.Fatal(err)
	}
	want := Options{
		Present:              set(OptionHandoffIndicator, OptionAccessTechnologyType, OptionMobileNodeLinkLayerID),
		HandoffIndicator:     mobility.HandoffStateUnknown,
		AccessTechnologyType: mobility.AccessEthernet,
	}
	if d := diff(want, m.Options); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
