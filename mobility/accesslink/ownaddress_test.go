package accesslink

import (
	"net"
	"testing"
)

// TestAnAccessLinkMayKeepItsOwnAddress: all zero stands for no fixed link-layer address (RFC 5213 section 9.3).
func TestAnAccessLinkMayKeepItsOwnAddress(t *testing.T) {
	access := here(t).newAccess()
	before, err := net.InterfaceByName(access)
	if err != nil {
		t.Fatal(err)
	}
	config := DefaultConfig(access)
	config.LinkLayerAddress = [6]byte{}
	l, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	after, err := net.InterfaceByName(access)
	if err != nil {
		t.Fatal(err)
	}
	if after.HardwareAddr.String() != before.HardwareAddr.String() {
		t.Errorf("the address was %v and is %v", before.HardwareAddr, after.HardwareAddr)
	}
}
