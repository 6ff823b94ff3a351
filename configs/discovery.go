package configs

import (
	"fmt"
	"net/netip"
	"strings"
)

// Discovery is how MIH Functions are found that the configuration does not name. What is found is no more than a hint where to ask:
// but for laboratories, nobody is believed without an association.
type Discovery struct {
	DNSDomain string // whose servers of mobility services are looked up (RFC 5679); "": none
	DHCP      int    // 4 or 6: the version by which servers on Interface are asked (RFC 5678); 0: none are
	Interface string
	Multicast netip.Addr // group on Interface that hears of this MIH Function, and where it hears of others; zero: none

	Laboratory   bool         // those that are found are believed in clear
	Associations []netip.Addr // else those with these addresses are believed
}

// On says whether anything is looked for.
func (d Discovery) On() bool { return d.DNSDomain != "" || d.DHCP != 0 || d.Multicast.IsValid() }

type rawDiscovery struct {
	DNSDomain string `mapstructure:"dns_domain"`
	DHCP      string `mapstructure:"dhcp"`
	Interface string `mapstructure:"interface"`
	Multicast string `mapstructure:"multicast"`
}

var dhcpVersions = map[string]int{"off": 0, "v4": 4, "v6": 6}

// discovery reads mih.discovery. protected are the peers with an association.
func (p *problems) discovery(function rawMIH, laboratory bool, protected []Peer) Discovery {
	raw := function.Discovery
	d := Discovery{DHCP: dhcpVersions[p.oneOf("mih.discovery.dhcp", raw.DHCP, "off", "v4", "v6")], Interface: raw.Interface, Laboratory: laboratory}
	if raw.Multicast != "" {
		d.Multicast = p.linkGroup("mih.discovery.multicast", raw.Multicast, laboratory)
	}
	switch {
	case d.DHCP != 0 || raw.Multicast != "":
		p.interfaceName("mih.discovery.interface", raw.Interface)
	case raw.Interface != "":
		p.add("mih.discovery.interface", raw.Interface, "has no effect without dhcp or multicast: want v4 or v6, or a group there, or take it away")
	}
	if raw.DNSDomain != "" {
		d.DNSDomain = p.domain("mih.discovery.dns_domain", raw.DNSDomain)
	}
	for _, peer := range protected {
		d.Associations = append(d.Associations, peer.Address)
	}
	switch {
	case !d.On() || laboratory:
	case function.Port != mihPort:
		p.add("mih.port", fmt.Sprint(function.Port), fmt.Sprintf("is not protected, as what is found by mih.discovery shall be: want %d", mihPort))
	case len(protected) == 0:
		p.add("mih.discovery", "", "finds nobody who is believed: want the associations of those that may be found under security.peers")
	}
	return d
}

// linkGroup reads a multicast group of one link. No association is one with a group: what is sent there leaves in clear.
func (p *problems) linkGroup(key, value string, laboratory bool) netip.Addr {
	a, err := netip.ParseAddr(value)
	if err != nil || !a.IsLinkLocalMulticast() || !a.Is6() || a.Zone() != "" {
		p.add(key, value, "want an IPv6 multicast group of one link, such as ff02::4551")
	}
	if !laboratory {
		p.add(key, value, "is heard in clear by everybody on the link, which the packet filter drops: want none, or security.mode none in a laboratory")
	}
	return a
}

// Bounds of a domain name in octets (RFC 1035 section 2.3.4), as people write it.
const (
	longestDomain = 253
	longestLabel  = 63
)

func (p *problems) domain(key, value string) string {
	name := strings.TrimSuffix(value, ".")
	bad := name == "" || len(name) > longestDomain || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' })
	for label := range strings.SplitSeq(name, ".") {
		bad = bad || label == "" || len(label) > longestLabel
	}
	if bad {
		p.add(key, value, "want the name of a domain, such as example.net")
	}
	return name
}
