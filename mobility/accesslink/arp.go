package accesslink

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	arpMessage = 28 // of Ethernet and IPv4
	arpRequest = 1
	arpReply   = 2
)

// arpFrame is a valid ARP message of Ethernet and IPv4 (RFC 826).
type arpFrame struct {
	linkLayer      [6]byte
	request        bool
	sender, target netip.Addr // sender is unspecified in a probe (RFC 5227)
}

// parseARP validates a frame with an ARP message.
func parseARP(frame []byte) (arpFrame, DropReason) {
	if len(frame) < ethernetHeader+arpMessage {
		return arpFrame{}, Truncated
	}
	linkLayer, body := [6]byte(frame[6:]), frame[ethernetHeader:]
	operation := binary.BigEndian.Uint16(body[6:])
	switch {
	case linkLayer[0]&1 != 0 || linkLayer == [6]byte{}:
		return arpFrame{}, WrongLinkLayer
	case [6]byte(body) != [6]byte{0, unix.ARPHRD_ETHER, 8, 0, 6, 4}:
		return arpFrame{}, NotForUs
	case operation != arpRequest && operation != arpReply:
		return arpFrame{}, NotForUs
	case [6]byte(body[8:]) != linkLayer:
		return arpFrame{}, ForgedARP
	}
	return arpFrame{linkLayer, operation == arpRequest, netip.AddrFrom4([4]byte(body[14:])), netip.AddrFrom4([4]byte(body[24:]))}, ""
}

// takeARP handles one frame. It reports which node it came from, if it is valid.
func (l *Link) takeARP(frame []byte, p *port, now time.Time) (linkLayer [6]byte, valid bool) {
	asked, reason := parseARP(frame)
	if reason == "" && asked.linkLayer == p.linkLayer {
		reason = WrongLinkLayer
	}
	if reason != "" {
		l.counters.drop(reason)
		return [6]byte{}, false
	}
	if !asked.request {
		return asked.linkLayer, true
	}
	budget := arp
	if offer, _ := l.nodes.offerOf(asked.linkLayer, now); asked.target == offer.IPv4DefaultRouter {
		budget = routerARP
	}
	offer, reason := l.nodes.serve(asked.linkLayer, budget, now)
	switch reason {
	case "":
		reason = asked.answerable(offer)
	case NoOffer:
		if reason = l.nodes.keep(asked.linkLayer, arp, frame, now); reason == "" {
			return asked.linkLayer, true
		}
	}
	if reason != "" {
		l.counters.drop(reason)
		return asked.linkLayer, true
	}
	if err := p.sendARP(arpReply, asked.linkLayer, asked.target, asked.sender); err != nil {
		l.counters.serveErrors.Add(1)
		return asked.linkLayer, true
	}
	l.counters.serve(ServedARP)
	return asked.linkLayer, true
}

// answerable says whether the request is answered with this router's link-layer address: for the default router, which is a
// SHOULD of RFC 5844 section 3.2.3.2, and for every other host of the node's network, as section 3.2.4 has it: two nodes of
// one network reach each other through the anchor. The node's own address is left alone, or its duplicate address detection
// would find it taken.
func (a arpFrame) answerable(offer Offer) DropReason {
	home := offer.IPv4HomeAddress
	switch {
	case !home.IsValid():
		return NoOffer
	case !a.sender.IsUnspecified() && a.sender != home.Addr():
		return ForgedARP
	case a.target == home.Addr() || !home.Contains(a.target) || !isHost(home, a.target):
		return NotForUs
	}
	return ""
}

// isHost says that a is neither the network's own address nor its broadcast address.
func isHost(network netip.Prefix, a netip.Addr) bool {
	if network.Bits() >= 31 {
		return true
	}
	octets := a.As4()
	hosts := uint32(1)<<(32-network.Bits()) - 1
	number := binary.BigEndian.Uint32(octets[:]) & hosts
	return number != 0 && number != hosts
}

// sendARP sends an ARP message about our link-layer address to one node.
func (p *port) sendARP(operation uint16, to [6]byte, sender, target netip.Addr) error {
	hardware := to
	if operation == arpRequest {
		hardware = [6]byte{}
	}
	buffer := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{},
		&layers.Ethernet{SrcMAC: p.linkLayer[:], DstMAC: net.HardwareAddr(to[:]), EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: operation,
			SourceHwAddress: p.linkLayer[:], SourceProtAddress: sender.AsSlice(), DstHwAddress: hardware[:], DstProtAddress: target.AsSlice(),
		})
	if err != nil {
		return err
	}
	return transmit(p.arp, to, buffer.Bytes())
}

// untagged is the beginning of a filter that passes what came for this host, or a group, and not of a VLAN on this
// interface; the instructions that follow it are rest, the last of which drops.
func untagged(rest ...bpf.Instruction) []bpf.Instruction {
	last := uint8(len(rest) - 1)
	return append([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: last + 2},
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: unix.PACKET_MULTICAST, SkipTrue: last},
	}, rest...)
}

var arpFilter = untagged(bpf.RetConstant{Val: maximumFrame}, bpf.RetConstant{Val: 0})

// dhcpv4Filter passes UDP to the port of DHCP servers.
var dhcpv4Filter = untagged(
	bpf.LoadAbsolute{Off: ethernetHeader + 9, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 4},
	bpf.LoadMemShift{Off: ethernetHeader},
	bpf.LoadIndirect{Off: ethernetHeader + 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 67, SkipTrue: 1},
	bpf.RetConstant{Val: maximumFrame},
	bpf.RetConstant{Val: 0},
)

// dhcpv6Filter passes UDP to the port of DHCPv6 servers, without extension headers: clients send none.
var dhcpv6Filter = untagged(
	bpf.LoadAbsolute{Off: ethernetHeader + 6, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 3},
	bpf.LoadAbsolute{Off: headers + 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 547, SkipTrue: 1},
	bpf.RetConstant{Val: maximumFrame},
	bpf.RetConstant{Val: 0},
)
