package nd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// sendTimeout bounds how long a device whose queue is full can hold up the link's goroutine.
const sendTimeout = 10 * time.Millisecond

// port is a link in use.
type port interface {
	// read receives a frame; an error means that the link is gone, and that this port is of no use any more.
	read(buf []byte) (n int, err error)
	write(frame []byte, to [6]byte) error
	linkLayer() [6]byte // as it is now
	// addresses are those of this host on the link: a link-local one, and one of IPv4; either may be missing.
	addresses() (linkLocal, ipv4 netip.Addr)
	// lost is how many frames found no room since it was asked last.
	lost() uint64
	close()
}

// filterProgram passes what parse reads: ARP, Router and Neighbor Solicitations, Neighbor Advertisements, Multicast Listener Reports
// behind their eight octets of options, and what goes to the port of DHCP servers; not what this host sends, not what is for others, and nothing of a VLAN on this interface.
var filterProgram = []bpf.Instruction{
	bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 29},
	bpf.LoadExtension{Num: bpf.ExtType},
	bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: unix.PACKET_MULTICAST, SkipTrue: 27},
	bpf.LoadAbsolute{Off: 12, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherTypeARP, SkipTrue: 24},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherTypeIPv4, SkipTrue: 16},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherTypeIPv6, SkipTrue: 23},
	// IPv6: what stands behind other extension headers is left out. Hosts send none, and RFC 6980 forbids fragments.
	bpf.LoadAbsolute{Off: ethernetHeader + 6, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_UDP, SkipTrue: 11},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_HOPOPTS, SkipTrue: 5},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6, SkipTrue: 19},
	bpf.LoadAbsolute{Off: ethernetHeader + ipv6Header, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(ipv6.ICMPTypeRouterSolicitation), SkipTrue: 16},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(ipv6.ICMPTypeNeighborSolicitation), SkipTrue: 15},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(ipv6.ICMPTypeNeighborAdvertisement), SkipTrue: 14, SkipFalse: 15},
	bpf.LoadAbsolute{Off: ethernetHeader + ipv6Header, Size: 2}, // next header and length
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6 << 8, SkipTrue: 13},
	bpf.LoadAbsolute{Off: ethernetHeader + ipv6Header + routerAlert, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(ipv6.ICMPTypeVersion2MulticastListenerReport), SkipTrue: 10},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(ipv6.ICMPTypeMulticastListenerReport), SkipTrue: 9, SkipFalse: 10},
	bpf.LoadAbsolute{Off: ethernetHeader + ipv6Header + 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: portDHCPv6, SkipTrue: 7, SkipFalse: 8},
	// IPv4, whole datagrams.
	bpf.LoadAbsolute{Off: ethernetHeader + 9, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 6},
	bpf.LoadAbsolute{Off: ethernetHeader + 6, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: 4},
	bpf.LoadMemShift{Off: ethernetHeader},
	bpf.LoadIndirect{Off: ethernetHeader + 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: portDHCPv4, SkipTrue: 1},
	bpf.RetConstant{Val: maximumFrame},
	bpf.RetConstant{Val: 0},
}

// socket is a packet socket on an interface of the kernel.
type socket struct {
	conn  *packet.Conn
	iface *net.Interface
}

func openSocket(name string) (port, error) {
	iface, err := net.InterfaceByName(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("interface %s: %w", name, err)
	case len(iface.HardwareAddr) != 6:
		return nil, fmt.Errorf("interface %s has no IEEE 802 link-layer address: want an Ethernet, wireless or bridge interface", name)
	case iface.Flags&net.FlagUp == 0:
		return nil, fmt.Errorf("interface %s is down", name)
	}
	filter, err := bpf.Assemble(filterProgram)
	if err != nil {
		return nil, fmt.Errorf("assemble the packet filter: %w", err)
	}
	conn, err := packet.Listen(iface, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: filter})
	if err != nil {
		return nil, fmt.Errorf("open a packet socket on %s: %w (run as root or with CAP_NET_RAW)", name, err)
	}
	s := &socket{conn, iface}
	if err := s.hearAllGroups(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// hearAllGroups has the device pass frames to groups that nobody here is in: duplicate address detection goes to one of each address.
func (s *socket) hearAllGroups() error {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptPacketMreq(int(fd), unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(s.iface.Index), Type: unix.PACKET_MR_ALLMULTI})
	})
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("listen to all multicast groups on %s: %w", s.iface.Name, err)
	}
	return nil
}

func (s *socket) read(buf []byte) (int, error) {
	n, _, err := s.conn.ReadFrom(buf)
	return n, err
}

func (s *socket) write(frame []byte, to [6]byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	_, err := s.conn.WriteTo(frame, &packet.Addr{HardwareAddr: to[:]})
	return err
}

// linkLayer asks the kernel each time: it may be changed under an interface that is up, and answers to the old one go to nobody.
func (s *socket) linkLayer() [6]byte {
	address := [6]byte(s.iface.HardwareAddr)
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return address
	}
	_ = raw.Control(func(fd uintptr) { // that it is closed is found by read
		name, err := unix.Getsockname(int(fd))
		if at, ok := name.(*unix.SockaddrLinklayer); err == nil && ok && at.Halen == 6 {
			address = [6]byte(at.Addr[:6])
		}
	})
	return address
}

func (s *socket) addresses() (linkLocal, ipv4 netip.Addr) {
	list, err := s.iface.Addrs()
	if err != nil {
		return
	}
	for _, each := range list {
		prefix, ok := each.(*net.IPNet)
		if !ok {
			continue
		}
		switch a, _ := netip.AddrFromSlice(prefix.IP); {
		case a.Unmap().Is4() && !ipv4.IsValid():
			ipv4 = a.Unmap()
		case a.Is6() && a.IsLinkLocalUnicast() && !linkLocal.IsValid():
			linkLocal = a
		}
	}
	return linkLocal, ipv4
}

func (s *socket) lost() uint64 {
	stats, err := s.conn.Stats()
	if err != nil {
		return 0
	}
	return uint64(stats.Drops)
}

func (s *socket) close() { _ = s.conn.Close() } // nothing is kept
