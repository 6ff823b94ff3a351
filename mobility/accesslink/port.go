package accesslink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	ethernetHeader = 14
	ipv6Header     = 40
	headers        = ethernetHeader + ipv6Header

	// sendTimeout bounds how long a device whose queue is full can hold up the caller.
	sendTimeout = 10 * time.Millisecond
)

// port is the packet socket of one incarnation of the interface.
type port struct {
	conn      *packet.Conn
	index     int
	linkLayer [6]byte       // our own on the link
	header    [headers]byte // Ethernet and IPv6 header of what we send; destinations and length are filled in
	query     []byte        // frame of a Multicast Listener Query; the link-layer destination is filled in
	mtu       int

	arp, dhcpv4, dhcpv6 *packet.Conn // the latter two nil where they are off
	silence             *net.UDPConn

	snooped error // why a snooping bridge may keep reports to itself
}

// close closes what is open.
func (p *port) close() error {
	var failed []error
	for _, conn := range []*packet.Conn{p.conn, p.arp, p.dhcpv4, p.dhcpv6} {
		if conn != nil {
			failed = append(failed, conn.Close())
		}
	}
	if p.silence != nil {
		failed = append(failed, p.silence.Close())
	}
	return errors.Join(failed...)
}

// openPort makes found's port the current one, unless it is that already.
func (l *Link) openPort(found netlink.Link) error {
	attributes := found.Attrs()
	if len(attributes.HardwareAddr) != 6 {
		return fmt.Errorf("the interface has no IEEE 802 link-layer address (it is of kind %s): give an Ethernet, wireless or bridge interface", found.Type())
	}
	linkLayer := [6]byte(attributes.HardwareAddr)
	if now, err := l.current(); err == nil && now.index == attributes.Index && now.linkLayer == linkLayer {
		return nil
	}
	p := &port{index: attributes.Index, linkLayer: linkLayer, mtu: attributes.MTU}
	if err := p.buildHeader(l.config.LinkLocalAddress); err != nil {
		return err
	}
	var err error
	if p.query, err = listenerQuery(linkLayer, l.config.LinkLocalAddress); err != nil {
		return err
	}
	if err = l.listen(p, attributes); err != nil {
		p.close()
		return err
	}
	if p.snooped = beMulticastRouter(found); p.snooped != nil {
		l.counters.restoreErrors.Add(1)
	}
	l.counters.opened.Add(1)
	l.setPort(p)
	l.reapplyIPv4(p)
	return nil
}

// listen opens the sockets of the protocols that the link serves.
func (l *Link) listen(p *port, attributes *netlink.LinkAttrs) error {
	interfaceOf := &net.Interface{Index: attributes.Index, Name: attributes.Name, MTU: attributes.MTU, HardwareAddr: attributes.HardwareAddr}
	for _, socket := range []struct {
		conn     **packet.Conn
		wanted   bool
		protocol int
		filter   []bpf.Instruction
	}{
		{&p.conn, true, unix.ETH_P_IPV6, filterProgram},
		{&p.arp, true, unix.ETH_P_ARP, arpFilter},
		{&p.dhcpv4, l.config.DHCPv4, unix.ETH_P_IP, dhcpv4Filter},
		{&p.dhcpv6, l.config.DHCPv6 != DHCPv6Off, unix.ETH_P_IPV6, dhcpv6Filter},
	} {
		if !socket.wanted {
			continue
		}
		filter, err := bpf.Assemble(socket.filter)
		if err != nil {
			return fmt.Errorf("assemble the packet filter: %w", err)
		}
		if *socket.conn, err = packet.Listen(interfaceOf, packet.Raw, socket.protocol, &packet.Config{Filter: filter}); err != nil {
			return fmt.Errorf("open a packet socket: %w (run as root or with CAP_NET_RAW)", err)
		}
	}
	if err := p.hearAllGroups(); err != nil {
		return err
	}
	if l.config.DHCPv4 {
		return p.silenceKernel(attributes.Name)
	}
	return nil
}

// silenceKernel opens a socket to the port of DHCP servers on this interface that takes nothing in. A client renews its
// lease with the default router's address, which is the kernel's too: without a socket the kernel would say that the port
// is unreachable.
func (p *port) silenceKernel(name string) error {
	dropAll, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
	if err != nil {
		return fmt.Errorf("assemble the packet filter: %w", err)
	}
	program := make([]unix.SockFilter, len(dropAll))
	for i, instruction := range dropAll {
		program[i] = unix.SockFilter{Code: instruction.Op, Jt: instruction.Jt, Jf: instruction.Jf, K: instruction.K}
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.BindToDevice(int(fd), name),
				unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}))
		})
		return errors.Join(err, failed)
	}}
	conn, err := config.ListenPacket(context.Background(), "udp4", "0.0.0.0:67")
	if err != nil {
		return fmt.Errorf("take the port of DHCP servers: %w (does another DHCP server run on this interface?)", err)
	}
	p.silence = conn.(*net.UDPConn)
	return nil
}

