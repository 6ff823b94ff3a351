package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// receiveBuffer is the wanted size of a UDP socket's receive buffer: room for the burst of a domain in which every link
// changes at once. With CAP_NET_ADMIN it is granted whatever net.core.rmem_max says.
const receiveBuffer = 8 << 20

const sendBuffer = 1 << 20

// datagrams is a UDP socket.
type datagrams struct {
	conn  *net.UDPConn
	batch batches
	bound netip.Addr // unspecified: every address of the family
	send  datagramSender
	drops atomic.Uint64 // the kernel's running total
}

// batches is what ipv4.PacketConn and ipv6.PacketConn have in common: the same messages for recvmmsg and sendmmsg.
type batches interface {
	ReadBatch(messages []ipv6.Message, flags int) (int, error)
	WriteBatch(messages []ipv6.Message, flags int) (int, error)
}

func openDatagrams(at netip.Addr, port uint16) (*datagrams, error) {
	config := net.ListenConfig{Control: control(datagramOptions(at))}
	packets, err := config.ListenPacket(context.Background(), networkOf("udp", at), netip.AddrPortFrom(at, port).String())
	if err != nil {
		return nil, fmt.Errorf("listen for MIH messages on %s, UDP port %d: %w (is the address on this host and no longer tentative? does another program have the port? see `ip addr`, `ss -lup`)", at, port, err)
	}
	return newDatagrams(packets.(*net.UDPConn), at), nil
}

func newDatagrams(conn *net.UDPConn, bound netip.Addr) *datagrams {
	d := &datagrams{conn: conn, bound: bound}
	if bound.Is6() {
		d.batch = ipv6.NewPacketConn(conn)
	} else {
		d.batch = ipv4.NewPacketConn(conn)
	}
	d.send.prepare(bound)
	return d
}

func networkOf(protocol string, a netip.Addr) string {
	if a.Is6() {
		return protocol + "6" // alone: the wildcard of IPv6 leaves IPv4 to that of IPv4
	}
	return protocol + "4"
}

// option is one of setsockopt. The wanted size of a buffer is not always granted.
type option struct {
	level, name, value int
	optional           bool
}

func datagramOptions(at netip.Addr) []option {
	options := []option{
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1, false},
		{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1, false},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer, false},
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer, true},
		{unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer, false},
	}
	if at.Is4() { // neither we nor a router may fragment (RFC 5677 section 6.1)
		return append(options, option{unix.IPPROTO_IP, unix.IP_PKTINFO, 1, false}, option{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO, false})
	}
	return append(options, option{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1, false}, option{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO, false})
}

// control sets options between the making of a socket and its binding.
func control(options []option) func(network, address string, raw syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) (failed error) {
		if err := raw.Control(func(fd uintptr) { failed = setOptions(int(fd), options) }); err != nil {
			return err
		}
		return failed
	}
}

func setOptions(fd int, options []option) error {
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil && !o.optional {
			return os.NewSyscallError(fmt.Sprintf("setsockopt %d/%d", o.level, o.name), err)
		}
	}
	return nil
}

// openGroup opens a socket at a group's own address. The library would bind it to every address instead.
func openGroup(g Group, port uint16) (*datagrams, error) {
	conn, err := listenAtGroup(g, port)
	if err != nil {
		return nil, fmt.Errorf("listen for MIH messages on the multicast group %s, interface %s, UDP port %d: %w", g.Address, g.Interface, port, err)
	}
	d := newDatagrams(conn, g.Address)
	if err := d.join(g); err != nil {
		conn.Close()
		return nil, err
	}
	return d, nil
}

func listenAtGroup(g Group, port uint16) (*net.UDPConn, error) {
	link, err := net.InterfaceByName(g.Interface)
	if err != nil {
		return nil, err
	}
	var at unix.Sockaddr = &unix.SockaddrInet6{Port: int(port), Addr: g.Address.As16(), ZoneId: uint32(link.Index)}
	domain := unix.AF_INET6
	if g.Address.Is4() {
		domain, at = unix.AF_INET, &unix.SockaddrInet4{Port: int(port), Addr: g.Address.As4()}
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), g.Address.String())
	defer file.Close()                                             // the connection has a descriptor of its own
	shared := option{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1, false} // each of a host's MIH Functions hears what all are told
	if err := setOptions(fd, append(datagramOptions(g.Address), shared)); err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, at); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	packets, err := net.FilePacketConn(file)
	if err != nil {
		return nil, err
	}
	return packets.(*net.UDPConn), nil
}

// join receives what is sent to the group too.
func (d *datagrams) join(g Group) error {
	link, err := net.InterfaceByName(g.Interface)
	if err == nil {
		group := &net.UDPAddr{IP: g.Address.AsSlice()}
		if g.Address.Is6() {
			err = ipv6.NewPacketConn(d.conn).JoinGroup(link, group)
		} else {
			err = ipv4.NewPacketConn(d.conn).JoinGroup(link, group)
		}
	}
	if err != nil {
		return fmt.Errorf("join the multicast group %s on interface %s: %w", g.Address, g.Interface, err)
	}
	return nil
}
