package testbed

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"netlmm/mobility/signaling"
)

// frameClass is what a frame on the core link is, as far as the control channel's protection is concerned.
type frameClass int

// Classes of frames.
const (
	frameOther      frameClass = iota
	frameESP                   // protocol 50, or UDP port 4500 with an SPI (RFC 3948 section 2.1)
	frameIKE                   // UDP port 500, or UDP port 4500 with a zero SPI
	frameMHInClear             // a Mobility Header that anybody on the link can read; over IPv4, a datagram of its port
	frameMIHInClear            // likewise UDP or TCP from or to the port of IEEE 802.21
	frameTruncated             // too short to tell
	frameClassCount            // how many there are
)

const (
	ethernetHeader = 14
	ipv6Header     = 40
	ipv4Header     = 20
	etherTypeIPv6  = 0x86dd
	etherTypeIPv4  = 0x0800
)

// classify looks at one Ethernet frame; the data that a tunnel carries is not looked into.
func classify(frame []byte) frameClass {
	if len(frame) < ethernetHeader {
		return frameOther
	}
	switch packet := frame[ethernetHeader:]; binary.BigEndian.Uint16(frame[12:]) {
	case etherTypeIPv6:
		return classifyIPv6(packet)
	case etherTypeIPv4:
		return classifyIPv4(packet)
	}
	return frameOther
}

// classifyIPv4 looks at one IPv4 packet. Later fragments say no more than their protocol.
func classifyIPv4(packet []byte) frameClass {
	if len(packet) < ipv4Header || len(packet) < 4*int(packet[0]&15) {
		return frameTruncated
	}
	later, rest := binary.BigEndian.Uint16(packet[6:])&0x1fff != 0, packet[4*int(packet[0]&15):]
	switch protocol := packet[9]; {
	case protocol == unix.IPPROTO_ESP:
		return frameESP
	case protocol == unix.IPPROTO_MH:
		return frameMHInClear
	case protocol == unix.IPPROTO_UDP && !later:
		return classifyUDP(rest)
	case protocol == unix.IPPROTO_TCP && !later:
		return classifyTCP(rest)
	}
	return frameOther
}

// classifyIPv6 looks at one IPv6 packet. It follows extension headers (RFC 8200 section 4.1), so that nothing can hide
// behind them.
func classifyIPv6(packet []byte) frameClass {
	if len(packet) < ipv6Header {
		return frameTruncated
	}
	next, rest := packet[6], packet[ipv6Header:]
	for {
		switch next {
		case unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS:
			if len(rest) < 8 || len(rest) < 8+8*int(rest[1]) {
				return frameTruncated
			}
			next, rest = rest[0], rest[8+8*int(rest[1]):]
		case unix.IPPROTO_FRAGMENT:
			if len(rest) < 8 {
				return frameTruncated
			}
			if binary.BigEndian.Uint16(rest[2:])>>3 != 0 && rest[0] != unix.IPPROTO_MH {
				return frameOther // a later fragment says no more than its protocol
			}
			next, rest = rest[0], rest[8:]
		case unix.IPPROTO_MH:
			return frameMHInClear
		case unix.IPPROTO_ESP:
			return frameESP
		case unix.IPPROTO_UDP:
			return classifyUDP(rest)
		case unix.IPPROTO_TCP:
			return classifyTCP(rest)
		default:
			return frameOther
		}
	}
}

// classifyTCP knows MIH by its port.
func classifyTCP(segment []byte) frameClass {
	switch {
	case len(segment) < 4:
		return frameTruncated
	case hasPort(segment, mihPort):
		return frameMIHInClear
	}
	return frameOther
}

// hasPort: source or destination port, which are where they are in UDP and in TCP.
func hasPort(header []byte, port uint16) bool {
	return binary.BigEndian.Uint16(header) == port || binary.BigEndian.Uint16(header[2:]) == port
}

// classifyUDP tells IKE from ESP in UDP: on port 4500 IKE follows four zero bytes where ESP has its SPI. A keepalive of one
// byte counts as IKE.
func classifyUDP(datagram []byte) frameClass {
	if len(datagram) < 8 {
		return frameTruncated
	}
	switch {
	case hasPort(datagram, mihPort):
		return frameMIHInClear
	case hasPort(datagram, 500):
		return frameIKE
	case hasPort(datagram, signaling.Port): // RFC 5844 section 4
		return frameMHInClear
	case !hasPort(datagram, 4500):
		return frameOther
	case len(datagram) < 12 || binary.BigEndian.Uint32(datagram[8:]) == 0:
		return frameIKE
	}
	return frameESP
}
