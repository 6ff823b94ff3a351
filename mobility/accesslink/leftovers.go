package accesslink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// leftoverGrace is how long what an earlier run left for IPv4 home addresses stands before Run looks at it: the mobile nodes
// that are still there come back first, and their packets go where they went.
const leftoverGrace = 10 * time.Second

// leftovers are what an earlier run, which ended without a word, left on the interface for IPv4 home addresses.
type leftovers struct {
	routers []netip.Addr
	pinned  map[netip.Addr][6]byte
}

// findLeftovers looks for them. An address of the form that addRouter gives, on an interface with the sysctl that it sets, says that
// there was such a run; without both, what is there was set by hand and stays. With them an address of that form, or a permanent neighbour
// entry, of somebody else's counts as left: nothing that all kernels have marks whose one is.
func (l *Link) findLeftovers() (left leftovers, err error) {
	found, err := l.find()
	if err != nil {
		return left, err
	}
	if now, err := os.ReadFile(filepath.Join("/proc/sys/net/ipv4/conf", l.config.Interface, "arp_ignore")); err != nil || string(bytes.TrimSpace(now)) != arpIgnore {
		return left, nil
	}
	addresses, err := l.netlink.AddrList(found, netlink.FAMILY_V4)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return left, fmt.Errorf("list the IPv4 addresses of the interface: %w", err)
	}
	for _, a := range addresses {
		address, ok := netip.AddrFromSlice(a.IP.To4())
		if ones, bits := a.Mask.Size(); ok && ones == bits && a.Scope == unix.RT_SCOPE_LINK {
			left.routers = append(left.routers, address)
		}
	}
	if len(left.routers) == 0 {
		return left, nil
	}
	entries, err := l.netlink.NeighList(found.Attrs().Index, netlink.FAMILY_V4)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return left, fmt.Errorf("list the IPv4 neighbours of the interface: %w", err)
	}
	left.pinned = map[netip.Addr][6]byte{}
	for _, entry := range entries {
		address, ok := netip.AddrFromSlice(entry.IP.To4())
		if ok && entry.State&netlink.NUD_PERMANENT != 0 && len(entry.HardwareAddr) == 6 {
			left.pinned[address] = [6]byte(entry.HardwareAddr)
		}
	}
	return left, nil
}

// removeLeftovers takes away, after the grace, what no offer has claimed meanwhile.
func (l *Link) removeLeftovers(ctx context.Context, left leftovers) {
	if len(left.routers) == 0 {
		return
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(leftoverGrace):
	}
	p, err := l.current()
	if err != nil {
		p = nil // it is done when the interface is back
	}
	l.applying.Lock()
	defer l.applying.Unlock()
	for home := range left.pinned {
		if state := (ipv4State{address: home}); !l.ipv4.wants(state) {
			_ = l.settle(p, state) // it is counted, shown and tried again
		}
	}
	for _, router := range left.routers {
		if state := (ipv4State{true, router}); !l.ipv4.wants(state) {
			_ = l.settle(p, state)
		}
	}
}
