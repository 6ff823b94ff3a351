package testbed

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// joinCore connects a node to the core switch and makes it a router.
func (d *Domain) joinCore(node string) error {
	address, err := d.coreAddress(node)
	if err != nil {
		return err
	}
	if err := d.sysctl(node, map[string]string{"all/forwarding": "1", "default/forwarding": "1", "all/accept_dad": "0", "default/accept_dad": "0"}); err != nil {
		return err
	}
	if err := d.cable(end{node: node, name: coreInterface}, end{node: NodeCore, name: node, bridge: coreBridge, quiet: true}); err != nil {
		return err
	}
	length := "/64"
	if address.Is4() {
		length = "/24"
	}
	return d.address(node, coreInterface, address.String()+length)
}

// buildAccessLink connects a MAG to its radio cell, by way of an access point of its own where there is one, and gives it the addresses between which its access point logs by syslog.
func (d *Domain) buildAccessLink(mag string) error {
	mac, err := net.ParseMAC(accessPointMAC)
	if err != nil {
		return err
	}
	if d.Options.OwnAddresses {
		mac = ownLinkLayerAddress(mag)
	}
	near := end{node: mag, name: accessInterface, mac: mac}
	cell := end{node: NodeAir, name: "ap-" + mag, bridge: cellOf(mag), quiet: true}
	if ap, radio := d.accessPoint(mag); ap != mag {
		if err := d.bridge(ap, accessBridge, false); err != nil {
			return err
		}
		if err := d.cable(near, end{node: ap, name: uplinkInterface, bridge: accessBridge, quiet: true}); err != nil {
			return err
		}
		address, _ := pointOfAttachment(mag).MAC()
		near = end{node: ap, name: radio, mac: address[:], bridge: accessBridge, quiet: true}
	}
	if err := d.cable(near, cell); err != nil {
		return err
	}
	for _, address := range []string{syslogListenOnMAG, syslogAPAddress} {
		if err := d.address(mag, "lo", address+"/32"); err != nil {
			return err
		}
	}
	return nil
}

// connectCorrespondent puts the correspondent behind the LMA, with both families.
func (d *Domain) connectCorrespondent() error {
	for _, link := range []struct {
		router, host netip.Addr
		length       string
	}{{LMAOnCNLink, CorrespondentOnLink, "/64"}, {LMAOnCNLink4, CorrespondentOnLink4, "/24"}} {
		if err := d.address(NodeLMA, cnInterface, link.router.String()+link.length); err != nil {
			return err
		}
		if err := d.address(NodeCorrespondent, hostInterface, link.host.String()+link.length); err != nil {
			return err
		}
		if err := d.defaultRoute(NodeCorrespondent, link.router); err != nil {
			return err
		}
	}
	return nil
}

// defaultRoute sends everything of a host by a router.
func (d *Domain) defaultRoute(node string, router netip.Addr) error {
	return d.withHandle(node, func(h *netlink.Handle) error {
		err := h.RouteAdd(&netlink.Route{Gw: net.IP(router.AsSlice())})
		if err != nil {
			return fmt.Errorf("default route of %s: %w", node, err)
		}
		return nil
	})
}
