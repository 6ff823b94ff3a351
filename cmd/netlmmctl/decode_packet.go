package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/net/ipv6"
)

// Only the DecodeFromBytes of single gopacket layers is used here, and of those that hold out against any octets: the whole
// decoder relies on recover, and its Linux SLL layer believes an address length.
var noFeedback = gopacket.NilDecodeFeedback

// Link types of pcap-linktype(7).
const (
	linkNull      = 0
	linkEthernet  = 1
	linkRawBSD    = 12
	linkRaw       = 101
	linkLoop      = 108
	linkLinuxSLL  = 113
	linkIPv4      = 228
	linkIPv6      = 229
	linkLinuxSLL2 = 276
)

// networkPacket is what follows the link layer, empty where that is no IP; !ok for a link type that is not known here.
func networkPacket(f frame) (packet []byte, ok bool) {
	switch f.linkType {
	case linkRaw, linkRawBSD, linkIPv4, linkIPv6:
		return f.data, true
	case linkNull, linkLoop: // the address family has numbers and byte order of the system: the IP version says the same
		return f.data[min(4, len(f.data)):], true
	case linkEthernet:
		var e layers.Ethernet
		if e.DecodeFromBytes(f.data, noFeedback) != nil {
			return nil, true
		}
		return behindTags(e.EthernetType, e.Payload), true
	case linkLinuxSLL:
		return cooked(f.data, 14, 16), true
	case linkLinuxSLL2:
		return cooked(f.data, 0, 20), true
	}
	return nil, false
}

// cooked takes off a header of the given size with the EtherType at the given offset.
func cooked(data []byte, at, size int) []byte {
	if len(data) < size {
		return nil
	}
	return behindTags(layers.EthernetType(binary.BigEndian.Uint16(data[at:])), data[size:])
}

// behindTags is the IP packet behind any number of VLAN tags.
func behindTags(t layers.EthernetType, payload []byte) []byte {
	for t == layers.EthernetTypeDot1Q || t == layers.EthernetTypeQinQ {
		var tag layers.Dot1Q
		if tag.DecodeFromBytes(payload, noFeedback) != nil {
			return nil
		}
		t, payload = tag.Type, tag.Payload
	}
	if t != layers.EthernetTypeIPv4 && t != layers.EthernetTypeIPv6 {
		return nil
	}
	return payload
}

const (
	protocolUDP      = uint8(layers.IPProtocolUDP)
	protocolTCP      = uint8(layers.IPProtocolTCP)
	protocolMobility = 135
	portMobility     = 5436 // RFC 5844 section 8
	portMIH          = 4551 // RFC 5677 section 9
)

// datagram is what one IP header carries.
type datagram struct {
	src, dst             netip.Addr
	pseudoSrc, pseudoDst netip.Addr // as the checksum sees them
	protocol             uint8
	payload              []byte
	partial              bool     // the rest of payload is in other fragments, or was not captured
	problems             []string // what is wrong with it
}

// innermost is what the last IP header of a packet carries, behind any tunnels.
func innermost(packet []byte) (datagram, bool) {
	for {
		d, ok := ipDatagram(packet)
		if !ok {
			return d, false
		}
		if p := layers.IPProtocol(d.protocol); p != layers.IPProtocolIPv4 && p != layers.IPProtocolIPv6 {
			return d, true
		}
		packet = d.payload // at least a header shorter
	}
}

// mobilityHeader is the datagram with its Mobility Header, if it has one. There is one at most, nothing may follow it.
func (d datagram) mobilityHeader() (datagram, bool) {
	switch d.protocol {
	case protocolUDP:
		return d.mobilityOverUDP()
	case protocolMobility:
		d.verify("checksum", 4)
		return d, d.src.Is6()
	}
	return d, false
}

func ipDatagram(packet []byte) (datagram, bool) {
	if len(packet) == 0 {
		return datagram{}, false
	}
	switch packet[0] >> 4 {
	case 4:
		return ipv4Datagram(packet)
	case 6:
		return ipv6Datagram(packet)
	}
	return datagram{}, false
}

func ipv4Datagram(packet []byte) (datagram, bool) {
	var h layers.IPv4
	if err := h.DecodeFromBytes(packet, noFeedback); err != nil || h.FragOffset != 0 {
		return datagram{}, false
	}
	d := newDatagram(h.SrcIP, h.DstIP, uint8(h.Protocol), h.Payload)
	d.cut(int(h.Length), len(h.Contents)+len(h.Payload))
	if h.Flags&layers.IPv4MoreFragments != 0 {
		d.firstFragment()
	}
	return d, true
}

func ipv6Datagram(packet []byte) (datagram, bool) {
	h, err := ipv6.ParseHeader(packet)
	if err != nil {
		return datagram{}, false
	}
	payload := packet[ipv6.HeaderLen:]
	if h.PayloadLen != 0 { // with 0 the length is elsewhere
		payload = payload[:min(h.PayloadLen, len(payload))]
	}
	d := newDatagram(h.Src, h.Dst, uint8(h.NextHeader), payload)
	d.cut(h.PayloadLen, len(payload))
	for ok := true; ok; {
		switch layers.IPProtocol(d.protocol) {
		case layers.IPProtocolIPv6HopByHop, layers.IPProtocolIPv6Routing, layers.IPProtocolIPv6Destination:
			ok = d.extension()
		case layers.IPProtocolIPv6Fragment:
			ok = d.fragment()
		default:
			return d, true
		}
	}
	return d, false
}

func newDatagram(src, dst []byte, protocol uint8, payload []byte) datagram {
	from, _ := netip.AddrFromSlice(src)
	to, _ := netip.AddrFromSlice(dst)
	return datagram{src: from, dst: to, pseudoSrc: from, pseudoDst: to, protocol: protocol, payload: payload}
}

func (d *datagram) fail(format string, args ...any) {
	d.problems = append(d.problems, fmt.Sprintf(format, args...))
}

func (d *datagram) cut(length, captured int) {
	if captured < length {
		d.partial = true
		d.fail("packet: %d of %d octets were captured: capture with a larger snapshot length", captured, length)
	}
}

func (d *datagram) firstFragment() {
	d.partial = true
	d.fail("packet: is the first of several fragments, which are not put together")
}

// mobilityOverUDP is the datagram with what UDP carries, if that is a Mobility Header. Either port says so: a peer behind a NAT has
// another one of its own (RFC 5844 section 4.1.3.2).
func (d datagram) mobilityOverUDP() (datagram, bool) {
	u, ok := d.udp()
	if !ok || u.SrcPort != portMobility && u.DstPort != portMobility {
		return d, false
	}
	if u.Checksum == 0 {
		d.fail("UDP checksum: is 0, RFC 5844 section 4.1.3 asks for one")
	} else {
		d.payload = d.payload[:len(u.Contents)+len(u.Payload)]
		d.verify("UDP checksum", 6)
	}
	d.payload = u.Payload
	return d, true
}

func (d datagram) udp() (u layers.UDP, ok bool) {
	ok = d.protocol == protocolUDP && u.DecodeFromBytes(d.payload, noFeedback) == nil
	return u, ok
}
