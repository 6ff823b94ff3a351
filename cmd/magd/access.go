package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/accesslink"
	"netlmm/mobility/mag"
)

// accessLink is one interface that mobile nodes are reached on.
type accessLink struct {
	*accesslink.Link
	technology      mobility.AccessTechnologyType
	anchorLinkLocal bool
}

// openAccessLinks opens them all, and the relay agents if one of them needs these.
func (g *gateway) openAccessLinks() (err error) {
	if slices.ContainsFunc(g.cfg.AccessLinks, relays) {
		if g.relay, err = accesslink.OpenRelay(g.cfg.DHCPRelayAddress); err != nil {
			return err
		}
		g.counters.Source(accessData, func() map[string]uint64 { return map[string]uint64{"relay_dropped": g.relay.Dropped()} })
	}
	for _, link := range g.cfg.AccessLinks {
		if err := g.openAccessLink(link); err != nil {
			return err
		}
	}
	return nil
}

func (g *gateway) openAccessLink(cfg configs.AccessLink) error {
	mtu, err := accessMTU(cfg, g.plane.TunnelMTU())
	if err != nil {
		return err
	}
	link, err := accesslink.Open(linkConfig(g.cfg, cfg, mtu, g.relay))
	if err != nil {
		return err
	}
	g.access[cfg.Interface] = &accessLink{link, cfg.AccessTechnologyType, cfg.AnchorLinkLocal}
	g.counters.Source(accessData, accessLinkCounts(link))
	return nil
}

// accessMTU is what mobile nodes are told: what is configured, else what passes both the tunnel and the access link (RFC 5213
// section 6.9.5). tunnel is 0 where there is none.
func accessMTU(cfg configs.AccessLink, tunnel int) (int, error) {
	if cfg.MTU != 0 {
		return cfg.MTU, nil
	}
	link, err := net.InterfaceByName(cfg.Interface)
	if err != nil {
		return 0, fmt.Errorf("access link %s: %w: create the interface before magd starts, or correct access_links", cfg.Interface, err)
	}
	if tunnel != 0 {
		return min(tunnel, link.MTU), nil
	}
	return link.MTU, nil
}

// tunnelMTUChanged has every access link advertise what passes the tunnel now, and mobile nodes told of it (RFC 5213 section 6.9.5).
// It is called in the machine's goroutine.
func (g *gateway) tunnelMTUChanged(tunnel int) {
	for _, cfg := range g.cfg.AccessLinks {
		mtu, err := accessMTU(cfg, tunnel)
		if err == nil {
			err = g.access[cfg.Interface].SetMTU(mtu)
		}
		if err != nil {
			g.log.Warn("access link goes on advertising the MTU it had", "interface", cfg.Interface, "error", err)
		}
	}
	g.post(mag.AdvertiseAgain{}, time.Now())
}

func accessLinkCounts(link *accesslink.Link) func() map[string]uint64 {
	return func() map[string]uint64 {
		c := link.Counters()
		counts := map[string]uint64{
			"router_solicitations": c.Solicitations, "router_advertisements": c.Advertisements, "router_advertisement_errors": c.AdvertisementErrors,
			"probes": c.Probes, "probe_errors": c.ProbeErrors, "presences": c.Presences, "interface_errors": c.RestoreErrors, "serve_errors": c.ServeErrors,
		}
		for service, n := range c.Served {
			counts["served_"+string(service)] = n
		}
		for reason, n := range c.Dropped {
			counts["dropped_"+string(reason)] = n
		}
		return counts
	}
}

// handler takes what mobile nodes say on an access link to the machine.
func (g *gateway) handler(name string) accesslink.Handler {
	return accesslink.Handler{
		Solicited: func(s accesslink.Solicitation) {
			g.post(mag.RouterSolicited{Interface: name, MobileNodeLinkLayerID: mobility.LinkLayerID(s.LinkLayer)}, time.Now())
			g.sawAgain(station{name, s.LinkLayer})
		},
		Present: func(p accesslink.Presence) {
			g.post(mag.PresenceConfirmed{Interface: name, MobileNodeLinkLayerID: mobility.LinkLayerID(p.LinkLayer)}, time.Now())
			g.sawAgain(station{name, p.LinkLayer})
		},
		Unreachable: func(p accesslink.Presence) {
			g.post(mag.NeighborUnreachable{Interface: name, MobileNodeLinkLayerID: mobility.LinkLayerID(p.LinkLayer)}, time.Now())
		},
		Collision: func(p accesslink.Presence, taken netip.Addr) { g.collision(name, p, taken) },
	}
}

// collision finds another link-local address for this gateway where a mobile node has the one that the anchor gave (RFC 5213
// section 6.9.1.2, 15).
func (g *gateway) collision(name string, p accesslink.Presence, taken netip.Addr) {
	free, err := g.access[name].FreeLinkLocalAddress()
	if err != nil {
		g.limited.Warn("a mobile node has this gateway's link-local address, and no other was found", "interface", name, "address", taken, "error", err)
		return
	}
	g.limited.Warn("a mobile node has this gateway's link-local address", "interface", name, "address", taken, "instead", free)
	g.post(mag.LinkLocalAddressTaken{Interface: name, MobileNodeLinkLayerID: mobility.LinkLayerID(p.LinkLayer), LinkLocalAddress: free}, time.Now())
}

// offer tells the DHCP servers of an access link what a mobile node may have there, or that it may have nothing any more.
func (g *gateway) offer(o mag.OfferAddresses) {
	link, ok := g.access[o.Interface]
	mac, isMAC := o.MobileNodeLinkLayerID.MAC()
	if !ok || !isMAC {
		g.counters.Add(ignored, "no_way_to_offer")
		return
	}
	err := link.Offer(accesslink.Offer{
		LinkLayer: mac, HomeNetworkPrefixes: o.HomeNetworkPrefixes, IPv4HomeAddress: o.IPv4HomeAddress, IPv4DefaultRouter: o.IPv4DefaultRouter,
		Relay: o.DHCPRelay, Expires: time.Now().Add(o.Lifetime),
	})
	if err != nil {
		g.limited.Warn("addresses not offered on the access link", "correlation_id", o.CorrelationID, "interface", o.Interface, "error", err)
	}
}
