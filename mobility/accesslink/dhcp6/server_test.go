package dhcp6

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
)

var (
	first  = netip.MustParsePrefix("2001:db8:1::/64")
	second = netip.MustParsePrefix("2001:db8:2::/56")
	lease  = Lease{Prefixes: []netip.Prefix{first, second}, Remaining: 90*time.Minute + 700*time.Millisecond, DNSServers: []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8:53::53")}}

	clientDUID = []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 1}
	ours       = lease.addresses(clientDUID, [4]byte{1})
)

func duid(code dhcpv6.OptionCode, octets []byte) dhcpv6.Option {
	return &dhcpv6.OptionGeneric{OptionCode: code, OptionData: octets}
}

var (
	client      = duid(dhcpv6.OptionClientID, clientDUID)
	server      = duid(dhcpv6.OptionServerID, serverDUID)
	otherServer = duid(dhcpv6.OptionServerID, []byte{0, 3, 0, 1, 9, 9, 9, 9, 9, 9})
	rapid       = duid(dhcpv6.OptionRapidCommit, nil)
	foreigner   = netip.MustParseAddr("2001:db8:ffff::1")
)

func association(id byte, addresses ...netip.Addr) dhcpv6.Option {
	ia := &dhcpv6.OptIANA{IaId: [4]byte{id}}
	for _, a := range addresses {
		ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: a.AsSlice(), PreferredLifetime: time.Hour, ValidLifetime: time.Hour})
	}
	return ia
}

func message(kind dhcpv6.MessageType, options ...dhcpv6.Option) []byte {
	m := dhcpv6.Message{MessageType: kind, TransactionID: dhcpv6.TransactionID{7, 8, 9}, Options: dhcpv6.MessageOptions{Options: options}}
	return m.ToBytes()
}

// The checks of RFC 8415 section 16.
func TestValidation(t *testing.T) {
	nine := []dhcpv6.Option{client}
	for i := range byte(9) {
		nine = append(nine, association(i))
	}
	for _, test := range []struct {
		name    string
		message []byte
		want    Reason
	}{
		{"solicit without client", message(dhcpv6.MessageTypeSolicit), Malformed},
		{"solicit with server", message(dhcpv6.MessageTypeSolicit, client, server), Malformed},
		{"request without server", message(dhcpv6.MessageTypeRequest, client), Malformed},
		{"request of another server", message(dhcpv6.MessageTypeRequest, client, otherServer), OtherServer},
		{"request without client", message(dhcpv6.MessageTypeRequest, server), Malformed},
		{"confirm with server", message(dhcpv6.MessageTypeConfirm, client, server), Malformed},
		{"renew of another server", message(dhcpv6.MessageTypeRenew, client, otherServer), OtherServer},
		{"rebind with server", message(dhcpv6.MessageTypeRebind, client, server), Malformed},
		{"decline without server", message(dhcpv6.MessageTypeDecline, client), Malformed},
		{"release of another server", message(dhcpv6.MessageTypeRelease, client, otherServer), OtherServer},
		{"information-request with association", message(dhcpv6.MessageTypeInformationRequest, client, association(1)), Malformed},
		{"information-request of another server", message(dhcpv6.MessageTypeInformationRequest, otherServer), OtherServer},
		{"advertise", message(dhcpv6.MessageTypeAdvertise, client, server), NotARequest},
		{"reply", message(dhcpv6.MessageTypeReply, client, server), NotARequest},
		{"reconfigure", message(dhcpv6.MessageTypeReconfigure, client, server), NotARequest},
		{"relayed", message(dhcpv6.MessageTypeRelayForward, client), NotARequest},
		{"unknown type", message(99, client), NotARequest},
		{"two clients", message(dhcpv6.MessageTypeSolicit, client, client), Malformed},
		{"short client identifier", message(dhcpv6.MessageTypeSolicit, duid(dhcpv6.OptionClientID, []byte{0, 3})), Malformed},
		{"long client identifier", message(dhcpv6.MessageTypeSolicit, duid(dhcpv6.OptionClientID, make([]byte, 131))), Malformed},
		{"too many associations", message(dhcpv6.MessageTypeSolicit, nine...), TooLong},
		{"option beyond the end", append(message(dhcpv6.MessageTypeSolicit, client), 0, 3, 0, 40, 1), Malformed},
		{"half an option", append(message(dhcpv6.MessageTypeSolicit, client), 0, 3), Malformed},
		{"short", []byte{1, 2, 3}, Malformed},
		{"nothing", nil, Malformed},
	} {
		if _, _, reason := Answer(test.message, lease); reason != test.want {
			t.Errorf("%s: %q, want %q", test.name, reason, test.want)
		}
	}
	if _, _, reason := Answer(message(dhcpv6.MessageTypeSolicit, client, association(1)), Lease{}); reason != NoAddress {
		t.Errorf("without a prefix: %q", reason)
	}
}

