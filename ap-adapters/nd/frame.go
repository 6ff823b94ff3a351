package nd

import (
	"encoding/binary"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

const (
	ethernetHeader = 14
	ipv4Header     = 20
	ipv6Header     = 40
	udpHeader      = 8
	arpMessage     = 28
	routerAlert    = 8    // the hop-by-hop options of a Multicast Listener Report
	maximumFrame   = 2048 // longer messages of these protocols are of no use to anybody

	etherTypeIPv4, etherTypeARP, etherTypeIPv6 = unix.ETH_P_IP, unix.ETH_P_ARP, unix.ETH_P_IPV6
	portDHCPv4, portDHCPv6                     = 67, 547 // of servers and relay agents
)

// sighting is what a frame tells of the station that sent it.
type sighting struct {
	station  [6]byte
	attaches bool         // it says what a host says when its link came up
	uses     []netip.Addr // addresses that it can be asked by
}

// reason is why a frame tells nothing; it is a counter. None is "".
type reason string

// Reasons.
const (
	truncated     reason = "truncated"
	notForUs      reason = "not_for_us"
	wrongStation  reason = "wrong_link_layer_address"
	wrongHopLimit reason = "wrong_hop_limit"
	wrongChecksum reason = "wrong_checksum"
	malformed     reason = "malformed"
	configured    reason = "configured"                // of what the configuration says to be no station
	forged        reason = "forged_link_layer_address" // a message that says to be another station's than its frame
)

// parse reads an Ethernet frame with a message by which a host shows itself.
func parse(frame []byte) (s sighting, why reason) {
	if len(frame) < ethernetHeader {
		return s, truncated
	}
	s.station = [6]byte(frame[6:])
	if s.station[0]&1 != 0 || s.station == [6]byte{} {
		return s, wrongStation
	}
	switch packet := frame[ethernetHeader:]; int(binary.BigEndian.Uint16(frame[12:])) {
	case etherTypeARP:
		why = s.readARP(packet)
	case etherTypeIPv4:
		why = s.readIPv4(packet)
	case etherTypeIPv6:
		why = s.readIPv6(packet)
	default:
		why = notForUs
	}
	return s, why
}

// readARP: a host that probes for its address or announces it has just come (RFC 5227 section 2).
func (s *sighting) readARP(body []byte) reason {
	switch {
	case len(body) < arpMessage:
		return truncated
	case [6]byte(body) != [6]byte{0, unix.ARPHRD_ETHER, etherTypeIPv4 >> 8, 0, 6, 4}, binary.BigEndian.Uint16(body[6:]) == 0 || binary.BigEndian.Uint16(body[6:]) > 2:
		return malformed
	case [6]byte(body[8:]) != s.station:
		return forged
	}
	sender, target := netip.AddrFrom4([4]byte(body[14:])), netip.AddrFrom4([4]byte(body[24:]))
	s.attaches = sender.IsUnspecified() || sender == target
	s.use(sender)
	return ""
}

func (s *sighting) readIPv4(packet []byte) reason {
	if len(packet) < ipv4Header {
		return truncated
	}
	header, length := int(packet[0]&15)*4, int(binary.BigEndian.Uint16(packet[2:]))
	switch {
	case packet[0]>>4 != 4, packet[9] != unix.IPPROTO_UDP, binary.BigEndian.Uint16(packet[6:])&0x3fff != 0:
		return notForUs
	case header < ipv4Header, length < header, length > len(packet):
		return truncated
	}
	payload, why := udp(packet[header:length], portDHCPv4)
	if why != "" {
		return why
	}
	m, err := dhcpv4.FromBytes(payload)
	switch {
	case err != nil:
		return malformed
	case m.OpCode != dhcpv4.OpcodeBootRequest, !m.GatewayIPAddr.IsUnspecified() && len(m.GatewayIPAddr) > 0:
		return notForUs // of a server, or of a relay agent
	case string(m.ClientHWAddr) != string(s.station[:]):
		return forged
	}
	// A request with an address of the client's own renews a lease (RFC 2131 section 4.3.2).
	client, _ := netip.AddrFromSlice(m.ClientIPAddr.To4())
	s.use(client)
	s.attaches = m.MessageType() == dhcpv4.MessageTypeDiscover || m.MessageType() == dhcpv4.MessageTypeRequest && (!client.IsValid() || client.IsUnspecified())
	return ""
}

func (s *sighting) readIPv6(packet []byte) reason {
	if len(packet) < ipv6Header {
		return truncated
	}
	length := int(binary.BigEndian.Uint16(packet[4:]))
	switch {
	case packet[0]>>4 != 6:
		return notForUs
	case ipv6Header+length > len(packet): // a frame may be longer: Ethernet pads to 60 octets
		return truncated
	}
	source, body := netip.AddrFrom16([16]byte(packet[8:])), packet[ipv6Header:ipv6Header+length]
	if source.IsMulticast() {
		return malformed
	}
	switch packet[6] {
	case unix.IPPROTO_ICMPV6:
		return s.readDiscovery(packet[7], packet[8:ipv6Header], source, body)
	case unix.IPPROTO_HOPOPTS:
		return s.readReport(packet[7], packet[8:ipv6Header], source, body)
	case unix.IPPROTO_UDP:
		payload, why := udp(body, portDHCPv6)
		if why != "" {
			return why
		}
		m, err := dhcpv6.MessageFromBytes(payload)
		if err != nil {
			return malformed
		}
		switch m.Type() {
		case dhcpv6.MessageTypeSolicit, dhcpv6.MessageTypeConfirm, dhcpv6.MessageTypeRebind: // RFC 8415 section 18.2.3: the link may have changed
			s.attaches = true
		}
		s.use(source)
		return ""
	}
	return notForUs
}

// readDiscovery makes the checks of RFC 4861 sections 6.1.1, 7.1.1 and 7.1.2. addresses holds source and destination.
func (s *sighting) readDiscovery(hopLimit byte, addresses []byte, source netip.Addr, body []byte) reason {
	switch {
	case len(body) < 8:
		return truncated
	case hopLimit != ndp.HopLimit:
		return wrongHopLimit
	case checksum(addresses, body) != 0:
		return wrongChecksum
	case body[1] != 0:
		return malformed
	}
	if kind := ipv6.ICMPType(body[0]); (kind == ipv6.ICMPTypeNeighborSolicitation || kind == ipv6.ICMPTypeNeighborAdvertisement) &&
		(len(body) < 24 || netip.AddrFrom16([16]byte(body[8:])).IsMulticast()) {
		return malformed
	}
	message, err := ndp.ParseMessage(body)
	if err != nil {
		return malformed
	}
	switch m := message.(type) {
	case *ndp.RouterSolicitation:
		s.attaches = true
		s.use(source)
	case *ndp.NeighborSolicitation:
		// Duplicate address detection (RFC 4862 section 5.4.2). The address is not the host's yet, but will be in a second, and is asked
		// for later than that.
		if s.attaches = source.IsUnspecified(); s.attaches {
			source = m.TargetAddress
		}
		s.use(source)
	case *ndp.NeighborAdvertisement:
		s.use(m.TargetAddress)
	default:
		return notForUs
	}
	return ""
}

// readReport reads a Multicast Listener Report. A host whose link is up again says anew which groups it listens to, and a kernel that has
// kept its addresses says nothing else; that is a change of state (RFC 3810 section 5.2.12). An answer to a query is not.
func (s *sighting) readReport(hopLimit byte, addresses []byte, source netip.Addr, body []byte) reason {
	const header, record = 8, 20
	if len(body) < routerAlert+header {
		return truncated
	}
	if body[0] != unix.IPPROTO_ICMPV6 || body[1] != 0 {
		return notForUs
	}
	body = body[routerAlert:]
	switch {
	case hopLimit != 1:
		return wrongHopLimit
	case checksum(addresses, body) != 0:
		return wrongChecksum
	}
	switch ipv6.ICMPType(body[0]) {
	case ipv6.ICMPTypeMulticastListenerReport:
	case ipv6.ICMPTypeVersion2MulticastListenerReport:
		const changeToInclude, changeToExclude = 3, 4
		for rest := body[header:]; len(rest) >= record; {
			s.attaches = s.attaches || rest[0] == changeToInclude || rest[0] == changeToExclude
			length := record + 16*int(binary.BigEndian.Uint16(rest[2:])) + 4*int(rest[1])
			rest = rest[min(length, len(rest)):]
		}
	default:
		return notForUs
	}
	s.use(source)
	return ""
}

// use notes an address that can be one host's.
func (s *sighting) use(a netip.Addr) {
	if a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		s.uses = append(s.uses, a)
	}
}

// udp is the payload of a datagram to a port. The checksum is not looked at: of a host on a virtual link it is not made yet, and what
// is in the message decides nothing but whether its sender is there.
func udp(body []byte, port uint16) ([]byte, reason) {
	if len(body) < udpHeader {
		return nil, truncated
	}
	length := int(binary.BigEndian.Uint16(body[4:]))
	switch {
	case binary.BigEndian.Uint16(body[2:]) != port:
		return nil, notForUs
	case length < udpHeader || length > len(body):
		return nil, truncated
	}
	return body[udpHeader:length], ""
}

// checksum is the Internet checksum of an ICMPv6 message with its pseudo-header (RFC 4443 section 2.3), 0 if it is right.
func checksum(addresses, body []byte) uint16 {
	sum := uint32(len(body)) + unix.IPPROTO_ICMPV6
	for _, part := range [][]byte{addresses, body} {
		for ; len(part) >= 2; part = part[2:] {
			sum += uint32(part[0])<<8 | uint32(part[1])
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
