package mh

import (
	"strings"
	"testing"

	"netlmm/mobility"
)

func TestMobileNodeIDOption(t *testing.T) {
	for _, test := range []struct {
		name, vector string
		id           mobility.MobileNodeID
	}{
		{"NAI, RFC 4283 3.1", "08 04 01 614062 01 04 00000000", mobility.NAI("a@b")},
		{"EUI-48, RFC 8371 4.3", "08 07 05 02000000000a 01 01 00", mobility.EUI48([6]byte{2, 0, 0, 0, 0, 10})},
		{"DUID, RFC 8371 4.5", "08 05 08 00030001 01 03 000000", mobility.MobileNodeID{Subtype: mobility.SubtypeDUID, Value: "\x00\x03\x00\x01"}},
		{"subtype of the future", "08 02 ff 00", mobility.MobileNodeID{Subtype: 255, Value: "\x00"}},
		{"no identifier", "08 01 01 00", mobility.MobileNodeID{Subtype: mobility.SubtypeNAI}},
		{"all zero", "08 01 00 00", mobility.MobileNodeID{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantOptions(t, test.vector, Options{Present: set(OptionMobileNodeID), MobileNodeID: test.id})
		})
	}
}

func TestMobileNodeIDOptionLength(t *testing.T) {
	longest := Options{Present: set(OptionMobileNodeID), MobileNodeID: mobility.NAI(strings.Repeat("x", 254))}
	if b, err := (&BindingUpdate{Options: longest}).AppendTo(nil); err != nil || b[13] != 255 {
		t.Errorf("an identifier of 254 octets: %v", err)
	}
	wantEncodeError(t, Options{Present: set(OptionMobileNodeID), MobileNodeID: mobility.NAI(strings.Repeat("x", 255))}, "Mobile Node Identifier", "256", "255")
}
