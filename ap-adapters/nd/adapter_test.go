package nd

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/mdlayher/ndp"
	"go.uber.org/goleak"

	"netlmm/ap-adapters/roster"
	"netlmm/internal/netnstest"
	"netlmm/mih"
)

type leaks struct{ m *testing.M }

// Run fails when goroutines are left.
func (l leaks) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Println(err)
		return 1
	}
	return code
}

func TestMain(m *testing.M) { netnstest.Main(leaks{m}, nil) }

const patience = 30 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// running is an adapter at work, and what it told.
type running struct {
	*Adapter
	t *testing.T

	mu   sync.Mutex
	told []string // event and last octet
}

func start(t *testing.T, cfg Config) *running {
	t.Helper()
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Adapter: a, t: t}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx, r.emit) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	eventually(t, "the link is heard", func() bool { return a.Status().Peers[0].Connected })
	return r
}

func (r *running) emit(ind mih.Indication) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := ind.Event.LinkTuple().Link.Address.String()
	r.told = append(r.told, ind.Event.EventType().String()[len("Link_"):]+" "+text[len(text)-2:])
	return true
}

// expect waits until exactly this was told since the last call.
func (r *running) expect(want ...string) {
	r.t.Helper()
	var got []string
	defer func() {
		if r.t.Failed() {
			r.t.Logf("told %q, want %q; status %+v", got, want, r.Status())
		}
	}()
	eventually(r.t, fmt.Sprint(want), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		got = slices.Clone(r.told)
		slices.Sort(got)
		return len(got) >= len(want)
	})
	if !slices.Equal(got, want) {
		r.t.Fatal("something else was told")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = r.told[len(want):]
}

func host(i byte) [6]byte { return [6]byte{2, 0, 0, 0, 0, i} }

func arp(mac [6]byte, sender, target string) []byte {
	frame := request(mac, [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, netip.MustParseAddr(sender), netip.MustParseAddr(target))
	return frame
}

func TestWhatFramesTell(t *testing.T) {
	unspecified, own, target := netip.IPv6Unspecified(), derived(host(1)), netip.MustParseAddr("2001:db8::7")
	reply := dhcp4(host(1))
	reply[ethernetHeader+ipv4Header+udpHeader] = 2 // of a server
	other := dhcp4(host(1))
	copy(other[6:], []byte{2, 0, 0, 0, 0, 9})
	hops := solicits(host(1))
	hops[ethernetHeader+7] = 254
	broken := solicits(host(1))
	broken[len(broken)-1] ^= 1
	relayed := dhcp4(host(1), dhcpv4.WithGatewayIP([]byte{192, 0, 2, 1}))
	for name, test := range map[string]struct {
		frame []byte
		want  string
	}{
		"router solicitation":        {solicits(host(1)), "attaches [fe80::ff:fe00:1]"},
		"its first one":              {discovery(host(1), unspecified, allRouters, &ndp.RouterSolicitation{}), "attaches []"},
		"duplicate detection":        {discovery(host(1), unspecified, netip.MustParseAddr("ff02::1:ff00:7"), &ndp.NeighborSolicitation{TargetAddress: target}), "attaches [2001:db8::7]"},
		"address resolution":         {discovery(host(1), own, netip.MustParseAddr("ff02::1:ff00:7"), &ndp.NeighborSolicitation{TargetAddress: target}), "lives [fe80::ff:fe00:1]"},
		"neighbour advertisement":    {discovery(host(1), target, linkLocal, &ndp.NeighborAdvertisement{TargetAddress: target}), "lives [2001:db8::7]"},
		"listener report, a change":  {report(host(1), 4), "attaches [fe80::ff:fe00:1]"},
		"listener report, an answer": {report(host(1), 2), "lives [fe80::ff:fe00:1]"},
		"listener report from afar":  {append(append([]byte{}, report(host(1), 4)[:21]...), append([]byte{64}, report(host(1), 4)[22:]...)...), "wrong_hop_limit"},
		"listener report, cut":       {report(host(1), 4)[:62], "truncated"},
		"router advertisement":       {discovery(host(1), own, linkLocal, &ndp.RouterAdvertisement{}), "not_for_us"},
		"DHCP discover":              {dhcp4(host(1), dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover)), "attaches []"},
		"DHCP request":               {dhcp4(host(1), dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest)), "attaches []"},
		"DHCP renewal":               {dhcp4(host(1), dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithClientIP([]byte{192, 0, 2, 7})), "lives [192.0.2.7]"},
		"DHCP reply":                 {reply, "not_for_us"},
		"DHCP through a relay":       {relayed, "not_for_us"},
		"DHCP for another":           {other, "forged_link_layer_address"},
		"DHCPv6 solicit":             {dhcp6(host(1), dhcpv6.MessageTypeSolicit), "attaches [fe80::ff:fe00:1]"},
		"DHCPv6 confirm":             {dhcp6(host(1), dhcpv6.MessageTypeConfirm), "attaches [fe80::ff:fe00:1]"},
		"DHCPv6 renew":               {dhcp6(host(1), dhcpv6.MessageTypeRenew), "lives [fe80::ff:fe00:1]"},
		"ARP probe":                  {arp(host(1), "0.0.0.0", "192.0.2.7"), "attaches []"},
		"ARP announcement":           {arp(host(1), "192.0.2.7", "192.0.2.7"), "attaches [192.0.2.7]"},
		"ARP request":                {arp(host(1), "192.0.2.7", "192.0.2.1"), "lives [192.0.2.7]"},
		"ARP of another":             {append(solicits(host(9))[:12], arp(host(1), "192.0.2.7", "192.0.2.1")[12:]...), "forged_link_layer_address"},
		"from afar":                  {hops, "wrong_hop_limit"},
		"with a wrong checksum":      {broken, "wrong_checksum"},
		"from a group":               {solicits([6]byte{1, 2, 3, 4, 5, 6}), "wrong_link_layer_address"},
		"of the spanning tree":       {frameOf(host(1), 38, make([]byte, 46)), "not_for_us"},
		"nothing":                    {nil, "truncated"},
		"a multicast target":         {discovery(host(1), own, linkLocal, &ndp.NeighborSolicitation{TargetAddress: target})[:70], "truncated"},
		"a datagram to another port": {frameOf(host(1), etherTypeIPv6, ipv6Packet(17, 64, own, target, datagram(53, nil))), "not_for_us"},
	} {
		s, why := parse(test.frame)
		got := string(why)
		if why == "" {
			got = fmt.Sprintf("lives %v", s.uses)
			if s.attaches {
				got = fmt.Sprintf("attaches %v", s.uses)
			}
			if s.station != host(1) {
				t.Errorf("%s: station %x", name, s.station)
			}
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// TestNobodyIsAskedWhoWasJustHeard, and who falls silent is asked at a pace.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLink(t)
		r := start(t, f.config(Link{IdleTime: 300 * time.Millisecond, ProbeInterval: 20 * time.Millisecond}))
		f.Attach(mih.MACAddress(host(1)))
		r.expect("Up 01")
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			f.send(discovery(host(1), derived(host(1)), linkLocal, &ndp.NeighborSolicitation{TargetAddress: linkLocal})) // it has something to do
			if n := f.probes(host(1)); n > 0 {
				t.Fatalf("a station that is heard all the time was asked %d times", n)
			}
		}
		eventually(t, "it is asked, and answers", func() bool { return f.probes(host(1)) >= 2 })
		f.Detach(mih.MACAddress(host(1)))
		r.expect("Down 01")
		if n := r.Status().Peers[0].Stations; n != 0 {
			t.Errorf("%d stations are kept", n)
		}
	})
}

