package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// minimumMTU is the least MTU of an IPv6 link (RFC 8200 section 5).
const minimumMTU = 1280

// noAddressGeneration is IN6_ADDR_GEN_MODE_NONE: no link-local address, hence no DAD, no MLD and no solicitations on links
// that only stand for a tunnel.
const noAddressGeneration = 1

// ensureLink makes l, down, unless it stands as wanted already. A link of that name which differs in more than its MTU is replaced.
func (c *conn) ensureLink(l link) error {
	unchecked := l
	unchecked.check = checkAsIs // raiseLink sees to that
	switch have, err := c.LinkByName(l.name); {
	case err == nil && linkOf(have, c) == unchecked:
		return nil
	case err == nil && linkOf(have, c).withMTU(l.mtu) == unchecked:
		return c.setMTU(l)
	case err == nil:
		if err := c.LinkDel(have); err != nil {
			return fmt.Errorf("remove the outdated link %s: %w", l.name, err)
		}
	case !errors.As(err, &netlink.LinkNotFoundError{}):
		return fmt.Errorf("look up link %s: %w", l.name, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = l.name, l.mtu
	if l.other != "" {
		return c.addPair(l, attrs)
	}
	lower, err := c.index(l.lower)
	if err != nil {
		return err
	}
	if l.remote.Is4() {
		return c.addSit(l, attrs, lower)
	}
	var proto uint8 // 0: any
	if !l.any {
		proto = protocolIPv6
	}
	err = c.LinkAdd(&netlink.Ip6tnl{LinkAttrs: attrs, Link: lower, Local: l.local.AsSlice(), Remote: l.remote.AsSlice(),
		Ttl: tunnelHopLimit, Proto: proto, Flags: ignoreEncapLimit})
	if errors.Is(err, unix.EOPNOTSUPP) {
		return errNoIP6Tunnel
	}
	if err != nil {
		return fmt.Errorf("%s: %w", l, err)
	}
	return c.withoutAddresses(l.name)
}

// setMTU sets the MTU of a link, and of both ends of a pair.
func (c *conn) setMTU(l link) error {
	for _, name := range []string{l.name, l.other} {
		if name == "" {
			continue
		}
		dev, err := c.LinkByName(name)
		if err == nil {
			err = c.LinkSetMTU(dev, l.mtu)
		}
		if err != nil {
			return fmt.Errorf("set the MTU of link %s to %d: %w", name, l.mtu, err)
		}
	}
	return nil
}

// ignoreEncapLimit is IP6_TNL_F_IGN_ENCAP_LIMIT: no encapsulation limit option is added (RFC 2473 section 4.1.1), as
// "encaplimit none" of ip(8). One that arrives is accepted all the same.
const ignoreEncapLimit = 0x1

func (c *conn) addPair(l link, attrs netlink.LinkAttrs) error {
	attrs.HardwareAddr = seg6InMAC[:]
	err := c.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: l.other, PeerHardwareAddr: seg6OutMAC[:], PeerMTU: uint32(l.mtu)})
	if errors.Is(err, unix.EOPNOTSUPP) {
		return errors.New("the seg6 backend needs the veth driver, which this kernel lacks: enable CONFIG_VETH or `modprobe veth`")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", l, err)
	}
	return errors.Join(c.withoutAddresses(l.name), c.withoutAddresses(l.other))
}

func (c *conn) withoutAddresses(name string) error {
	l, err := c.LinkByName(name)
	if err == nil {
		err = c.LinkSetIP6AddrGenMode(l, noAddressGeneration)
	}
	if err != nil {
		return fmt.Errorf("keep link %s free of addresses: %w", name, err)
	}
	return nil
}

// raiseLink sets l up and, for a pair, introduces its ends to each other. The check of sources is there first.
func (c *conn) raiseLink(l link) error {
	raise := func(name string, check sourceCheck) (int, error) {
		dev, err := c.LinkByName(name)
		if err == nil && check != checkAsIs {
			err = c.checkSources(dev.Attrs().Index, check == checkStrict)
		}
		if err == nil && dev.Attrs().Flags&net.FlagUp == 0 {
			err = c.LinkSetUp(dev)
		}
		if err != nil {
			return 0, fmt.Errorf("set link %s up: %w", name, err)
		}
		return dev.Attrs().Index, nil
	}
	in, err := raise(l.name, l.check)
	if err != nil || l.other == "" {
		return err
	}
	out, err := raise(l.other, min(l.check, checkNone))
	if err == nil {
		err = errors.Join(c.awaitCarrier(l.name), c.awaitCarrier(l.other))
	}
	if err != nil {
		return err
	}
	return errors.Join(c.neighbour(in, seg6OutAddr, seg6OutMAC), c.neighbour(out, seg6InAddr, seg6InMAC), c.neighbour(out, seg6NobodyAddr, seg6NobodyMAC))
}

