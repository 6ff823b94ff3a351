package accesslink

import (
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"netlmm/mobility/accesslink/dhcp4"
)

// A phone that knows nothing of us gets the address that its anchor assigned, keeps it over a renewal and a handover, and
// loses it when the anchor gives another (RFC 5844 sections 3.4.1 and 3.4.3).
func TestDHCPv4Client(t *testing.T) {
	before, after := here(t), newSpace(t)
	accessBefore, accessAfter := before.newAccess(), after.newAccess()
	l := openWith(t, before, Config{Interface: accessBefore, DHCPv4: true})
	run(t, l)
	s := newStation(t, before)
	s.plug(before, accessBefore)
	mustOffer(t, l, s.offer())
	c := s.udhcpc()
	want(t, c.wait("bound", 0), "address=10.64.0.9/16", "router=10.64.0.1", "mtu=1400", "dns=192.0.2.53", "lease=3", "server=10.64.0.1")
	before.ip("route add 10.64.0.9 dev " + accessBefore) // as the forwarding does
	s.pings("10.64.0.1")
	c.signal(syscall.SIGUSR1) // renew, with a packet to the default router
	c.wait("renew", 0)

	next := openWith(t, after, Config{Interface: accessAfter, DHCPv4: true})
	run(t, next) // what it does at changes of the interface concerns another namespace
	before.move(s.port, after)
	s.plug(after, accessAfter)
	after.do(func() error { return next.Offer(s.offer()) })
	after.ip("route add 10.64.0.9 dev " + accessAfter)
	c.signal(syscall.SIGUSR1)
	want(t, c.wait("renew", 1), "address=10.64.0.9/16", "server=10.64.0.1")
	s.pings("10.64.0.1")

	other := s.offer()
	other.IPv4HomeAddress = netip.MustParsePrefix("10.64.0.10/16")
	after.do(func() error { return next.Offer(other) })
	after.ip("route add 10.64.0.10 dev " + accessAfter)
	c.signal(syscall.SIGUSR1)
	want(t, c.wait("bound", 1), "address=10.64.0.10/16")
	served := next.Counters().Served
	for kind, least := range map[dhcp4.Kind]uint64{dhcp4.Acknowledgement: 2, dhcp4.Refusal: 1, dhcp4.Offer: 1} {
		if served[Service(kind)] < least {
			t.Errorf("%s: %d, want %d; %v", kind, served[Service(kind)], least, served)
		}
	}
	for _, reason := range []DropReason{WrongChecksum, Truncated, NotForUs, NoOffer, DropReason(dhcp4.Malformed), DropReason(dhcp4.WrongClient)} {
		if n := next.Counters().Dropped[reason]; n != 0 && reason != NotForUs {
			t.Errorf("dropped of a client that does as it should: %s %d", reason, n)
		}
	}
}

// A client with a lease that starts again behind another gateway asks for its address and keeps it: INIT-REBOOT, RFC 2131
// section 3.2.
func TestDHCPv4InitReboot(t *testing.T) {
	mag, where := here(t), t.TempDir()
	access := mag.newAccess()
	l := openWith(t, mag, Config{Interface: access, DHCPv4: true})
	run(t, l)
	s := newStation(t, mag)
	s.plug(mag, access)
	mustOffer(t, l, s.offer())
	c := s.dhclient("-4", where)
	want(t, c.wait("BOUND", 0), "address=10.64.0.9", "mask=255.255.0.0", "router=10.64.0.1", "mtu=1400", "dns=192.0.2.53", "server=10.64.0.1")
	c.stopWithLease(where, "10.64.0.9")
	discovered := l.Counters().Served[Service(dhcp4.Offer)]
	c = s.dhclient("-4", where)
	want(t, c.wait("REBOOT", 0), "address=10.64.0.9", "server=10.64.0.1")
	if n := l.Counters().Served[Service(dhcp4.Offer)]; n != discovered {
		t.Errorf("%d offers were needed", n-discovered)
	}
}

// What a mobile node asks while its registration is under way is answered with it, without waiting for the client's next try.
func TestDHCPv4BeforeTheOffer(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := openWith(t, mag, Config{Interface: access, DHCPv4: true})
	run(t, l)
	s := newStation(t, mag)
	s.plug(mag, access)
	c := s.udhcpc()
	wait(t, "a message that is answered with the offer", func() bool { return l.waits(s.mac, dhcpv4) && l.answersEarly(t, s.offer()) })
	if served := l.Counters().Served; served[Service(dhcp4.Offer)] == 0 {
		t.Errorf("served %v", served)
	}
	c.wait("bound", 0)
}

