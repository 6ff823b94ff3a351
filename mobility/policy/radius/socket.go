package radius

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// datagram is what the socket received. Its payload is valid until the next read.
type datagram struct {
	from    netip.AddrPort
	iface   string // by which it came; "" when that is gone by now
	payload []byte
}

// socket is a UDP socket that tells by which interface a datagram came.
type socket struct {
	*net.UDPConn
	raw     syscall.RawConn
	receive func(buf []byte) (n, index int, from net.Addr, err error)
}

func listen(at netip.AddrPort) (*socket, error) {
	network := "udp" // [::] hears IPv4 too
	if at.Addr().Is4() {
		network = "udp4"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	s := &socket{UDPConn: conn}
	if at.Addr().Is4() {
		p := ipv4.NewPacketConn(conn)
		err = p.SetControlMessage(ipv4.FlagInterface, true)
		s.receive = func(buf []byte) (n, index int, from net.Addr, err error) {
			n, control, from, err := p.ReadFrom(buf)
			if control != nil {
				index = control.IfIndex
			}
			return n, index, from, err
		}
	} else {
		p := ipv6.NewPacketConn(conn)
		err = p.SetControlMessage(ipv6.FlagInterface, true)
		s.receive = func(buf []byte) (n, index int, from net.Addr, err error) {
			n, control, from, err := p.ReadFrom(buf)
			if control != nil {
				index = control.IfIndex
			}
			return n, index, from, err
		}
	}
	if err == nil {
		s.raw, err = conn.SyscallConn()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

func (s *socket) read(buf []byte) (datagram, error) {
	n, index, from, err := s.receive(buf)
	if err != nil {
		return datagram{}, err
	}
	at := from.(*net.UDPAddr).AddrPort()
	return datagram{from: netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), iface: s.interfaceName(index), payload: buf[:n]}, nil
}

// interfaceName asks the kernel anew each time, for an interface may come back under its name with another index; on the
// socket, whose network namespace is the one that counts.
func (s *socket) interfaceName(index int) string {
	request, err := unix.NewIfreq("")
	if err != nil {
		return ""
	}
	request.SetUint32(uint32(index))
	control := s.raw.Control(func(fd uintptr) { err = unix.IoctlIfreq(int(fd), unix.SIOCGIFNAME, request) })
	if errors.Join(control, err) != nil {
		return ""
	}
	return request.Name()
}
