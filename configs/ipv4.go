package configs

import (
	"fmt"
	"net/netip"
	"slices"
)

// IPv4Pool is a network that IPv4 home addresses come from (RFC 5844 section 3.1).
type IPv4Pool struct {
	Network       netip.Prefix
	DefaultRouter netip.Addr // of the mobile nodes there; given to none of them
}

type rawIPv4Pool struct {
	Network       string `mapstructure:"network"`
	DefaultRouter string `mapstructure:"default_router"`
}

// notForIPv4Hosts are the ranges that no mobile node can have an address from (RFC 6890).
var notForIPv4Hosts = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/3"),
}

// Lengths of an IPv4 home network. With fewer bits for hosts it has no room for a router and a mobile node beside its own and
// its broadcast address.
const (
	shortestIPv4Network = 8
	longestIPv4Network  = 30
)

// transportAddress reads an address of either family that packets can be sent to.
func (p *problems) transportAddress(key, value string) netip.Addr {
	if a, err := netip.ParseAddr(value); err == nil && a.Is4() {
		return p.ipv4Address(key, value)
	}
	return p.address(key, value)
}

// ipv4Address reads an IPv4 address that packets can be sent to.
func (p *problems) ipv4Address(key, value string) netip.Addr {
	a, err := netip.ParseAddr(value)
	switch {
	case err != nil || !a.Is4():
		p.add(key, value, "want an IPv4 address such as 192.0.2.1")
	case slices.ContainsFunc(notForIPv4Hosts, func(n netip.Prefix) bool { return n.Contains(a) }):
		p.add(key, value, "want a unicast IPv4 address that is neither loopback nor link-local")
	}
	return a
}

// ends reads this end of the control channel: an IPv6 address, an IPv4 address (RFC 5844 section 4), or both.
func (p *problems) ends(key, value, ipv4Key, ipv4Value string) local {
	l := local{key: key, ipv4Key: ipv4Key}
	if ipv4Value != "" {
		l.ipv4 = p.ipv4Address(ipv4Key, ipv4Value)
	}
	if value != "" || ipv4Value == "" {
		l.address = p.address(key, value)
	}
	return l
}

// ipv4HomeAddress reads the address of a mobile node with the length of its network.
func (p *problems) ipv4HomeAddress(key, value string) netip.Prefix {
	n, err := netip.ParsePrefix(value)
	switch {
	case err != nil || !n.Addr().Is4():
		p.add(key, value, "want an IPv4 address with the length of its network, such as 10.65.0.9/16")
	case n.Bits() < shortestIPv4Network || n.Bits() > longestIPv4Network:
		p.add(key, value, fmt.Sprintf("want a network of length %d to %d", shortestIPv4Network, longestIPv4Network))
	case n.Addr() == n.Masked().Addr() || n.Addr() == broadcast(n):
		p.add(key, value, "is the address of its network or the broadcast address there: want one of a host")
	case n.Addr() == n.Masked().Addr().Next():
		p.add(key, value, "is the first address of its network, which is the default router's: want another one")
	case slices.ContainsFunc(notForIPv4Hosts, func(other netip.Prefix) bool { return other.Contains(n.Addr()) }):
		p.add(key, value, "want a unicast IPv4 address that is neither loopback nor link-local")
	}
	return n
}

// broadcast is the last address of a network.
func broadcast(network netip.Prefix) netip.Addr {
	octets := network.Addr().As4()
	for bit := network.Bits(); bit < 32; bit++ {
		octets[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(octets)
}

// ipv4Pools reads lma.ipv4_pools. A pool may neither overlap another nor hold the end of a tunnel.
func (p *problems) ipv4Pools(raws []rawIPv4Pool, c *Lmad) (pools []IPv4Pool) {
	if len(raws) > maximumPools {
		p.add("lma.ipv4_pools", "", fmt.Sprintf("has %d networks: want at most %d, so use larger ones", len(raws), maximumPools))
	}
	for i, raw := range raws {
		at := fmt.Sprintf("lma.ipv4_pools[%d]", i)
		pool, ok := p.ipv4Pool(at, raw)
		if !ok {
			continue
		}
		for _, other := range pools {
			if pool.Network.Overlaps(other.Network) {
				p.add(at+".network", raw.Network, fmt.Sprintf("overlaps the pool %v: want networks apart from each other, for each address has one owner", other.Network))
			}
		}
		p.notOurs(at+".network", pool.Network, c)
		pools = append(pools, pool)
	}
	return pools
}

func (p *problems) ipv4Pool(at string, raw rawIPv4Pool) (pool IPv4Pool, ok bool) {
	n, err := netip.ParsePrefix(raw.Network)
	switch {
	case raw.Network == "":
		p.add(at+".network", "", "is missing: want an IPv4 network such as 10.64.0.0/16")
		return pool, false
	case err != nil || !n.Addr().Is4():
		p.add(at+".network", raw.Network, "want an IPv4 network such as 10.64.0.0/16")
		return pool, false
	case n.Masked() != n:
		p.add(at+".network", raw.Network, fmt.Sprintf("has bits behind its length: want %v", n.Masked()))
		return pool, false
	case n.Bits() < shortestIPv4Network || n.Bits() > longestIPv4Network:
		p.add(at+".network", raw.Network, fmt.Sprintf("want a length of %d to %d: the network's own, the broadcast and the router's address are no mobile node's",
			shortestIPv4Network, longestIPv4Network))
		return pool, false
	case slices.ContainsFunc(notForIPv4Hosts, n.Overlaps):
		p.add(at+".network", raw.Network, "has loopback, link-local, multicast or reserved addresses: want a network of unicast addresses such as 10.64.0.0/16")
		return pool, false
	}
	pool = IPv4Pool{n, n.Addr().Next()}
	if raw.DefaultRouter == "" {
		return pool, true
	}
	router, err := netip.ParseAddr(raw.DefaultRouter)
	if err != nil || !n.Contains(router) || router == n.Addr() || router == broadcast(n) {
		p.add(at+".default_router", raw.DefaultRouter, fmt.Sprintf("want an address of a host in %v, such as %v", n, n.Addr().Next()))
	}
	pool.DefaultRouter = router
	return pool, true
}

// staticIPv4Addresses checks that each one has one owner and could not be handed out to another mobile node.
func (p *problems) staticIPv4Addresses(c *Lmad) {
	owners := map[netip.Addr]string{}
	for i, profile := range c.Profiles {
		key, static := fmt.Sprintf("policy.mobile_nodes[%d].ipv4_home_address", i), profile.IPv4HomeAddress
		if !static.IsValid() {
			continue
		}
		if owner, taken := owners[static.Addr()]; taken {
			p.add(key, static.String(), "belongs to "+owner+" already")
		}
		owners[static.Addr()] = profile.MobileNodeID.String()
		p.notOurs(key, netip.PrefixFrom(static.Addr(), 32), c)
		for j, pool := range c.IPv4Pools {
			if pool.Network.Contains(static.Addr()) {
				p.add(key, static.String(), fmt.Sprintf("lies in lma.ipv4_pools[%d], from which any mobile node may get it: want one outside the pools", j))
			}
		}
	}
}
