package dhcp4

import (
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// Kind is what a message did; its text is a metric label.
type Kind string

// Kinds of message.
const (
	Offer           Kind = "dhcpv4_offer"
	Acknowledgement Kind = "dhcpv4_ack"
	Refusal         Kind = "dhcpv4_nak"
	Release         Kind = "dhcpv4_release" // not answered
	Decline         Kind = "dhcpv4_decline" // not answered
)

// Reply is the server's answer.
type Reply struct {
	Kind        Kind
	Payload     []byte     // of UDP; none for a kind that is not answered
	Source      netip.Addr // the default router
	Destination netip.Addr // the limited broadcast address where RFC 2131 section 4.1 says so; the frame goes to the one node all the same
}

// broadcastFlag of the flags field: the client cannot take unicast before it has its address.
const broadcastFlag = 0x8000

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// Answer answers the message of the mobile node of that link-layer address. The reason is empty when the message is used.
//
// The identity of a client is its link-layer address; a client identifier is given back and otherwise not looked at (RFC
// 6842), for the access link vouches for the former only, and no mobile node has more than one address to choose from.
func Answer(message []byte, linkLayer [6]byte, lease Lease) (Reply, Reason) {
	request, reason := decode(message, linkLayer)
	if reason != "" {
		return Reply{}, reason
	}
	if server := addressOf(dhcpv4.GetIP(dhcpv4.OptionServerIdentifier, request.Options)); server.IsValid() && server != lease.DefaultRouter {
		return Reply{}, OtherServer
	}
	switch request.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		if !lease.Address.IsValid() {
			return Reply{}, NoAddress
		}
		return lease.grant(request, dhcpv4.MessageTypeOffer), ""
	case dhcpv4.MessageTypeRequest:
		return lease.request(request)
	case dhcpv4.MessageTypeInform:
		return lease.inform(request)
	case dhcpv4.MessageTypeRelease:
		return lease.note(Release, addressOf(request.ClientIPAddr))
	case dhcpv4.MessageTypeDecline:
		return lease.note(Decline, addressOf(dhcpv4.GetIP(dhcpv4.OptionRequestedIPAddress, request.Options)))
	}
	return Reply{}, NotARequest
}

// decode reads a client's message that came from its own link-layer address, not through a relay agent.
func decode(message []byte, linkLayer [6]byte) (*dhcpv4.DHCPv4, Reason) {
	m, err := dhcpv4.FromBytes(message)
	switch {
	case err != nil:
		return nil, Malformed
	case m.OpCode != dhcpv4.OpcodeBootRequest:
		return nil, NotARequest
	case m.HWType != iana.HWTypeEthernet || len(m.ClientHWAddr) != 6 || [6]byte(m.ClientHWAddr) != linkLayer:
		return nil, WrongClient
	case addressOf(m.GatewayIPAddr).IsValid() || m.Options.Has(dhcpv4.OptionRelayAgentInformation):
		return nil, WrongClient
	}
	return m, ""
}

// request answers a DHCPREQUEST in any state of the client (RFC 2131 section 4.3.2). It may have got its address through
// another gateway: that makes no difference. A gateway that has no address for the node, or another one, refuses (RFC 5844
// section 3.4.1), so that the node asks anew at once.
func (lease Lease) request(request *dhcpv4.DHCPv4) (Reply, Reason) {
	requested, has := addressOf(dhcpv4.GetIP(dhcpv4.OptionRequestedIPAddress, request.Options)), addressOf(request.ClientIPAddr)
	if !requested.IsValid() && !has.IsValid() {
		return Reply{}, Malformed
	}
	for _, address := range []netip.Addr{requested, has} {
		if address.IsValid() && (!lease.Address.IsValid() || address != lease.Address.Addr()) {
			return lease.refuse(request), ""
		}
	}
	return lease.grant(request, dhcpv4.MessageTypeAck), ""
}

// inform gives the configuration without an address (RFC 2131 section 4.3.5).
func (lease Lease) inform(request *dhcpv4.DHCPv4) (Reply, Reason) {
	has := addressOf(request.ClientIPAddr)
	switch {
	case !lease.Address.IsValid():
		return Reply{}, NoAddress
	case has != lease.Address.Addr():
		return Reply{}, WrongAddress
	}
	answer := lease.answer(request, dhcpv4.MessageTypeAck)
	lease.configure(answer)
	return Reply{Acknowledgement, answer.ToBytes(), lease.DefaultRouter, has}, ""
}

