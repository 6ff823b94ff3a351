package mihnode

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/configs"
	"netlmm/internal/netnstest"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/miis"
	"netlmm/mih/transport"
	"netlmm/mih/transport/discover"
	"netlmm/mih/transport/mos"
)

// nameServer runs a real one on loopback and returns the file that names it.
func nameServer(t *testing.T, options ...string) (file string) {
	t.Helper()
	netnstest.DNSMasq(t, "", append([]string{"--port=53", "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/example.net/"}, options...)...)
	file = filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver 127.0.0.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	resolver, err := discover.System(file)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the name server answers", func() bool {
		var none *discover.NoServersError
		_, err := resolver.Lookup(t.Context(), "example.net", mos.InformationService)
		return err == nil || errors.As(err, &none)
	})
	return file
}

// TestAnInformationServerIsFoundByDNS and asked, though no configuration names it.
func TestAnInformationServerIsFoundByDNS(t *testing.T) {
	file := nameServer(t, "--srv-host=_MIHIS._tcp.example.net,info.example.net,4551,0,1", "--host-record=info.example.net,2001:db8:f0::21,198.51.100.21")
	runAs(t, "info", ap6, []configs.MIHPeer{peer("mag", mag6)}, informedBy(places(t)))
	mag := runAs(t, "mag", mag6, nil, func(c *Config) {
		c.Information, c.Resolvers, c.MIH.Discovery = NewInformation(), file, configs.Discovery{DNSDomain: "example.net", Laboratory: true}
	})
	mag.findsServers(1)
	mag.asks(Question{About: poa(2)}, atMost)
	if got, want := mag.cfg.Information.knows(), []string{"02:0a:00:00:00:02 mag2"}; !slices.Equal(got, want) {
		t.Errorf("the map has %v, want %v", got, want)
	}
	if name := func() mih.MIHFID { mag.mu.Lock(); defer mag.mu.Unlock(); return mag.names["info.example.net"] }(); name != "info" {
		t.Errorf("info.example.net is %q", name)
	}
	if all := mag.directory.all(); len(all) != 1 || !all[0].TCP || all[0].Address != netip.AddrPortFrom(ap6, 4551) { // it has no IPv4 socket
		t.Errorf("peers are %+v", all)
	}
}

// TestDHCPNamesServers by address, and domains to look them up in.
func TestDHCPNamesServers(t *testing.T) {
	there := netnstest.Link(t)
	file := nameServer(t, "--srv-host=_MIHCS._udp.example.net,command.example.net,4551,0,1", "--host-record=command.example.net,2001:db8:f0::22")
	octets := func(list []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return netnstest.Octets(list)
	}
	addresses := func(texts ...string) (list []mos.List[netip.Addr]) {
		one := mos.List[netip.Addr]{Service: mos.InformationService}
		for _, text := range texts {
			one.Values = append(one.Values, netip.MustParseAddr(text))
		}
		return append(list, one)
	}
	names := []mos.List[string]{{Service: mos.CommandService, Values: []string{"example.net"}}}
	netnstest.DNSMasq(t, there, "--port=0", "--interface=srv", "--bind-interfaces", "--dhcp-leasefile="+t.TempDir()+"/leases",
		"--dhcp-range=192.0.2.0,static,255.255.255.0", "--dhcp-range=2001:db8::,static,64",
		"--dhcp-option=139,"+octets(mos.AppendAddresses(nil, mos.DHCPv4, addresses("192.0.2.1", "192.0.2.9"))),
		"--dhcp-option=140,"+octets(mos.AppendNames(nil, mos.DHCPv4, names)),
		"--dhcp-option=option6:54,"+octets(mos.AppendAddresses(nil, mos.DHCPv6, addresses("2001:db8::1"))),
		"--dhcp-option=option6:55,"+octets(mos.AppendNames(nil, mos.DHCPv6, names)))
	for version, want := range map[int][]string{
		4: {"192.0.2.1:4551 tcp", "192.0.2.9:4551 tcp", "[2001:db8:f0::22]:4551 udp"},
		6: {"[2001:db8::1]:4551 tcp", "[2001:db8:f0::22]:4551 udp"},
	} {
		s := newSeeker(configs.Discovery{DHCP: version, Interface: "mn"}, file)
		if err := s.look(t.Context()); err != nil {
			t.Errorf("DHCPv%d: %v", version, err)
		}
		if got := inWordsOf(s.servers()); !slices.Equal(got, want) {
			t.Errorf("DHCPv%d: %v, want %v", version, got, want)
		}
	}
}

