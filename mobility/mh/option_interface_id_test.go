package mh

import (
	"fmt"
	"testing"
)

func TestLinkLocalInterfaceIDOption(t *testing.T) {
	id := InterfaceID{2, 0, 0, 0xff, 0xfe, 0, 0, 1}
	wantOptions(t, "2a 0a 0000 020000fffe000001", Options{Present: set(OptionLinkLocalInterfaceID), LinkLocalInterfaceID: id})
	wantBadOption(t, "2a 09 0000 020000fffe0000 00 0000", DecodeError{13, "Mobile Node Link-local Address Interface Identifier option", "has length 9, want 10", Drop})
	wantNames(t, map[fmt.Stringer]string{id: "0200:00ff:fe00:0001"})
}
