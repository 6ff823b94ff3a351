package accesslink

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
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
	p := &port{index: attributes.Index, linkLayer: linkLayer}
	if err := p.buildHeader(l.config.LinkLocalAddress); err != nil {
		return err
	}
	var err error
	if p.query, err = listenerQuery(linkLayer, l.config.LinkLocalAddress); err != nil {
		return err
	}
	filter, err := bpf.Assemble(filterProgram)
	if err != nil {
		return fmt.Errorf("assemble the packet filter: %w", err)
	}
	interfaceOf := &net.Interface{Index: attributes.Index, Name: attributes.Name, MTU: attributes.MTU, HardwareAddr: attributes.HardwareAddr}
	if p.conn, err = packet.Listen(interfaceOf, packet.Raw, unix.ETH_P_IPV6, &packet.Config{Filter: filter}); err != nil {
		return fmt.Errorf("open a packet socket: %w (run as root or with CAP_NET_RAW)", err)
	}
	if err := p.hearAllGroups(); err != nil {
		p.conn.Close()
		return err
	}
	l.counters.opened.Add(1)
	l.setPort(p)
	return nil
}

// hearAllGroups makes the device pass what hosts send to any multicast group, as RFC 3810 section 7.1 asks of a router: a
// report goes to ff02::16, or to the group that it is about. It also makes a snooping bridge pass them up.
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
		before.conn.Close()
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
	frame[ethernetHeader+4], frame[ethernetHeader+5] = byte(len(body)>>8), byte(len(body))
	to := destination.As16()
	copy(frame[ethernetHeader+24:], to[:])
	return p.transmit(linkLayer, append(frame, body...))
}

// sendQuery sends a Multicast Listener Query to the node of that link-layer address alone.
func (p *port) sendQuery(linkLayer [6]byte) error {
	frame := slices.Clone(p.query)
	copy(frame, linkLayer[:])
	return p.transmit(linkLayer, frame)
}

func (p *port) transmit(linkLayer [6]byte, frame []byte) error {
	if err := p.conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return unavailable(err)
	}
	_, err := p.conn.WriteTo(frame, &packet.Addr{HardwareAddr: linkLayer[:]})
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