// given is what an answer says of one identity association.
type given struct {
	addresses, ended []netip.Addr
	status           iana.StatusCode
}

func read(t *testing.T, ia *dhcpv6.OptIANA) (g given) {
	t.Helper()
	if s := ia.Options.Status(); s != nil {
		g.status = s.StatusCode
	}
	for _, a := range ia.Options.Addresses() {
		address := netip.AddrFrom16([16]byte(a.IPv6Addr))
		if a.ValidLifetime == 0 && a.PreferredLifetime == 0 {
			g.ended = append(g.ended, address)
			continue
		}
		g.addresses = append(g.addresses, address)
		if a.ValidLifetime != 90*time.Minute || a.PreferredLifetime != a.ValidLifetime || ia.T1 != 45*time.Minute || ia.T2 != 72*time.Minute {
			t.Errorf("lifetimes of %s", ia)
		}
	}
	return g
}

// Every exchange of RFC 8415 section 18.3.
func TestAnswer(t *testing.T) {
	const (
		solicit, request, renew, rebind  = dhcpv6.MessageTypeSolicit, dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRebind
		confirm, release, decline        = dhcpv6.MessageTypeConfirm, dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline
		success, notOnLink, noBinding, _ = iana.StatusSuccess, iana.StatusNotOnLink, iana.StatusNoBinding, 0
	)
	for _, test := range []struct {
		name    string
		message []byte
		kind    Kind
		status  iana.StatusCode // of the message
		want    []given         // of each association
	}{
		{"solicit", message(solicit, client, association(1)), Advertise, success, []given{{addresses: ours}}},
		{"solicit with a hint", message(solicit, client, association(1, foreigner)), Advertise, success, []given{{addresses: ours}}},
		{"rapid commit", message(solicit, client, rapid, association(1)), Reply, success, []given{{addresses: ours}}},
		{"two associations", message(solicit, client, association(1), association(2)), Advertise, success, []given{{addresses: ours}, {addresses: lease.addresses(clientDUID, [4]byte{2})}}},
		{"request", message(request, client, server, association(1, ours...)), Reply, success, []given{{addresses: ours}}},
		{"request of a foreign address", message(request, client, server, association(1, foreigner)), Reply, success, []given{{status: notOnLink}}},
		{"renew", message(renew, client, server, association(1, ours...)), Reply, success, []given{{addresses: ours}}},
		{"renew of a foreign address", message(renew, client, server, association(1, foreigner)), Reply, success, []given{{addresses: ours, ended: []netip.Addr{foreigner}}}},
		{"rebind", message(rebind, client, association(1, ours[0])), Reply, success, []given{{addresses: ours}}},
		{"rebind of another of the prefix", message(rebind, client, association(1, first.Addr().Next())), Reply, success, []given{{addresses: ours, ended: []netip.Addr{first.Addr().Next()}}}},
		{"confirm", message(confirm, client, association(1, ours...)), Reply, success, nil},
		{"confirm of a foreign address", message(confirm, client, association(1, ours[0], foreigner)), Reply, notOnLink, nil},
		{"release", message(release, client, server, association(1, ours...)), Reply, success, nil},
		{"release of what it has not", message(release, client, server, association(1, foreigner)), Reply, success, []given{{status: noBinding}}},
		{"decline", message(decline, client, server, association(1, ours...)), Declined, success, nil},
		{"information-request", message(dhcpv6.MessageTypeInformationRequest), Reply, success, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			octets, kind, reason := Answer(test.message, lease)
			if reason != "" || kind != test.kind {
				t.Fatalf("%q, %q; want %q", kind, reason, test.kind)
			}
			m, err := dhcpv6.MessageFromBytes(octets)
			if err != nil {
				t.Fatal(err)
			}
			if m.TransactionID != (dhcpv6.TransactionID{7, 8, 9}) || !bytes.Equal(m.Options.ServerID().ToBytes(), serverDUID) || (m.Options.ClientID() == nil) != (test.name == "information-request") {
				t.Errorf("answered %s", m.Summary())
			}
			if s := m.Options.Status(); s != nil && s.StatusCode != test.status || s == nil && test.status != success {
				t.Errorf("status %v, want %v", s, test.status)
			}
			if (m.MessageType == dhcpv6.MessageTypeAdvertise) != (kind == Advertise) || (kind == Advertise) != (m.Options.Preference() == onlyServer) {
				t.Errorf("answered %s", m.Summary())
			}
			if (m.Options.GetOne(dhcpv6.OptionRapidCommit) != nil) != (test.name == "rapid commit") {
				t.Errorf("answered %s", m.Summary())
			}
			configures := !slices.Contains([]dhcpv6.MessageType{confirm, release, decline}, dhcpv6.MessageType(test.message[0]))
			if (len(m.Options.DNS()) == 1) != configures {
				t.Errorf("name servers %s", m.Options.DNS())
			}
			associations := m.Options.IANA()
			if len(associations) != len(test.want) {
				t.Fatalf("%d associations, want %d", len(associations), len(test.want))
			}
			for i, ia := range associations {
				got := read(t, ia)
				if got.status != test.want[i].status || !slices.Equal(got.addresses, test.want[i].addresses) || !slices.Equal(got.ended, test.want[i].ended) {
					t.Errorf("association %d: %+v, want %+v", i, got, test.want[i])
				}
			}
		})
	}
	if _, _, reason := Answer(message(confirm, client, association(1)), lease); reason != NoAddress {
		t.Errorf("confirm of nothing: %q", reason)
	}
}

