package dhcp6

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
)

// Client is where a relayed message came from.
type Client struct {
	Peer        netip.Addr   // source address
	LinkLayer   [6]byte      // as the access link vouches for it; the servers are told (RFC 6939)
	Link        netip.Prefix // one of the mobile node's home network prefixes: the link that it keeps wherever it is (RFC 5213 section 6.11)
	InterfaceID []byte       // names the access link and the node; it comes back in the answer
}

// Forward makes of a client's message the Relay-forward message that goes to the servers (section 19.1). Messages of a type
// that is not known are relayed like others (section 19). A mobile node is a host and no relay agent: a server goes by the
// link-address of the relay agent that is next to the client (section 13.1), with which the mobile node could name another's link.
func Forward(message []byte, c Client) ([]byte, Reason) {
	if len(message) < messageHeader {
		return nil, Malformed
	}
	forward := dhcpv6.RelayMessage{MessageType: dhcpv6.MessageTypeRelayForward, LinkAddr: linkAddress(c.Link).AsSlice(), PeerAddr: c.Peer.AsSlice()}
	forward.AddOption(dhcpv6.OptInterfaceID(c.InterfaceID))
	switch dhcpv6.MessageType(message[0]) {
	case dhcpv6.MessageTypeAdvertise, dhcpv6.MessageTypeReply, dhcpv6.MessageTypeReconfigure, dhcpv6.MessageTypeRelayForward, dhcpv6.MessageTypeRelayReply:
		return nil, NotARequest // sections 16.3, 16.10, 16.11 and 16.14
	}
	forward.AddOption(dhcpv6.OptClientLinkLayerAddress(iana.HWTypeEthernet, c.LinkLayer[:]))
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
	r := Returned{Peer: netip.AddrFrom16([16]byte(message[18:]))}
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
	case dhcpv6.MessageType(r.Payload[0]) == dhcpv6.MessageTypeRelayReply: // for another relay agent behind this one
		return Returned{}, NotRelayed
	}
	return r, ""
}
