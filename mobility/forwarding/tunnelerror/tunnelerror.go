// Package tunnelerror says what the source of a packet is told when a router inside an IPv6 tunnel could not forward the
// packet that it travelled in (RFC 2473 section 8): that router answers the tunnel's entry, which passes the news on.
//
// Everything here is read from a packet of the network that anybody may have sent.
package tunnelerror

import (
	"encoding/binary"
	"net/netip"
)

// Error is an ICMPv6 error about a tunnel packet (RFC 4443 section 3).
type Error struct {
	Type, Code uint8
	MTU        uint32 // of a Packet Too Big: what the router can forward, in octets
	// AtEntry says that the entry of the tunnel itself made the error. Where it gives the tunnel packet the hop limit of the original
	// one, and that is used up, it is the original packet whose hop limit is exceeded.
	AtEntry bool
}

// Reason is why the source of a packet is told nothing; empty: it is told. It is a metric label.
type Reason string

// Reasons.
const (
	NotListed  Reason = "not_listed"  // an error that RFC 2473 section 8.1 does not pass on
	Malformed  Reason = "malformed"   // what the router quotes is no IP packet, or too little of one
	NoSource   Reason = "no_source"   // it does not come from one node, or goes to many (RFC 4443 section 2.4 e, RFC 1122 section 3.2.2)
	Fragment   Reason = "fragment"    // not the first one, by which the packet would be known
	AboutError Reason = "about_error" // it is an error itself
	EntryCuts  Reason = "entry_cuts"  // too big for the path, and the entry of the tunnel fragments such packets or has them fragmented (RFC 2473 section 7)
)

// Reasons are all there are.
func Reasons() []Reason {
	return []Reason{NotListed, Malformed, NoSource, Fragment, AboutError, EntryCuts}
}

// Types and codes of ICMPv6 (RFC 4443).
const (
	unreachable        = 1
	addressUnreachable = 3
	packetTooBig       = 2
	timeExceeded       = 3
	hopLimitExceeded   = 0
)

const (
	tunnelHeader = 40   // an IPv6 header: our tunnels add no encapsulation limit, so that no Parameter Problem can point to one
	minimumMTU   = 1280 // of IPv6 (RFC 8200 section 5)
)

// Report is what the source of an original packet is told.
type Report struct {
	Original Packet
	// Message is ICMPv6 for an IPv6 packet, its checksum left to whoever sends it, and ICMP with its checksum for an IPv4 one.
	Message []byte
}

// Packet is the header of an original packet.
type Packet struct{ Source, Destination netip.Addr }

// About is the report about the packet inside the tunnel packet that e is about, of which quoted is as much as the router sent
// back. The report is not valid with a reason.
func (e Error) About(quoted []byte) (Report, Reason) {
	if !e.listed() {
		return Report{}, NotListed
	}
	if len(quoted) == 0 {
		return Report{}, Malformed
	}
	switch quoted[0] >> 4 {
	case 4:
		return e.aboutIPv4(quoted)
	case 6:
		return e.aboutIPv6(quoted)
	}
	return Report{}, Malformed
}

// listed: RFC 2473 section 8.1.
func (e Error) listed() bool {
	return e.Type == unreachable || e.Type == packetTooBig || e.Type == timeExceeded && e.Code == hopLimitExceeded
}

// room is the largest packet that passes the tunnel, at least what IPv6 hosts rely on (RFC 8200 section 5).
func (e Error) room() uint32 { return max(e.MTU, minimumMTU) - tunnelHeader }

// message is an ICMP message but for its checksum: both versions have the same header, with the MTU in its last two or four octets.
func message(kind, code uint8, mtu uint32, quoted []byte, most int) []byte {
	m := make([]byte, 8, 8+most)
	m[0], m[1] = kind, code
	binary.BigEndian.PutUint32(m[4:], mtu)
	return append(m, quoted[:min(len(quoted), most)]...)
}