// There are neither temporary addresses nor delegated prefixes, and that is said (sections 18.3.1, 18.3.2).
func TestWhatThereIsNot(t *testing.T) {
	octets, _, reason := Answer(message(dhcpv6.MessageTypeSolicit, client, &dhcpv6.OptIATA{IaId: [4]byte{3}}, &dhcpv6.OptIAPD{IaId: [4]byte{4}}), lease)
	m, err := dhcpv6.MessageFromBytes(octets)
	if reason != "" || err != nil {
		t.Fatal(reason, err)
	}
	if ia := m.Options.OneIATA(); ia == nil || ia.Options.Status().StatusCode != iana.StatusNoAddrsAvail {
		t.Errorf("temporary: %v", ia)
	}
	if ia := m.Options.OneIAPD(); ia == nil || ia.Options.Status().StatusCode != iana.StatusNoPrefixAvail {
		t.Errorf("delegated: %v", ia)
	}
}

// The addresses follow from prefix, client and association alone, and are never reserved ones.
func TestAddresses(t *testing.T) {
	if len(ours) != 2 || !first.Contains(ours[0]) || !second.Contains(ours[1]) || !slices.Equal(ours, lease.addresses(clientDUID, [4]byte{1})) {
		t.Errorf("addresses %s", ours)
	}
	if slices.Equal(ours, lease.addresses(clientDUID, [4]byte{2})) || slices.Equal(ours, lease.addresses(serverDUID, [4]byte{1})) {
		t.Error("the same addresses for others")
	}
	for _, p := range []string{"2001:db8::/127", "2001:db8::5/128", "2001:db8::/120", "2001:db8::/3"} {
		prefix := netip.MustParsePrefix(p)
		if a := addressIn(prefix, clientDUID, [4]byte{1}); !prefix.Contains(a) {
			t.Errorf("%s is not in %s", a, p)
		}
	}
	for identifier, want := range map[string]bool{
		"::": true, "::1": false, "::200:5eff:fe00:5213": true, "::200:5eff:feff:ffff": true, "::fdff:ffff:ffff:ff80": true, "::fdff:ffff:ffff:ff7f": false, "::fdff:ffff:ffff:ffff": true,
	} {
		if octets := netip.MustParseAddr(identifier).As16(); reserved([8]byte(octets[8:])) != want {
			t.Errorf("%s: reserved is not %v", identifier, want)
		}
	}
}

