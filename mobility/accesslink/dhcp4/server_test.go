package dhcp4

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var (
	mac    = [6]byte{2, 0, 0, 0, 0, 1}
	router = netip.MustParseAddr("10.64.0.1")
	lease  = Lease{
		Address: netip.MustParsePrefix("10.64.0.9/16"), DefaultRouter: router, Remaining: 90*time.Minute + 700*time.Millisecond,
		DNSServers: []netip.Addr{netip.MustParseAddr("2001:db8::53"), netip.MustParseAddr("192.0.2.53")}, MTU: 1400,
	}
	none = Lease{MTU: 1400}
)

func ip(s string) net.IP { return net.ParseIP(s).To4() }

// message is one of a client, with the options of a modifier.
func message(t testing.TB, kind dhcpv4.MessageType, modifiers ...dhcpv4.Modifier) []byte {
	t.Helper()
	all := append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(mac[:]), dhcpv4.WithMessageType(kind)}, modifiers...)
	m, err := dhcpv4.New(all...)
	if err != nil {
		t.Fatal(err)
	}
	return m.ToBytes()
}

func requested(s string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(ip(s)))
}
func server(s string) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(ip(s))) }
func ciaddr(s string) dhcpv4.Modifier { return dhcpv4.WithClientIP(ip(s)) }

// Every message of RFC 2131 table 4 in every state of the client, right and wrong.
func TestAnswer(t *testing.T) {
	const discover, request, inform, release, decline = dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeInform, dhcpv4.MessageTypeRelease, dhcpv4.MessageTypeDecline
	broadcast := dhcpv4.WithBroadcast(true)
	for _, test := range []struct {
		name    string
		message []byte
		lease   Lease
		kind    Kind
		reason  Reason
		to      string
	}{
		{"discover", message(t, discover), lease, Offer, "", "10.64.0.9"},
		{"discover, broadcast flag", message(t, discover, broadcast), lease, Offer, "", "255.255.255.255"},
		{"discover, asks for another", message(t, discover, requested("10.64.0.77")), lease, Offer, "", "10.64.0.9"},
		{"discover, no address", message(t, discover), none, "", NoAddress, ""},
		{"selecting", message(t, request, requested("10.64.0.9"), server("10.64.0.1")), lease, Acknowledgement, "", "10.64.0.9"},
		{"selecting, broadcast flag", message(t, request, requested("10.64.0.9"), server("10.64.0.1"), broadcast), lease, Acknowledgement, "", "255.255.255.255"},
		{"selecting another server", message(t, request, requested("10.64.0.9"), server("10.64.0.2")), lease, "", OtherServer, ""},
		{"selecting, another address", message(t, request, requested("10.64.0.77"), server("10.64.0.1")), lease, Refusal, "", "255.255.255.255"},
		{"INIT-REBOOT", message(t, request, requested("10.64.0.9")), lease, Acknowledgement, "", "10.64.0.9"},
		{"INIT-REBOOT, another address", message(t, request, requested("10.65.0.9")), lease, Refusal, "", "255.255.255.255"},
		{"INIT-REBOOT, no address here", message(t, request, requested("10.64.0.9")), none, Refusal, "", "255.255.255.255"},
		{"RENEWING, REBINDING", message(t, request, ciaddr("10.64.0.9")), lease, Acknowledgement, "", "10.64.0.9"},
		{"RENEWING as RFC 5844 says", message(t, request, ciaddr("10.64.0.9"), requested("10.64.0.9")), lease, Acknowledgement, "", "10.64.0.9"},
		{"REBINDING, another address", message(t, request, ciaddr("10.64.0.77")), lease, Refusal, "", "255.255.255.255"},
		{"two addresses", message(t, request, ciaddr("10.64.0.9"), requested("10.64.0.77")), lease, Refusal, "", "255.255.255.255"},
		{"request for nothing", message(t, request), lease, "", Malformed, ""},
		{"inform", message(t, inform, ciaddr("10.64.0.9")), lease, Acknowledgement, "", "10.64.0.9"},
		{"inform, another address", message(t, inform, ciaddr("10.64.0.77")), lease, "", WrongAddress, ""},
		{"inform, no address here", message(t, inform, ciaddr("10.64.0.9")), none, "", NoAddress, ""},
		{"release", message(t, release, ciaddr("10.64.0.9"), server("10.64.0.1")), lease, Release, "", ""},
		{"release of another's", message(t, release, ciaddr("10.64.0.77"), server("10.64.0.1")), lease, "", WrongAddress, ""},
		{"decline", message(t, decline, requested("10.64.0.9"), server("10.64.0.1")), lease, Decline, "", ""},
		{"decline, no address here", message(t, decline, requested("10.64.0.9")), none, "", WrongAddress, ""},
		{"a server's message", message(t, dhcpv4.MessageTypeOffer), lease, "", NotARequest, ""},
		{"BOOTP", message(t, discover, dhcpv4.WithoutOption(dhcpv4.OptionDHCPMessageType)), lease, "", NotARequest, ""},
		{"reply", message(t, discover, func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootReply }), lease, "", NotARequest, ""},
		{"another's hardware address", message(t, discover, dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, 2})), lease, "", WrongClient, ""},
		{"long hardware address", message(t, discover, dhcpv4.WithHwAddr(make(net.HardwareAddr, 16))), lease, "", WrongClient, ""},
		{"through a relay agent", message(t, discover, dhcpv4.WithGatewayIP(ip("10.64.0.3"))), lease, "", WrongClient, ""},
		{"relay agent's option", message(t, discover, dhcpv4.WithOption(dhcpv4.OptRelayAgentInfo())), lease, "", WrongClient, ""},
		{"truncated", message(t, discover)[:230], lease, "", Malformed, ""},
		{"nothing", nil, lease, "", Malformed, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			reply, reason := Answer(test.message, mac, test.lease)
			if reason != test.reason || reply.Kind != test.kind {
				t.Fatalf("%q, %q; want %q, %q", reply.Kind, reason, test.kind, test.reason)
			}
			if (len(reply.Payload) != 0) != (test.to != "") || test.to != "" && reply.Destination.String() != test.to {
				t.Errorf("to %s, want %s", reply.Destination, test.to)
			}
			if test.to != "" {
				check(t, reply, test.lease)
			}
		})
	}
}

