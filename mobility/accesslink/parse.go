package accesslink

import (
	"encoding/binary"
	"net/netip"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

const (
	typeRouterSolicitation    = uint32(ipv6.ICMPTypeRouterSolicitation)
	typeNeighborSolicitation  = uint32(ipv6.ICMPTypeNeighborSolicitation)
	typeNeighborAdvertisement = uint32(ipv6.ICMPTypeNeighborAdvertisement)

	icmpHeader   = 4
	maximumFrame = 2048 // longer messages of these types are of no use to anybody
)

// sighting is what a valid frame tells: which node it came from, and whether it asks for a router.
type sighting struct {
	linkLayer [6]byte
	source    netip.Addr
	solicits  bool       // a Router Solicitation
	claims    netip.Addr // an address that the node says to have, or asks for; zero: none
}

// parse validates an Ethernet frame with a Router Solicitation (RFC 4861 section 6.1.1), Neighbor Solicitation (7.1.1),
// Neighbor Advertisement (7.1.2) or Multicast Listener Report (RFC 3810, RFC 2710). The reason is empty when the frame is
// valid.
func parse(frame []byte) (sighting, DropReason) {
	if len(frame) < headers+icmpHeader {
		return sighting{}, Truncated
	}
	linkLayer := [6]byte(frame[6:])
	if linkLayer[0]&1 != 0 || linkLayer == [6]byte{} {
		return sighting{}, WrongLinkLayer
	}
	packet := frame[ethernetHeader:]
	length := int(binary.BigEndian.Uint16(packet[4:]))
	switch {
	case packet[0]>>4 != 6:
		return sighting{}, NotForUs
	case length < icmpHeader || ipv6Header+length > len(packet): // a frame may be longer: Ethernet pads to 60 octets
		return sighting{}, Truncated
	}
	hopLimit, addresses, payload := packet[7], packet[8:ipv6Header], packet[ipv6Header:ipv6Header+length]
	seen := sighting{linkLayer: linkLayer, source: netip.AddrFrom16([16]byte(addresses))}
	var reason DropReason
	switch packet[6] {
	case unix.IPPROTO_ICMPV6:
		seen.solicits, reason = validateDiscovery(hopLimit, addresses, payload)
		seen.claims = claimedBy(payload, seen.source)
	case unix.IPPROTO_HOPOPTS:
		reason = validateReport(hopLimit, addresses, payload)
	default:
		reason = NotForUs
	}
	return seen, reason
}

// validateDiscovery makes the checks of a Neighbor Discovery message. addresses holds source and destination.
func validateDiscovery(hopLimit byte, addresses, body []byte) (solicits bool, reason DropReason) {
	source, destination := netip.AddrFrom16([16]byte(addresses)), netip.AddrFrom16([16]byte(addresses[16:]))
	switch {
	case hopLimit != ndp.HopLimit:
		return false, WrongHopLimit
	case checksum(addresses, body) != 0:
		return false, WrongChecksum
	case body[1] != 0:
		return false, WrongCode
	case source.IsMulticast():
		return false, WrongSource
	}
	return validate(body, source, destination)
}

// validate makes the checks that depend on the type of the message.
func validate(body []byte, source, destination netip.Addr) (solicits bool, reason DropReason) {
	minimum := 24 // Neighbor Solicitation and Advertisement
	switch uint32(body[0]) {
	case typeRouterSolicitation:
		minimum = 8
	case typeNeighborSolicitation, typeNeighborAdvertisement:
	default:
		return false, NotForUs
	}
	if len(body) < minimum {
		return false, Truncated
	}
	if minimum == 24 && netip.AddrFrom16([16]byte(body[8:])).IsMulticast() {
		return false, WrongTarget // before the library, which has no name for it
	}
	message, err := ndp.ParseMessage(body)
	if err != nil {
		return false, MalformedOption
	}
	switch m := message.(type) {
	case *ndp.RouterSolicitation:
		if source.IsUnspecified() && hasSourceLinkLayer(m.Options) {
			return false, WrongSource
		}
		return true, ""
	case *ndp.NeighborSolicitation:
		if source.IsUnspecified() && hasSourceLinkLayer(m.Options) {
			return false, WrongSource
		}
	case *ndp.NeighborAdvertisement:
		if destination.IsMulticast() && m.Solicited {
			return false, WrongTarget
		}
	}
	return false, ""
}

func hasSourceLinkLayer(options []ndp.Option) bool {
	for _, option := range options {
		if l, ok := option.(*ndp.LinkLayerAddress); ok && l.Direction == ndp.Source {
			return true
		}
	}
	return false
}

// checksum is the Internet checksum of an ICMPv6 message with its pseudo-header (RFC 4443 section 2.3), 0 if it is right.
// addresses holds source and destination.
func checksum(addresses, body []byte) uint16 {
	sum := uint32(len(body)) + 58
	for _, part := range [][]byte{addresses, body} {
		for len(part) >= 2 {
			sum += uint32(part[0])<<8 | uint32(part[1])
			part = part[2:]
		}
		if len(part) == 1 {
			sum += uint32(part[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
