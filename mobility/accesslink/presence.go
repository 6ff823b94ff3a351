package accesslink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/vishvananda/netlink"
)

const (
	maximumProbes          = 16 // Neighbor Solicitations for one Probe
	defaultPresenceWindow  = time.Minute
	maximumProbedPresences = 65536
)

// presence holds the nodes that were probed and have not shown themselves yet.
type presence struct {
	window time.Duration // how long after Probe a sign of life is reported
	mu     sync.Mutex
	probed map[[6]byte]time.Time // until when a sign of life is of interest
}

// expect notes that a sign of life of this node is of interest.
func (p *presence) expect(linkLayer [6]byte, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.probed == nil {
		p.probed = map[[6]byte]time.Time{}
	}
	if len(p.probed) >= maximumProbedPresences {
		for mac, until := range p.probed {
			if now.After(until) {
				delete(p.probed, mac)
			}
		}
	}
	if _, known := p.probed[linkLayer]; !known && len(p.probed) >= maximumProbedPresences {
		return false
	}
	p.probed[linkLayer] = now.Add(p.window)
	return true
}

// seen reports whether a sign of life of this node was awaited; it is no longer.
func (p *presence) seen(linkLayer [6]byte, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	until, known := p.probed[linkLayer]
	delete(p.probed, linkLayer)
	return known && !now.After(until)
}

// Probe asks a mobile node for a sign of life; Run reports it once, as a Presence, if one is seen within
// Config.PresenceWindow. Probe again after a second or two: a single frame can be lost.
//
// It asks in three ways, with nothing but frames to the node's link-layer address:
//
//   - A General Query of MLDv2, which an IPv6 host answers within 100 ms whatever addresses it has: with a Multicast
//     Listener Report, for it has joined a solicited-node group for each of them (RFC 4861 section 7.2.1). No other router
//     hears the query, so that it has no part in the election of a querier.
//
//   - Neighbor Solicitations, which a host must answer at once (RFC 4861 section 7.2.4), for the addresses that the
//     kernel's neighbour table has for it, and for those that EUI-64 makes of its link-layer address under fe80::/64 and
//     prefixes. They help where a switch keeps the reports of hosts to itself.
//
//   - An ARP request for the IPv4 home address that was offered to it, for a node that has no IPv6.
//
// A Router Solicitation that the node happens to send, a DHCP or ARP message, or a report of a group that it joins, counts
// just as well.
//
// A switch that snoops MLD takes no notice of a query to one unicast link-layer address, or at most learns that a router is
// behind the port it came from, which is the truth. The query says of itself what RFC 3810 section 9 has as defaults, but
// for the delay, which is that of this one answer. A snooping switch that knows a querier passes reports to the ports of
// routers only, so make the port to this router one. Open does that to a Linux bridge that is the access interface itself.
func (l *Link) Probe(linkLayer [6]byte, prefixes []netip.Prefix) error {
	p, err := l.current()
	if err != nil {
		l.counters.probeErrors.Add(1)
		return err
	}
	if !l.presence.expect(linkLayer, time.Now()) {
		l.counters.drop(TooManyPresences)
		return fmt.Errorf("probe %s on %s: too many nodes are being probed", net.HardwareAddr(linkLayer[:]), l.config.Interface)
	}
	if err = errors.Join(l.query(p, linkLayer), l.solicit(p, linkLayer, prefixes), l.ask(p, linkLayer)); err != nil {
		l.counters.probeErrors.Add(1)
		return fmt.Errorf("probe %s on %s: %w", net.HardwareAddr(linkLayer[:]), l.config.Interface, err)
	}
	return nil
}

func (l *Link) query(p *port, linkLayer [6]byte) error {
	if err := p.sendQuery(linkLayer); err != nil {
		return err
	}
	l.counters.probes.Add(1)
	return nil
}

// ask sends an ARP request, from the node's default router as its kernel sees it.
func (l *Link) ask(p *port, linkLayer [6]byte) error {
	offer, offered := l.nodes.offerOf(linkLayer, time.Now())
	if !offered || !offer.IPv4HomeAddress.IsValid() {
		return nil
	}
	if err := p.sendARP(arpRequest, linkLayer, offer.IPv4DefaultRouter, offer.IPv4HomeAddress.Addr()); err != nil {
		return err
	}
	l.counters.probes.Add(1)
	return nil
}

func (l *Link) solicit(p *port, linkLayer [6]byte, prefixes []netip.Prefix) error {
	source := l.sources.of(linkLayer)
	if !source.IsValid() {
		source = l.config.LinkLocalAddress
	}
	targets, err := l.addressesOf(p, linkLayer)
	targets = append(targets, derived(linkLayer, prefixes)...)
	slices.SortFunc(targets, netip.Addr.Compare)
	targets = slices.Compact(targets)
	for _, target := range targets[:min(len(targets), maximumProbes)] {
		solicitation := &ndp.NeighborSolicitation{TargetAddress: target, Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: p.linkLayer[:]}}}
		if err := p.send(linkLayer, source, target, solicitation); err != nil {
			return err
		}
		l.counters.probes.Add(1)
	}
	return err
}

// derived returns the addresses with the interface identifier of RFC 4291 appendix A.
func derived(linkLayer [6]byte, prefixes []netip.Prefix) []netip.Addr {
	m := linkLayer
	identifier := binary.BigEndian.Uint64([]byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
	out := make([]netip.Addr, 0, 1+len(prefixes))
	for _, prefix := range append([]netip.Prefix{netip.MustParsePrefix("fe80::/64")}, prefixes...) {
		if prefix.Bits() == addressablePrefix && prefix.Addr().Is6() {
			octets := prefix.Masked().Addr().As16()
			binary.BigEndian.PutUint64(octets[8:], identifier)
			out = append(out, netip.AddrFrom16(octets))
		}
	}
	return out
}

// neighbours calls yield for the kernel's IPv6 neighbour entries of this node on this link that were learned, not set by
// hand.
func (l *Link) neighbours(p *port, linkLayer [6]byte, yield func(netlink.Neigh)) error {
	entries, err := l.netlink.NeighList(p.index, netlink.FAMILY_V6)
	if err != nil {
		return fmt.Errorf("list the neighbours: %w", err)
	}
	for _, entry := range entries {
		if entry.State&(netlink.NUD_PERMANENT|netlink.NUD_NOARP) == 0 && slices.Equal(entry.HardwareAddr, linkLayer[:]) {
			yield(entry)
		}
	}
	return nil
}

func (l *Link) addressesOf(p *port, linkLayer [6]byte) (out []netip.Addr, err error) {
	err = l.neighbours(p, linkLayer, func(entry netlink.Neigh) {
		if a, ok := netip.AddrFromSlice(entry.IP); ok && a.Is6() && !a.IsMulticast() && !a.IsUnspecified() {
			out = append(out, a)
		}
	})
	return out, err
}
