package signaling

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// open the socket of addr's family. The library's way to open one leaves no moment to set it up before messages arrive.
func open(addr netip.Addr) (net.PacketConn, syscall.RawConn, error) {
	fd, err := openSocket(addr)
	if err != nil {
		return nil, nil, err
	}
	file := os.NewFile(uintptr(fd), "mobility-header "+addr.String())
	defer file.Close() // the connection has a descriptor of its own
	packets, err := net.FilePacketConn(file)
	if err != nil {
		return nil, nil, fmt.Errorf("listen for Mobility Headers on %s: %w", addr, err)
	}
	raw, err := descriptor(packets)
	if err != nil {
		packets.Close()
		return nil, nil, fmt.Errorf("listen for Mobility Headers on %s: %w", addr, err)
	}
	return packets, raw, nil
}

func openSocket(addr netip.Addr) (int, error) {
	domain, typ, protocol := unix.AF_INET6, unix.SOCK_RAW, protocolMobility
	var at unix.Sockaddr = &unix.SockaddrInet6{Addr: addr.As16()}
	if addr.Is4() {
		domain, typ, protocol = unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP
		at = &unix.SockaddrInet4{Port: Port, Addr: addr.As4()}
	}
	fd, err := unix.Socket(domain, typ|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return -1, fmt.Errorf("open a socket for Mobility Headers: %w (run as root or with CAP_NET_RAW)", err)
	}
	if err := configure(fd, addr); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("configure the socket for Mobility Headers: %w", err)
	}
	if err := unix.Bind(fd, at); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind the socket for Mobility Headers to %s: %w (is the address on this host and, with IPv6, no longer tentative? does another program have its UDP port %d? see `ip addr`, `ss -lup`)",
			addr, err, Port)
	}
	return fd, nil
}

type option struct{ level, name, value int }

func configure(fd int, addr netip.Addr) error {
	options := []option{
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1},
		{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, ReceiveBuffer},
		{unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer},
	}
	if addr.Is4() {
		options = append(options, option{unix.IPPROTO_IP, unix.IP_PKTINFO, 1})
	} else {
		options = append(options, option{unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, checksumOffset}, option{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1})
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return os.NewSyscallError(fmt.Sprintf("setsockopt %d/%d", o.level, o.name), err)
		}
	}
	// Beyond net.core.rmem_max only with CAP_NET_ADMIN; what SO_RCVBUF granted stays otherwise.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, ReceiveBuffer)
	return nil
}
