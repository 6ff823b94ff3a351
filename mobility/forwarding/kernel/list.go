package kernel

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/genetlink"
	mdlayher "github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	familyV4 = unix.AF_INET
	familyV6 = unix.AF_INET6
)

// rules lists all rules, of IPv4 and IPv6.
func (c *conn) rules() ([]rule, error) {
	var rules []rule
	for _, family := range []int{familyV6, familyV4} {
		msgs, err := c.dump(unix.RTM_GETRULE, nl.NewIfInfomsg(family), unix.RTM_NEWRULE)
		if err != nil {
			return nil, fmt.Errorf("list rules: %w", err)
		}
		for _, m := range msgs {
			r, err := decodeRule(m)
			if err != nil {
				return nil, fmt.Errorf("list rules: %w", err)
			}
			rules = append(rules, r)
		}
	}
	return rules, nil
}

// routes visits the routes of our protocol, in every table, one by one: a list of those of 100,000 bindings would take
// more memory than the bindings.
func (c *conn) routes(reset func(), visit func(route)) error {
	names := map[uint32]string{}
	nameOf := func(index uint32) string {
		name, ok := names[index]
		if !ok {
			name = c.ifname(index)
			names[index] = name
		}
		return name
	}
	for attempt := 0; ; attempt++ {
		reset()
		err := errors.Join(c.routesOf(familyV6, nameOf, visit), c.routesOf(familyV4, nameOf, visit))
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, netlink.ErrDumpInterrupted) || attempt == dumpRetries:
			return fmt.Errorf("list routes: %w", err)
		}
	}
}

func (c *conn) routesOf(family uint8, nameOf func(uint32) string, visit func(route)) error {
	header := nl.NewRtMsg()
	header.Family, header.Protocol, header.Scope, header.Type = family, 0, 0, 0
	header.Table = unix.RT_TABLE_UNSPEC
	var wrong error
	err := c.dumpOnce(unix.RTM_GETROUTE, header, unix.RTM_NEWROUTE, func(m []byte) {
		r, ours, err := decodeRoute(m, c.protocol, nameOf)
		if err != nil {
			wrong = err
		} else if ours {
			visit(r)
		}
	})
	return errors.Join(err, wrong)
}

// ifname is the name of the interface with that index, or a text that no interface is named.
func (c *conn) ifname(index uint32) string {
	l, err := c.LinkByIndex(int(index))
	if err != nil {
		return fmt.Sprintf("interface %d", index)
	}
	return l.Attrs().Name
}

// seg6 generic netlink, include/uapi/linux/seg6_genl.h. The library of all else reads beyond its generic header.
const (
	seg6CommandSetTunnelSource = 3
	seg6AttributeDestination   = 1
	seg6Version                = 1
)

// setTunnelSource sets the source of every packet that seg6 encapsulates in this namespace; the unspecified address lets
// the kernel choose again.
func (c *conn) setTunnelSource(addr netip.Addr) error {
	family, err := c.generic.GetFamily("SEG6")
	if err != nil {
		return fmt.Errorf("set the source of seg6 tunnels: find generic netlink family SEG6: %w", err)
	}
	msg := genetlink.Message{Header: genetlink.Header{Command: seg6CommandSetTunnelSource, Version: seg6Version},
		Data: nl.NewRtAttr(seg6AttributeDestination, addr.AsSlice()).Serialize()}
	if _, err := c.generic.Execute(msg, family.ID, mdlayher.Request|mdlayher.Acknowledge); err != nil {
		return fmt.Errorf("set the source of seg6 tunnels to %s: %w", addr, err)
	}
	return nil
}
