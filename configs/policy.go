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

type rawPolicy struct {
	Default     string          `mapstructure:"default"`
	IPv6        bool            `mapstructure:"ipv6"`
	IPv4        bool            `mapstructure:"ipv4"`
	MobileNodes []rawMobileNode `mapstructure:"mobile_nodes"`

	OffloadPolicies []rawOffloadPolicy `mapstructure:"offload_policies"`
	OffloadPolicy   string             `mapstructure:"offload_policy"`
}

// rawMobileNode is one profile. A pointer that is nil means what policy has for everybody, or the daemon.
type rawMobileNode struct {
	NAI                   string   `mapstructure:"nai"`
	MAC                   string   `mapstructure:"mac"`
	ProxyRegistration     *bool    `mapstructure:"proxy_registration" default:"true"`
	LMA                   string   `mapstructure:"lma"`
	IPv6                  *bool    `mapstructure:"ipv6"`
	IPv4                  *bool    `mapstructure:"ipv4"`
	HomeNetworkPrefixes   []string `mapstructure:"home_network_prefixes"`
	IPv4HomeAddress       string   `mapstructure:"ipv4_home_address"`
	EnableMAGLocalRouting *bool    `mapstructure:"enable_mag_local_routing"`
	Lifetime              string   `mapstructure:"lifetime"`
	OffloadPolicy         string   `mapstructure:"offload_policy"`
	AlsoKnownAs           []string `mapstructure:"also_known_as"`   // gateways only
	SeveralDevices        bool     `mapstructure:"several_devices"` // gateways only
}

// forAll is what profiles are completed by.
type forAll struct {
	ipv6, ipv4 bool
	offloading offloading
	lma        netip.Addr // zero: the daemon's choice
}

// policy reads the profiles, none with more than mostPrefixes. fallback is nil when policy.default is deny.
func (p *problems) policy(raw rawPolicy, all forAll, mostPrefixes int) (profiles []mobility.Profile, fallback *mobility.Profile) {
	if !raw.IPv6 && !raw.IPv4 {
		p.add("policy.ipv4", "false", "with policy.ipv6 false leaves mobile nodes nothing: want one of them true")
	}
	seen := map[mobility.MobileNodeID]bool{}
	for i, node := range raw.MobileNodes {
		at := fmt.Sprintf("policy.mobile_nodes[%d]", i)
		profiles = append(profiles, p.oneProfile(at, node, all, mostPrefixes, seen))
	}
	if p.oneOf("policy.default", raw.Default, "allow", "deny") == "allow" {
		everybody := all.profile()
		everybody.ProxyRegistration = true
		fallback = &everybody
	}
	return profiles, fallback
}

// forAll reads what profiles are completed by.
func (p *problems) forAll(raw rawPolicy, lma netip.Addr) forAll {
	return forAll{raw.IPv6, raw.IPv4, p.offloading(raw), lma}
}

// profile is that of mobile nodes of which nothing else is said.
func (a forAll) profile() mobility.Profile {
	return mobility.Profile{LMAAddress: a.lma, IPv6Prohibited: !a.ipv6, IPv4Mobility: a.ipv4, OffloadPolicy: a.offloading.everybody}
}

// oneProfile reads a profile of a list. seen are the identifiers that have one already.
func (p *problems) oneProfile(at string, node rawMobileNode, all forAll, mostPrefixes int, seen map[mobility.MobileNodeID]bool) mobility.Profile {
	profile := p.profile(at, node, all)
	for _, id := range append([]mobility.MobileNodeID{profile.MobileNodeID}, profile.AlsoKnownAs...) {
		if !id.IsZero() && seen[id] {
			p.add(at, id.String(), "stands twice: keep one")
		}
		seen[id] = true
	}
	p.profilePrefixes(at+".home_network_prefixes", profile.HomeNetworkPrefixes, mostPrefixes)
	return profile
}

