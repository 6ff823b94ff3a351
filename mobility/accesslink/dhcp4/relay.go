package dhcp4

import (
	"net"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// maximumHops of a relayed message, RFC 1542 section 4.1.1.
const maximumHops = 16

// Forward makes of a mobile node's message what the relay agent at the address gateway sends to the servers. circuit names
// the access link and the node; it comes back in the answer (RFC 3046). The servers learn
//
//   - the home address that the anchor assigned, in the remote identifier (RFC 5844 section 3.4.2);
//   - the network that it is in (RFC 3527), as gateway is an address of this gateway, not one of the mobile node's network;
//   - that the mobile node is to see the default router as its server (RFC 5107), so that renewals come through here, and
//     after a handover through the next gateway.
//
// A node without an IPv4 home address is not relayed for; a message about another address than its own is dropped.
func Forward(message []byte, linkLayer [6]byte, lease Lease, gateway netip.Addr, circuit []byte) ([]byte, Reason) {
	request, reason := decode(message, linkLayer)
	if reason != "" {
		return nil, reason
	}
	if !lease.Address.IsValid() {
		return nil, NoAddress
	}
	if request.HopCount >= maximumHops {
		return nil, Malformed
	}
	server := addressOf(dhcpv4.GetIP(dhcpv4.OptionServerIdentifier, request.Options))
	switch request.MessageType() {
	case dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeInform, dhcpv4.MessageTypeRelease, dhcpv4.MessageTypeDecline:
	case dhcpv4.MessageTypeRequest:
		requested := addressOf(dhcpv4.GetIP(dhcpv4.OptionRequestedIPAddress, request.Options))
		for _, address := range []netip.Addr{requested, addressOf(request.ClientIPAddr)} {
			if address.IsValid() && address != lease.Address.Addr() {
				return nil, WrongAddress
			}
		}
	default:
		return nil, NotARequest
	}
	if server.IsValid() && server != lease.DefaultRouter {
		return nil, OtherServer
	}
	request.HopCount++
	request.GatewayIPAddr = gateway.AsSlice()
	request.UpdateOption(dhcpv4.OptRelayAgentInfo(
		dhcpv4.OptGeneric(dhcpv4.AgentCircuitIDSubOption, circuit),
		dhcpv4.OptGeneric(dhcpv4.AgentRemoteIDSubOption, lease.Address.Addr().AsSlice()),
		dhcpv4.OptGeneric(dhcpv4.LinkSelectionSubOption, lease.Address.Masked().Addr().AsSlice()),
		dhcpv4.OptGeneric(dhcpv4.ServerIdentifierOverrideSubOption, lease.DefaultRouter.AsSlice()),
	))
	return request.ToBytes(), ""
}

// Returned is a server's answer on its way back.
type Returned struct {
	Circuit   []byte // as Forward was given it
	LinkLayer [6]byte

	message *dhcpv4.DHCPv4
}

// Return reads a server's answer to what the relay agent at the address gateway forwarded.
func Return(message []byte, gateway netip.Addr) (Returned, Reason) {
	m, err := dhcpv4.FromBytes(message)
	if err != nil {
		return Returned{}, Malformed
	}
	information := m.RelayAgentInfo()
	if m.OpCode != dhcpv4.OpcodeBootReply || addressOf(m.GatewayIPAddr) != gateway || len(m.ClientHWAddr) != 6 || information == nil {
		return Returned{}, NotRelayed
	}
	return Returned{information.Get(dhcpv4.AgentCircuitIDSubOption), [6]byte(m.ClientHWAddr), m}, ""
}

// Deliver makes of the server's answer what the mobile node gets. The address in it must be the one that the anchor assigned
// (RFC 5844 section 3.4.2); subnet mask, router and interface MTU are what the anchor said, whatever the server says of them
// (section 3.4.3, and 3.2.3.2 for the router).
func (r Returned) Deliver(lease Lease) (Reply, Reason) {
	answer := r.message
	kind, yours := Acknowledgement, addressOf(answer.YourIPAddr)
	switch answer.MessageType() {
	case dhcpv4.MessageTypeOffer:
		kind = Offer
	case dhcpv4.MessageTypeAck:
		if !yours.IsValid() { // to a DHCPINFORM
			yours = addressOf(answer.ClientIPAddr)
		}
	case dhcpv4.MessageTypeNak:
		kind = Refusal
	default:
		return Reply{}, NotRelayed
	}
	if !lease.Address.IsValid() {
		return Reply{}, NoAddress
	}
	if kind != Refusal {
		if yours != lease.Address.Addr() {
			return Reply{}, WrongAddress
		}
		configured := lease
		configured.DNSServers = nil // the server's
		configured.configure(answer)
	}
	answer.UpdateOption(dhcpv4.OptServerIdentifier(lease.DefaultRouter.AsSlice()))
	delete(answer.Options, dhcpv4.OptionRelayAgentInformation.Code())
	answer.GatewayIPAddr = slices.Clone(net.IPv4zero)
	to := limitedBroadcast
	if kind != Refusal {
		to = destination(answer, addressOf(answer.ClientIPAddr))
		if !to.IsValid() {
			to = lease.Address.Addr()
		}
	}
	return Reply{kind, answer.ToBytes(), lease.DefaultRouter, to}, ""
}
