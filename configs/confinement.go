package configs

import (
	"fmt"
	"net/netip"
)

// confinements: a gateway that may register a part of a pool only would get no dynamic prefix of it, since the anchor chooses
// from a pool as a whole.
func (p *problems) confinements(c *Lmad) {
	pools := append([]netip.Prefix(nil), c.Pools...)
	for _, pool := range c.IPv4Pools {
		pools = append(pools, pool.Network)
	}
	for i, gateway := range c.MAGs {
		for j, allowed := range gateway.HomeNetworkPrefixes {
			for _, pool := range pools {
				if pool.IsValid() && allowed.IsValid() && pool.Overlaps(allowed) && pool.Bits() < allowed.Bits() {
					p.add(fmt.Sprintf("mags[%d].home_network_prefixes[%d]", i, j), allowed.String(),
						fmt.Sprintf("is a part of the pool %s, of which the gateway would get nothing: want the whole pool, or make this part a pool of its own", pool))
				}
			}
		}
	}
}