func (p *problems) profile(at string, node rawMobileNode, all forAll) mobility.Profile {
	profile := mobility.Profile{
		ProxyRegistration: *node.ProxyRegistration, LMAAddress: all.lma, MAGLocalRouting: node.EnableMAGLocalRouting,
		HomeNetworkPrefixes: p.prefixes(at+".home_network_prefixes", node.HomeNetworkPrefixes),
		OffloadPolicy:       p.offloadNamed(at+".offload_policy", node.OffloadPolicy, all.offloading),
	}
	p.protocols(at, node, all, &profile)
	switch {
	case (node.NAI == "") == (node.MAC == ""):
		p.add(at, "", "want exactly one of nai and mac")
	case node.NAI != "":
		profile.MobileNodeID = mobility.NAI(node.NAI)
		p.notLonger(at+".nai", node.NAI, longestNAI)
	default:
		profile.MobileNodeID = mobility.EUI48(p.mac(at+".mac", node.MAC))
	}
	p.identities(at, node, &profile)
	if node.LMA != "" {
		profile.LMAAddress = p.transportAddress(at+".lma", node.LMA)
	}
	if node.Lifetime != "" {
		profile.Lifetime = p.duration(at+".lifetime", node.Lifetime, minLifetime, maxLifetime)
	}
	return profile
}

// identities reads by what else a mobile node authenticates itself, and whether its identifier is a user's (RFC 5213 section 6.6).
func (p *problems) identities(at string, node rawMobileNode, profile *mobility.Profile) {
	for i, text := range node.AlsoKnownAs {
		id, err := mobility.ParseMobileNodeID(text)
		if err != nil || len(text) > longestNAI {
			p.add(fmt.Sprintf("%s.also_known_as[%d]", at, i), text, "want an NAI such as x7f3@example.net, or a MAC address")
		}
		profile.AlsoKnownAs = append(profile.AlsoKnownAs, id)
	}
	profile.SeveralDevices = node.SeveralDevices
	if node.SeveralDevices && (len(node.HomeNetworkPrefixes) > 0 || node.IPv4HomeAddress != "") {
		p.add(at+".several_devices", "true", "with static addresses would give them to each device: want one of them only")
	}
}

// noIdentities refuses what only gateways look at: an anchor is told the one identifier that is stable.
func (p *problems) noIdentities(nodes []rawMobileNode) {
	for i, node := range nodes {
		if len(node.AlsoKnownAs) > 0 || node.SeveralDevices {
			p.add(fmt.Sprintf("policy.mobile_nodes[%d]", i), "", "also_known_as and several_devices have no effect at an anchor: write them into magd.yaml")
		}
	}
}

// protocols says what a mobile node has: home network prefixes, an IPv4 home address, or both.
func (p *problems) protocols(at string, node rawMobileNode, all forAll, profile *mobility.Profile) {
	if node.IPv4HomeAddress != "" {
		profile.IPv4HomeAddress = p.ipv4HomeAddress(at+".ipv4_home_address", node.IPv4HomeAddress)
	}
	ipv6, ipv4 := all.ipv6, all.ipv4 || node.IPv4HomeAddress != ""
	if node.IPv6 != nil {
		ipv6 = *node.IPv6
	}
	if node.IPv4 != nil {
		ipv4 = *node.IPv4
	}
	profile.IPv6Prohibited, profile.IPv4Mobility = !ipv6, ipv4
	switch {
	case !ipv6 && !ipv4:
		p.add(at, "", "has neither IPv6 nor IPv4: want ipv6: true or ipv4: true, or proxy_registration: false for one that is not served")
	case !ipv4 && node.IPv4HomeAddress != "":
		p.add(at+".ipv4_home_address", node.IPv4HomeAddress, "has no effect with ipv4: false: take one of them away")
	case !ipv4 && node.OffloadPolicy != "" && node.OffloadPolicy != noOffloadPolicy:
		p.add(at+".offload_policy", node.OffloadPolicy, "has no effect without IPv4, of which RFC 6909 is: want ipv4: true, or none")
	case !ipv6 && len(node.HomeNetworkPrefixes) > 0:
		p.add(at+".home_network_prefixes", "", "has no effect with ipv6: false: take one of them away")
	}
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
