package configs

import (
	"fmt"
	"net/netip"

	"netlmm/mobility"
)

// AccessLink is one interface that mobile nodes are reached on.
type AccessLink struct {
	Interface            string
	AccessTechnologyType mobility.AccessTechnologyType
	LinkLocalAddress     netip.Addr
	AnchorLinkLocal      bool    // no fixed link-local address: the anchor gives one for each mobile node; LinkLocalAddress is zero
	LinkLayerAddress     [6]byte // zero: the interface keeps its own
	MTU                  int     // 0: the tunnel's
	DHCPv4               bool    // serve IPv4 home addresses (RFC 5844 section 3.4)
	DHCPv4Servers        []netip.Addr
	DHCPv6               string // server, relay, off (RFC 5213 section 6.11)
	DHCPv6Servers        []netip.Addr
}

type rawAccessLink struct {
	Interface            string   `mapstructure:"interface"`
	AccessTechnologyType string   `mapstructure:"access_technology_type" default:"wlan"`
	LinkLocalAddress     string   `mapstructure:"link_local_address" default:"fe80::200:5eff:fe00:5213"`
	LinkLayerAddress     string   `mapstructure:"link_layer_address" default:"00:00:5e:00:52:13"`
	MTU                  int      `mapstructure:"mtu" default:"0"`
	DHCPv4               *bool    `mapstructure:"dhcpv4" default:"true"`
	DHCPv4Servers        []string `mapstructure:"dhcpv4_servers"`
	DHCPv6               string   `mapstructure:"dhcpv6" default:"off"`
	DHCPv6Servers        []string `mapstructure:"dhcpv6_servers"`
}

var accessTechnologies = map[string]mobility.AccessTechnologyType{"wlan": mobility.AccessWLAN, "ethernet": mobility.AccessEthernet, "wimax": mobility.AccessWiMAX, "virtual": mobility.AccessVirtual, "ppp": mobility.AccessPPP}

// maximumAccessLinks is how many interfaces the packet rules of one gateway tell apart.
const maximumAccessLinks = 255

func (p *problems) accessLinks(raws []rawAccessLink, uplink string) []AccessLink {
	if len(raws) == 0 {
		p.add("access_links", "", "is missing: want at least one access link with its interface")
	}
	if len(raws) > maximumAccessLinks {
		p.add("access_links", "", fmt.Sprintf("has %d interfaces: want at most %d, so join some of them to bridges", len(raws), maximumAccessLinks))
	}
	seen := map[string]bool{}
	var links []AccessLink
	for i, raw := range raws {
		at := fmt.Sprintf("access_links[%d]", i)
		if seen[raw.Interface] {
			p.add(at+".interface", raw.Interface, "stands twice: keep one")
		}
		seen[raw.Interface] = true
		if uplink != "" && raw.Interface == uplink {
			p.add(at+".interface", raw.Interface, "is forwarding.uplink: mobile nodes and the core need an interface each")
		}
		links = append(links, p.accessLink(at, raw))
	}
	return links
}

// accessLink reads one entry; what it leaves out is filled in already.
func (p *problems) accessLink(at string, raw rawAccessLink) AccessLink {
	p.oneOf(at+".access_technology_type", raw.AccessTechnologyType, "wlan", "ethernet", "wimax", "virtual", "ppp")
	link := AccessLink{
		Interface: p.interfaceName(at+".interface", raw.Interface), AccessTechnologyType: accessTechnologies[raw.AccessTechnologyType], MTU: raw.MTU,
		AnchorLinkLocal: raw.LinkLocalAddress == "anchor", DHCPv4: *raw.DHCPv4,
	}
	if !link.AnchorLinkLocal {
		link.LinkLocalAddress = p.linkLocal(at+".link_local_address", raw.LinkLocalAddress, "anchor for what the LMA gives")
	}
	if raw.LinkLayerAddress != "own" {
		link.LinkLayerAddress = p.mac(at+".link_layer_address", raw.LinkLayerAddress)
	}
	if raw.MTU != 0 && (raw.MTU < minimumMTU || raw.MTU > 65535) {
		p.add(at+".mtu", fmt.Sprint(raw.MTU), "want 1280 to 65535 (RFC 8200 section 5), or 0 for the tunnel's")
	}
	for j, server := range raw.DHCPv4Servers {
		link.DHCPv4Servers = append(link.DHCPv4Servers, p.ipv4Address(fmt.Sprintf("%s.dhcpv4_servers[%d]", at, j), server))
	}
	p.few(at+".dhcpv4_servers", len(raw.DHCPv4Servers), maximumDHCPServers)
	p.dhcpv6(at, raw, &link)
	return link
}

// linkLocal reads an IPv6 link-local address; instead says which word may stand in its place.
func (p *problems) linkLocal(key, value, instead string) netip.Addr {
	a, err := netip.ParseAddr(value)
	if err != nil || !a.IsLinkLocalUnicast() || !a.Is6() || a.Zone() != "" {
		p.add(key, value, "want an IPv6 link-local address such as fe80::200:5eff:fe00:5213, or "+instead)
	}
	return a
}

// maximumDHCPServers is how many servers of one IP version a relay of one access link writes to.
const maximumDHCPServers = 8

func (p *problems) few(key string, n, most int) {
	if n > most {
		p.add(key, "", fmt.Sprintf("has %d entries: want at most %d", n, most))
	}
}

func (p *problems) dhcpv6(at string, raw rawAccessLink, link *AccessLink) {
	link.DHCPv6 = p.oneOf(at+".dhcpv6", raw.DHCPv6, "server", "relay", "off")
	for i, server := range raw.DHCPv6Servers {
		link.DHCPv6Servers = append(link.DHCPv6Servers, p.address(fmt.Sprintf("%s.dhcpv6_servers[%d]", at, i), server))
	}
	switch key := at + ".dhcpv6_servers"; {
	case link.DHCPv6 == "relay" && len(raw.DHCPv6Servers) == 0:
		p.add(key, "", "is missing: want the addresses of the DHCPv6 servers that dhcpv6: relay writes to")
	case link.DHCPv6 != "relay" && len(raw.DHCPv6Servers) > 0:
		p.add(key, "", "has no effect without dhcpv6: relay: take it away, or set that")
	}
	p.few(at+".dhcpv6_servers", len(raw.DHCPv6Servers), maximumDHCPServers)
}
