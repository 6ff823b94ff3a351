package testbed

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// SendMobilityHeader sends one Mobility Header from inside a node's namespace through a raw socket, past any daemon. The
// kernel writes the checksum (RFC 3542 section 3.1). What becomes of it, in clear or under IPsec, is that node's matter.
func (d *Domain) SendMobilityHeader(node string, source, destination netip.Addr, header []byte) error {
	return d.in(node, func() error {
		socket, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_MH)
		if err != nil {
			return fmt.Errorf("raw socket for Mobility Headers: %w", err)
		}
		defer unix.Close(socket)
		if err := unix.Bind(socket, &unix.SockaddrInet6{Addr: source.As16()}); err != nil {
			return fmt.Errorf("bind to %s in %s: %w", source, node, err)
		}
		if err := unix.Sendto(socket, header, 0, &unix.SockaddrInet6{Addr: destination.As16()}); err != nil {
			return fmt.Errorf("send to %s from %s: %w", destination, node, err)
		}
		return nil
	})
}