// note counts what a mobile node says of its address and is not answered. The address stays the node's until its binding
// ends: nobody else could have it. Its IPv6 prefixes are not concerned (RFC 5844 section 3.4.3).
func (lease Lease) note(kind Kind, address netip.Addr) (Reply, Reason) {
	if !lease.Address.IsValid() || address != lease.Address.Addr() {
		return Reply{}, WrongAddress
	}
	return Reply{Kind: kind}, ""
}

// grant makes a DHCPOFFER or DHCPACK (RFC 2131 table 3).
//
// What is left of the binding may be a second, for the gateway extends it late, and a client that got that would ask again at
// once. RFC 5844 section 3.4.3 does not ask for the two lifetimes to be the same, and a lease that outlives its binding harms
// nobody: the gateway extends the binding while the node is there, and forwards nothing for a node without one.
func (lease Lease) grant(request *dhcpv4.DHCPv4, t dhcpv4.MessageType) Reply {
	answer := lease.answer(request, t)
	answer.YourIPAddr = lease.Address.Addr().AsSlice()
	remaining := min(max(lease.Remaining.Truncate(time.Second), shortestLease), dhcpv4.MaxLeaseTime-time.Second) // all ones is for ever
	answer.UpdateOption(dhcpv4.OptIPAddressLeaseTime(remaining))
	answer.UpdateOption(dhcpv4.OptRenewTimeValue(remaining / 2)) // section 4.4.5
	answer.UpdateOption(dhcpv4.OptRebindingTimeValue(remaining / 8 * 7))
	lease.configure(answer)
	kind := Acknowledgement
	if t == dhcpv4.MessageTypeOffer {
		kind = Offer
	}
	return Reply{kind, answer.ToBytes(), lease.DefaultRouter, destination(answer, addressOf(request.ClientIPAddr))}
}

// refuse makes a DHCPNAK, which is always broadcast: the client's address is just what is wrong.
func (lease Lease) refuse(request *dhcpv4.DHCPv4) Reply {
	return Reply{Refusal, lease.answer(request, dhcpv4.MessageTypeNak).ToBytes(), lease.server(), limitedBroadcast}
}

// server identifies this one. A DHCPNAK for a node that has no IPv4 network here comes from the dummy address of RFC 7600.
func (lease Lease) server() netip.Addr {
	if lease.DefaultRouter.IsValid() {
		return lease.DefaultRouter
	}
	return netip.AddrFrom4([4]byte{192, 0, 0, 8})
}

// answer is what all answers have in common.
func (lease Lease) answer(request *dhcpv4.DHCPv4, t dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	answer := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootReply, HWType: request.HWType, TransactionID: request.TransactionID, Flags: request.Flags & broadcastFlag,
		ClientHWAddr: request.ClientHWAddr, Options: dhcpv4.Options{},
		ClientIPAddr: net.IPv4zero, YourIPAddr: net.IPv4zero, ServerIPAddr: net.IPv4zero, GatewayIPAddr: net.IPv4zero,
	}
	if t == dhcpv4.MessageTypeAck {
		answer.ClientIPAddr = request.ClientIPAddr
	}
	answer.UpdateOption(dhcpv4.OptMessageType(t))
	answer.UpdateOption(dhcpv4.OptServerIdentifier(lease.server().AsSlice()))
	if id := request.Options.Get(dhcpv4.OptionClientIdentifier); len(id) != 0 && len(id) <= 255 {
		answer.UpdateOption(dhcpv4.OptClientIdentifier(id)) // RFC 6842
	}
	return answer
}

// configure adds what RFC 5844 section 3.4.3 demands: subnet mask, router and interface MTU; and the name servers.
func (lease Lease) configure(answer *dhcpv4.DHCPv4) {
	answer.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(lease.Address.Bits(), 32)))
	answer.UpdateOption(dhcpv4.OptRouter(lease.DefaultRouter.AsSlice()))
	answer.UpdateOption(dhcpv4.Option{Code: dhcpv4.OptionInterfaceMTU, Value: dhcpv4.Uint16(lease.MTU)})
	var servers []net.IP
	for _, s := range lease.DNSServers {
		if s.Is4() {
			servers = append(servers, s.AsSlice())
		}
	}
	if len(servers) != 0 {
		answer.UpdateOption(dhcpv4.OptDNS(servers...))
	}
}

// destination is where RFC 2131 section 4.1 sends an answer that no relay agent takes: to the address that the client has,
// else to all if it asks for that, else to the address that it gets.
func destination(answer *dhcpv4.DHCPv4, has netip.Addr) netip.Addr {
	switch {
	case has.IsValid():
		return has
	case answer.Flags&broadcastFlag != 0:
		return limitedBroadcast
	}
	return addressOf(answer.YourIPAddr)
}

// addressOf is the zero Addr for an absent or unspecified address.
func addressOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip.To4())
	if !a.IsValid() || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
