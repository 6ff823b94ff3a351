package accesslink

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

const (
	maximumSources = 4096 // link-local addresses that anchors gave, on one link

	// A node that claims the router's address over and over costs a registration at most this often.
	collisionInterval = 10 * time.Second
)

// source is the link-local address that this router has towards one node.
type source struct {
	address netip.Addr
	taken   bool      // the node has it: it is not used (RFC 5213 section 6.9.1.2, 15)
	told    time.Time // of the last collision
}

// sources are the link-local addresses that anchors gave for single nodes. They change under Link.applying too, so that the
// kernel's list follows in order.
type sources struct {
	mu    sync.Mutex
	table map[[6]byte]source
	users map[netip.Addr]int
}

// of is the address to use towards a node; zero: that of the link.
func (s *sources) of(linkLayer [6]byte) netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.table[linkLayer]; !found.taken {
		return found.address
	}
	return netip.Addr{}
}

// set notes the address towards a node; zero: none. It returns addresses to add to the interface and to remove from it.
func (s *sources) set(linkLayer [6]byte, address netip.Addr) (add, remove netip.Addr, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.table[linkLayer]
	if before.address == address {
		return add, remove, nil
	}
	if address.IsValid() {
		if s.users[address] == 0 && len(s.users) >= maximumSources {
			return add, remove, fmt.Errorf("more than %d link-local addresses on one access link", maximumSources)
		}
		if s.table == nil {
			s.table, s.users = map[[6]byte]source{}, map[netip.Addr]int{}
		}
		if s.users[address]++; s.users[address] == 1 {
			add = address
		}
		s.table[linkLayer] = source{address: address, told: before.told}
	} else {
		delete(s.table, linkLayer)
	}
	return add, s.release(before), nil
}

// release ends the use of an address and returns it if nobody uses it any more.
func (s *sources) release(before source) (remove netip.Addr) {
	if !before.address.IsValid() || before.taken {
		return remove
	}
	if s.users[before.address]--; s.users[before.address] == 0 {
		delete(s.users, before.address)
		remove = before.address
	}
	return remove
}

// wanted says whether an address is to be on the interface.
func (s *sources) wanted(address netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[address] != 0
}

func (s *sources) all() (out []netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for address := range s.users {
		out = append(out, address)
	}
	return out
}

// collide notes that a node claims its router's address for itself. inUse: it has it already, and does not only ask (by
// duplicate address detection, which the kernel answers). It reports whether this is worth telling, and an address to remove
// from the interface.
func (s *sources) collide(linkLayer [6]byte, claims netip.Addr, inUse bool, now time.Time) (tell bool, remove netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, known := s.table[linkLayer]
	if !known || found.address != claims || found.taken && !inUse {
		return false, remove
	}
	if inUse {
		remove = s.release(found)
		found.taken = true
	}
	if tell = found.told.IsZero() || now.Sub(found.told) >= collisionInterval; tell {
		found.told = now
	}
	s.table[linkLayer] = found
	return tell, remove
}

// sourceFor makes the address that an advertisement is to come from the router's towards that node, and returns it.
func (l *Link) sourceFor(p *port, a Advertisement) (netip.Addr, error) {
	wanted := a.Source
	if wanted == l.config.LinkLocalAddress {
		wanted = netip.Addr{}
	}
	if wanted.IsValid() && (!wanted.IsLinkLocalUnicast() || !wanted.Is6() || wanted.Zone() != "") {
		return netip.Addr{}, fmt.Errorf("source %s is no link-local address", wanted)
	}
	if l.sources.of(a.Destination) == wanted && wanted.IsValid() {
		return wanted, nil
	}
	fresh, err := l.setSource(p, a.Destination, wanted)
	if err != nil {
		return netip.Addr{}, err
	}
	if fresh {
		l.detectDuplicate(p, a.Destination, wanted)
	}
	if used := l.sources.of(a.Destination); used.IsValid() {
		return used, nil
	}
	return l.config.LinkLocalAddress, nil
}