// TestTrafficDoesNotPutOffProbes: who has gone is found out while another speaks all the time, also when probes have to wait their turn.
func TestTrafficDoesNotPutOffProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLink(t)
		cfg := f.config(Link{IdleTime: 200 * time.Millisecond, ProbeInterval: 20 * time.Millisecond})
		cfg.probesPerSecond = 50
		r := start(t, cfg)
		for i := range byte(20) {
			f.send(solicits(host(i)))
		}
		eventually(t, "all but one are gone", func() bool {
			f.send(arp(host(0), "192.0.2.7", "192.0.2.1"))
			return r.Status().Counters["unreachable"] >= 19
		})
		if n := r.Status().Peers[0].Stations; n != 1 {
			t.Errorf("%d stations, want the one that speaks", n)
		}
	})
}

// TestAStationIsAskedByAllItsAddresses and no more of them than are kept.
func TestAStationIsAskedByAllItsAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLink(t)
		r := start(t, f.config(Link{IdleTime: time.Millisecond, ProbeInterval: time.Millisecond}))
		var frames [][]byte
		for i := range 20 {
			target := netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)})
			frames = append(frames, discovery(host(1), target, linkLocal, &ndp.NeighborAdvertisement{TargetAddress: target}))
		}
		f.send(append(frames, arp(host(2), "192.0.2.7", "192.0.2.1"))...)
		r.expect("Down 01", "Down 02", "Up 01", "Up 02")
		if n := f.probes(host(1)); n > maximumProbes*maximumAddresses || n < maximumProbes {
			t.Errorf("%d probes of the first one", n)
		}
		if n := f.probes(host(2)); n != 2*maximumProbes { // by ARP, and by the address that it should have
			t.Errorf("%d probes of the second one", n)
		}
	})
}

