// Package rawtest helps the tests of this room to send and receive raw packets in network namespaces.
package rawtest

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netlmm/internal/netnstest"
)

// Socket is a raw socket, of a protocol or, with IPPROTO_RAW, for packets with their own IP header.
type Socket struct{ fd int }

// Open an IPv6 socket in the namespace; it is closed with the test.
func Open(t *testing.T, namespace string, protocol int) *Socket {
	t.Helper()
	return open(t, namespace, unix.AF_INET6, protocol)
}

// Open4 opens an IPv4 socket likewise. What it receives begins with the IP header.
func Open4(t *testing.T, namespace string, protocol int) *Socket {
	t.Helper()
	return open(t, namespace, unix.AF_INET, protocol)
}

func open(t *testing.T, namespace string, family, protocol int) *Socket {
	t.Helper()
	s := &Socket{}
	netnstest.In(t, namespace, func() (err error) {
		s.fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
		return err
	})
	t.Cleanup(func() { unix.Close(s.fd) })
	return s
}

// Send data to the address; the error is the kernel's.
func (s *Socket) Send(data []byte, to netip.Addr) error {
	if to.Is4() {
		return unix.Sendto(s.fd, data, 0, &unix.SockaddrInet4{Addr: to.As4()})
	}
	return unix.Sendto(s.fd, data, 0, &unix.SockaddrInet6{Addr: to.As16()})
}

// Receive what comes within the time; nil when nothing does.
func (s *Socket) Receive(within time.Duration) []byte {
	timeout := unix.NsecToTimeval(int64(within))
	if unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout) != nil {
		return nil
	}
	buf := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s.fd, buf, 0)
	if err != nil {
		return nil
	}
	return buf[:n]
}

// Drain throws away what has been received so far.
func (s *Socket) Drain() {
	for s.Receive(20*time.Millisecond) != nil {
	}
}

// MobilityHeader is a Binding Refresh Request (RFC 6275 section 6.1.2) with its checksum, the shortest message there is.
func MobilityHeader(source, destination netip.Addr) []byte {
	return withChecksum([]byte{59, 0, 0, 0, 0, 0, 0, 0}, source, destination)
}

// MobilityHeaderOf is a message of this type with its checksum, long enough for those of RFC 6275: a kernel with Mobile IPv6 keeps
// shorter ones for itself.
func MobilityHeaderOf(mhType byte, source, destination netip.Addr) []byte {
	mh := make([]byte, 24)
	mh[0], mh[1], mh[2] = 59, byte(len(mh)/8-1), mhType
	return withChecksum(mh, source, destination)
}

func withChecksum(mh []byte, source, destination netip.Addr) []byte {
	sum := checksum(source.AsSlice(), destination.AsSlice(), []byte{0, 135, 0, byte(len(mh))}, mh)
	mh[4], mh[5] = byte(sum>>8), byte(sum)
	return mh
}

// checksum of the Internet (RFC 1071) over parts of an even length.
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, part := range parts {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(part[i])<<8 | uint32(part[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(^sum)
}

// Datagram is a UDP header with its checksum, and the payload behind it.
func Datagram(source, destination netip.AddrPort, payload []byte) []byte {
	d := binary.BigEndian.AppendUint16(nil, source.Port())
	d = binary.BigEndian.AppendUint16(d, destination.Port())
	d = binary.BigEndian.AppendUint16(d, uint16(8+len(payload)))
	d = append(append(d, 0, 0), payload...)
	return withPseudoHeader(d, 6, unix.IPPROTO_UDP, source.Addr(), destination.Addr())
}

// Segment is the SYN with which a TCP connection begins.
func Segment(source, destination netip.AddrPort) []byte {
	s := binary.BigEndian.AppendUint16(nil, source.Port())
	s = binary.BigEndian.AppendUint16(s, destination.Port())
	s = append(s, 0, 0, 0, 1, 0, 0, 0, 0, 5<<4, 2, 0xff, 0xff, 0, 0, 0, 0)
	return withPseudoHeader(s, 16, unix.IPPROTO_TCP, source.Addr(), destination.Addr())
}

// withPseudoHeader fills in the checksum at an offset, of both IP versions: their pseudo headers add up to the same.
func withPseudoHeader(b []byte, at int, protocol byte, source, destination netip.Addr) []byte {
	pseudo := binary.BigEndian.AppendUint16([]byte{0, protocol}, uint16(len(b)))
	binary.BigEndian.PutUint16(b[at:], checksum(source.AsSlice(), destination.AsSlice(), pseudo, b))
	return b
}

// Packet4 puts an IPv4 header with these options before the payload, a fragment at this offset of the datagram id; the kernel
// fills in the header's checksum.
func Packet4(source, destination netip.Addr, protocol byte, options []byte, id byte, offset int, more bool, payload []byte) []byte {
	header := 20 + len(options)
	p := []byte{4<<4 | byte(header/4), 0, 0, 0, 0, id, byte(offset / 8 >> 8), byte(offset / 8), 64, protocol, 0, 0}
	binary.BigEndian.PutUint16(p[2:], uint16(header+len(payload)))
	if more {
		p[6] |= 0x20
	}
	p = append(p, source.AsSlice()...)
	p = append(p, destination.AsSlice()...)
	return append(append(p, options...), payload...)
}

// Packet puts an IPv6 header before the payload.
func Packet(source, destination netip.Addr, nextHeader byte, payload []byte) []byte {
	p := []byte{0x60, 0, 0, 0, byte(len(payload) >> 8), byte(len(payload)), nextHeader, 64}
	p = append(p, source.AsSlice()...)
	p = append(p, destination.AsSlice()...)
	return append(p, payload...)
}
