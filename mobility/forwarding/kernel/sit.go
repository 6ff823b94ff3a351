package kernel

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netlmm/mobility/forwarding"
)

// Peers that are reached over IPv4 (RFC 5844 section 4) have one sit device each, beside whatever backend serves the IPv6 ones:
// IPv6 in IPv4 (RFC 4213) and IPv4 in IPv4 (RFC 2003), with no UDP between. Such a device is used like one of ip6tnl: it
// decapsulates only what comes from its peer by the uplink, and the rules of its own decide about the inner packet. ECN and
// the outer hop limit are the driver's business.
//
// Linux sets Don't Fragment on what a device with a hop limit of its own sends, and there is no other way to have one: a hop
// limit copied from inside would let a loop of tunnels live on. That is the dynamic tunnel MTU of RFC 4213 section
// 3.2.2: what is too big for the path is answered at the entry, and the device follows the path (paths.go), so that IPv4
// packets that may be fragmented are, before they enter. On a path too narrow for 1280 octets of IPv6 the driver lets the outer
// packet be fragmented.
const sitPrefix = "pmip4-"

// outerHeaderIPv4 is what encapsulation in IPv4 adds to a packet.
const outerHeaderIPv4 = 20

// headerTo is what encapsulation for a peer adds to a packet.
func headerTo(peer netip.Addr) int {
	if peer.Is4() {
		return outerHeaderIPv4
	}
	return outerHeader
}

// end is our end of the tunnel to a peer.
func (c *Config) end(peer netip.Addr) netip.Addr {
	if peer.Is4() {
		return c.LocalIPv4
	}
	return c.Local
}

// sits says whether there can be tunnels over IPv4.
func (l *layout) sits() bool { return l.LocalIPv4.IsValid() && l.sitMissing == nil }

// sitBase keeps tunnelled packets away from the devices unless they came by the uplink, as that of ip6tnl does. The lookup of
// table local moves for that at the anchor too.
func (l *layout) sitBase() plan {
	if !l.sits() {
		return plan{}
	}
	p := plan{rules: l.outerRules(l.LocalIPv4)}
	if l.Role == forwarding.Anchor || !l.ipv4() {
		p.rules = append(p.rules, l.rule(localRule, rule{ipv4: true, table: localTable}))
	}
	return p
}

// checkEnds refuses an entry for the ends of its tunnels.
func (l *layout) checkEnds(e *forwarding.Entry) error {
	if err := l.checkEnd(e, e.Peer); err != nil {
		return err
	}
	if local := l.end(e.Peer); e.Local != local {
		return fmt.Errorf("its tunnel begins at %s, this data plane at %s", e.Local, local)
	}
	return l.checkTransfer(e)
}

// checkEnd refuses an entry for the far end of one of its tunnels.
func (l *layout) checkEnd(e *forwarding.Entry, far netip.Addr) error {
	local := l.end(far)
	switch {
	case far.IsValid() && !local.IsValid():
		return fmt.Errorf("its tunnel goes to %s, and this data plane has no address of that IP version", far)
	case far.Is4() && l.sitMissing != nil:
		return fmt.Errorf("its tunnel goes to %s: %w", far, l.sitMissing)
	case !far.IsValid() || far.Is4In6() || far == local || e.Prefix.Contains(far):
		return fmt.Errorf("%s cannot be the other end of its tunnel", far)
	}
	return nil
}

var errNoSit = errors.New("tunnels over IPv4 need the sit driver (CONFIG_IPV6_SIT), which this kernel lacks: " +
	"`modprobe sit`, install the package with the kernel's modules, or reach the peer by its IPv6 address")

// addSit makes the device l.
func (c *conn) addSit(l link, attrs netlink.LinkAttrs, lower uint32) error {
	var proto uint8 // 0: any
	if !l.any {
		proto = protocolIPv6
	}
	err := c.LinkAdd(&netlink.Sittun{LinkAttrs: attrs, Link: lower, Local: l.local.AsSlice(), Remote: l.remote.AsSlice(),
		Ttl: tunnelHopLimit, Proto: proto, PMtuDisc: 1})
	if errors.Is(err, unix.EOPNOTSUPP) {
		return errNoSit
	}
	if err != nil {
		return fmt.Errorf("%s: %w", l, err)
	}
	return c.withoutAddresses(l.name)
}

// probeDevice says whether the driver of a device is there or can be loaded, which only making one tells.
func (c *conn) probeDevice(device netlink.Link) (bool, error) {
	name := device.Attrs().Name
	if err := c.removeLink(name); err != nil { // a probe that was killed
		return false, err
	}
	switch err := c.LinkAdd(device); {
	case err == nil:
		return true, c.removeLink(name)
	case !errors.Is(err, unix.EOPNOTSUPP):
		return false, fmt.Errorf("ask the kernel for %s: %w", device.Type(), err)
	}
	return false, nil
}
