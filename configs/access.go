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
	LinkLayerAddress     [6]byte // zero: the interface keeps its own
	MTU                  int     // 0: the tunnel's
}

type rawAccessLink struct {
	Interface            string `mapstructure:"interface"`
	AccessTechnologyType string `mapstructure:"access_technology_type"`
	LinkLocalAddress     string `mapstructure:"link_local_address"`
	LinkLayerAddress     string `mapstructure:"link_layer_address"`
	MTU                  int    `mapstructure:"mtu"`
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
		link := AccessLink{Interface: p.interfaceName(at+".interface", raw.Interface), MTU: raw.MTU, AccessTechnologyType: mobility.AccessWLAN,
			LinkLocalAddress: mobility.FixedMAGLinkLocalAddress, LinkLayerAddress: mobility.FixedMAGLinkLayerAddress}
		if seen[raw.Interface] {
			p.add(at+".interface", raw.Interface, "stands twice: keep one")
		}
		seen[raw.Interface] = true
		if uplink != "" && raw.Interface == uplink {
			p.add(at+".interface", raw.Interface, "is forwarding.uplink: mobile nodes and the core need an interface each")
		}
		if raw.AccessTechnologyType != "" {
			p.oneOf(at+".access_technology_type", raw.AccessTechnologyType, "wlan", "ethernet", "wimax", "virtual", "ppp")
			link.AccessTechnologyType = accessTechnologies[raw.AccessTechnologyType]
		}
		if raw.LinkLocalAddress != "" {
			a, err := netip.ParseAddr(raw.LinkLocalAddress)
			if err != nil || !a.IsLinkLocalUnicast() || !a.Is6() || a.Zone() != "" {
				p.add(at+".link_local_address", raw.LinkLocalAddress, "want an IPv6 link-local address such as fe80::200:5eff:fe00:5213")
			}
			link.LinkLocalAddress = a
		}
		switch raw.LinkLayerAddress {
		case "":
		case "own":
			link.LinkLayerAddress = [6]byte{}
		default:
			link.LinkLayerAddress = p.mac(at+".link_layer_address", raw.LinkLayerAddress)
		}
		if raw.MTU != 0 && (raw.MTU < 1280 || raw.MTU > 65535) {
			p.add(at+".mtu", fmt.Sprint(raw.MTU), "want 1280 to 65535 (RFC 8200 section 5), or 0 for the tunnel's")
		}
		links = append(links, link)
	}
	return links
}
