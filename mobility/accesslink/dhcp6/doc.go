// Package dhcp6 is DHCPv6 at a mobile access gateway, without sockets or clocks (RFC 8415, RFC 5213 section 6.11): the relay
// agent to the domain's servers, and a small server that gives a mobile node one address of each of its home network
// prefixes. The server keeps no leases. An address follows from the prefix and the client's own identifiers, and nobody else
// is in that prefix; so every gateway of the domain gives the same one, and a restart forgets nothing.
package dhcp6

import (
	"net/netip"
	"time"
)

// Ports of DHCPv6.
const (
	ServerPort = 547 // of relay agents too
	ClientPort = 546
)

// Servers is where clients send everything to: All_DHCP_Relay_Agents_and_Servers.
var Servers = netip.MustParseAddr("ff02::1:2")

// maximumMessage is what fits into the smallest MTU of IPv6 behind its header and that of UDP.
const maximumMessage = 1280 - 40 - 8

// shortestLifetime has a client renew every 30 seconds at most. What is left of the binding may be a second, for the gateway
// extends it late. Prefixes that outlive their binding harm nobody: the gateway extends it while the node is there, and
// forwards nothing for a node without one.
const shortestLifetime = time.Minute

// Lease is what one mobile node may have.
type Lease struct {
	Prefixes   []netip.Prefix // its home network prefixes
	Remaining  time.Duration
	DNSServers []netip.Addr
}

// Reason is why a message is not used; its text is a metric label.
type Reason string

// Reasons not to use a message.
const (
	Malformed   Reason = "dhcpv6_malformed"    // no DHCPv6 message, or not as section 16 wants it
	NotARequest Reason = "dhcpv6_not_a_client" // of a type that clients do not send
	OtherServer Reason = "dhcpv6_other_server" // meant for another server
	NoAddress   Reason = "dhcpv6_no_address"   // the mobile node has no home network prefix, or names no address to confirm
	TooLong     Reason = "dhcpv6_too_long"     // the answer would be, or there are too many identity associations
	NotRelayed  Reason = "dhcpv6_not_relayed"  // no answer to what this relay agent sent
)

// Reasons is all of them. Its length is a constant, for arrays of counters.
var Reasons = [...]Reason{Malformed, NotARequest, OtherServer, NoAddress, TooLong, NotRelayed}