// RFC 8415 section 19; the link-address is in the home network prefix (RFC 5213 section 6.11).
func TestRelay(t *testing.T) {
	c := Client{Peer: netip.MustParseAddr("fe80::1"), LinkLayer: [6]byte{2, 0, 0, 0, 0, 1}, Link: first, InterfaceID: []byte("interface")}
	solicit := message(dhcpv6.MessageTypeSolicit, client)
	octets, reason := Forward(solicit, c)
	m, err := dhcpv6.RelayMessageFromBytes(octets)
	if reason != "" || err != nil {
		t.Fatal(reason, err)
	}
	link, _ := netip.AddrFromSlice(m.LinkAddr)
	if m.MessageType != dhcpv6.MessageTypeRelayForward || m.HopCount != 0 || !first.Contains(link) || !m.PeerAddr.Equal(c.Peer.AsSlice()) || !bytes.Equal(m.Options.InterfaceID(), c.InterfaceID) ||
		!bytes.Equal(m.Options.RelayMessage().ToBytes(), solicit) {
		t.Errorf("forwarded %s", m.Summary())
	}
	if _, mac := m.Options.ClientLinkLayerAddress(); !bytes.Equal(mac, c.LinkLayer[:]) {
		t.Errorf("link-layer address %s", mac)
	}
	for _, test := range []struct {
		name    string
		message []byte
		want    Reason
	}{
		{"unknown type", message(99), ""},
		{"relayed, with the link of another", append([]byte{12, 0}, make([]byte, 32)...), NotARequest},
		{"advertise", message(dhcpv6.MessageTypeAdvertise), NotARequest},
		{"reply", message(dhcpv6.MessageTypeReply), NotARequest},
		{"reconfigure", message(dhcpv6.MessageTypeReconfigure), NotARequest},
		{"relay-reply", append([]byte{13, 0}, make([]byte, 32)...), NotARequest},
		{"short", []byte{1}, Malformed},
	} {
		octets, reason := Forward(test.message, c)
		if reason != test.want || reason == "" && octets[1] != 0 {
			t.Errorf("%s: %q, %x; want %q", test.name, reason, octets, test.want)
		}
	}
}

func relayReply(peer string, options ...dhcpv6.Option) []byte {
	m := dhcpv6.RelayMessage{MessageType: dhcpv6.MessageTypeRelayReply, LinkAddr: net.IPv6zero, PeerAddr: net.ParseIP(peer), Options: dhcpv6.RelayOptions{Options: options}}
	return m.ToBytes()
}

