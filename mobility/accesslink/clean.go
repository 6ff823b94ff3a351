package accesslink

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Clean takes away what Close leaves on an interface for the next run: the link-local addresses, those that anchors gave included,
// and what is there for IPv4 home addresses. It takes an interface that Open has been at for the gateway's alone, and what is there in these
// forms for ours (see cleanLinkLocal and findLeftovers). From then on Linux gives it a link-local address of its own again, if that is what new
// interfaces get. It says what it removed; where Open has not been, or Clean has, nothing is changed.
//
// The link-layer address and the other settings stay: nothing noted what they were before.
func Clean(name string, linkLocal netip.Addr) (removed []string, err error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("access link %s: open rtnetlink: %w", name, err)
	}
	defer handle.Close()
	l := &Link{config: Config{Interface: name, LinkLocalAddress: linkLocal}, netlink: handle}
	found, err := l.find()
	if errors.Is(err, ErrInterfaceUnavailable) {
		return nil, nil // what was on it went with it
	}
	if err != nil {
		return nil, fmt.Errorf("access link %s: %w", name, err)
	}
	four, err := l.cleanIPv4(found)
	six, wrong := l.cleanLinkLocal(found)
	if err = errors.Join(err, wrong); err != nil {
		err = fmt.Errorf("access link %s: %w", name, err)
	}
	for _, what := range append(six, four...) {
		removed = append(removed, what+" on "+name)
	}
	return removed, err
}

func (l *Link) cleanIPv4(found netlink.Link) (removed []string, err error) {
	left, err := l.findLeftovers()
	p := &port{index: found.Attrs().Index}
	for home := range left.pinned {
		if wrong := l.deleteNeighbour(p, home); wrong != nil {
			err = errors.Join(err, wrong)
			continue
		}
		removed = append(removed, "neighbour "+home.String())
	}
	for _, router := range left.routers {
		if wrong := l.deleteRouter(p, router); wrong != nil {
			err = errors.Join(err, wrong)
			continue
		}
		removed = append(removed, "address "+router.String())
	}
	return removed, err
}

// cleanLinkLocal goes by the configured address on an interface that makes none by itself: where both are so, every other one
// has been removed, and those that are there are ours.
func (l *Link) cleanLinkLocal(found netlink.Link) (removed []string, err error) {
	const generation = "/proc/sys/net/ipv6/conf/"
	path := filepath.Join(generation, l.config.Interface, "addr_gen_mode")
	mode, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(mode)) != "1" {
		return nil, nil // without IPv6, or not as Open leaves it
	}
	all, err := l.netlink.AddrList(found, netlink.FAMILY_V6)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list the addresses of the interface: %w", err)
	}
	var ours []netlink.Addr
	fixed := false
	for _, a := range all {
		address, _ := netip.AddrFromSlice(a.IP)
		fixed = fixed || address == l.config.LinkLocalAddress
		if address.IsLinkLocalUnicast() {
			ours = append(ours, a)
		}
	}
	if !fixed {
		return nil, nil
	}
	for i := range ours {
		if err := l.netlink.AddrDel(found, &ours[i]); err != nil && !gone(err) {
			return removed, fmt.Errorf("remove the link-local address %s: %w", ours[i].IP, err)
		}
		removed = append(removed, "address "+ours[i].IP.String())
	}
	usual, err := os.ReadFile(generation + "default/addr_gen_mode")
	if err == nil {
		err = os.WriteFile(path, usual, 0)
	}
	if err != nil {
		return removed, fmt.Errorf("let the kernel make link-local addresses again: %w", err)
	}
	return removed, nil
}
