package mh

import (
	"strings"
	"testing"

	"netlmm/mobility"
)

// The start of the option follows from the size of the identifier (RFC 5213 section 8.6): 8 octets stand at a multiple of 8,
// 6 at a multiple of 2. The Binding Update's options begin at 12 = 8n+4, where 8 octets need no padding.
func TestLinkLayerIDOption(t *testing.T) {
	for _, test := range []struct {
		name, vector string
		id           mobility.MobileNodeLinkLayerID
	}{
		{"MAC", "19 08 0000 020000000001 01 00", mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, 1})},
		{"EUI-64", "19 0a 0000 020000fffe000001", "\x02\x00\x00\xff\xfe\x00\x00\x01"},
		{"three octets", "19 05 0000 616263 01 03 000000", "abc"},
		{"none", "19 02 0000", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantOptions(t, test.vector, Options{Present: set(OptionMobileNodeLinkLayerID), MobileNodeLinkLayerID: test.id})
		})
	}
}

func TestLinkLayerIDOptionAlignment(t *testing.T) {
	for _, test := range []struct{ size, multiple, offset int }{{0, 2, 0}, {1, 2, 0}, {2, 2, 0}, {4, 4, 0}, {6, 2, 0}, {8, 8, 4}, {12, 4, 0}, {16, 8, 4}, {20, 4, 0}} {
		for before := range 8 {
			e := encoder{buf: make([]byte, before)}
			e.linkLayerID(mobility.MobileNodeLinkLayerID(strings.Repeat("x", test.size)))
			at := len(e.buf) - test.size - 4
			if at%test.multiple != test.offset || at-before >= test.multiple {
				t.Errorf("%d octets after %d: at %d, want the next %dn+%d", test.size, before, at, test.multiple, test.offset)
			}
		}
	}
}

func TestLinkLayerIDOptionTooLong(t *testing.T) {
	wantEncodeError(t, Options{Present: set(OptionMobileNodeLinkLayerID), MobileNodeLinkLayerID: mobility.MobileNodeLinkLayerID(strings.Repeat("x", 254))},
		"Mobile Node Link-layer Identifier", "256", "255")
}
