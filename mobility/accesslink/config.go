package accesslink

import (
	"fmt"
	"net/netip"
	"time"

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

	// DHCPv4 serves mobile nodes that have an IPv4 home address (RFC 5844 section 3.4), or relays for them where their Offer
	// says so: then Relay has an IPv4 address and DHCPv4Servers lists servers.
	DHCPv4        bool
	DHCPv4Servers []netip.Addr

	// DHCPv6 is RFC 5213 section 6.11; empty: off. A relay agent needs Relay and DHCPv6Servers.
	DHCPv6        DHCPv6Mode
	DHCPv6Servers []netip.Addr // unicast, or ff05::1:3, All_DHCP_Servers

	Relay *Relay // of all access links

	// DNSServers are told by the DHCP servers: those of each IP version in its own protocol.
	DNSServers []netip.Addr

	// PresenceWindow is how long after Probe a sign of life is reported: longer than what lies between two probes of a MAG,
	// which is its MaxBindackTimeout at most. 0: a minute, for a MaxBindackTimeout of 32 s.
	PresenceWindow time.Duration
}

// DHCPv6Mode says who answers DHCPv6.
type DHCPv6Mode string

// Modes of DHCPv6.
const (
	DHCPv6Off    DHCPv6Mode = "off"
	DHCPv6Server DHCPv6Mode = "server"
	DHCPv6Relay  DHCPv6Mode = "relay"
)

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
	if c.DHCPv6 == "" {
		c.DHCPv6 = DHCPv6Off
	}
	if c.PresenceWindow <= 0 {
		c.PresenceWindow = defaultPresenceWindow
	}
	return c, c.checkDHCP()
}

func (c Config) checkDHCP() error {
	if c.DHCPv6 != DHCPv6Off && c.DHCPv6 != DHCPv6Server && c.DHCPv6 != DHCPv6Relay {
		return fmt.Errorf("access link %s: DHCPv6 %q: want %s, %s or %s", c.Interface, c.DHCPv6, DHCPv6Off, DHCPv6Server, DHCPv6Relay)
	}
	if c.DHCPv6 == DHCPv6Relay && (c.Relay == nil || len(c.DHCPv6Servers) == 0) {
		return fmt.Errorf("access link %s: DHCPv6 relay agent: want a relay and at least one server", c.Interface)
	}
	for _, server := range c.DHCPv6Servers {
		if !server.Is6() || server.Is4In6() || server.IsUnspecified() || server.Zone() != "" || server.IsLinkLocalUnicast() {
			return fmt.Errorf("access link %s: DHCPv6 server %s: want an IPv6 address that is not link-local", c.Interface, server)
		}
	}
	for _, server := range c.DHCPv4Servers {
		if !server.Is4() || !server.IsGlobalUnicast() {
			return fmt.Errorf("access link %s: DHCPv4 server %s: want a unicast IPv4 address", c.Interface, server)
		}
	}
	if len(c.DHCPv4Servers) != 0 && (c.Relay == nil || c.Relay.v4 == nil) {
		return fmt.Errorf("access link %s: DHCPv4 relay agent: want a relay with an IPv4 address", c.Interface)
	}
	return nil
}
