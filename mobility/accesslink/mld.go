package accesslink

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

const (
	typeListenerReport   = uint32(ipv6.ICMPTypeMulticastListenerReport)
	typeListenerReportV2 = uint32(ipv6.ICMPTypeVersion2MulticastListenerReport)

	// A host picks its moment within maximumResponseDelay. The others are the defaults of RFC 3810 section 9: hosts take
	// over what a query says of them.
	maximumResponseDelay = 100 * time.Millisecond
	robustnessVariable   = 2
	queryInterval        = 125 // seconds, below 128 its own code

	mldHopLimit     = 1
	routerAlertSize = 8 // a Hop-by-Hop Options header with a Router Alert
	optionPad1      = 0
	optionPadN      = 1
	optionRouter    = 5 // Router Alert, RFC 2711
)

// listenerQuery is the frame of an MLDv2 General Query (RFC 3810 sections 5.1 and 5.1.15) from us to all nodes; the
// link-layer destination is left for the sender to fill in.
func listenerQuery(linkLayer [6]byte, source netip.Addr) ([]byte, error) {
	packet := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolIPv6HopByHop, HopLimit: mldHopLimit, SrcIP: source.AsSlice(), DstIP: allNodes.AsSlice()}
	message := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeMLDv1MulticastListenerQueryMessage, 0)}
	if err := message.SetNetworkLayerForChecksum(packet); err != nil {
		return nil, fmt.Errorf("build the Multicast Listener Query: %w", err)
	}
	options := &layers.IPv6HopByHop{Options: []*layers.IPv6HopByHopOption{{OptionType: optionRouter, OptionData: []byte{0, 0}}, {OptionType: optionPadN}}}
	options.NextHeader = layers.IPProtocolICMPv6
	buffer := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: linkLayer[:], DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeIPv6},
		packet, options, message,
		&layers.MLDv2MulticastListenerQueryMessage{
			MaximumResponseCode:        uint16(maximumResponseDelay.Milliseconds()),
			MulticastAddress:           net.IPv6zero,
			QueriersRobustnessVariable: robustnessVariable,
			QueriersQueryIntervalCode:  queryInterval,
		})
	if err != nil {
		return nil, fmt.Errorf("build the Multicast Listener Query: %w", err)
	}
	return buffer.Bytes(), nil
}

// validateReport makes the checks of a Multicast Listener Report: payload is all that follows the IPv6 header, the
// addresses those of the latter. Who is in which group is nobody's concern here, but a report that is broken or may come
// from beyond the link is no sign of life.
func validateReport(hopLimit byte, addresses, payload []byte) DropReason {
	if len(payload) < routerAlertSize+icmpHeader {
		return Truncated
	}
	if payload[0] != unix.IPPROTO_ICMPV6 || payload[1] != 0 {
		return NotForUs // the Router Alert is all that such a packet has to say to a router
	}
	body := payload[routerAlertSize:]
	source := netip.AddrFrom16([16]byte(addresses))
	switch {
	case uint32(body[0]) != typeListenerReport && uint32(body[0]) != typeListenerReportV2:
		return NotForUs
	case hopLimit != mldHopLimit:
		return WrongHopLimit
	case !source.IsLinkLocalUnicast() && !source.IsUnspecified(): // RFC 3810 section 5.2.13
		return WrongSource
	case checksum(addresses, body) != 0:
		return WrongChecksum
	}
	if reason := requireRouterAlert(payload[2:routerAlertSize]); reason != "" {
		return reason
	}
	if uint32(body[0]) == typeListenerReport {
		return validateAddress(body)
	}
	return validateRecords(body)
}

// requireRouterAlert looks for the Router Alert of MLD among the options (RFC 2711 section 2.1).
func requireRouterAlert(options []byte) DropReason {
	for len(options) > 0 {
		if options[0] == optionPad1 {
			options = options[1:]
			continue
		}
		if len(options) < 2 || len(options) < 2+int(options[1]) {
			return MalformedOption
		}
		if options[0] == optionRouter && options[1] == 2 && options[2] == 0 && options[3] == 0 {
			return ""
		}
		options = options[2+int(options[1]):]
	}
	return NoRouterAlert
}

// validateAddress checks the one group of a report of MLDv1 (RFC 2710 section 3).
func validateAddress(body []byte) DropReason {
	if len(body) < 24 {
		return Truncated
	}
	if !netip.AddrFrom16([16]byte(body[8:])).IsMulticast() {
		return WrongTarget
	}
	return ""
}

// validateRecords checks that the records of a report of MLDv2 are there (RFC 3810 section 5.2).
func validateRecords(body []byte) DropReason {
	const header, record, source, auxiliary = 8, 20, 16, 4
	if len(body) < header {
		return Truncated
	}
	count := int(binary.BigEndian.Uint16(body[6:]))
	body = body[header:]
	for range count {
		if len(body) < record {
			return Truncated
		}
		size := record + source*int(binary.BigEndian.Uint16(body[2:])) + auxiliary*int(body[1])
		switch {
		case len(body) < size:
			return Truncated
		case !netip.AddrFrom16([16]byte(body[4:])).IsMulticast():
			return WrongTarget
		}
		body = body[size:]
	}
	return ""
}