// hearAllGroups makes the device pass what hosts send to any multicast group, as RFC 3810 section 7.1 asks of a router: a
// report goes to ff02::16, or to the group that it is about.
func (p *port) hearAllGroups() error {
	raw, err := p.conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("listen to all multicast groups: %w", err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptPacketMreq(int(fd), unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(p.index), Type: unix.PACKET_MR_ALLMULTI})
	})
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("listen to all multicast groups: %w", err)
	}
	return nil
}

func (l *Link) setPort(p *port) {
	l.mu.Lock()
	before := l.port
	l.port = p
	l.mu.Unlock()
	if before != nil {
		before.close()
	}
}

func (p *port) buildHeader(source netip.Addr) error {
	buffer := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{},
		&layers.Ethernet{SrcMAC: p.linkLayer[:], DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeIPv6},
		&layers.IPv6{Version: 6, NextHeader: layers.IPProtocolICMPv6, HopLimit: ndp.HopLimit, SrcIP: source.AsSlice(), DstIP: net.IPv6zero})
	if err != nil {
		return fmt.Errorf("build the packet header: %w", err)
	}
	copy(p.header[:], buffer.Bytes())
	return nil
}

// send sends one Neighbor Discovery message to the node of that link-layer address, whatever its IPv6 destination is:
// RFC 6085 lets a packet to a multicast address travel to one node.
func (p *port) send(linkLayer [6]byte, source, destination netip.Addr, message ndp.Message) error {
	body, err := ndp.MarshalMessageChecksum(message, source, destination)
	if err != nil {
		return err
	}
	frame := append(make([]byte, 0, headers+len(body)), p.header[:]...)
	copy(frame, linkLayer[:])
	from := source.As16()
	copy(frame[ethernetHeader+8:], from[:])
	frame[ethernetHeader+4], frame[ethernetHeader+5] = byte(len(body)>>8), byte(len(body))
	to := destination.As16()
	copy(frame[ethernetHeader+24:], to[:])
	return transmit(p.conn, linkLayer, append(frame, body...))
}

// sendQuery sends a Multicast Listener Query to the node of that link-layer address alone. It comes from the link's own
// address whatever that towards the node is: hosts answer it and note nothing (RFC 3810 section 5.1.14).
func (p *port) sendQuery(linkLayer [6]byte) error {
	frame := slices.Clone(p.query)
	copy(frame, linkLayer[:])
	return transmit(p.conn, linkLayer, frame)
}

// transmit tries twice: on a busy machine this goroutine can be held up until the deadline has passed before anything was tried.
func transmit(conn *packet.Conn, linkLayer [6]byte, frame []byte) error {
	var err error
	for range 2 {
		if err = conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err == nil {
			_, err = conn.WriteTo(frame, &packet.Addr{HardwareAddr: linkLayer[:]})
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	return unavailable(err)
}

// unavailable marks the errors that mean that the interface went away under us.
func unavailable(err error) error {
	for _, gone := range []error{unix.ENETDOWN, unix.ENODEV, unix.ENXIO, net.ErrClosed} {
		if errors.Is(err, gone) {
			return fmt.Errorf("%w: %w", ErrInterfaceUnavailable, err)
		}
	}
	return err
}

// filterProgram passes Router Solicitations, Neighbor Solicitations and Neighbor Advertisements that are for this host (or
// a group) and not of a VLAN on this interface, and Multicast Listener Reports, which have eight octets of options before
// them. Everything else is not even copied. Other messages behind extension headers are left out: hosts send none, and
// RFC 6980 forbids to use a fragmented one.
var filterProgram = []bpf.Instruction{
	bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 15},
	bpf.LoadExtension{Num: bpf.ExtType},
	bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: unix.PACKET_MULTICAST, SkipTrue: 13},
	bpf.LoadAbsolute{Off: ethernetHeader + 6, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_HOPOPTS, SkipTrue: 5},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6, SkipTrue: 10},
	bpf.LoadAbsolute{Off: headers, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeRouterSolicitation, SkipTrue: 7},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeNeighborSolicitation, SkipTrue: 6},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeNeighborAdvertisement, SkipTrue: 5, SkipFalse: 6},
	bpf.LoadAbsolute{Off: headers, Size: 2}, // next header and length
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_ICMPV6 << 8, SkipTrue: 4},
	bpf.LoadAbsolute{Off: headers + routerAlertSize, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeListenerReport, SkipTrue: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: typeListenerReportV2, SkipTrue: 1},
	bpf.RetConstant{Val: maximumFrame},
	bpf.RetConstant{Val: 0},
}
