package configs

import (
	"fmt"
	"net/netip"

	"netlmm/mobility/policy"
)

// rawGateway is a MAG as lmad.yaml lists it.
type rawGateway struct {
	rawPeer             `mapstructure:",squash"`
	MobileNodes         []string `mapstructure:"mobile_nodes"`
	HomeNetworkPrefixes []string `mapstructure:"home_network_prefixes"`
}

// gateways reads mags: peers, and what each of them may register.
func (p *problems) gateways(raws []rawGateway, local local, protected bool) []Peer {
	var plain []rawPeer
	for _, raw := range raws {
		plain = append(plain, raw.rawPeer)
	}
	p.atLeastOne("mags", len(raws))
	gateways := p.peers(listOfMAGs, plain, local, protected)
	for i, raw := range raws {
		raws[i].rawPeer = plain[i] // with what it left out
		at := fmt.Sprintf("mags[%d]", i)
		if _, err := policy.ParsePatterns(raw.MobileNodes); err != nil {
			p.add(at+".mobile_nodes", "", err.Error())
		}
		gateways[i].MobileNodes = raw.MobileNodes
		for j, value := range raw.HomeNetworkPrefixes {
			gateways[i].HomeNetworkPrefixes = append(gateways[i].HomeNetworkPrefixes, p.eitherPrefix(fmt.Sprintf("%s.home_network_prefixes[%d]", at, j), value))
		}
	}
	return gateways
}

// eitherPrefix reads an IPv6 or IPv4 prefix.
func (p *problems) eitherPrefix(key, value string) netip.Prefix {
	if n, err := netip.ParsePrefix(value); err == nil && n.Addr().Is4() {
		if n.Masked() != n {
			p.add(key, value, fmt.Sprintf("has bits behind its length: want %v", n.Masked()))
		}
		return n
	}
	return p.prefix(key, value)
}