// setSource changes the router's address towards a node, also on the interface. fresh says that it is a new one.
func (l *Link) setSource(p *port, linkLayer [6]byte, wanted netip.Addr) (fresh bool, err error) {
	l.applying.Lock()
	defer l.applying.Unlock()
	l.sources.mu.Lock()
	before := l.sources.table[linkLayer].address
	l.sources.mu.Unlock()
	add, remove, err := l.sources.set(linkLayer, wanted)
	if err != nil || p == nil {
		return false, err
	}
	if add.IsValid() {
		err = l.addLinkLocal(p.device(), add)
	}
	return before != wanted && wanted.IsValid(), errors.Join(err, l.removeLinkLocal(p, remove))
}

// addLinkLocal adds a link-local address without duplicate address detection: at a handover it is alive at the previous MAG.
func (l *Link) addLinkLocal(found netlink.Link, address netip.Addr) error {
	err := l.netlink.AddrAdd(found, &netlink.Addr{
		IPNet: &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(64, 128)},
		Flags: unix.IFA_F_NODAD | unix.IFA_F_PERMANENT,
		Scope: unix.RT_SCOPE_LINK,
	})
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add the link-local address %s: %w", address, err)
	}
	return nil
}

func (l *Link) removeLinkLocal(p *port, address netip.Addr) error {
	if !address.IsValid() || address == l.config.LinkLocalAddress {
		return nil
	}
	err := l.netlink.AddrDel(p.device(), &netlink.Addr{IPNet: &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(64, 128)}})
	if err != nil && !gone(err) {
		return fmt.Errorf("remove the link-local address %s: %w", address, err)
	}
	return nil
}

// detectDuplicate asks one node whether it has the address that the anchor gave us (RFC 4862 section 5.4.2). Nothing waits
// for the answer, which comes as a collision.
func (l *Link) detectDuplicate(p *port, linkLayer [6]byte, address netip.Addr) {
	group, err := ndp.SolicitedNodeMulticast(address)
	if err == nil {
		err = p.send(linkLayer, netip.IPv6Unspecified(), group, &ndp.NeighborSolicitation{TargetAddress: address})
	}
	if err != nil {
		l.counters.probeErrors.Add(1)
		return
	}
	l.counters.probes.Add(1)
}

// noteCollision looks for a claim of a node to the address that this router has towards it, and says whether to tell.
func (l *Link) noteCollision(p *port, seen sighting, now time.Time) (netip.Addr, bool) {
	address := l.sources.of(seen.linkLayer)
	if !address.IsValid() || seen.source != address && seen.claims != address {
		return netip.Addr{}, false
	}
	inUse := seen.source == address || !seen.source.IsUnspecified()
	tell, remove := l.sources.collide(seen.linkLayer, address, inUse, now)
	if remove.IsValid() {
		l.applying.Lock()
		defer l.applying.Unlock()
		if !l.sources.wanted(remove) {
			if err := l.removeLinkLocal(p, remove); err != nil {
				l.note(err) // restore removes it, and says more if it cannot
			}
		}
	}
	return address, tell
}

// claimedBy is the address that a Neighbor Discovery message claims for its sender, at present (an advertisement) or soon
// (duplicate address detection, RFC 4862 section 5.4.3); zero: none.
func claimedBy(body []byte, sender netip.Addr) netip.Addr {
	if len(body) < 24 {
		return netip.Addr{}
	}
	asks := body[0] == byte(ipv6.ICMPTypeNeighborSolicitation) && sender.IsUnspecified()
	if !asks && body[0] != byte(ipv6.ICMPTypeNeighborAdvertisement) {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte(body[8:]))
}

// FreeLinkLocalAddress makes up a link-local address that neither this router nor, as far as the kernel knows, a node has on
// the link: for the MAG to use in place of one that collides.
func (l *Link) FreeLinkLocalAddress() (netip.Addr, error) {
	p, err := l.current()
	if err != nil {
		return netip.Addr{}, err
	}
	entries, err := l.netlink.NeighList(p.index, netlink.FAMILY_V6)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list the neighbours: %w", err)
	}
	for {
		octets := [16]byte{0xfe, 0x80}
		_, _ = rand.Read(octets[8:]) // never fails
		octets[8] &^= 2              // of local meaning, RFC 4291 section 2.5.1
		address := netip.AddrFrom16(octets)
		if !l.sources.wanted(address) && !slices.ContainsFunc(entries, func(e netlink.Neigh) bool { return e.IP.Equal(address.AsSlice()) }) {
			return address, nil
		}
	}
}
