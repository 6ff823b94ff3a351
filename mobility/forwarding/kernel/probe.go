package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"netlmm/mobility/forwarding"
)

// Capabilities are the kernel features that the backends build on.
type Capabilities struct {
	MultipleTables bool // CONFIG_IPV6_MULTIPLE_TABLES, both backends
	Subtrees       bool // CONFIG_IPV6_SUBTREES, both backends
	IP6Tunnel      bool // CONFIG_IPV6_TUNNEL, module ip6_tunnel, backend ip6tnl
	SEG6LWTunnel   bool // CONFIG_IPV6_SEG6_LWTUNNEL, backend seg6
	Sit            bool // CONFIG_IPV6_SIT, module sit, peers that are reached over IPv4
	NextHops       bool // next hops that routes share, Linux 5.3; backend seg6 at an anchor
}

// Missing names what the backend (IP6Tnl, SEG6 or Sit) needs in that role and this kernel lacks.
func (c Capabilities) Missing(backend string, role forwarding.Role) []string {
	var missing []string
	need := func(have bool, name string) {
		if !have {
			missing = append(missing, name)
		}
	}
	need(c.MultipleTables, "CONFIG_IPV6_MULTIPLE_TABLES")
	need(c.Subtrees, "CONFIG_IPV6_SUBTREES")
	switch backend {
	case IP6Tnl:
		need(c.IP6Tunnel, "CONFIG_IPV6_TUNNEL (module ip6_tunnel)")
	case Sit:
		need(c.Sit, "CONFIG_IPV6_SIT (module sit)")
	case SEG6:
		need(c.SEG6LWTunnel, "CONFIG_IPV6_SEG6_LWTUNNEL")
		need(c.NextHops || role != forwarding.Anchor, "next hop objects (Linux 5.3)")
	}
	return missing
}

// choose resolves Auto and refuses what the kernel cannot do.
func (c Capabilities) choose(backend string, role forwarding.Role) (string, error) {
	if backend == Sit && !c.Sit {
		return "", errNoSit
	}
	if backend == Auto {
		if len(c.Missing(IP6Tnl, role)) == 0 {
			return IP6Tnl, nil
		}
		if len(c.Missing(SEG6, role)) == 0 {
			return SEG6, nil
		}
		return "", fmt.Errorf("this kernel offers no tunnel: backend ip6tnl lacks %s, backend seg6 lacks %s; run a kernel with either",
			strings.Join(c.Missing(IP6Tnl, role), ", "), strings.Join(c.Missing(SEG6, role), ", "))
	}
	missing := c.Missing(backend, role)
	switch {
	case len(missing) == 0:
		return backend, nil
	case backend == IP6Tnl && !c.IP6Tunnel && len(missing) == 1:
		return "", errNoIP6Tunnel
	}
	return "", fmt.Errorf("the %s backend needs what this kernel lacks: %s; run a kernel with it, or set the backend to auto",
		backend, strings.Join(missing, ", "))
}

var errNoIP6Tunnel = errors.New("the ip6tnl backend needs the ip6_tunnel driver (CONFIG_IPV6_TUNNEL), which this kernel lacks: " +
	"`modprobe ip6_tunnel`, install the package with the kernel's modules, or set the backend to auto or seg6")

// Probe asks the kernel of the current network namespace for its features. It needs CAP_NET_ADMIN, and leaves nothing
// behind.
func Probe() (Capabilities, error) {
	c, err := dial(DefaultRouteProtocol)
	if err != nil {
		return Capabilities{}, err
	}
	defer c.close()
	return c.probe()
}

// probe asks with requests that fail whatever the kernel can do: the error tells how far it understood them.
func (c *conn) probe() (Capabilities, error) {
	var caps Capabilities
	rules, err := c.dump(unix.RTM_GETRULE, nl.NewIfInfomsg(unix.AF_INET6), unix.RTM_NEWRULE)
	caps.MultipleTables = err == nil && len(rules) > 0

	target := netip.MustParsePrefix("100::/64") // RFC 6666 discard prefix
	try := func(r route) error {
		req, err := c.encodeRoute(r, 0, false)
		if err != nil {
			return err
		}
		req.Flags = unix.NLM_F_REQUEST | unix.NLM_F_ACK                 // nothing is created
		req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(nowhere))) // ENODEV once the rest was understood
		req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: c.sock}
		_, err = req.Execute(unix.NETLINK_ROUTE, 0)
		return err
	}
	err = try(route{table: mainTable, dst: everywhere, src: target, metric: entryMetric})
	if errors.Is(err, unix.EPERM) {
		return caps, fmt.Errorf("ask the kernel for its tunnels: %w: run as root or with CAP_NET_ADMIN", err)
	}
	caps.Subtrees = errors.Is(err, unix.ENODEV)
	err = try(route{table: mainTable, dst: target, metric: entryMetric, encap: seg6Red, segment: target.Addr()})
	caps.SEG6LWTunnel = errors.Is(err, unix.ENODEV)
	_, err = c.dump(unix.RTM_GETNEXTHOP, hopHeader{}, unix.RTM_NEWNEXTHOP)
	caps.NextHops = err == nil

	attrs := netlink.NewLinkAttrs()
	attrs.Name = ip6tnlPrefix + "probe"
	caps.IP6Tunnel, err = c.probeDevice(&netlink.Ip6tnl{LinkAttrs: attrs, Local: target.Addr().AsSlice(), Remote: target.Addr().Next().AsSlice()})
	if err != nil {
		return caps, err
	}
	attrs.Name = sitPrefix + "probe"
	caps.Sit, err = c.probeDevice(&netlink.Sittun{LinkAttrs: attrs, Local: reserved.AsSlice(), Remote: reserved.Next().AsSlice()})
	return caps, err
}

// reserved is an address that no host has (RFC 1112 section 4).
var reserved = netip.AddrFrom4([4]byte{240, 0, 0, 1})

// nowhere is an interface index that no interface has.
const nowhere = 0x7ffffff0
