package dhcp6

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

// hopCountLimit bounds a chain of relay agents, section 7.6.
const hopCountLimit = 8

// Forward makes of a message from peer the Relay-forward message that goes to the servers (section 19.1). link is one of the
// mobile node's home network prefixes: it tells the servers the link that the node keeps wherever it is (RFC 5213 section
// 6.11). interfaceID names the access link and the node and comes back in the answer. Messages of a type that is not known
// are relayed like others (section 19).
func Forward(message []byte, peer netip.Addr, link netip.Prefix, interfaceID []byte) ([]byte, Reason) {
	if len(message) < messageHeader {
		return nil, Malformed
	}
	forward := dhcpv6.RelayMessage{MessageType: dhcpv6.MessageTypeRelayForward, LinkAddr: linkAddress(link).AsSlice(), PeerAddr: peer.AsSlice()}
	switch dhcpv6.MessageType(message[0]) {
	case dhcpv6.MessageTypeAdvertise, dhcpv6.MessageTypeReply, dhcpv6.MessageTypeReconfigure, dhcpv6.MessageTypeRelayReply:
		return nil, NotARequest // sections 16.3, 16.10, 16.11 and 16.14
	case dhcpv6.MessageTypeRelayForward: // the mobile node is a relay agent itself
		if len(message) < dhcpv6.RelayHeaderSize {
			return nil, Malformed
		}
		if message[1] >= hopCountLimit {
			return nil, TooManyHops
		}
		forward.HopCount = message[1] + 1
	}
	forward.AddOption(dhcpv6.OptInterfaceID(interfaceID))
	forward.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRelayMsg, OptionData: message})
	return forward.ToBytes(), ""
}

// linkAddress is an address in the home network prefix.
func linkAddress(link netip.Prefix) netip.Addr {
	octets := link.Masked().Addr().As16()
	octets[15] |= 1 // not the routers' anycast address
	if link.Bits() == 128 {
		return link.Addr()
	}
	return netip.AddrFrom16(octets)
}

// Returned is a server's answer on its way back.
type Returned struct {
	Payload     []byte // for the peer, as the server wrote it (section 19.2)
	Peer        netip.Addr
	Port        uint16 // of the peer
	InterfaceID []byte // as Forward was given it
}

// Return reads a Relay-reply message of a server.
func Return(message []byte) (Returned, Reason) {
	if len(message) < dhcpv6.RelayHeaderSize {
		return Returned{}, Malformed
	}
	if dhcpv6.MessageType(message[0]) != dhcpv6.MessageTypeRelayReply {
		return Returned{}, NotRelayed
	}
	r := Returned{Peer: netip.AddrFrom16([16]byte(message[18:])), Port: ClientPort}
	var options dhcpv6.Options
	if err := options.FromBytesWithParser(message[dhcpv6.RelayHeaderSize:], raw); err != nil {
		return Returned{}, Malformed
	}
	for _, option := range options {
		switch o := option.(*dhcpv6.OptionGeneric); o.OptionCode {
		case dhcpv6.OptionInterfaceID:
			r.InterfaceID = o.OptionData
		case dhcpv6.OptionRelayMsg:
			r.Payload = o.OptionData
		}
	}
	switch {
	case len(r.Payload) < messageHeader:
		return Returned{}, Malformed
	case r.Peer.IsMulticast() || r.Peer.IsUnspecified() || r.InterfaceID == nil:
		return Returned{}, NotRelayed
	}
	if dhcpv6.MessageType(r.Payload[0]) == dhcpv6.MessageTypeRelayReply {
		r.Port = ServerPort
	}
	return r, ""
}
