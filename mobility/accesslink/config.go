package accesslink

import (
	"fmt"
	"net/netip"

	"netlmm/mobility"
)

// minimumMTU of an IPv6 link, RFC 8200 section 5.
const minimumMTU = 1280

// Config is what an access link is told at start.
type Config struct {
	Interface string

	// LinkLocalAddress is this router's only link-local address on the interface (RFC 5213 section 9.3,
	// FixedMAGLinkLocalAddressOnAllAccessLinks). The zero Addr stands for RFC 6543's.
	LinkLocalAddress netip.Addr

	// LinkLayerAddress is this router's on the interface (RFC 5213 section 9.3, FixedMAGLinkLayerAddressOnAllAccessLinks).
	// All zero leaves the interface its own; mobile nodes then see a new router after every handover.
	LinkLayerAddress [6]byte

	// MTU is advertised to mobile nodes: that of the tunnel to the LMA (RFC 5213 section 6.9.2). 0 advertises none. The
	// interface keeps its own.
	MTU int
}

// DefaultConfig is the configuration of an interface with the addresses of RFC 6543 section 4.
func DefaultConfig(name string) Config {
	return Config{Interface: name, LinkLocalAddress: mobility.FixedMAGLinkLocalAddress, LinkLayerAddress: mobility.FixedMAGLinkLayerAddress}
}

func (c Config) complete() (Config, error) {
	if !c.LinkLocalAddress.IsValid() {
		c.LinkLocalAddress = mobility.FixedMAGLinkLocalAddress
	}
	switch {
	case c.Interface == "":
		return c, fmt.Errorf("access link: the interface has no name")
	case !c.LinkLocalAddress.Is6() || !c.LinkLocalAddress.IsLinkLocalUnicast() || c.LinkLocalAddress.Zone() != "":
		return c, fmt.Errorf("access link %s: link-local address %s is none: want one of fe80::/64, such as %s", c.Interface, c.LinkLocalAddress, mobility.FixedMAGLinkLocalAddress)
	case c.LinkLayerAddress[0]&1 != 0:
		return c, fmt.Errorf("access link %s: link-layer address %x is a group address: want a unicast one", c.Interface, c.LinkLayerAddress)
	case c.MTU != 0 && (c.MTU < minimumMTU || c.MTU > 65535):
		return c, fmt.Errorf("access link %s: MTU %d: want %d to 65535, or 0 to advertise none", c.Interface, c.MTU, minimumMTU)
	}
	return c, nil
}
