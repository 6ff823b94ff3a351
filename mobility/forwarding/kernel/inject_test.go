package kernel

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/sys/unix"
)

const markPort = 7777

// mark is an IPv6 packet with a UDP datagram that carries text.
func mark(t testing.TB, from, to, text string) []byte {
	t.Helper()
	ip := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolUDP, HopLimit: 64, SrcIP: net.ParseIP(from), DstIP: net.ParseIP(to)}
	udp := &layers.UDP{SrcPort: markPort, DstPort: markPort}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, udp, gopacket.Payload(text)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tunnelled sends inner from the namespace in an RFC 2473 packet, with an encapsulation limit option (RFC 2473 section
// 4.1.1) in front of it if limit is set.
func (s space) tunnelled(from, to string, limit bool, inner []byte) {
	s.t.Helper()
	s.run(func() {
		protocol := protocolIPv6
		if inner[0]>>4 == 4 {
			protocol = protocolIPv4
		}
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW, protocol)
		if err != nil {
			s.t.Errorf("raw socket: %v", err)
			return
		}
		defer unix.Close(fd)
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
		if limit && err == nil {
			err = unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, "\x00\x00\x04\x01\x04\x01\x01\x00")
		}
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrInet6{Addr: netip.MustParseAddr(from).As16()})
		}
		if err == nil {
			err = unix.Sendto(fd, inner, 0, &unix.SockaddrInet6{Addr: netip.MustParseAddr(to).As16()})
		}
		if err != nil {
			s.t.Errorf("tunnelled packet from %s to %s: %v", from, to, err)
		}
	})
}

// plain sends a datagram with text from an address that the namespace need not have; link-local ones with their zone.
func (s space) plain(from, to, text string) {
	s.t.Helper()
	s.run(func() {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
		if err != nil {
			s.t.Errorf("socket: %v", err)
			return
		}
		defer unix.Close(fd)
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
		if err == nil {
			err = unix.Bind(fd, sockaddr(s.t, from, 0))
		}
		if err == nil {
			err = unix.Sendto(fd, []byte(text), 0, sockaddr(s.t, to, markPort))
		}
		if err != nil && err != syscall.EACCES && err != syscall.ENETUNREACH {
			s.t.Errorf("packet from %s to %s: %v", from, to, err)
		}
	})
}

// sockaddr resolves a zone in the namespace of the thread.
func sockaddr(t testing.TB, text string, port int) *unix.SockaddrInet6 {
	t.Helper()
	addr := netip.MustParseAddr(text)
	sa := &unix.SockaddrInet6{Addr: addr.As16(), Port: port}
	if zone := addr.Zone(); zone != "" {
		i, err := net.InterfaceByName(zone)
		if err != nil {
			t.Errorf("zone %s: %v", zone, err)
			return sa
		}
		sa.ZoneId = uint32(i.Index)
	}
	return sa
}

// listener receives marks.
type listener struct {
	space
	conn net.PacketConn
}

func (s space) listen() *listener {
	s.t.Helper()
	l := &listener{space: s}
	s.run(func() {
		var err error
		if l.conn, err = net.ListenPacket("udp6", ":7777"); err != nil {
			s.t.Errorf("listen in %s: %v", s.name, err)
		}
	})
	s.t.Cleanup(func() { l.conn.Close() })
	return l
}

// only sends what must not arrive, then repeats what must until it does, and expects to have received nothing else.
func (l *listener) only(what string, forbidden, allowed func()) {
	l.t.Helper()
	forbidden()
	var got []string
	b := make([]byte, 100)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && !slices.Contains(got, "good"); {
		allowed()
		_ = l.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		for {
			n, _, err := l.conn.ReadFrom(b)
			if err != nil {
				break
			}
			if got = append(got, string(b[:n])); string(b[:n]) == "good" {
				break
			}
		}
	}
	switch {
	case slices.Contains(got, "bad"):
		l.t.Errorf("%s: it arrived", what)
	case !slices.Contains(got, "good"):
		l.t.Errorf("%s: the control packet did not arrive", what)
	}
	_ = l.conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) // drain repeated control packets
	for {
		if _, _, err := l.conn.ReadFrom(b); err != nil {
			return
		}
	}
}
