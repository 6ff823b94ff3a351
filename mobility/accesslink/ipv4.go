package accesslink

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ipv4 is what the kernel holds on the interface for the IPv4 home addresses of offers. Guarded by Link.applying.
type ipv4 struct {
	pinned  map[netip.Addr][6]byte // neighbour entries
	routers map[netip.Addr]int     // addresses of the interface, with the number of nodes whose default router each is
	routing map[[6]byte]netip.Addr // the default router of each node

	removals []func(*port) error // what was withdrawn while the interface was gone or down
}

const maximumRemovals = 4096

// applyIPv4 brings the kernel from what it holds for a node's earlier offer to what the present one needs. An extension
// changes nothing and costs no system call.
func (l *Link) applyIPv4(before, now Offer) error {
	if before.IPv4HomeAddress == now.IPv4HomeAddress && before.IPv4DefaultRouter == now.IPv4DefaultRouter {
		return nil
	}
	p, err := l.current()
	if err != nil {
		p = nil // noted only: reapplyIPv4 catches up
	}
	return errors.Join(l.route(p, now), l.pin(p, before, now))
}

// pin makes the neighbour entry of the home address permanent (RFC 5844 section 3.2.4 has the gateway know whose packets it
// forwards): no ARP of another node changes it, and the kernel need not ask.
func (l *Link) pin(p *port, before, now Offer) error {
	var failed error
	if old := before.IPv4HomeAddress; old.IsValid() && old.Addr() != now.IPv4HomeAddress.Addr() && l.ipv4.pinned[old.Addr()] == before.LinkLayer {
		delete(l.ipv4.pinned, old.Addr())
		failed = l.deleteNeighbour(p, old.Addr(), before.LinkLayer)
	}
	if home := now.IPv4HomeAddress; home.IsValid() {
		if l.ipv4.pinned == nil {
			l.ipv4.pinned = map[netip.Addr][6]byte{}
		}
		l.ipv4.pinned[home.Addr()] = now.LinkLayer
		failed = errors.Join(failed, l.setNeighbour(p, home.Addr(), now.LinkLayer))
	}
	return failed
}

func (l *Link) setNeighbour(p *port, home netip.Addr, linkLayer [6]byte) error {
	if p == nil {
		return nil
	}
	if err := l.netlink.NeighSet(p.neighbour(home, linkLayer)); err != nil && !gone(err) {
		return fmt.Errorf("make the neighbour entry of %s permanent: %w", home, err)
	}
	return nil
}

func (l *Link) deleteNeighbour(p *port, home netip.Addr, linkLayer [6]byte) error {
	if p == nil {
		l.ipv4.later(func(p *port) error {
			if _, pinned := l.ipv4.pinned[home]; pinned {
				return nil
			}
			return l.deleteNeighbour(p, home, linkLayer)
		})
		return nil
	}
	if err := l.netlink.NeighDel(p.neighbour(home, linkLayer)); err != nil && !gone(err) {
		return fmt.Errorf("remove the neighbour entry of %s: %w", home, err)
	}
	return nil
}

// later notes what is to be removed once the interface is back. What does not fit stays: it does no more than name a node
// that is not there.
func (i *ipv4) later(removal func(*port) error) {
	if len(i.removals) < maximumRemovals {
		i.removals = append(i.removals, removal)
	}
}

func (p *port) neighbour(home netip.Addr, linkLayer [6]byte) *netlink.Neigh {
	return &netlink.Neigh{LinkIndex: p.index, Family: netlink.FAMILY_V4, State: netlink.NUD_PERMANENT, IP: home.AsSlice(), HardwareAddr: linkLayer[:]}
}

// route makes the default router's address one of the interface (RFC 5844 section 3.2.3.2) while a node has it.
func (l *Link) route(p *port, now Offer) error {
	old, router := l.ipv4.routing[now.LinkLayer], now.IPv4DefaultRouter
	if old == router {
		return nil
	}
	if l.ipv4.routers == nil {
		l.ipv4.routers, l.ipv4.routing = map[netip.Addr]int{}, map[[6]byte]netip.Addr{}
	}
	var failed error
	if router.IsValid() {
		l.ipv4.routing[now.LinkLayer] = router
		if l.ipv4.routers[router]++; l.ipv4.routers[router] == 1 {
			failed = l.addRouter(p, router)
		}
	} else {
		delete(l.ipv4.routing, now.LinkLayer)
	}
	if old.IsValid() {
		if l.ipv4.routers[old]--; l.ipv4.routers[old] == 0 {
			delete(l.ipv4.routers, old)
			failed = errors.Join(failed, l.deleteRouter(p, old))
		}
	}
	return failed
}

// addRouter adds an address without a network, so that the kernel neither takes the mobile nodes' network to be on the link
// nor answers ARP for it (arp_ignore 2): that is done here, for nodes with an offer.
func (l *Link) addRouter(p *port, router netip.Addr) error {
	if p == nil {
		return nil
	}
	if err := l.set("ipv4", []setting{{"arp_ignore", "2"}, {"forwarding", "1"}, {"send_redirects", "0"}, {"accept_redirects", "0"}}); err != nil {
		return err
	}
	err := l.netlink.AddrReplace(p.device(), &netlink.Addr{IPNet: hostNet(router), Scope: unix.RT_SCOPE_LINK})
	if err != nil && !gone(err) {
		return fmt.Errorf("add the default router's address %s: %w", router, err)
	}
	return nil
}

func (l *Link) deleteRouter(p *port, router netip.Addr) error {
	if p == nil {
		l.ipv4.later(func(p *port) error {
			if l.ipv4.routers[router] != 0 {
				return nil
			}
			return l.deleteRouter(p, router)
		})
		return nil
	}
	if err := l.netlink.AddrDel(p.device(), &netlink.Addr{IPNet: hostNet(router)}); err != nil && !gone(err) {
		return fmt.Errorf("remove the default router's address %s: %w", router, err)
	}
	return nil
}

func (p *port) device() netlink.Link {
	return &netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: p.index}}
}

func hostNet(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
}

// gone says that what was to be removed, or the interface itself, is not there any more.
func gone(err error) bool {
	for _, missing := range []error{unix.ENOENT, unix.EADDRNOTAVAIL, unix.ENODEV, unix.ENETDOWN} {
		if errors.Is(err, missing) {
			return true
		}
	}
	return false
}

// reapplyIPv4 gives an interface that came back what offers need: the kernel forgets neighbours when it goes down, and
// everything when it is deleted.
func (l *Link) reapplyIPv4(p *port) error {
	l.applying.Lock()
	defer l.applying.Unlock()
	var failed []error
	for _, remove := range l.ipv4.removals {
		failed = append(failed, remove(p))
	}
	l.ipv4.removals = nil
	for router := range l.ipv4.routers {
		failed = append(failed, l.addRouter(p, router))
	}
	for home, linkLayer := range l.ipv4.pinned {
		failed = append(failed, l.setNeighbour(p, home, linkLayer))
	}
	return errors.Join(failed...)
}

// repin puts back a permanent neighbour entry that somebody removed.
func (l *Link) repin(home netip.Addr) {
	p, err := l.current()
	if err != nil {
		return // reapplyIPv4 will
	}
	l.applying.Lock()
	defer l.applying.Unlock()
	if linkLayer, pinned := l.ipv4.pinned[home]; pinned {
		l.noteFailure(l.setNeighbour(p, home, linkLayer))
	}
}
