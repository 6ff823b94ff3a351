package transport

import (
	"net/netip"
	"time"
)

// Packet is one received MIH message: over UDP whatever a datagram held, over TCP as many octets as its header says.
type Packet struct {
	From       netip.AddrPort // with the zone of a link-local address
	To         netip.Addr     // ours, or a multicast group's
	Protocol   Protocol
	Payload    []byte    // valid until the callback returns
	ReceivedAt time.Time // when the kernel took it from the link; over TCP, when it had arrived as a whole

	reply Destination // over TCP
}

// Reply is where an answer goes. Over TCP that is the connection that the message came on while it stands, and a new one to
// the peer's port otherwise: some peers open a connection for each message and expect the answer on another.
func (p *Packet) Reply() Destination {
	switch {
	case p.Protocol == TCP:
		return p.reply
	case p.To.IsMulticast():
		return Destination{Addr: p.From}
	}
	return Destination{Addr: p.From, Source: p.To}
}

// Destination is where a message goes. It can be compared and be a map's key.
type Destination struct {
	Addr     netip.AddrPort
	Protocol Protocol

	Source netip.Addr // ours to send from; zero: the first configured of the family, or as the kernel chooses
	// Dial is, over TCP, where a connection is opened when none from Addr stands. Zero: at Addr itself, but at Addr's host and
	// our own port number when Addr was the far end of a connection that has been opened to us.
	Dial netip.AddrPort
}

// Outgoing is a message to be sent. The payload is the caller's again when the sending function returns.
type Outgoing struct {
	To      Destination
	Payload []byte
}

// usable says whether anything can be sent to this address and port.
func usable(a netip.AddrPort) bool {
	ip := a.Addr()
	switch {
	case !ip.IsValid(), ip.Is4In6(), ip.IsUnspecified(), ip == broadcast, a.Port() == 0:
		return false
	case ip.Is6() && ip.Zone() == "" && (ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast()):
		return false
	}
	return true
}
