package testbed

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// dhcpClient is the name of a mobile node's DHCPv4 client among its processes: busybox's, which wants a script that does as it says.
const dhcpClient = "udhcpc"

// startDHCPClient runs a DHCPv4 client until it has a lease; it keeps asking for one.
func (mn *MobileNode) startDHCPClient() error {
	d := mn.domain
	binary, err := program(dhcpClient, "udhcpc")
	if err != nil {
		return err
	}
	if err := d.render("udhcpc.sh.tmpl", mn.Node, "udhcpc.sh", nil); err != nil {
		return err
	}
	script := d.Path(mn.Node, "udhcpc.sh")
	if err := os.Chmod(script, 0o700); err != nil {
		return err
	}
	_, err = d.start(mn.Node, dhcpClient, nil, binary, "-f", "-t", "10", "-T", "1", "-A", "1", "-i", stationInterface, "-s", script)
	return err
}

// RenewLease has the DHCPv4 client ask for its address again, as a phone does when it has associated anew.
func (mn *MobileNode) RenewLease() error {
	client, err := mn.domain.process(mn.Node, dhcpClient)
	if err != nil {
		return err
	}
	client.signal(unix.SIGUSR1)
	return nil
}

// IPv4Address is the address that the DHCPv4 client configured; ok is false without one.
func (mn *MobileNode) IPv4Address() (address netip.Addr, ok bool, err error) {
	err = mn.domain.withHandle(mn.Node, func(h *netlink.Handle) error {
		link, err := h.LinkByName(stationInterface)
		if err != nil {
			return err
		}
		addresses, err := h.AddrList(link, netlink.FAMILY_V4)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return err
		}
		for _, a := range addresses {
			if candidate, valid := netip.AddrFromSlice(a.IP.To4()); valid && IPv4Pool.Contains(candidate) {
				address, ok = candidate, true
			}
		}
		return nil
	})
	return address, ok, err
}

// WaitIPv4Address returns the mobile node's IPv4 address once it has a lease.
func (mn *MobileNode) WaitIPv4Address(patience time.Duration) (netip.Addr, error) {
	var address netip.Addr
	err := poll(patience, mn.Node+" gets an address out of "+IPv4Pool.String(), func() (ok bool, err error) {
		address, ok, err = mn.IPv4Address()
		return ok, err
	})
	if err != nil {
		return address, fmt.Errorf("%w; %s says:\n%s", err, dhcpClient, mn.domain.tail(mn.Node, dhcpClient))
	}
	return address, nil
}