func TestReturn(t *testing.T) {
	inner := message(dhcpv6.MessageTypeReply, client, server)
	carried, id := duid(dhcpv6.OptionRelayMsg, inner), dhcpv6.OptInterfaceID([]byte("interface"))
	for _, test := range []struct {
		name    string
		message []byte
		want    Reason
	}{
		{"reply", relayReply("fe80::1", id, carried), ""},
		{"for another relay agent", relayReply("fe80::1", id, duid(dhcpv6.OptionRelayMsg, relayReply("fe80::2", id, carried))), NotRelayed},
		{"without interface", relayReply("fe80::1", carried), NotRelayed},
		{"without message", relayReply("fe80::1", id), Malformed},
		{"to a group", relayReply("ff02::1", id, carried), NotRelayed},
		{"to nobody", relayReply("::", id, carried), NotRelayed},
		{"no relay-reply", append([]byte{12}, relayReply("fe80::1", id, carried)[1:]...), NotRelayed},
		{"option beyond the end", append(relayReply("fe80::1", id, carried), 0, 9, 0, 200), Malformed},
		{"short", []byte{13, 0}, Malformed},
	} {
		got, reason := Return(test.message)
		if reason != test.want || reason == "" && (got.Peer != netip.MustParseAddr("fe80::1") || string(got.InterfaceID) != "interface") {
			t.Errorf("%s: %q, %+v; want %q", test.name, reason, got, test.want)
		}
		if test.name == "reply" && !bytes.Equal(got.Payload, inner) {
			t.Errorf("the message was changed: %x", got.Payload)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(message(dhcpv6.MessageTypeSolicit, client, rapid, association(1)))
	f.Add(message(dhcpv6.MessageTypeRenew, client, server, association(1, ours...), &dhcpv6.OptIAPD{}))
	f.Add(message(dhcpv6.MessageTypeConfirm, client, association(1, foreigner), &dhcpv6.OptIATA{}))
	f.Add(message(dhcpv6.MessageTypeInformationRequest))
	f.Add(message(dhcpv6.MessageTypeSolicit, &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionClientID, OptionData: []byte("\x00\x04a short UUID")}))
	f.Fuzz(func(t *testing.T, octets []byte) {
		answer, _, reason := Answer(octets, lease)
		if reason != "" {
			return
		}
		// The server's own reader: the library's refuses a client's DUID that is not made as it expects, and DUIDs are opaque (section 11).
		m, wrong := decode(answer)
		if wrong != "" || len(answer) > maximumMessage {
			t.Fatalf("answered %x", answer)
		}
		for _, ia := range m.addresses {
			for _, a := range ia.Options.Addresses() {
				if address := netip.AddrFrom16([16]byte(a.IPv6Addr)); a.ValidLifetime != 0 && !lease.onLink(address) {
					t.Errorf("gave %s", address)
				}
			}
		}
	})
}

func FuzzRelay(f *testing.F) {
	f.Add(relayReply("fe80::1", dhcpv6.OptInterfaceID([]byte("interface")), duid(dhcpv6.OptionRelayMsg, message(dhcpv6.MessageTypeReply, client))))
	f.Add(message(dhcpv6.MessageTypeSolicit, client))
	f.Fuzz(func(t *testing.T, octets []byte) {
		if got, reason := Return(octets); reason == "" && (got.Peer.IsMulticast() || len(got.Payload) < messageHeader) {
			t.Errorf("returned %+v", got)
		}
		if forward, reason := Forward(octets, Client{Peer: netip.MustParseAddr("fe80::1"), Link: first, InterfaceID: []byte("interface")}); reason == "" {
			if forward[0] != byte(dhcpv6.MessageTypeRelayForward) || forward[1] != 0 || !first.Contains(netip.AddrFrom16([16]byte(forward[2:]))) || octets[0] == byte(dhcpv6.MessageTypeRelayForward) {
				t.Errorf("forwarded %x", forward)
			}
		}
	})
}

// With a second left of the binding a client would renew at once, and again and again.
func TestShortestLifetime(t *testing.T) {
	ending := lease
	ending.Remaining = time.Second
	var r request
	r.addresses = []*dhcpv6.OptIANA{{IaId: [4]byte{1}}}
	r.client = clientDUID
	answer := &dhcpv6.Message{}
	r.assign(answer, ending, withoutForeign)
	ia := answer.Options.OneIANA()
	if ia == nil || ia.T1 != 30*time.Second || ia.T2 != 48*time.Second || ia.Options.OneAddress().ValidLifetime != time.Minute {
		t.Errorf("association %v", ia)
	}
}