// TestAStationThatComesAgain is told again: it may have been elsewhere. What belongs to one attachment is told once.
func TestAStationThatComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLink(t)
		cfg := f.config(Link{IdleTime: time.Hour})
		cfg.again = 200 * time.Millisecond
		r := start(t, cfg)
		f.send(discovery(host(1), netip.IPv6Unspecified(), netip.MustParseAddr("ff02::1:ff00:1"), &ndp.NeighborSolicitation{TargetAddress: derived(host(1))}),
			solicits(host(1)), dhcp4(host(1), dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover)), dhcp6(host(1), dhcpv6.MessageTypeSolicit))
		r.expect("Up 01")
		eventually(t, "it is told again", func() bool {
			f.send(solicits(host(1)))
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.told) > 0
		})
		r.expect("Up 01")
		for range 20 { // what only shows that it lives is no news
			f.send(arp(host(1), "192.0.2.7", "192.0.2.1"))
			time.Sleep(20 * time.Millisecond)
		}
		f.send(solicits(host(2)))
		r.expect("Up 02")
	})
}

// TestStationsThatComeAgainArePaced: each time costs a registration.
func TestStationsThatComeAgainArePaced(t *testing.T) {
	f := newFakeLink(t)
	cfg := f.config(Link{IdleTime: time.Hour, StationsPerSecond: 1})
	cfg.again = time.Nanosecond
	r := start(t, cfg)
	for range 100 {
		f.send(solicits(host(1)))
	}
	eventually(t, "all were heard", func() bool { return r.Status().Counters["heard"] == 100 })
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.Status().Counters[limited]; n == 0 || len(r.told)+int(n) != 100 {
		t.Errorf("%d were told, %d were not", len(r.told), n)
	}
}

// TestInventedStations: they come no faster than allowed, are no more than allowed, and go when they do not answer.
func TestInventedStations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLink(t)
		r := start(t, f.config(Link{IdleTime: time.Hour, MaximumStations: 5, StationsPerSecond: 8, Ignored: []mih.LinkAddress{mih.MACAddress(host(200))}}))
		f.send(solicits(host(200)))
		for i := range byte(100) {
			f.send(solicits(host(i)))
		}
		eventually(t, "all were heard", func() bool {
			c := r.Status().Counters
			return c["heard"] == 100 && c["ignored_configured"] == 1
		})
		if n, c := r.Status().Peers[0].Stations, r.Status().Counters; n != 5 || c[evicted] == 0 || c[evicted]+c[roster.Full] != 95 {
			t.Errorf("%d stations, %v", n, c)
		}
		eventually(t, "they are gone though IdleTime is long", func() bool { return r.Status().Peers[0].Stations == 0 })
		for i := range byte(100) {
			f.send(solicits(host(i)))
		}
		eventually(t, "they are limited", func() bool { return r.Status().Counters["heard"] == 200 })
	})
}

// TestInventedStationsMakeWay for others, and those that have answered do not.
func TestInventedStationsMakeWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeLink(t)
		r := start(t, f.config(Link{IdleTime: 50 * time.Millisecond, ProbeInterval: time.Hour, MaximumStations: 2}))
		for _, step := range []struct {
			invented, host byte
			want           []string
		}{{0, 1, []string{"Up 01"}}, {2, 3, []string{"Down 02", "Up 02", "Up 03"}}} {
			if step.invented != 0 {
				f.send(solicits(host(step.invented)))
			}
			f.Attach(mih.MACAddress(host(step.host)))
			r.expect(step.want...)
			eventually(t, "it has answered and is asked again", func() bool { return f.probes(host(step.host)) >= 2 })
		}
		f.send(solicits(host(4)))
		eventually(t, "there is no room", func() bool { return r.Status().Counters[roster.Full] == 1 })
		if c := r.Status().Counters; c[evicted] != 1 || r.Status().Peers[0].Stations != 2 {
			t.Errorf("%v", c)
		}
	})
}

// TestInventedStationsGoAsFastAsTheyCome: each may need all of its probes.
func TestInventedStationsGoAsFastAsTheyCome(t *testing.T) {
	for _, cfg := range []Link{{Interface: "a"}, {Interface: "a", StationsPerSecond: 1000}} {
		a, err := New(Config{Links: []Link{cfg}})
		if err != nil {
			t.Fatal(err)
		}
		if l := a.links[0]; float64(l.probes.Limit()) < float64(maximumProbes*l.cfg.StationsPerSecond) {
			t.Errorf("%v probes a second for %d stations", l.probes.Limit(), l.cfg.StationsPerSecond)
		}
	}
}

func TestConfigurationErrors(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no links, no error")
	}
	_, err := New(Config{Links: []Link{{}, {Interface: "a"}, {Interface: "a"}}})
	if err == nil || !strings.Contains(err.Error(), "link 0 has no interface") || !strings.Contains(err.Error(), "listed twice") {
		t.Errorf("error %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range [][]byte{solicits(host(1)), report(host(1), 4), dhcp4(host(1)), dhcp6(host(1), dhcpv6.MessageTypeSolicit), arp(host(1), "192.0.2.7", "192.0.2.1")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		s, why := parse(frame)
		if why == "" && (s.station[0]&1 != 0 || s.station == [6]byte{}) {
			t.Fatalf("station %x", s.station)
		}
		for _, a := range s.uses {
			if why == "" && (a.IsMulticast() || a.IsUnspecified()) {
				t.Fatalf("address %v", a)
			}
		}
	})
}
