package testbed

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// in runs f on a thread of its own inside a node's namespace. Sockets that f opens stay there. The thread is never reused.
func (d *Domain) in(node string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the runtime ends the thread with this goroutine
		done <- func() error {
			ns, err := netns.GetFromName(d.Namespace(node))
			if err != nil {
				return fmt.Errorf("namespace %s: %w", d.Namespace(node), err)
			}
			defer ns.Close()
			if err := netns.Set(ns); err != nil {
				return fmt.Errorf("enter namespace %s: %w (the testbed must run as root)", d.Namespace(node), err)
			}
			return f()
		}()
	}()
	return <-done
}

// handle opens rtnetlink inside a node's namespace.
func (d *Domain) handle(node string) (*netlink.Handle, error) {
	ns, err := netns.GetFromName(d.Namespace(node))
	if err != nil {
		return nil, fmt.Errorf("namespace %s: %w", d.Namespace(node), err)
	}
	defer ns.Close()
	return netlink.NewHandleAt(ns)
}

// withHandle runs f with rtnetlink inside a node's namespace.
func (d *Domain) withHandle(node string, f func(*netlink.Handle) error) error {
	h, err := d.handle(node)
	if err != nil {
		return err
	}
	defer h.Close()
	return f(h)
}

// sysctl writes a value under /proc/sys/net/ipv6/conf of a node.
func (d *Domain) sysctl(node string, settings map[string]string) error {
	return d.in(node, func() error {
		var errs []error
		for key, value := range settings {
			errs = append(errs, os.WriteFile(filepath.Join("/proc/sys/net/ipv6/conf", key), []byte(value), 0o644))
		}
		return errors.Join(errs...)
	})
}

// end is one side of a cable: an interface of a node. mac may be nil; bridge names the bridge it is plugged into.
type end struct {
	node, name string
	mac        net.HardwareAddr
	bridge     string
	quiet      bool // no IPv6 of its own on this end
}

// cable connects two nodes with a veth pair and brings both ends up.
func (d *Domain) cable(a, b end) error {
	peerNS, err := netns.GetFromName(d.Namespace(b.node))
	if err != nil {
		return fmt.Errorf("namespace %s: %w", d.Namespace(b.node), err)
	}
	defer peerNS.Close()
	err = d.withHandle(a.node, func(h *netlink.Handle) error {
		attributes := netlink.NewLinkAttrs()
		attributes.Name, attributes.HardwareAddr = a.name, a.mac
		veth := &netlink.Veth{LinkAttrs: attributes, PeerName: b.name, PeerHardwareAddr: b.mac, PeerNamespace: netlink.NsFd(peerNS)}
		return h.LinkAdd(veth)
	})
	if err != nil {
		return fmt.Errorf("cable %s/%s to %s/%s: %w", a.node, a.name, b.node, b.name, err)
	}
	for _, e := range []end{a, b} {
		if err := d.plug(e); err != nil {
			return err
		}
	}
	return nil
}

// plug puts one end into its bridge, if it has one, and brings it up.
func (d *Domain) plug(e end) error {
	if e.quiet {
		if err := d.sysctl(e.node, map[string]string{e.name + "/disable_ipv6": "1"}); err != nil {
			return err
		}
	}
	return d.withHandle(e.node, func(h *netlink.Handle) error {
		link, err := h.LinkByName(e.name)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", e.node, e.name, err)
		}
		if e.bridge != "" {
			bridge, err := h.LinkByName(e.bridge)
			if err != nil {
				return fmt.Errorf("%s/%s: %w", e.node, e.bridge, err)
			}
			if err := h.LinkSetMaster(link, bridge); err != nil {
				return fmt.Errorf("plug %s into %s: %w", e.name, e.bridge, err)
			}
		}
		return h.LinkSetUp(link)
	})
}

// bridge adds a learning switch that knows no spanning tree. One of a radio cell forwards EAPOL (01:80:c2:00:00:03) like any other
// group address; that of an access point leaves it to the host, as IEEE 802.1D has it.
func (d *Domain) bridge(node, name string, forwardEAPOL bool) error {
	return d.addBridge(end{node: node, name: name, quiet: true}, forwardEAPOL)
}

func (d *Domain) addBridge(e end, forwardEAPOL bool) error {
	err := d.withHandle(e.node, func(h *netlink.Handle) error {
		attributes := netlink.NewLinkAttrs()
		attributes.Name, attributes.HardwareAddr = e.name, e.mac
		snooping, mask := false, uint16(0)
		if forwardEAPOL {
			mask = 1 << 3
		}
		return h.LinkAdd(&netlink.Bridge{LinkAttrs: attributes, MulticastSnooping: &snooping, GroupFwdMask: &mask})
	})
	if err != nil {
		return fmt.Errorf("bridge %s/%s: %w", e.node, e.name, err)
	}
	return d.plug(e)
}

// address gives an interface an address without duplicate address detection.
func (d *Domain) address(node, link, prefix string) error {
	return d.withHandle(node, func(h *netlink.Handle) error {
		l, err := h.LinkByName(link)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", node, link, err)
		}
		a, err := netlink.ParseAddr(prefix)
		if err != nil {
			return err
		}
		if a.IP.To4() == nil {
			a.Flags = ifaFlagNoDAD
		}
		if err := h.AddrAdd(l, a); err != nil {
			return fmt.Errorf("address %s on %s/%s: %w", prefix, node, link, err)
		}
		return nil
	})
}

const ifaFlagNoDAD = 0x02 // IFA_F_NODAD
