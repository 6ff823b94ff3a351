package accesslink

import (
	"context"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// unreachableInterval is how often one node is reported at most. Each of its addresses fails by itself, and whoever
	// reports asks the node first.
	unreachableInterval = 5 * time.Second
	maximumNeighbours   = 65536
	neighbourQueue      = 256
)

// What goes to a mobile node's prefix is forwarded by a permanent neighbour entry (package forwarding/kernel), of which the
// kernel does not ask whether it is still right. Neighbour unreachability detection is left for what the kernel itself
// sends to a node's address: above all its answer to a solicitation, which it follows up with a probe. A node that goes without
// a word later than that is found by the other ways of RFC 5213 section 6.13: those of the link layer, and Probe.

// neighbourhood follows the kernel's IPv6 neighbour table of the link: which node an address was last seen at. The kernel
// says that an address failed, but not any more whose it was. Of the goroutine that watches alone.
type neighbourhood struct {
	owner map[netip.Addr][6]byte
	told  map[[6]byte]time.Time
}

// update takes one change over. It returns the node that the kernel gave up: its entry was valid once, and its neighbour
// unreachability detection has ended with FAILED (RFC 4861 section 7.3.3). An address that never answered, such as one of
// those that somebody tries in a mobile node's prefix, says nothing.
func (n *neighbourhood) update(change netlink.NeighUpdate, now time.Time) (lost [6]byte, ok bool) {
	address, isAddress := netip.AddrFromSlice(change.IP)
	if !isAddress || !address.Is6() || address.IsMulticast() {
		return lost, false
	}
	owner, known := n.owner[address]
	switch {
	case change.Type == unix.RTM_NEWNEIGH && change.State&netlink.NUD_FAILED != 0:
		delete(n.owner, address)
		if last, told := n.told[owner]; !known || told && now.Sub(last) < unreachableInterval {
			return lost, false
		}
		if len(n.told) >= maximumNeighbours {
			clear(n.told)
		}
		n.told[owner] = now
		return owner, true
	case change.Type == unix.RTM_DELNEIGH:
		delete(n.owner, address)
	case change.State&(netlink.NUD_PERMANENT|netlink.NUD_NOARP|netlink.NUD_INCOMPLETE) == 0 && len(change.HardwareAddr) == 6:
		if known || len(n.owner) < maximumNeighbours {
			n.owner[address] = [6]byte(change.HardwareAddr)
		}
	}
	return lost, false
}

// watchNeighbours reports nodes that became unreachable, until ctx ends.
func (l *Link) watchNeighbours(ctx context.Context, tell func(func(Handler))) {
	for ctx.Err() == nil {
		changes := make(chan netlink.NeighUpdate, neighbourQueue)
		options := netlink.NeighSubscribeOptions{ErrorCallback: func(error) {}, ListExisting: true}
		if netlink.NeighSubscribeWithOptions(changes, ctx.Done(), options) != nil {
			pause(ctx, restoreInterval)
			continue
		}
		l.followNeighbours(ctx, changes, tell)
		pause(ctx, readErrorPause) // it ends with an overrun: list and follow anew
	}
}

func (l *Link) followNeighbours(ctx context.Context, changes <-chan netlink.NeighUpdate, tell func(func(Handler))) {
	around := neighbourhood{owner: map[netip.Addr][6]byte{}, told: map[[6]byte]time.Time{}}
	for change := range changes {
		if ctx.Err() != nil {
			continue // until it is closed
		}
		if p, err := l.current(); err != nil || change.LinkIndex != p.index {
			continue
		}
		if change.Family == netlink.FAMILY_V4 {
			if address, ok := netip.AddrFromSlice(change.IP); ok && (change.Type == unix.RTM_DELNEIGH || change.State != netlink.NUD_PERMANENT) {
				l.repin(address)
			}
			continue
		}
		now := time.Now()
		lost, ok := around.update(change, now)
		if !ok {
			continue
		}
		if _, offered := l.nodes.offerOf(lost, now); offered {
			l.counters.serve(ServedUnreachable)
			tell(func(h Handler) {
				if h.Unreachable != nil {
					h.Unreachable(Presence{lost})
				}
			})
		}
	}
}
