package accesslink

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/sys/unix"
)

const (
	ipv4Header = 20
	udpHeader  = 8
	hopLimit   = 64
)

// datagram is a UDP datagram as a mobile node sent it.
type datagram struct {
	linkLayer           [6]byte
	source, destination netip.Addr
	payload             []byte
}

// parseUDPv4 validates a frame with an IPv4 packet that holds a whole UDP datagram.
func parseUDPv4(frame []byte) (datagram, DropReason) {
	if len(frame) < ethernetHeader+ipv4Header+udpHeader {
		return datagram{}, Truncated
	}
	d := datagram{linkLayer: [6]byte(frame[6:])}
	if d.linkLayer[0]&1 != 0 || d.linkLayer == [6]byte{} {
		return datagram{}, WrongLinkLayer
	}
	packet := frame[ethernetHeader:]
	header, length := int(packet[0]&15)*4, int(binary.BigEndian.Uint16(packet[2:]))
	switch {
	case packet[0]>>4 != 4 || packet[9] != unix.IPPROTO_UDP:
		return datagram{}, NotForUs
	case header < ipv4Header || length < header+udpHeader || length > len(packet):
		return datagram{}, Truncated
	case binary.BigEndian.Uint16(packet[6:])&0x3fff != 0:
		return datagram{}, Fragment
	case sum(0, packet[:header]) != 0xffff:
		return datagram{}, WrongChecksum
	}
	d.source, d.destination = netip.AddrFrom4([4]byte(packet[12:])), netip.AddrFrom4([4]byte(packet[16:]))
	var reason DropReason
	d.payload, reason = udpPayload(packet[12:20], packet[header:length], true)
	return d, reason
}

// parseUDPv6 validates a frame with an IPv6 packet that holds nothing but a UDP datagram.
func parseUDPv6(frame []byte) (datagram, DropReason) {
	if len(frame) < headers+udpHeader {
		return datagram{}, Truncated
	}
	d := datagram{linkLayer: [6]byte(frame[6:])}
	if d.linkLayer[0]&1 != 0 || d.linkLayer == [6]byte{} {
		return datagram{}, WrongLinkLayer
	}
	packet := frame[ethernetHeader:]
	length := int(binary.BigEndian.Uint16(packet[4:]))
	switch {
	case packet[0]>>4 != 6 || packet[6] != unix.IPPROTO_UDP:
		return datagram{}, NotForUs
	case length < udpHeader || ipv6Header+length > len(packet):
		return datagram{}, Truncated
	}
	d.source, d.destination = netip.AddrFrom16([16]byte(packet[8:])), netip.AddrFrom16([16]byte(packet[24:]))
	if d.source.IsMulticast() || d.source.IsUnspecified() {
		return datagram{}, WrongSource
	}
	var reason DropReason
	d.payload, reason = udpPayload(packet[8:ipv6Header], packet[ipv6Header:ipv6Header+length], false)
	return d, reason
}

// udpPayload checks length and checksum. addresses holds source and destination. What a host on a virtual link sent can be
// seen here before its checksum is made: the field then holds the sum of the pseudo-header, which is as good, for nothing
// was on a wire.
func udpPayload(addresses, body []byte, mayLackChecksum bool) ([]byte, DropReason) {
	length := int(binary.BigEndian.Uint16(body[4:]))
	if length < udpHeader || length > len(body) {
		return nil, Truncated
	}
	body = body[:length]
	pseudo := sum(sum(uint32(length)+unix.IPPROTO_UDP, addresses), nil)
	stated := binary.BigEndian.Uint16(body[6:])
	switch {
	case stated == 0 && mayLackChecksum:
	case stated == 0 || stated != uint16(pseudo) && sum(pseudo, body) != 0xffff:
		return nil, WrongChecksum
	}
	return body[udpHeader:], ""
}

// sum adds octets to an Internet checksum; the result has 16 bits.
func sum(start uint32, octets []byte) uint32 {
	for ; len(octets) >= 2; octets = octets[2:] {
		start += uint32(octets[0])<<8 | uint32(octets[1])
	}
	if len(octets) == 1 {
		start += uint32(octets[0]) << 8
	}
	for start > 0xffff {
		start = start>>16 + start&0xffff
	}
	return start
}

// sendUDP sends a datagram to the node of that link-layer address, whatever its IP destination is.
func (p *port) sendUDP(to [6]byte, source, destination netip.AddrPort, payload []byte) error {
	ethernet := &layers.Ethernet{SrcMAC: p.linkLayer[:], DstMAC: net.HardwareAddr(to[:])}
	udp := &layers.UDP{SrcPort: layers.UDPPort(source.Port()), DstPort: layers.UDPPort(destination.Port())}
	conn := p.dhcpv6
	var network interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	}
	if destination.Addr().Is4() {
		conn, ethernet.EthernetType = p.dhcpv4, layers.EthernetTypeIPv4
		network = &layers.IPv4{Version: 4, TTL: hopLimit, Protocol: layers.IPProtocolUDP, SrcIP: source.Addr().AsSlice(), DstIP: destination.Addr().AsSlice()}
	} else {
		ethernet.EthernetType = layers.EthernetTypeIPv6
		network = &layers.IPv6{Version: 6, HopLimit: hopLimit, NextHeader: layers.IPProtocolUDP, SrcIP: source.Addr().AsSlice(), DstIP: destination.Addr().AsSlice()}
	}
	if err := udp.SetNetworkLayerForChecksum(network); err != nil {
		return err
	}
	buffer := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ethernet, network, udp, gopacket.Payload(payload)); err != nil {
		return err
	}
	return transmit(conn, to, buffer.Bytes())
}
