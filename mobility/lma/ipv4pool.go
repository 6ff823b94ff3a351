package lma

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"netlmm/mobility"
)

// ipv4Pool hands out IPv4 home addresses (RFC 5844 section 3.1). Inside it is a pool of IPv4-mapped IPv6 addresses.
type ipv4Pool struct {
	prefixPool
	networks []IPv4Pool // with their default routers
}

// shortest and longest network of an IPv4 pool; the longest has two addresses, one of which is the router's.
const (
	shortestIPv4Pool = 8
	longestIPv4Pool  = 30
)

func newIPv4Pool(networks []IPv4Pool, maximumBindings int) (*ipv4Pool, error) {
	p := &ipv4Pool{prefixPool: prefixPool{length: 128}}
	var problems []error
	if len(networks) > maximumPools {
		return p, fmt.Errorf("lma: %d IPv4 pools: want at most %d, so use larger ones", len(networks), maximumPools)
	}
	for i, network := range networks {
		if !network.DefaultRouter.IsValid() && network.Network.IsValid() {
			network.DefaultRouter = network.Network.Masked().Addr().Next()
		}
		if err := checkIPv4Pool(network, networks[:i]); err != nil {
			problems = append(problems, err)
			continue
		}
		p.networks = append(p.networks, network)
		p.add(mapped(network.Network), maximumBindings)
		first := network.Network.Addr()
		for _, reserved := range [...]netip.Addr{first, network.DefaultRouter, lastOf(network.Network)} {
			p.take(mapped(netip.PrefixFrom(reserved, 32)))
		}
	}
	return p, errors.Join(problems...)
}

func checkIPv4Pool(p IPv4Pool, others []IPv4Pool) error {
	network, router := p.Network, p.DefaultRouter
	switch {
	case !network.IsValid() || !network.Addr().Is4() || network != network.Masked() || !network.Addr().IsGlobalUnicast():
		return fmt.Errorf("lma: IPv4 pool %s: want a unicast IPv4 network without host bits such as 10.64.0.0/16", network)
	case network.Bits() < shortestIPv4Pool || network.Bits() > longestIPv4Pool:
		return fmt.Errorf("lma: IPv4 pool %s: want a network from /%d to /%d", network, shortestIPv4Pool, longestIPv4Pool)
	case !network.Contains(router) || router == network.Addr() || router == lastOf(network):
		return fmt.Errorf("lma: IPv4 pool %s has default router %s: want a host address of that network, which mobile nodes reach on their link", network, router)
	}
	for _, other := range others {
		if other.Network.Overlaps(network) {
			return fmt.Errorf("lma: IPv4 pools %s and %s overlap: want each address in one pool only", other.Network, network)
		}
	}
	return nil
}

// home is the home network of an address that this anchor may give: with the length of the network as its own, and the
// default router. An address that is in no pool is a static one, in a network of its own length whose first address is
// the router's. False: no mobile node can have it.
func (p *ipv4Pool) home(address netip.Prefix) (home netip.Prefix, router netip.Addr, ok bool) {
	a := address.Addr()
	network := IPv4Pool{Network: address.Masked(), DefaultRouter: address.Masked().Addr().Next()}
	for _, candidate := range p.networks {
		if candidate.Network.Contains(a) {
			network = candidate
		}
	}
	bits := network.Network.Bits()
	home = netip.PrefixFrom(a, bits)
	if bits < shortestIPv4Pool || bits > longestIPv4Pool || a == network.Network.Addr() || a == lastOf(network.Network) || a == network.DefaultRouter {
		return home, network.DefaultRouter, false
	}
	return home, network.DefaultRouter, true
}

// inPool says whether address is one of a pool.
func (p *ipv4Pool) inPool(address netip.Addr) bool {
	for _, candidate := range p.networks {
		if candidate.Network.Contains(address) {
			return true
		}
	}
	return false
}

// choose finds an address, on the terms of prefixPool.choose, of which the arguments are IPv4 too.
func (p *ipv4Pool) choose(id mobility.MobileNodeID, allowed func(netip.Prefix) bool, usable func(netip.Addr) bool) (netip.Prefix, bool) {
	found, ok := p.prefixPool.choose(id,
		func(network netip.Prefix) bool { return allowed(unmapped(network)) },
		func(address netip.Prefix) bool { return usable(address.Addr().Unmap()) })
	if !ok {
		return netip.Prefix{}, false
	}
	home, _, _ := p.home(unmapped(found))
	return home, true
}

const mappedBits = 96

func mapped(p netip.Prefix) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16(p.Addr().As16()), mappedBits+p.Bits())
}

func unmapped(p netip.Prefix) netip.Prefix {
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
}

// lastOf is the broadcast address of an IPv4 network.
func lastOf(network netip.Prefix) netip.Addr {
	octets := network.Masked().Addr().As4()
	last := binary.BigEndian.Uint32(octets[:]) | ^uint32(0)>>network.Bits()
	binary.BigEndian.PutUint32(octets[:], last)
	return netip.AddrFrom4(octets)
}
