package main

import (
	"crypto/rand"
	"net/netip"
	"slices"

	"netlmm/cmd/internal/dataplane"
	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/lma"
	"netlmm/mobility/mh"
	"netlmm/mobility/policy"
)

// coreConfig is what the LMA's machine is told.
func coreConfig(cfg *configs.Lmad, authorized func(netip.Addr, string) bool) lma.Config {
	c := lma.Config{
		LMAAddresses: addresses(cfg), Pools: cfg.Pools, PrefixLength: cfg.PrefixLength, IPv4Pools: ipv4Pools(cfg), DHCPSupportMode: mh.DHCPServer,
		MinDelayBeforeBCEDelete: cfg.MinDelayBeforeBCEDelete, MaxDelayBeforeNewBCEAssign: cfg.MaxDelayBeforeNewBCEAssign,
		TimestampValidityWindow: cfg.TimestampValidityWindow, MobileNodeGeneratedTimestampInUse: cfg.MobileNodeGeneratedTimestampInUse,
		BRIMaxRetriesNumber: cfg.BRIMaxRetriesNumber, InitMINDelayBRIs: cfg.InitMINDelayBRIs, MaxBRAckTimeout: cfg.MaxBRAckTimeout,
		RevokeAtUnknownHandover: cfg.RevokeAtUnknownHandover, EnableIPv4TrafficOffloadSupport: cfg.EnableIPv4TrafficOffloadSupport,
		MaximumLifetime: cfg.MaximumLifetime, MaximumBindings: cfg.MaximumBindings,
		Authorized: authorized, AuthorizedFor: authorizedFor(cfg.MAGs), Compat: compat(cfg.MAGs),
		Profile: policy.NewTable(cfg.Profiles, cfg.Fallback).Lookup, Random: func(b []byte) { rand.Read(b) },
	}
	if cfg.DHCPSupportMode == "relay" {
		c.DHCPSupportMode = mh.DHCPRelay
	}
	return c
}

// addresses are those of this anchor that gateways write to.
func addresses(cfg *configs.Lmad) (list []netip.Addr) {
	for _, a := range []netip.Addr{cfg.LMAAddress, cfg.IPv4Address} {
		if a.IsValid() {
			list = append(list, a)
		}
	}
	return list
}

// where is the anchor in the network.
func where(cfg *configs.Lmad) dataplane.Where {
	w := dataplane.Where{Role: forwarding.Anchor, Local: cfg.LMAAddress, LocalIPv4: cfg.IPv4Address, Aggregates: slices.Clone(cfg.Pools), IPv4: len(cfg.IPv4Pools) > 0}
	for _, pool := range cfg.IPv4Pools {
		w.Aggregates = append(w.Aggregates, pool.Network)
	}
	for _, profile := range cfg.Profiles {
		w.IPv4 = w.IPv4 || profile.IPv4HomeAddress.IsValid()
	}
	for _, gateway := range cfg.MAGs {
		w.Peers = append(w.Peers, gateway.Address)
	}
	return w
}

func ipv4Pools(cfg *configs.Lmad) (list []lma.IPv4Pool) {
	for _, pool := range cfg.IPv4Pools {
		list = append(list, lma.IPv4Pool(pool))
	}
	return list
}

// authorizedFor says which gateway may register whom, and with which prefixes (RFC 5213 sections 4 and 5.3.1); nil where no
// gateway is confined. Who is no gateway at all is for another check to refuse.
func authorizedFor(gateways []configs.Peer) func(netip.Addr, mobility.MobileNodeID, netip.Prefix) bool {
	confined := map[netip.Addr]configs.Peer{}
	for _, g := range gateways {
		if g.MobileNodes != nil || g.HomeNetworkPrefixes != nil {
			confined[g.Address] = g
		}
	}
	if len(confined) == 0 {
		return nil
	}
	return func(gateway netip.Addr, id mobility.MobileNodeID, prefix netip.Prefix) bool {
		g, ok := confined[gateway]
		if !ok {
			return true
		}
		return policy.Patterns(g.MobileNodes).Match(id) && covered(g.HomeNetworkPrefixes, prefix)
	}
}

// covered says whether one of the prefixes holds all of this one; a zero prefix asks about none.
func covered(prefixes []netip.Prefix, prefix netip.Prefix) bool {
	if prefixes == nil || !prefix.IsValid() {
		return true
	}
	for _, p := range prefixes {
		if p.Bits() <= prefix.Bits() && p.Contains(prefix.Addr()) {
			return true
		}
	}
	return false
}

// compat is the profile of each gateway; nil where all keep to the RFCs.
func compat(gateways []configs.Peer) func(netip.Addr) mobility.Compat {
	deviating := map[netip.Addr]mobility.Compat{}
	for _, g := range gateways {
		if g.Compat != mobility.CompatStrict {
			deviating[g.Address] = g.Compat
		}
	}
	if len(deviating) == 0 {
		return nil
	}
	return func(peer netip.Addr) mobility.Compat { return deviating[peer] }
}
