package main

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"netlmm/cmd/internal/dataplane"
	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/accesslink"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/hold"
	"netlmm/mobility/mag"
)

// coreConfig is what the MAG's machine is told. authorized says whether who proved an identity may speak for an address,
// served whether the policy lets a mobile node be served here.
func coreConfig(cfg *configs.Magd, authorized func(netip.Addr, string) bool, served func(mobility.MobileNodeID) bool) mag.Config {
	return mag.Config{
		ProxyCareOfAddress: cfg.ProxyCareOfAddress, IPv4ProxyCareOfAddress: cfg.IPv4ProxyCareOfAddress,
		Lifetime: cfg.Lifetime, ReRegistrationMargin: cfg.ReRegistrationMargin,
		InitialBindackTimeout: cfg.InitialBindackTimeout, MaxBindackTimeout: cfg.MaxBindackTimeout,
		DeregistrationTimeout: cfg.DeregistrationTimeout, PresenceTimeout: cfg.PresenceTimeout, MaximumMobileNodes: cfg.MaximumMobileNodes,
		RequireSecurityAssociation: !cfg.None, TimestampBasedApproachInUse: cfg.TimestampBasedApproachInUse, RouterLifetime: cfg.RouterLifetime,
		LapseOnUnknownPresence: cfg.LapseOnUnknownPresence, EnableIPv4TrafficOffloadSupport: cfg.EnableIPv4TrafficOffloadSupport, Compat: compat(cfg.LMAs), Random: rand.Float64,
		// An anchor may revoke what it granted, all of it too (RFC 5846 section 10.1): nobody else could have.
		Gateways: gatewaysOf(cfg), HandoverInitiateTimeout: cfg.Handover.PreparationTimeout / initiations, HandoverInitiateRetries: 2, ForwardingLifetime: cfg.Handover.ForwardingLifetime,
		HoldLifetime: holdLifetime(cfg.Handover), ExpectedInterface: anyAccessLink(cfg), AcceptHandover: func(c mag.HandoverContext) bool { return served(c.MobileNodeID) },
		AcceptRevocation: func(lma netip.Addr, identity string, _ bool) bool { return authorized(lma, identity) },
	}
}

// initiations is how many first timeouts pass until a Handover Initiate that is repeated twice, the timeout doubling, is given up.
const initiations = 7

// gatewaysOf are the gateways that mobile nodes are handed over with, and the identity that each must prove; nil: with none.
func gatewaysOf(cfg *configs.Magd) func(netip.Addr) (string, bool) {
	if !cfg.Handover.Predictive && !cfg.Handover.Reactive {
		return nil
	}
	identities := map[netip.Addr]string{}
	for _, g := range cfg.Gateways {
		identities[g.Address] = g.Identity
	}
	return func(gateway netip.Addr) (string, bool) {
		identity, ok := identities[gateway]
		return identity, ok
	}
}

// anyAccessLink is where packets lead that are held for mobile nodes which are yet to come.
func anyAccessLink(cfg *configs.Magd) string {
	for _, link := range cfg.AccessLinks {
		return link.Interface
	}
	return ""
}

// holdLifetime is how long packets wait for a gateway that may ask for them.
func holdLifetime(h configs.Handover) time.Duration {
	if !h.Reactive {
		return 0
	}
	return h.HoldTime
}

// holdTable of nftables is where packets for mobile nodes on their way are told from others.
const holdTable = "netlmm_magd_hold"

// where is the gateway in the network.
func where(cfg *configs.Magd) dataplane.Where {
	w := dataplane.Where{Role: forwarding.Gateway, Local: cfg.ProxyCareOfAddress, LocalIPv4: cfg.IPv4ProxyCareOfAddress, IPv4: cfg.Fallback != nil && cfg.Fallback.IPv4Mobility}
	w.Holding = dataplane.Holding{Table: holdTable, Wanted: cfg.Handover.Predictive || cfg.Handover.Reactive, Limits: limits(cfg.Handover)}
	w.Offloading = dataplane.Offloading{Wanted: cfg.EnableIPv4TrafficOffloadSupport, NAT: cfg.OffloadNAT}
	for _, link := range cfg.AccessLinks {
		w.AccessInterfaces = append(w.AccessInterfaces, link.Interface)
	}
	for _, profile := range cfg.Profiles {
		w.IPv4 = w.IPv4 || profile.IPv4Mobility
	}
	w.IPv4 = w.IPv4 || cfg.ProfilesFile != "" || len(cfg.AAA.Servers) > 0 // mobile nodes to come may have it
	for _, anchor := range cfg.LMAs {
		w.Peers = append(w.Peers, anchor.Address)
	}
	if w.Holding.Wanted {
		for _, gateway := range cfg.Gateways {
			w.Gateways = append(w.Gateways, gateway.Address)
		}
	}
	return w
}

// smallPacket is what packets have on average at the least, in octets; smaller ones are bounded in their number.
const smallPacket = 256

// limits are those of what is kept for mobile nodes on their way.
func limits(h configs.Handover) hold.Limits {
	return hold.Limits{NodePackets: h.BufferPackets, NodeOctets: h.BufferOctets, Packets: h.BufferTotalOctets / smallPacket, Octets: h.BufferTotalOctets, Age: h.HoldTime}
}

// compat is the profile of each anchor; nil where all keep to the RFCs.
func compat(anchors []configs.Peer) func(netip.Addr) mobility.Compat {
	deviating := map[netip.Addr]mobility.Compat{}
	for _, a := range anchors {
		if a.Compat != mobility.CompatStrict {
			deviating[a.Address] = a.Compat
		}
	}
	if len(deviating) == 0 {
		return nil
	}
	return func(lma netip.Addr) mobility.Compat { return deviating[lma] }
}

// linkConfig is what an access link is told.
func linkConfig(cfg *configs.Magd, link configs.AccessLink, mtu int, relay *accesslink.Relay) accesslink.Config {
	return accesslink.Config{
		Interface: link.Interface, LinkLocalAddress: link.LinkLocalAddress, LinkLayerAddress: link.LinkLayerAddress, MTU: mtu,
		DHCPv4: link.DHCPv4, DHCPv4Servers: link.DHCPv4Servers, DHCPv6: accesslink.DHCPv6Mode(link.DHCPv6), DHCPv6Servers: link.DHCPv6Servers,
		Relay: relay, DNSServers: cfg.DNSServers, PresenceWindow: 2 * cfg.MaxBindackTimeout,
	}
}

// relays says whether an access link needs the relay agents.
func relays(link configs.AccessLink) bool {
	return link.DHCPv6 == "relay" || len(link.DHCPv4Servers) > 0
}
