package discover

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"

	"netlmm/internal/netnstest"
	"netlmm/mih/transport/mos"
)

var equalAddresses = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var offered = map[mos.Version]Offer{
	mos.DHCPv4: {
		Addresses: []mos.List[netip.Addr]{
			{Service: mos.InformationService, Values: addrs("192.0.2.1", "198.51.100.1")},
			{Service: mos.EventService, Values: addrs("192.0.2.2")}},
		Names:  []mos.List[string]{{Service: mos.CommandService, Values: []string{"example.com", "example.net"}}},
		Search: []string{"visited.example", "example.org"},
	},
	mos.DHCPv6: {
		Addresses: []mos.List[netip.Addr]{{Service: mos.InformationService, Values: addrs("2001:db8::1", "2001:db8::2")}, {Service: mos.EventService}},
		Names:     []mos.List[string]{{Service: mos.CommandService, Values: []string{"six.example.com"}}},
		Search:    []string{"visited.example"},
	},
}

// TestARealServer hands out the options of RFC 5678.
func TestARealServer(t *testing.T) {
	namespace := netnstest.Link(t)
	v4, v6 := offered[mos.DHCPv4], offered[mos.DHCPv6]
	netnstest.DNSMasq(t, namespace, "--port=0", "--interface=srv", "--bind-interfaces", "--dhcp-leasefile="+t.TempDir()+"/leases",
		"--dhcp-range=192.0.2.0,static,255.255.255.0", "--dhcp-range=2001:db8::,static,64",
		"--dhcp-option=139,"+netnstest.Octets(must[[]byte](t)(mos.AppendAddresses(nil, mos.DHCPv4, v4.Addresses))),
		"--dhcp-option=140,"+netnstest.Octets(must[[]byte](t)(mos.AppendNames(nil, mos.DHCPv4, v4.Names))),
		"--dhcp-option=option:domain-search,"+strings.Join(v4.Search, ","),
		"--dhcp-option=option6:54,"+netnstest.Octets(must[[]byte](t)(mos.AppendAddresses(nil, mos.DHCPv6, v6.Addresses))),
		"--dhcp-option=option6:55,"+netnstest.Octets(must[[]byte](t)(mos.AppendNames(nil, mos.DHCPv6, v6.Names))),
		"--dhcp-option=option6:domain-search,"+strings.Join(v6.Search, ","))
	for version, ask := range map[mos.Version]func(context.Context, string) (Offer, error){mos.DHCPv4: DHCPv4, mos.DHCPv6: DHCPv6} {
		got, err := ask(withPatience(t), "mn")
		if diff := cmp.Diff(offered[version], got, equalAddresses); diff != "" || err != nil {
			t.Errorf("DHCPv%d: %v %s", version, err, diff)
		}
	}
}

// TestAServerWithoutServices may still name the network's domains.
func TestAServerWithoutServices(t *testing.T) {
	namespace := netnstest.Link(t)
	netnstest.DNSMasq(t, namespace, "--port=0", "--interface=srv", "--bind-interfaces", "--dhcp-leasefile="+t.TempDir()+"/leases",
		"--dhcp-range=192.0.2.0,static,255.255.255.0", "--dhcp-range=2001:db8::,static,64",
		"--dhcp-option=option:domain-search,visited.example", "--dhcp-option=option6:domain-search,visited.example")
	for version, ask := range map[mos.Version]func(context.Context, string) (Offer, error){mos.DHCPv4: DHCPv4, mos.DHCPv6: DHCPv6} {
		got, err := ask(withPatience(t), "mn")
		if !errors.Is(err, ErrNoServices) || len(got.Domains(mos.EventService)) != 1 {
			t.Errorf("DHCPv%d: %v, %v", version, got, err)
		}
	}
}

// TestNobodyAnswers, and the context ends.
func TestNobodyAnswers(t *testing.T) {
	netnstest.Link(t)
	for version, ask := range map[mos.Version]func(context.Context, string) (Offer, error){mos.DHCPv4: DHCPv4, mos.DHCPv6: DHCPv6} {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		got, err := ask(ctx, "mn")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("DHCPv%d: %v, %v", version, got, err)
		}
		cancel()
		for _, name := range []string{"nosuch", "lo"} {
			if got, err := ask(withPatience(t), name); err == nil {
				t.Errorf("DHCPv%d on %s: %v", version, name, got)
			}
		}
	}
}

