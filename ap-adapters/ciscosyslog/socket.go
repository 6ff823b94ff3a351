package ciscosyslog

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

const receiveBuffer = 1 << 20 // room for a burst, if the system grants it

// datagram is what the socket received. Its text is valid until the next read.
type datagram struct {
	from  netip.Addr
	iface string // by which it came; "" when that is gone by now
	text  []byte

	replay bool // it may be one of the lines that a writer repeats on a new connection
}

// socket is a UDP socket that tells by which interface a datagram came.
type socket struct {
	*net.UDPConn
	raw     syscall.RawConn
	receive func(buf []byte) (n, index int, from net.Addr, err error)
}

// listen opens a socket at an address of IPv4 or IPv6; the unspecified one of IPv6 takes both.
func listen(at netip.AddrPort) (*socket, error) {
	network := "udp"
	if at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port()); at.Addr().Is4() {
		network = "udp4"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	s := &socket{UDPConn: conn}
	if at.Addr().Is4() {
		err = s.control4()
	} else {
		err = s.control6()
	}
	if err == nil {
		s.raw, err = conn.SyscallConn()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetReadBuffer(receiveBuffer)
	return s, nil
}

func (s *socket) control4() error {
	p := ipv4.NewPacketConn(s.UDPConn)
	s.receive = func(buf []byte) (n, index int, from net.Addr, err error) {
		n, control, from, err := p.ReadFrom(buf)
		if control != nil {
			index = control.IfIndex
		}
		return n, index, from, err
	}
	return p.SetControlMessage(ipv4.FlagInterface, true)
}

func (s *socket) control6() error {
	p := ipv6.NewPacketConn(s.UDPConn)
	s.receive = func(buf []byte) (n, index int, from net.Addr, err error) {
		n, control, from, err := p.ReadFrom(buf)
		if control != nil {
			index = control.IfIndex
		}
		return n, index, from, err
	}
	return p.SetControlMessage(ipv6.FlagInterface, true)
}

func (s *socket) localAddress() netip.AddrPort { return s.LocalAddr().(*net.UDPAddr).AddrPort() }

// read receives one datagram into buf.
func (s *socket) read(buf []byte) (datagram, error) {
	n, index, from, err := s.receive(buf)
	if err != nil {
		return datagram{}, err
	}
	return datagram{from: from.(*net.UDPAddr).AddrPort().Addr().Unmap(), iface: s.interfaceName(index), text: buf[:n]}, nil
}

func (s *socket) interfaceName(index int) string { return interfaceName(s.raw, index) }

// interfaceName asks the kernel anew each time, for an interface may come back under its name with another index; on the
// socket, whose network namespace is the one that counts.
func interfaceName(socket syscall.RawConn, index int) string {
	request, err := unix.NewIfreq("")
	if err != nil {
		return ""
	}
	request.SetUint32(uint32(index))
	control := socket.Control(func(fd uintptr) { err = unix.IoctlIfreq(int(fd), unix.SIOCGIFNAME, request) })
	if errors.Join(control, err) != nil {
		return ""
	}
	return request.Name()
}
