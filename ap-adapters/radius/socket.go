package radius

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	codec "layeh.com/radius"
)

const receiveBuffer = 1 << 20 // room for a burst, if the system grants it

// datagram is what the socket received, and where an answer to it goes.
type datagram struct {
	from    netip.AddrPort // as the socket has it
	to      netip.Addr     // ours
	index   int            // of the interface by which it came
	iface   string         // its name; "" when that is gone by now
	payload []byte
}

// source is the address of the sender in its own family.
func (d datagram) source() netip.AddrPort {
	return netip.AddrPortFrom(d.from.Addr().Unmap(), d.from.Port())
}

// socket is a UDP socket that tells by which interface and to which address a datagram came, and answers from there.
type socket struct {
	*net.UDPConn
	raw syscall.RawConn
	is4 bool

	buffer, control []byte // of read
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
	s := &socket{UDPConn: conn, is4: at.Addr().Is4(), buffer: make([]byte, codec.MaxPacketLength), control: make([]byte, 128)}
	if s.raw, err = conn.SyscallConn(); err == nil {
		err = s.tellInterface()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetReadBuffer(receiveBuffer)
	return s, nil
}

func (s *socket) tellInterface() (err error) {
	control := s.raw.Control(func(fd uintptr) {
		if s.is4 {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		} else {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
	})
	return errors.Join(control, err)
}

// read receives one datagram. One goroutine does.
func (s *socket) read() (d datagram, err error) {
	n, controls, _, from, err := s.ReadMsgUDPAddrPort(s.buffer, s.control)
	if err != nil {
		return d, err
	}
	d.from, d.payload = from, bytes.Clone(s.buffer[:n])
	messages, err := unix.ParseSocketControlMessage(s.control[:controls])
	if err != nil {
		return d, nil // of no interface: it is refused
	}
	for _, m := range messages {
		switch kind := [2]int32{m.Header.Level, m.Header.Type}; {
		case kind == [2]int32{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO} && len(m.Data) >= unix.SizeofInet6Pktinfo:
			d.to, d.index = netip.AddrFrom16([16]byte(m.Data)), int(binary.NativeEndian.Uint32(m.Data[16:]))
		case kind == [2]int32{unix.IPPROTO_IP, unix.IP_PKTINFO} && len(m.Data) >= unix.SizeofInet4Pktinfo:
			d.to, d.index = netip.AddrFrom4([4]byte(m.Data[4:])), int(binary.NativeEndian.Uint32(m.Data)) // ipi_spec_dst: ours, also when that is a broadcast address
		}
	}
	d.iface = s.interfaceName(d.index)
	return d, nil
}

// answer sends the payload to where a datagram came from, as from where that went to.
func (s *socket) answer(d datagram, payload []byte) error {
	var control []byte
	switch {
	case !d.to.IsValid():
	case s.is4:
		control = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: d.to.As4()})
	default:
		info := unix.Inet6Pktinfo{Addr: d.to.As16()}
		if d.to.IsLinkLocalUnicast() {
			info.Ifindex = uint32(d.index)
		}
		control = unix.PktInfo6(&info)
	}
	_, _, err := s.WriteMsgUDPAddrPort(payload, control, d.from)
	return err
}

func (s *socket) localAddress() netip.AddrPort { return s.LocalAddr().(*net.UDPAddr).AddrPort() }

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