func inWordsOf(servers []discover.Server) (list []string) {
	for _, s := range servers {
		list = append(list, s.Addr.String()+" "+s.Protocol.String())
	}
	return list
}

// TestWhatWasFoundStaysWithoutAnAnswer, and goes with the answer that it is not there any more.
func TestWhatWasFoundStaysWithoutAnAnswer(t *testing.T) {
	before := serversAt("2001:db8:f0::21")
	s := newSeeker(configs.Discovery{DNSDomain: "example.net", DHCP: 6, Interface: "nosuch"}, nameServer(t))
	s.dns, s.dhcp = before, before
	err := s.look(t.Context())
	if err == nil || !strings.Contains(err.Error(), "nosuch") || len(s.dns) != 0 || len(s.dhcp) != 1 {
		t.Errorf("%v; the DNS has %v, DHCP %v", err, s.dns, s.dhcp)
	}
	s = newSeeker(configs.Discovery{DNSDomain: "example.net"}, "/nosuch")
	s.dns = before
	if err := s.look(t.Context()); err == nil || len(s.servers()) != 1 {
		t.Errorf("%v; there are %v", err, s.servers())
	}
}

func serversAt(addresses ...string) (list []discover.Server) {
	for _, a := range addresses {
		list = append(list, discover.Server{Protocol: transport.UDP, Addr: netip.AddrPortFrom(netip.MustParseAddr(a), transport.Port)})
	}
	return list
}

// TestOnlyThoseWithAnAssociationArePeers, but for laboratories.
func TestOnlyThoseWithAnAssociationArePeers(t *testing.T) {
	servers := append(serversAt("2001:db8:f0::21", "2001:db8:f0::22", "2001:db8:f0::1", "198.51.100.21", "fe80::1", "::1", "ff02::1"),
		discover.Server{Addr: netip.MustParseAddrPort("[2001:db8:f0::23]:4552")}, discover.Server{Addr: netip.MustParseAddrPort("[2001:db8:f0::24]:0")})
	for laboratory, want := range map[bool][]string{false: {"[2001:db8:f0::21]:4551"}, true: {"[2001:db8:f0::21]:4551", "[2001:db8:f0::22]:4551", "[2001:db8:f0::23]:4552"}} {
		b := runAs(t, "mag", mag6, nil, func(c *Config) {
			c.MIH.Discovery = configs.Discovery{Laboratory: laboratory, Associations: []netip.Addr{ap6, netip.MustParseAddr("2001:db8:f0::23")}}
		})
		b.sought(servers)
		var got []string
		for _, e := range b.directory.all() {
			if got = append(got, e.Address.String()); e.Protected == laboratory || !e.found {
				t.Errorf("%+v", e)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("laboratory %v: peers are %v, want %v", laboratory, got, want)
		}
		b.stop()
	}
}

// TestPeersThatAreFoundComeAndGo, and are few.
func TestPeersThatAreFoundComeAndGo(t *testing.T) {
	run(t, "ap", ap6, []configs.MIHPeer{peer("mag", mag6)})
	i := NewInformation()
	mag := runAs(t, "mag", mag6, []configs.MIHPeer{peer("other", netip.MustParseAddr("2001:db8:f0::31"))}, func(c *Config) {
		c.Information, c.MIH.Discovery.Laboratory = i, true
	})
	peers := func() (ids []mih.MIHFID) {
		if err := mag.Do(t.Context(), func(f *mihf.MIHF) {
			for _, p := range f.PeerTable() {
				ids = append(ids, p.MIHFID)
			}
		}); err != nil {
			t.Error(err)
		}
		return ids
	}
	mag.sought(serversAt("2001:db8:f0::21", "2001:db8:f0::31"))
	eventually(t, "the peer is known", func() bool { return slices.Equal(peers(), []mih.MIHFID{"ap", "other"}) })
	i.Map(func(m *miis.Map) {
		m.Serves("ap", miis.Gateway{MIHF: "mag"})
		m.LearnLinks(time.Now(), "ap", []mih.NetworkTypeAddress{{Address: poa(1)}})
	})
	var many []string
	for k := range 2 * maximumFound {
		many = append(many, netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 14: 1, 15: byte(k)}).String())
	}
	mag.sought(serversAt(many...))
	eventually(t, "the peer is gone", func() bool { return slices.Equal(peers(), []mih.MIHFID{"other"}) })
	if n := len(mag.directory.all()); n != 1+maximumFound || len(i.knows()) != 0 {
		t.Errorf("there are %d peers, the map has %v", n, i.knows())
	}
}