// carrierPatience is how long the two ends of a pair may take, in milliseconds.
const carrierPatience = 1000

// awaitCarrier waits until an end of a pair takes packets. Linux drops them until it has taken notice, in the background, that
// the other end is up too; since 6.6 it does so when asked about the link.
func (c *conn) awaitCarrier(name string) error {
	for range carrierPatience {
		dev, err := c.LinkByName(name)
		if err != nil {
			return fmt.Errorf("set link %s up: %w", name, err)
		}
		if dev.Attrs().OperState == netlink.OperUp {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("link %s stays down although both of its ends are set up", name)
}

// Of include/uapi/linux: the IPv4 settings of a link, which the library does not know.
const (
	inetConf          = unix.IFLA_INET_CONF
	inetSendRedirects = 6 // IPV4_DEVCONF_SEND_REDIRECTS
	inetRPFilter      = 8
	inetAcceptLocal   = 23
)

// checkSources makes Linux check the IPv4 sources of what comes in by a link of ours, or let pass all including what we sent
// ourselves by the other end. What leaves by the tunnel that it came from, from one mobile node of a gateway to another, is no
// reason for a redirect: there is no shorter way.
func (c *conn) checkSources(index int, strict bool) error {
	filter, local := uint32(0), uint32(1)
	if strict {
		filter, local = 1, 0
	}
	return c.configureIPv4(index, map[int]uint32{inetRPFilter: filter, inetAcceptLocal: local, inetSendRedirects: 0})
}

// leaveUnchecked lifts the check of IPv4 sources of what comes in by a link that is not ours.
func (c *conn) leaveUnchecked(name string) error {
	index, err := c.index(name)
	if err != nil {
		return err
	}
	return c.configureIPv4(int(index), map[int]uint32{inetRPFilter: 0})
}

// configureIPv4 sets IPv4 settings of an interface.
func (c *conn) configureIPv4(index int, settings map[int]uint32) error {
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: c.sock}
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	conf := spec.AddRtAttr(unix.AF_INET, nil).AddRtAttr(inetConf, nil)
	for setting, value := range settings {
		conf.AddRtAttr(setting, nl.Uint32Attr(value))
	}
	req.AddData(spec)
	if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fmt.Errorf("set the check of IPv4 sources of interface %d: %w", index, err)
	}
	return nil
}

func (c *conn) neighbour(index int, addr netip.Addr, mac [6]byte) error {
	err := c.NeighSet(&netlink.Neigh{LinkIndex: index, Family: unix.AF_INET6, State: unix.NUD_PERMANENT,
		IP: addr.AsSlice(), HardwareAddr: mac[:]})
	if err != nil {
		return fmt.Errorf("make %s a permanent neighbour: %w", addr, err)
	}
	return nil
}

// ourLinks lists the links that carry our names; of a pair, the first.
func (c *conn) ourLinks() ([]link, error) {
	all, err := c.LinkList()
	for attempt := 0; errors.Is(err, netlink.ErrDumpInterrupted) && attempt < dumpRetries; attempt++ {
		all, err = c.LinkList()
	}
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	var ours []link
	for _, l := range all {
		if name := l.Attrs().Name; name == seg6In || name == acrossIn || strings.HasPrefix(name, ip6tnlPrefix) || strings.HasPrefix(name, sitPrefix) || strings.HasPrefix(name, seg6InIPv4) {
			ours = append(ours, linkOf(l, c))
		}
	}
	return ours, nil
}

func (c *conn) removeLink(name string) error {
	l, err := c.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err == nil {
		err = c.LinkDel(l)
	}
	if err != nil {
		return fmt.Errorf("remove link %s: %w", name, err)
	}
	return nil
}

// linkOf reads a link back as the backends speak of it.
func linkOf(l netlink.Link, c *conn) link {
	got := link{name: l.Attrs().Name, mtu: l.Attrs().MTU}
	switch l := l.(type) {
	case *netlink.Veth:
		if other, err := c.LinkByIndex(l.Attrs().ParentIndex); err == nil {
			got.other = other.Attrs().Name
		}
	case *netlink.Ip6tnl:
		got.local, _ = netip.AddrFromSlice(l.Local)
		got.remote, _ = netip.AddrFromSlice(l.Remote)
		got.any = l.Proto == 0
		if lower, err := c.LinkByIndex(l.Attrs().ParentIndex); err == nil { // the library reads no Link back
			got.lower = lower.Attrs().Name
		}
	case *netlink.Sittun:
		got.local, _ = netip.AddrFromSlice(l.Local)
		got.remote, _ = netip.AddrFromSlice(l.Remote)
		got.any = l.Proto == 0
		if lower, err := c.LinkByIndex(l.Attrs().ParentIndex); err == nil {
			got.lower = lower.Attrs().Name
		}
	}
	return got
}