// check looks at the options of an answer: RFC 2131 table 3, RFC 5844 sections 3.4.1 and 3.4.3.
func check(t *testing.T, reply Reply, lease Lease) {
	t.Helper()
	m, err := dhcpv4.FromBytes(reply.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if m.ServerIdentifier().String() != lease.server().String() || reply.Source != lease.server() {
		t.Errorf("server %s, from %s", m.ServerIdentifier(), reply.Source)
	}
	if reply.Kind == Refusal {
		if len(m.Options) != 2 || !m.YourIPAddr.IsUnspecified() || !m.ClientIPAddr.IsUnspecified() {
			t.Errorf("a refusal with more than it may have: %s", m.Summary())
		}
		return
	}
	mtu, _ := dhcpv4.GetUint16(dhcpv4.OptionInterfaceMTU, m.Options)
	ones, _ := m.SubnetMask().Size()
	if ones != 16 || len(m.Router()) != 1 || m.Router()[0].String() != "10.64.0.1" || mtu != 1400 || len(m.DNS()) != 1 || m.DNS()[0].String() != "192.0.2.53" {
		t.Errorf("configuration: %s", m.Summary())
	}
	if m.YourIPAddr.IsUnspecified() { // to a DHCPINFORM
		if m.Options.Has(dhcpv4.OptionIPAddressLeaseTime) {
			t.Error("a lease without an address")
		}
		return
	}
	if m.YourIPAddr.String() != "10.64.0.9" || m.IPAddressLeaseTime(0) != 90*time.Minute || m.IPAddressRenewalTime(0) != 45*time.Minute || m.IPAddressRebindingTime(0) != 4725*time.Second {
		t.Errorf("lease: %s", m.Summary())
	}
}

// A client identifier comes back (RFC 6842), and the transaction and the flag too. With little left of the binding a client
// is not made to renew at once, and again and again.
func TestAnswerEchoes(t *testing.T) {
	id := []byte{255, 1, 2, 3, 4, 0, 3, 0, 1, 9, 9, 9, 9, 9, 9}
	ended := lease
	ended.Remaining = -time.Hour
	reply, _ := Answer(message(t, dhcpv4.MessageTypeDiscover, dhcpv4.WithBroadcast(true), dhcpv4.WithTransactionID(dhcpv4.TransactionID{9, 8, 7, 6}), dhcpv4.WithOption(dhcpv4.OptClientIdentifier(id))), mac, ended)
	m, err := dhcpv4.FromBytes(reply.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Options.Get(dhcpv4.OptionClientIdentifier)) != string(id) || m.TransactionID != (dhcpv4.TransactionID{9, 8, 7, 6}) || !m.IsBroadcast() {
		t.Errorf("%s", m.Summary())
	}
	if m.IPAddressLeaseTime(0) != time.Minute || m.IPAddressRenewalTime(0) != 30*time.Second {
		t.Errorf("lease of %s", m.IPAddressLeaseTime(0))
	}
}

// What the server gets is what section 3.4.2 of RFC 5844 and RFC 3046 say, and what comes back is for the one node.
func TestRelay(t *testing.T) {
	gateway, circuit := netip.MustParseAddr("192.0.2.1"), []byte("circuit")
	forward := func(message []byte, l Lease) Reason {
		_, reason := Forward(message, mac, l, gateway, circuit)
		return reason
	}
	for _, test := range []struct {
		name    string
		message []byte
		lease   Lease
		want    Reason
	}{
		{"no address", message(t, dhcpv4.MessageTypeDiscover), none, NoAddress},
		{"another address", message(t, dhcpv4.MessageTypeRequest, requested("10.64.0.77")), lease, WrongAddress},
		{"renewal of another address", message(t, dhcpv4.MessageTypeRequest, ciaddr("10.64.0.77")), lease, WrongAddress},
		{"another server", message(t, dhcpv4.MessageTypeRequest, requested("10.64.0.9"), server("10.64.0.2")), lease, OtherServer},
		{"relayed already", message(t, dhcpv4.MessageTypeDiscover, dhcpv4.WithGatewayIP(ip("10.64.0.3"))), lease, WrongClient},
		{"too many hops", message(t, dhcpv4.MessageTypeDiscover, func(m *dhcpv4.DHCPv4) { m.HopCount = 16 }), lease, Malformed},
		{"a server's message", message(t, dhcpv4.MessageTypeAck), lease, NotARequest},
	} {
		if reason := forward(test.message, test.lease); reason != test.want {
			t.Errorf("%s: %q, want %q", test.name, reason, test.want)
		}
	}
	octets, reason := Forward(message(t, dhcpv4.MessageTypeDiscover), mac, lease, gateway, circuit)
	sent, err := dhcpv4.FromBytes(octets)
	if reason != "" || err != nil {
		t.Fatal(reason, err)
	}
	information := sent.RelayAgentInfo()
	if sent.HopCount != 1 || addressOf(sent.GatewayIPAddr) != gateway || string(information.Get(dhcpv4.AgentCircuitIDSubOption)) != "circuit" ||
		addressOf(information.Get(dhcpv4.AgentRemoteIDSubOption)) != lease.Address.Addr() || addressOf(information.Get(dhcpv4.LinkSelectionSubOption)).String() != "10.64.0.0" ||
		addressOf(information.Get(dhcpv4.ServerIdentifierOverrideSubOption)) != router {
		t.Errorf("forwarded: %s", sent.Summary())
	}
	answer := func(kind dhcpv4.MessageType, address string) []byte {
		m, err := dhcpv4.NewReplyFromRequest(sent, dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(ip(address)), server("192.0.2.2"), dhcpv4.WithOptionCopied(sent, dhcpv4.OptionRelayAgentInformation))
		if err != nil {
			t.Fatal(err)
		}
		return m.ToBytes()
	}
	for _, test := range []struct {
		name    string
		message []byte
		lease   Lease
		kind    Kind
		want    Reason
	}{
		{"offer", answer(dhcpv4.MessageTypeOffer, "10.64.0.9"), lease, Offer, ""},
		{"ack", answer(dhcpv4.MessageTypeAck, "10.64.0.9"), lease, Acknowledgement, ""},
		{"nak", answer(dhcpv4.MessageTypeNak, "0.0.0.0"), lease, Refusal, ""},
		{"offer of another address", answer(dhcpv4.MessageTypeOffer, "10.64.0.77"), lease, "", WrongAddress},
		{"node without an address", answer(dhcpv4.MessageTypeOffer, "10.64.0.9"), none, "", NoAddress},
		{"a client's message", answer(dhcpv4.MessageTypeRequest, "10.64.0.9"), lease, "", NotRelayed},
	} {
		returned, reason := Return(test.message, gateway)
		if reason != "" || string(returned.Circuit) != "circuit" || returned.LinkLayer != mac {
			t.Errorf("%s: %q, %+v", test.name, reason, returned)
			continue
		}
		reply, reason := returned.Deliver(test.lease)
		if reason != test.want || reply.Kind != test.kind {
			t.Errorf("%s: %q, %q; want %q, %q", test.name, reply.Kind, reason, test.kind, test.want)
		}
		if m, err := dhcpv4.FromBytes(reply.Payload); reason == "" && (err != nil || m.Options.Has(dhcpv4.OptionRelayAgentInformation) || addressOf(m.GatewayIPAddr).IsValid() || addressOf(m.ServerIdentifier()) != router) {
			t.Errorf("%s: delivered %s", test.name, m.Summary())
		}
	}
	if _, reason := Return(answer(dhcpv4.MessageTypeOffer, "10.64.0.9"), router); reason != NotRelayed {
		t.Errorf("to another relay agent: %q", reason)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(message(f, dhcpv4.MessageTypeDiscover))
	f.Add(message(f, dhcpv4.MessageTypeRequest, requested("10.64.0.9"), server("10.64.0.1")))
	f.Add(message(f, dhcpv4.MessageTypeInform, ciaddr("10.64.0.9")))
	f.Fuzz(func(t *testing.T, octets []byte) {
		reply, reason := Answer(octets, mac, lease)
		if reason == "" && len(reply.Payload) != 0 {
			m, err := dhcpv4.FromBytes(reply.Payload)
			if err != nil || !m.YourIPAddr.IsUnspecified() && addressOf(m.YourIPAddr) != lease.Address.Addr() || len(reply.Payload) > 1200 {
				t.Errorf("answered %x", reply.Payload)
			}
		}
		Forward(octets, mac, lease, router, []byte("circuit"))
	})
}

func FuzzReturn(f *testing.F) {
	gateway := netip.MustParseAddr("192.0.2.1")
	forwarded, _ := Forward(message(f, dhcpv4.MessageTypeDiscover), mac, lease, gateway, []byte("circuit"))
	forwarded[0] = 2
	f.Add(forwarded)
	f.Fuzz(func(t *testing.T, octets []byte) {
		returned, reason := Return(octets, gateway)
		if reason != "" {
			return
		}
		if reply, reason := returned.Deliver(lease); reason == "" {
			if m, err := dhcpv4.FromBytes(reply.Payload); err != nil || reply.Kind != Refusal && addressOf(m.YourIPAddr).IsValid() && addressOf(m.YourIPAddr) != lease.Address.Addr() {
				t.Errorf("delivered %x", reply.Payload)
			}
		}
	})
}
