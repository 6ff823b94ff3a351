// Package ingress is UDP that tells by which interface a datagram came. A source address can be forged, the interface cannot: what is
// believed by its address must not come by an access link, where the mobile nodes are.
package ingress

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

const receiveBuffer = 1 << 20 // room for a burst, if the system grants it

// Datagram is what a Socket received, and where an answer to it goes.
type Datagram struct {
	From      netip.AddrPort // as the socket has it
	To        netip.Addr     // ours
	Interface string         // by which it came; "" when that is gone by now
	Payload   []byte         // valid until the next Read
	index     int            // of Interface
}

// Source is the address of the sender in its own family.
func (d Datagram) Source() netip.AddrPort {
	return netip.AddrPortFrom(d.From.Addr().Unmap(), d.From.Port())
}

// Address is that of the sender as configurations name it: a link-local one without its zone, with which no prefix contains it. Interface
// says where it is.
func (d Datagram) Address() netip.Addr { return d.Source().Addr().WithZone("") }

// Refused says whether what came by an interface is not to be believed: it is one of the untrusted, or not known.
func Refused(iface string, untrusted []string) bool {
	return iface == "" || slices.Contains(untrusted, iface)
}

// Socket is a UDP socket that tells by which interface and to which address a datagram came, and answers from there.
type Socket struct {
	*net.UDPConn
	raw syscall.RawConn
	is4 bool

	buffer, control []byte // of Read
}

// Listen opens a socket at an address of IPv4 or IPv6; the unspecified one of IPv6 takes both. What a datagram has beyond size octets is
// cut off.
func Listen(at netip.AddrPort, size int) (*Socket, error) {
	network := "udp"
	if at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port()); at.Addr().Is4() {
		network = "udp4"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	s := &Socket{UDPConn: conn, is4: at.Addr().Is4(), buffer: make([]byte, size), control: make([]byte, 128)}
	if s.raw, err = conn.SyscallConn(); err == nil {
		err = s.tellInterface()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetReadBuffer(receiveBuffer)
	return s, nil
}

func (s *Socket) tellInterface() (err error) {
	control := s.raw.Control(func(fd uintptr) {
		if s.is4 {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		} else {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
	})
	return errors.Join(control, err)
}

// LocalAddress is where the socket listens.
func (s *Socket) LocalAddress() netip.AddrPort { return s.LocalAddr().(*net.UDPAddr).AddrPort() }

// Read receives one datagram. One goroutine does.
func (s *Socket) Read() (d Datagram, err error) {
	n, controls, _, from, err := s.ReadMsgUDPAddrPort(s.buffer, s.control)
	if err != nil {
		return d, err
	}
	d.From, d.Payload = from, s.buffer[:n]
	messages, err := unix.ParseSocketControlMessage(s.control[:controls])
	if err != nil {
		return d, nil // of no interface: it is refused
	}
	for _, m := range messages {
		switch kind := [2]int32{m.Header.Level, m.Header.Type}; {
		case kind == [2]int32{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO} && len(m.Data) >= unix.SizeofInet6Pktinfo:
			d.To, d.index = netip.AddrFrom16([16]byte(m.Data)), int(binary.NativeEndian.Uint32(m.Data[16:]))
		case kind == [2]int32{unix.IPPROTO_IP, unix.IP_PKTINFO} && len(m.Data) >= unix.SizeofInet4Pktinfo:
			d.To, d.index = netip.AddrFrom4([4]byte(m.Data[4:])), int(binary.NativeEndian.Uint32(m.Data)) // ipi_spec_dst: ours, also when that is a broadcast address
		}
	}
	d.Interface = InterfaceName(s.raw, d.index)
	return d, nil
}

// Answer sends the payload to where a datagram came from, as from where that went to.
func (s *Socket) Answer(d Datagram, payload []byte) error {
	var control []byte
	switch {
	case !d.To.IsValid():
	case s.is4:
		control = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: d.To.As4()})
	default:
		info := unix.Inet6Pktinfo{Addr: d.To.As16()}
		if d.To.IsLinkLocalUnicast() {
			info.Ifindex = uint32(d.index)
		}
		control = unix.PktInfo6(&info)
	}
	_, _, err := s.WriteMsgUDPAddrPort(payload, control, d.From)
	return err
}

// InterfaceName asks the kernel anew each time, for an interface may come back under its name with another index; on the socket, whose
// network namespace is the one that counts.
func InterfaceName(socket syscall.RawConn, index int) string {
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
