package main

import (
	"encoding/binary"
	"net/netip"

	"github.com/google/gopacket/layers"
)

// extension takes off an extension header. Where it says so, the checksum is that of other addresses than those of the IPv6
// header: the final destination of a routing header (RFC 8200 section 8.1), the sender's home address (RFC 6275 section 6.1.1).
func (d *datagram) extension() bool {
	var e layers.IPv6ExtensionSkipper
	if e.DecodeFromBytes(d.payload, noFeedback) != nil {
		return false
	}
	switch layers.IPProtocol(d.protocol) {
	case layers.IPProtocolIPv6Routing:
		if final, ok := finalDestination(e.Contents); ok {
			d.pseudoDst = final
		}
	case layers.IPProtocolIPv6Destination:
		if home, ok := homeAddress(e.Contents); ok {
			d.pseudoSrc = home
		}
	}
	d.protocol, d.payload = uint8(e.NextHeader), e.Payload
	return true
}

// finalDestination is the last address that a packet on its way is yet to visit. The header has eight octets at least.
func finalDestination(header []byte) (netip.Addr, bool) {
	const first = 8
	routingType, segmentsLeft := header[2], header[3]
	if segmentsLeft == 0 || len(header) < first+16 {
		return netip.Addr{}, false
	}
	switch routingType {
	case 0, 2: // a list in the order of the way, of one address in type 2 (RFC 6275 section 6.4.1)
		return netip.AddrFromSlice(header[len(header)-16:])
	case 4: // a list in reverse order (RFC 8754 section 2)
		return netip.AddrFromSlice(header[first : first+16])
	}
	return netip.Addr{}, false
}

// homeAddress is what the Home Address option in a header of destination options holds (RFC 6275 section 6.3).
func homeAddress(header []byte) (netip.Addr, bool) {
	const pad1, home = 0, 201
	for rest := header[2:]; len(rest) >= 2; {
		if rest[0] == pad1 {
			rest = rest[1:]
			continue
		}
		size := 2 + int(rest[1])
		if size > len(rest) {
			break
		}
		if rest[0] == home && size == 18 {
			return netip.AddrFromSlice(rest[2:size])
		}
		rest = rest[size:]
	}
	return netip.Addr{}, false
}

// fragment takes off the header of a first fragment. What is in the others nobody can tell without it.
func (d *datagram) fragment() bool {
	const size = 8
	if len(d.payload) < size {
		return false
	}
	position := binary.BigEndian.Uint16(d.payload[2:])
	if position>>3 != 0 {
		return false
	}
	if position&1 != 0 {
		d.firstFragment()
	}
	d.protocol, d.payload = d.payload[0], d.payload[size:]
	return true
}

// verify checks the checksum at the given offset of the payload, which covers the pseudo-header too (RFC 8200 section 8.1).
func (d *datagram) verify(field string, at int) {
	if d.partial || len(d.payload) < at+2 {
		return
	}
	sum := uint32(d.protocol) + uint32(len(d.payload))
	for _, b := range [][]byte{d.pseudoSrc.AsSlice(), d.pseudoDst.AsSlice(), d.payload[:at], d.payload[at+2:]} {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint32(binary.BigEndian.Uint16(b))
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	got, want := binary.BigEndian.Uint16(d.payload[at:]), ^uint16(sum)
	if got != want && (want != 0 || got != 0xffff) { // one's complement has two zeros, and UDP keeps 0 for "none"
		d.fail("%s: is 0x%04x, want 0x%04x", field, got, want)
	}
}