// A node without an IPv4 home address gets nothing, and one whose offer was withdrawn or has ended neither (RFC 5844 section
// 3.4.3).
func TestDHCPv4OnlyOffered(t *testing.T) {
	l := &Link{config: Config{DHCPv4: true}, nodes: newNodes()}
	p := &port{linkLayer: [6]byte{0, 0, 0x5e, 0, 0x52, 0x13}}
	now := time.Now()
	o := Offer{LinkLayer: nodeMAC, HomeNetworkPrefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")}, Expires: now.Add(time.Hour)}
	frame := dhcpv4Frame(t, nodeMAC, discover(t, nodeMAC))
	for _, test := range []struct {
		name string
		do   func()
		want DropReason
	}{
		{"IPv6 only", func() { mustOffer(t, l, o) }, DropReason(dhcp4.NoAddress)},
		{"ended", func() { o.IPv4HomeAddress, o.IPv4DefaultRouter, o.Expires = home, router, now; mustOffer(t, l, o) }, ""},
	} {
		test.do()
		before := l.Counters()
		if mac, valid := l.takeDHCPv4(frame, p, now); !valid || mac != nodeMAC {
			t.Errorf("%s: not valid", test.name)
		}
		if test.want != "" && l.Counters().Dropped[test.want] != before.Dropped[test.want]+1 {
			t.Errorf("%s: dropped %v", test.name, l.Counters().Dropped)
		}
	}
	if len(l.nodes.early) != 1 {
		t.Errorf("%d messages wait", len(l.nodes.early))
	}
	if err := l.Withdraw(nodeMAC); err != nil || len(l.nodes.table) != 0 || len(l.ipv4.pinned) != 0 || len(l.ipv4.routers) != 0 {
		t.Errorf("after Withdraw: %v, %v, %v, %v", err, l.nodes.table, l.ipv4.pinned, l.ipv4.routers)
	}
	if served := l.Counters().Served; served[Service(dhcp4.Offer)]+served[Service(dhcp4.Acknowledgement)] != 0 {
		t.Errorf("served %v", served)
	}
}

// The kernel: addresses and neighbour entries follow offers and come back with the interface.
func TestOfferInTheKernel(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := openWith(t, mag, Config{Interface: access, DHCPv4: true})
	run(t, l)
	first, second := newStation(t, mag), newStation(t, mag)
	for _, s := range []station{first, second} {
		s.plug(mag, access)
	}
	o := second.offer()
	o.IPv4HomeAddress = netip.MustParsePrefix("10.64.0.10/16")
	mustOffer(t, l, first.offer())
	mustOffer(t, l, o)
	has := func(home string, s station) bool {
		return strings.Contains(mag.ip("-4 neigh show dev "+access), home+" lladdr "+net.HardwareAddr(s.mac[:]).String()+" PERMANENT")
	}
	routed := func() bool { return strings.Contains(mag.ip("-4 addr show dev "+access), "10.64.0.1/32") }
	all := func() bool { return has("10.64.0.9", first) && has("10.64.0.10", second) && routed() }
	if !all() {
		t.Errorf("after Offer: %s%s", mag.ip("neigh show dev "+access), mag.ip("addr show dev "+access))
	}
	mag.ip("neigh del 10.64.0.9 dev " + access)
	wait(t, "the entry that somebody removed", all)
	mag.ip("link set " + access + " down")
	wait(t, "the loss to be seen", func() bool { return !l.Available() })
	mag.ip("link set " + access + " up")
	wait(t, "the entries after the interface was down", all)
	if err := l.Withdraw(first.mac); err != nil { // perhaps before the interface is seen to be back
		t.Fatal(err)
	}
	wait(t, "the first Withdraw", func() bool { return !has("10.64.0.9", first) && has("10.64.0.10", second) && routed() })
	mag.ip("link set " + access + " down")
	wait(t, "the loss to be seen", func() bool { return !l.Available() })
	if err := l.Offer(Offer{LinkLayer: second.mac}); err != nil {
		t.Fatal(err)
	}
	mag.ip("link set " + access + " up")
	wait(t, "the offer of nothing", func() bool { return !has("10.64.0.10", second) && !routed() })
}

// BenchmarkOffer is what an offer costs the caller: a new one with the kernel's part, and one that extends another.
func BenchmarkOffer(b *testing.B) {
	mag := here(b)
	access := mag.newAccess()
	l := openWith(b, mag, Config{Interface: access, DHCPv4: true})
	o := Offer{LinkLayer: nodeMAC, IPv4HomeAddress: home, IPv4DefaultRouter: router, Expires: time.Now().Add(time.Hour)}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			if err := l.Offer(o); err != nil {
				b.Fatal(err)
			}
			if err := l.Withdraw(nodeMAC); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("extended", func(b *testing.B) {
		for b.Loop() {
			if err := l.Offer(o); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestOfferRefuses(t *testing.T) {
	l := &Link{nodes: newNodes()}
	good := Offer{LinkLayer: nodeMAC, IPv4HomeAddress: home, IPv4DefaultRouter: router, Expires: time.Now().Add(time.Hour)}
	mustOffer(t, l, good)
	for name, change := range map[string]func(*Offer){
		"group address":         func(o *Offer) { o.LinkLayer[0] |= 1 },
		"no link-layer address": func(o *Offer) { o.LinkLayer = [6]byte{} },
		"no router":             func(o *Offer) { o.IPv4DefaultRouter = netip.Addr{} },
		"router elsewhere":      func(o *Offer) { o.IPv4DefaultRouter = netip.MustParseAddr("10.65.0.1") },
		"router is the node":    func(o *Offer) { o.IPv4DefaultRouter = home.Addr() },
		"IPv6 home address":     func(o *Offer) { o.IPv4HomeAddress = netip.MustParsePrefix("2001:db8::1/64") },
		"multicast":             func(o *Offer) { o.IPv4HomeAddress = netip.MustParsePrefix("224.0.0.1/8") },
		"IPv4 prefix":           func(o *Offer) { o.HomeNetworkPrefixes = []netip.Prefix{home} },
	} {
		o := good
		change(&o)
		if l.Offer(o) == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// However many nodes there are, tables are bounded.
func TestServedNodesAreBounded(t *testing.T) {
	n, now := newNodes(), time.Now()
	for i := range maximumNodes + 10 {
		_, _, err := n.set(Offer{LinkLayer: [6]byte{2, 0, byte(i >> 16), byte(i >> 8), byte(i)}, Expires: now.Add(time.Hour)}, now)
		if (err != nil) != (i >= maximumNodes) {
			t.Fatalf("node %d: %v", i, err)
		}
	}
	dropped := 0
	for i := range maximumEarly + 10 {
		if n.keep([6]byte{4, 0, byte(i >> 16), byte(i >> 8), byte(i)}, dhcpv4, []byte{1}, now.Add(time.Duration(i)*time.Millisecond)) == TooManyEarly {
			dropped++
		}
	}
	if len(n.early) != maximumEarly || dropped != 10 {
		t.Errorf("%d messages wait, %d were dropped", len(n.early), dropped)
	}
	n.tidy(now.Add(time.Hour))
	if len(n.early) != 0 {
		t.Errorf("%d messages wait for ever", len(n.early))
	}
	served := 0
	for range 1000 {
		if _, reason := n.serve([6]byte{2}, arp, now); reason == "" {
			served++
		}
	}
	if served != requestBurst {
		t.Errorf("%d requests of one node were served at once", served)
	}
}

// A node without an offer that floods the link does not use up what those with one may ask.
func TestFloodsWithoutAnOfferStarveNobody(t *testing.T) {
	n, now := newNodes(), time.Now()
	served := Offer{LinkLayer: [6]byte{2, 1}, Expires: now.Add(time.Hour)}
	if _, _, err := n.set(served, now); err != nil {
		t.Fatal(err)
	}
	for p := range protocols {
		limited := false
		for range 2 * requestsPerSecond {
			limited = n.keep([6]byte{2, 2}, p, []byte{1}, now) == RateLimited || limited
		}
		if _, reason := n.serve(served.LinkLayer, p, now); reason != "" || !limited {
			t.Errorf("protocol %d: %q for a node with an offer; the flood is limited: %v", p, reason, limited)
		}
	}
}
