// Package dhcp4 is DHCPv4 at a mobile access gateway, without sockets or clocks: the server that gives a mobile node the one
// IPv4 home address that its anchor assigned (RFC 2131, RFC 5844 sections 3.4.1 and 3.4.3), and the relay agent to a server
// elsewhere (RFC 5844 section 3.4.2, RFC 3046). It keeps no leases: what a mobile node may have is told with each message, so
// that every gateway of the domain answers alike and a restart forgets nothing.
package dhcp4

import (
	"net/netip"
	"time"
)

// Ports of DHCPv4.
const (
	ServerPort = 67
	ClientPort = 68
)

// shortestLease has a client renew every 30 seconds at most.
const shortestLease = time.Minute

// Lease is what one mobile node may have.
type Lease struct {
	Address       netip.Prefix // its IPv4 home address with the length of its network; zero: none
	DefaultRouter netip.Addr   // of that network; the server identifier too, the same at every gateway (RFC 5844 section 3.4)
	Remaining     time.Duration
	DNSServers    []netip.Addr
	MTU           int // of the tunnel (RFC 5844 section 3.4.3)
}

// Reason is why a message is not answered; its text is a metric label.
type Reason string

// Reasons not to answer.
const (
	Malformed    Reason = "dhcpv4_malformed"     // no DHCPv4 message
	WrongClient  Reason = "dhcpv4_wrong_client"  // the client hardware address is not the frame's source, or a relay agent is between
	NotARequest  Reason = "dhcpv4_not_a_request" // of a type that clients do not send, or of none (BOOTP)
	OtherServer  Reason = "dhcpv4_other_server"  // meant for another server
	NoAddress    Reason = "dhcpv4_no_address"    // the anchor assigned the mobile node none
	WrongAddress Reason = "dhcpv4_wrong_address" // about an address that is not the mobile node's
	NotRelayed   Reason = "dhcpv4_not_relayed"   // a relayed message that this relay did not send, or an answer to none
)

// Reasons is all of them. Its length is a constant, for arrays of counters.
var Reasons = [...]Reason{Malformed, WrongClient, NotARequest, OtherServer, NoAddress, WrongAddress, NotRelayed}
