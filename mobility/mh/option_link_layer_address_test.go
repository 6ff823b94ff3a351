package mh

import (
	"strings"
	"testing"
)

func TestLinkLayerAddressOption(t *testing.T) {
	wantOptions(t, "07 07 02 020000000001 01 01 00", Options{
		Present: set(OptionLinkLayerAddress), LinkLayerAddress: LinkLayerAddress{LinkLayerAddressOfMobileNode, "\x02\x00\x00\x00\x00\x01"},
	})
	wantOptions(t, "07 01 00 00", Options{Present: set(OptionLinkLayerAddress)})
	wantBadOption(t, "07 00 01 00", DecodeError{13, "Mobility Header Link-layer Address option", "has length 0, want 1 to 255", Drop})
	wantEncodeError(t, Options{Present: set(OptionLinkLayerAddress), LinkLayerAddress: LinkLayerAddress{2, strings.Repeat("x", 255)}}, "Link-layer Address", "256")
}