// TestTheFirstThatSpeaksOfServices is taken, though another is quicker.
func TestTheFirstThatSpeaksOfServices(t *testing.T) {
	client, server := loopback(t), loopback(t)
	go func() {
		buffer := make([]byte, 100)
		_, from, err := server.ReadFromUDPAddrPort(buffer)
		for _, answer := range []string{"not meant", "empty", "full"} {
			if err == nil {
				_, err = server.WriteToUDPAddrPort([]byte(answer), from)
			}
		}
	}()
	full := offered[mos.DHCPv4]
	got, err := exchange(withPatience(t), client, server.LocalAddr().(*net.UDPAddr).AddrPort(), func(time.Duration) []byte { return []byte("request") }, func(answer []byte) (Offer, bool) {
		if string(answer) == "full" {
			return full, true
		}
		return Offer{}, string(answer) == "empty"
	})
	if diff := cmp.Diff(full, got, equalAddresses); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func loopback(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestWhatAnOfferMeans(t *testing.T) {
	o := offered[mos.DHCPv4]
	if diff := cmp.Diff([]string{"192.0.2.1:4551 over tcp", "192.0.2.1:4551 over udp", "198.51.100.1:4551 over tcp", "198.51.100.1:4551 over udp"},
		texts(o.Servers(mos.InformationService))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"192.0.2.2:4551 over udp", "192.0.2.2:4551 over tcp"}, texts(o.Servers(mos.EventService))); diff != "" {
		t.Error(diff)
	}
	if d := o.Servers(mos.EventService)[0].Destination(); d.Addr.String() != "192.0.2.2:4551" {
		t.Errorf("%+v", d)
	}
	if diff := cmp.Diff([]string{"example.com", "example.net"}, o.Domains(mos.CommandService)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(o.Search, o.Domains(mos.EventService)); diff != "" {
		t.Error(diff)
	}
}

func TestSearchLists(t *testing.T) {
	option := "\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04" // the example of RFC 3397 section 2
	if diff := cmp.Diff([]string{"eng.apple.com", "marketing.apple.com"}, searchList([]byte(option))); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"\xc0\x00", "\x03en", "\x00", "\x03a.b\x00", strings.Repeat("\x01a", 200)} {
		if got := searchList([]byte(bad)); len(got) != 0 {
			t.Errorf("%q: %v", bad, got)
		}
	}
	if got := searchList([]byte(strings.Repeat("\x01a\x00\x01b\x00\x01c\x00\x01d\x00\x01e\x00\x01f\x00\x01g\x00", 9))); len(got) != maximumSearch {
		t.Errorf("%v", got)
	}
}

// FuzzDHCP: whatever a server of either version sends.
func FuzzDHCP(f *testing.F) {
	request, err := dhcpv4.NewInform(net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.IPv4(192, 0, 2, 7))
	if err != nil {
		f.Fatal(err)
	}
	answer, err := dhcpv4.NewReplyFromRequest(request, dhcpv4.WithMessageType(dhcpv4.MessageTypeAck),
		dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(mos.OptionIPv4Address), []byte{1, 4, 192, 0, 2, 1})),
		dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(mos.OptionIPv4FQDN), []byte("\x01\x0d\x07example\x03com\x00"))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer.ToBytes())
	reply, err := dhcpv6.NewMessage()
	if err != nil {
		f.Fatal(err)
	}
	reply.MessageType, reply.TransactionID = dhcpv6.MessageTypeReply, dhcpv6.TransactionID{1, 2, 3}
	reply.AddOption(&dhcpv6.OptionGeneric{OptionCode: mos.OptionIPv6FQDN, OptionData: []byte("\x00\x01\x00\x0d\x07example\x03com\x00")})
	f.Add(reply.ToBytes())
	f.Fuzz(func(t *testing.T, octets []byte) {
		check := func(o Offer, _ bool) {
			for _, s := range mos.Services {
				for _, server := range o.Servers(s) {
					if !server.Addr.Addr().IsGlobalUnicast() {
						t.Fatalf("server %s", server)
					}
				}
				if len(o.Domains(s)) > mos.MaximumLists*mos.MaximumValues {
					t.Fatal("too many domains")
				}
			}
		}
		if len(octets) >= 8 {
			copy(octets[4:8], request.TransactionID[:])
		}
		check(offer4(octets, request))
		check(offer6(octets, dhcpv6.TransactionID{1, 2, 3}, []byte{0, 3, 0, 1}))
	})
}
