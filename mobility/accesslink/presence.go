package accesslink

import (
	"encoding/binary"
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
	maximumProbes          = 16              // Neighbor Solicitations for one Probe
	presenceWindow         = 5 * time.Second // how long after Probe a sign of life is reported
	maximumProbedPresences = 65536
)

// presence holds the nodes that were probed and have not shown themselves yet.
type presence struct {
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
	p.probed[linkLayer] = now.Add(presenceWindow)
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

// Probe asks a mobile node for a sign of life; Run reports it once, as a Presence, if one is seen within five seconds.
// Probe again after a second or two: a single frame can be lost.
//
// It sends Neighbor Solicitations to the node's link-layer address for the addresses that the kernel's neighbour table has
// for it, which every IPv6 host must answer (RFC 4861 section 7.2.4). The table knows the nodes that we forwarded packets
// to, or that solicited us. For others, and as a supplement, it asks for the addresses that EUI-64 makes of the link-layer
// address under fe80::/64 and prefixes. A node with only privacy addresses that was never forwarded a packet may not answer;
// any Neighbor or Router Solicitation that it happens to send counts just as well.
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
	targets, err := l.addressesOf(p, linkLayer)
	targets = append(targets, derived(linkLayer, prefixes)...)
	slices.SortFunc(targets, netip.Addr.Compare)
	targets = slices.Compact(targets)
	for _, target := range targets[:min(len(targets), maximumProbes)] {
		solicitation := &ndp.NeighborSolicitation{TargetAddress: target, Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: p.linkLayer[:]}}}
		if err = p.send(linkLayer, l.config.LinkLocalAddress, target, solicitation); err != nil {
			break
		}
		l.counters.probes.Add(1)
	}
	if err != nil {
		l.counters.probeErrors.Add(1)
		return fmt.Errorf("probe %s on %s: %w", net.HardwareAddr(linkLayer[:]), l.config.Interface, err)
	}
	return nil
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
