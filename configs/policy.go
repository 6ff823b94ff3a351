package configs

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
)

// longestNAI is what the option of an NAI (RFC 4283) holds in the messages of netlmm, in octets.
const longestNAI = 250

// policy reads the profiles, none with more than mostPrefixes. fallback is nil when policy.default is deny.
func (p *problems) policy(raw rawPolicy, defaultLMA netip.Addr, mostPrefixes int) (profiles []mobility.Profile, fallback *mobility.Profile) {
	seen := map[mobility.MobileNodeID]bool{}
	for i, node := range raw.MobileNodes {
		at := fmt.Sprintf("policy.mobile_nodes[%d]", i)
		profile := p.profile(at, node, defaultLMA)
		if !profile.MobileNodeID.IsZero() && seen[profile.MobileNodeID] {
			p.add(at, profile.MobileNodeID.String(), "stands twice: keep one")
		}
		seen[profile.MobileNodeID] = true
		p.profilePrefixes(at+".home_network_prefixes", profile.HomeNetworkPrefixes, mostPrefixes)
		profiles = append(profiles, profile)
	}
	if p.oneOf("policy.default", raw.Default, "allow", "deny") == "allow" {
		fallback = &mobility.Profile{ProxyRegistration: true, LMAAddress: defaultLMA}
	}
	return profiles, fallback
}

func (p *problems) profile(at string, node rawMobileNode, defaultLMA netip.Addr) mobility.Profile {
	profile := mobility.Profile{ProxyRegistration: node.ProxyRegistration == nil || *node.ProxyRegistration, LMAAddress: defaultLMA,
		HomeNetworkPrefixes: p.prefixes(at+".home_network_prefixes", node.HomeNetworkPrefixes)}
	switch {
	case (node.NAI == "") == (node.MAC == ""):
		p.add(at, "", "want exactly one of nai and mac")
	case node.NAI != "":
		profile.MobileNodeID = mobility.NAI(node.NAI)
		p.notLonger(at+".nai", node.NAI, longestNAI)
	default:
		profile.MobileNodeID = mobility.EUI48(p.mac(at+".mac", node.MAC))
	}
	if node.LMA != "" {
		profile.LMAAddress = p.address(at+".lma", node.LMA)
	}
	if node.Lifetime != "" {
		profile.Lifetime = p.duration(at+".lifetime", node.Lifetime, minLifetime, maxLifetime)
	}
	return profile
}

func (p *problems) profilePrefixes(key string, prefixes []netip.Prefix, most int) {
	if len(prefixes) > most {
		p.add(key, "", fmt.Sprintf("has %d prefixes: want at most %d for one mobile node", len(prefixes), most))
	}
	for i, prefix := range prefixes {
		if slices.Contains(prefixes[:i], prefix) {
			p.add(fmt.Sprintf("%s[%d]", key, i), prefix.String(), "stands twice: keep one")
		}
	}
}

// Bounds of a binding's lifetime: one unit of the Lifetime field, and all of them (RFC 6275 section 6.1.7).
const (
	minLifetime = 4 * time.Second
	maxLifetime = 65535 * 4 * time.Second
)
