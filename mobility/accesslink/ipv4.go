package accesslink

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ipv4 is what the kernel is to hold on the interface for the IPv4 home addresses of offers. Guarded by Link.applying.
type ipv4 struct {
	pinned  map[netip.Addr][6]byte // neighbour entries
	routers map[netip.Addr]int     // addresses of the interface, with the number of nodes whose default router each is
	routing map[[6]byte]netip.Addr // the default router of each node

	due     map[ipv4State]error          // what it does not hold so yet; the error is nil where the interface was gone or down
	refused int                          // of due, those with an error
	problem atomic.Pointer[error]        // the last of these while there are any
	kernel  func(*port, ipv4State) error // tests put a failing one here
}

// ipv4State is one thing that the kernel is to hold, or not to hold any more: a permanent neighbour entry, or a default
// router's address.
type ipv4State struct {
	router  bool
	address netip.Addr
}

// What the kernel refuses is tried again every second, but not for ever all of it: when so many have failed the others wait.
const maximumFailures = 64

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
		failed = l.settle(p, ipv4State{address: old.Addr()})
	}
	if home := now.IPv4HomeAddress; home.IsValid() {
		if l.ipv4.pinned == nil {
			l.ipv4.pinned = map[netip.Addr][6]byte{}
		}
		l.ipv4.pinned[home.Addr()] = now.LinkLayer
		failed = errors.Join(failed, l.settle(p, ipv4State{address: home.Addr()}))
	}
	return failed
}

// settle brings the kernel to what pinned and routers say of one address, and remembers it if that fails, or cannot be done
// now: a later offer of the same addresses changes nothing and would not try again.
func (l *Link) settle(p *port, state ipv4State) error {
	var err error
	switch {
	case p == nil:
		err = ErrInterfaceUnavailable
	case l.ipv4.kernel != nil:
		err = l.ipv4.kernel(p, state)
	default:
		err = l.change(p, state)
	}
	if err == nil {
		l.ipv4.done(state)
		return nil
	}
	if away(err) {
		err = nil // restore says so
	} else {
		l.counters.restoreErrors.Add(1)
	}
	l.ipv4.remember(state, err)
	return err
}

// remember notes what is to be done. Of what is to be removed not all may fit, and stays then: it does no more than name a
// node that is not there.
func (i *ipv4) remember(state ipv4State, err error) {
	if _, known := i.due[state]; !known && len(i.due) >= maximumNodes && !i.wants(state) {
		return
	}
	if i.due == nil {
		i.due = map[ipv4State]error{}
	}
	i.done(state)
	i.due[state] = err
	if err != nil {
		i.refused++
		i.problem.Store(&err)
	}
}

func (i *ipv4) done(state ipv4State) {
	if i.due[state] != nil {
		i.refused--
	}
	delete(i.due, state)
	if i.refused == 0 {
		i.problem.Store(nil)
	}
}

func (i *ipv4) wants(state ipv4State) bool {
	if state.router {
		return i.routers[state.address] != 0
	}
	_, pinned := i.pinned[state.address]
	return pinned
}

// change makes the system calls.
func (l *Link) change(p *port, state ipv4State) error {
	wanted := l.ipv4.wants(state)
	switch {
	case state.router && wanted:
		return l.addRouter(p, state.address)
	case state.router:
		return l.deleteRouter(p, state.address)
	case wanted:
		return l.setNeighbour(p, state.address, l.ipv4.pinned[state.address])
	}
	return l.deleteNeighbour(p, state.address)
}

func (l *Link) setNeighbour(p *port, home netip.Addr, linkLayer [6]byte) error {
	if err := l.netlink.NeighSet(p.neighbour(home, linkLayer)); err != nil {
		return fmt.Errorf("make the neighbour entry of %s permanent: %w", home, err)
	}
	return nil
}

func (l *Link) deleteNeighbour(p *port, home netip.Addr) error {
	if err := l.netlink.NeighDel(p.neighbour(home, [6]byte{})); err != nil && !gone(err) {
		return fmt.Errorf("remove the neighbour entry of %s: %w", home, err)
	}
	return nil
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
			failed = l.settle(p, ipv4State{true, router})
		}
	} else {
		delete(l.ipv4.routing, now.LinkLayer)
	}
	if old.IsValid() {
		if l.ipv4.routers[old]--; l.ipv4.routers[old] == 0 {
			delete(l.ipv4.routers, old)
			failed = errors.Join(failed, l.settle(p, ipv4State{true, old}))
		}
	}
	return failed
}

// arpIgnore is the value of the sysctl arp_ignore where default routers' addresses are.
const arpIgnore = "2"

// addRouter adds an address without a network, so that the kernel neither takes the mobile nodes' network to be on the link
// nor answers ARP for it (arp_ignore 2): that is done here, for nodes with an offer.
func (l *Link) addRouter(p *port, router netip.Addr) error {
	if err := l.set("ipv4", []setting{{"arp_ignore", arpIgnore}, {"forwarding", "1"}, {"send_redirects", "0"}, {"accept_redirects", "0"}}); err != nil {
		return err
	}
	err := l.netlink.AddrReplace(p.device(), &netlink.Addr{IPNet: hostNet(router), Scope: unix.RT_SCOPE_LINK})
	if err != nil {
		return fmt.Errorf("add the default router's address %s: %w", router, err)
	}
	return nil
}

func (l *Link) deleteRouter(p *port, router netip.Addr) error {
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

// gone says that what was to be removed is not there any more.
func gone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EADDRNOTAVAIL) }

// away says that the interface itself is gone or down.
func away(err error) bool {
	return errors.Is(err, ErrInterfaceUnavailable) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENETDOWN)
}

// reapplyIPv4 gives an interface that came back what offers need: the kernel forgets neighbours when it goes down, and
// everything when it is deleted.
func (l *Link) reapplyIPv4(p *port) {
	l.applying.Lock()
	defer l.applying.Unlock()
	for router := range l.ipv4.routers {
		l.ipv4.remember(ipv4State{true, router}, nil)
	}
	for home := range l.ipv4.pinned {
		l.ipv4.remember(ipv4State{address: home}, nil)
	}
	l.settleDue(p)
}

// retryIPv4 does again what failed.
func (l *Link) retryIPv4() {
	p, err := l.current()
	if err != nil {
		return // reapplyIPv4 will
	}
	l.applying.Lock()
	defer l.applying.Unlock()
	l.settleDue(p)
}

func (l *Link) settleDue(p *port) {
	failures := 0
	for state := range l.ipv4.due {
		if failures == maximumFailures {
			return
		}
		if l.settle(p, state) != nil {
			failures++
		}
	}
}

// repin puts back a permanent neighbour entry that somebody removed.
func (l *Link) repin(home netip.Addr) {
	p, err := l.current()
	if err != nil {
		return // reapplyIPv4 will
	}
	l.applying.Lock()
	defer l.applying.Unlock()
	if _, pinned := l.ipv4.pinned[home]; pinned {
		_ = l.settle(p, ipv4State{address: home}) // it is counted, shown and tried again
	}
}
