package kernel

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/sys/unix"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

const (
	poolIPv4  = "10.64.0.0/16"
	router4   = "10.64.0.1" // the default router, on every access link
	cn4       = "198.51.100.2"
	mn1Home   = "10.64.0.9"
	mn2Home   = "10.64.0.10"
	nextHop4  = "169.254.64.0" // of the first tunnel of seg6
	mag1Core4 = "192.0.2.11"
)

// newDualDomain is the laboratory with IPv4 everywhere but in the core: there only mag1 and the anchor have an address, which
// tunnels have no use for.
func newDualDomain(t testing.TB) *domain {
	d := newDomain(t)
	d.lma.cfg.Aggregates = append(d.lma.cfg.Aggregates, netip.MustParsePrefix(poolIPv4))
	d.mag1.cfg.IPv4, d.mag2.cfg.IPv4 = true, true
	for _, n := range []string{"lma", "mag1"} { // as strict as an administrator may have made it
		d.space(n).sh("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1")
	}
	d.cn.sh("ip addr add " + cn4 + "/24 dev eth0; ip route add default via 198.51.100.1")
	d.lma.sh("ip addr add 198.51.100.1/24 dev net0; ip addr add 192.0.2.1/24 dev core0")
	d.mag1.sh("ip addr add " + mag1Core4 + "/24 dev core0; ip route add default via 192.0.2.1")
	d.evil.sh("ip addr add 192.0.2.66/24 dev core0")
	for _, r := range []*router{d.mag1, d.mag2} {
		r.sh("for i in acc1 acc2; do ip addr add " + router4 + "/32 dev $i; done")
	}
	return d
}

// attachDual binds both addresses of the mobile node at a MAG.
func (d *domain) attachDual(mn space, hnp, addr, home, access string, mag *router, localRouting bool) {
	d.t.Helper()
	dev := "to" + strings.TrimPrefix(mag.name, d.prefix)
	station := mobility.LinkLayerID(mn.mac(dev))
	for _, p := range []netip.Prefix{netip.MustParsePrefix(hnp), host(netip.MustParseAddr(home))} {
		d.lma.state.Set(forwarding.Entry{Prefix: p, Role: forwarding.Anchor, Local: d.lma.cfg.Local, Peer: mag.cfg.Local})
		mag.state.Set(forwarding.Entry{Prefix: p, Role: forwarding.Gateway, Local: mag.cfg.Local, Peer: d.lma.cfg.Local,
			Interface: access, MobileNodeLinkLayerID: station, LocalRouting: localRouting})
	}
	d.lma.sync()
	mag.sync()
	mn.sh("ip addr flush scope global; ip -6 route flush default 2>/dev/null || true; ip addr add " + addr + "/64 dev " + dev + " nodad; ip -6 route add default via " + magLL + " dev " + dev +
		"; ip addr add " + home + "/32 dev " + dev + "; ip route replace " + router4 + " dev " + dev + "; ip route replace default via " + router4 + " dev " + dev)
}

// markIPv4 is an IPv4 packet with a UDP datagram that carries text.
func markIPv4(t testing.TB, from, to, text string) []byte {
	t.Helper()
	ip := &layers.IPv4{Version: 4, Protocol: layers.IPProtocolUDP, TTL: 64, SrcIP: net.ParseIP(from), DstIP: net.ParseIP(to)}
	udp := &layers.UDP{SrcPort: markPort, DstPort: markPort}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, udp, gopacket.Payload(text)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plainIPv4 sends such a packet whoever it is from.
func (s space) plainIPv4(from, to, text string) {
	s.t.Helper()
	s.transmit(markIPv4(s.t, from, to, text))
}

func (s space) listenIPv4() *listener {
	s.t.Helper()
	l := &listener{space: s}
	s.run(func() {
		var err error
		if l.conn, err = net.ListenPacket("udp4", ":7777"); err != nil {
			s.t.Fatalf("listen in %s: %v", s.name, err)
		}
	})
	s.t.Cleanup(func() { l.conn.Close() })
	return l
}

// RFC 5844 section 3.1 and 3.2: both addresses of a mobile node use the same tunnel.
func TestIPv4GoesThroughTheTunnelAndFollowsHandover(t *testing.T) {
	t.Parallel()
	d := newDualDomain(t)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag2, false)
	d.mn1.reaches(cn4)
	d.cn.reaches(mn1Home)
	d.mn1.reaches(mn2Home)
	d.mn1.reaches(router4)
	d.lma.reaches(mn1Home) // from an address of its own
	d.mag1.reaches(mn1Home)
	d.mn1.reaches(cnAddr)
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag2, false)
	d.detach(hnp1, d.mag1)
	d.detach(mn1Home+"/32", d.mag1)
	d.cn.reaches(mn1Home)
	d.mn1.reaches(cn4)
	d.mn2.reaches(mn1Home)
	d.mn1.reaches(cnAddr)
	// What does not fit is answered, what may be fragmented is.
	if out, err := d.cn.try("ping -4 -n -M do -c 3 -i 0.3 -W 2 -s 1440 " + mn1Home); err == nil || !strings.Contains(out, "1460") {
		t.Errorf("a packet of 1468 octets is not answered with an MTU of 1460:\n%s", out)
	}
	if out, err := d.cn.try("ping -4 -n -M do -c 3 -i 0.3 -W 2 -s 1432 " + mn1Home); err != nil {
		t.Errorf("a packet of 1460 octets does not fit:\n%s", out)
	}
	d.cn.reaches(mn1Home + " -s 8000")
	for _, from := range []space{d.mn1, d.cn} {
		to := map[bool]string{true: cn4, false: mn1Home}[from == d.mn1]
		if out, _ := from.try("ping -4 -n -c 3 -i 0.3 -W 2 -t 1 " + to); !strings.Contains(out, "Time to live exceeded") {
			t.Errorf("%s: a time to live of 1 is not answered:\n%s", from.name, out)
		}
	}

	for _, r := range []*router{d.lma, d.mag2} { // what stands is recognized
		r.resync()
		if m := r.rec.Status().Mended; m != 0 {
			t.Errorf("%s: %d entries were installed again although they stood", r.name, m)
		}
		standing := r.snapshot() + r.sh("(ip rule; ip route show table all | sort) | sed 's/ linkdown//'")
		if err := r.kernel.Close(true); err != nil {
			t.Fatal(err)
		}
		r.start()
		if m := r.rec.Status().Mended; m != 0 {
			t.Errorf("%s: %d entries were installed again after a restart", r.name, m)
		}
		if now := r.snapshot() + r.sh("(ip rule; ip route show table all | sort) | sed 's/ linkdown//'"); now != standing {
			t.Errorf("%s: a restart changed the kernel:\n%s\nit was\n%s", r.name, now, standing)
		}
	}
	d.mn1.reaches(cn4)

	d.lma.state.Set(forwarding.Entry{Prefix: host(netip.MustParseAddr(mn1Home)), Role: forwarding.Discard})
	d.lma.sync()
	d.cn.silent(mn1Home)
	d.lma.state.Delete(host(netip.MustParseAddr(mn1Home)))
	d.lma.sync()
	if out, _ := d.cn.try("ping -4 -n -c 1 -W 2 " + mn1Home); !strings.Contains(out, "nreachable") {
		t.Errorf("an address of the pool that nobody has is not answered as unreachable:\n%s", out)
	}
	d.mn1.reaches(cnAddr) // which is another binding
}

func TestAnchorRefusesIPv4SourcesThatThePeerMayNotDeliver(t *testing.T) {
	d := newDualDomain(t)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag2, false)
	cn := d.cn.listenIPv4()
	good := func() { d.mag1.tunnelled(mag1Addr, lmaAddr, false, markIPv4(t, mn1Home, cn4, "good")) }
	bad := markIPv4(t, mn1Home, cn4, "bad")
	cn.only("a source bound at another MAG", func() { d.mag2.tunnelled(mag2Addr, lmaAddr, false, bad) }, good)
	for what, source := range map[string]string{"a source bound nowhere": "10.64.0.77", "a source outside the pool": "203.0.113.5",
		"the anchor's own address": "192.0.2.1", "a source of the core": "192.0.2.66", "the correspondent's own network": "198.51.100.9"} {
		cn.only(what, func() { d.mag1.tunnelled(mag1Addr, lmaAddr, false, markIPv4(t, source, cn4, "bad")) }, good)
	}
	cn.only("an outer source that is no MAG", func() { d.evil.tunnelled(evilAddr, lmaAddr, false, bad) }, good)
	cn.only("a forged outer source from the other side", func() { d.cn.tunnelled(mag1Addr, lmaAddr, false, bad) }, good)
	cn.only("an encapsulation limit option (must pass)", func() {}, func() {
		d.mag1.tunnelled(mag1Addr, lmaAddr, true, markIPv4(t, mn1Home, cn4, "good"))
	})
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag2, false)
	cn.only("the previous MAG after a handover", func() { d.mag1.tunnelled(mag1Addr, lmaAddr, false, bad) }, func() {
		d.mag2.tunnelled(mag2Addr, lmaAddr, false, markIPv4(t, mn1Home, cn4, "good"))
	})
	// The anchor itself, too, hears only bound sources through a tunnel.
	lma := d.lma.listenIPv4()
	lma.only("the anchor as destination, from a source of the core", func() {
		d.mag2.tunnelled(mag2Addr, lmaAddr, false, markIPv4(t, "192.0.2.66", "192.0.2.1", "bad"))
	}, func() { d.mag2.tunnelled(mag2Addr, lmaAddr, false, markIPv4(t, mn1Home, "192.0.2.1", "good")) })
}

func TestGatewayRefusesIPv4ThatIsNotFromItsAnchorOrNotBound(t *testing.T) {
	d := newDualDomain(t)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.mag1.sh("ip route del default") // by which a plain packet would go to the anchor, and rightly come back
	mn1, mag := d.mn1.listenIPv4(), d.mag1.listenIPv4()
	good := func() { d.lma.tunnelled(lmaAddr, mag1Addr, false, markIPv4(t, cn4, mn1Home, "good")) }
	bad := markIPv4(t, cn4, mn1Home, "bad")
	mn1.only("an outer source that is not the anchor", func() { d.evil.tunnelled(evilAddr, mag1Addr, false, bad) }, good)
	mn1.only("a tunnelled packet from an access link", func() { d.mn1.tunnelled(lmaAddr, mag1Addr, false, bad) }, good)
	mn1.only("a packet that came without a tunnel", func() {
		d.evil.sh("ip route replace " + mn1Home + " via " + mag1Core4)
		d.evil.plainIPv4("192.0.2.66", mn1Home, "bad")
	}, good)
	mn1.only("a packet to the next hop that decapsulation uses", func() {
		d.evil.sh("ip route replace " + nextHop4 + " via " + mag1Core4)
		d.evil.plainIPv4("192.0.2.66", nextHop4, "bad")
	}, good)
	mag.only("the gateway itself as inner destination", func() {
		d.lma.tunnelled(lmaAddr, mag1Addr, false, markIPv4(t, cn4, mag1Core4, "bad"))
	}, func() { d.evil.plainIPv4("192.0.2.66", mag1Core4, "good") })
}

// RFC 5213 section 6.10.5 and RFC 5844 section 3.4: sources of IPv4 are judged like those of IPv6.
func TestGatewayRefusesIPv4SourcesThatAreNotBoundOnTheAccessLink(t *testing.T) {
	d := newDualDomain(t)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag1, false)
	cn, mn2, mag := d.cn.listenIPv4(), d.mn2.listenIPv4(), d.mag1.listenIPv4()
	for what, source := range map[string]string{"a source bound on another access link": mn2Home, "a source bound nowhere": "10.64.0.77",
		"a host of the core as source": "192.0.2.66", "the gateway itself as source": mag1Core4, "the default router as source": router4, "a link-local source": "169.254.7.7"} {
		cn.only(what, func() { d.mn1.plainIPv4(source, cn4, "bad") }, func() { d.mn1.plainIPv4(mn1Home, cn4, "good") })
		mag.only(what+", to the gateway", func() { d.mn1.plainIPv4(source, router4, "bad") }, func() { d.mn1.plainIPv4(mn1Home, router4, "good") })
		if source != mn2Home {
			mn2.only(what+", to a neighbour", func() { d.mn1.plainIPv4(source, mn2Home, "bad") }, func() { d.mn1.plainIPv4(mn1Home, mn2Home, "good") })
		}
	}
	// Before anything is bound, a DHCP client is heard.
	d.detach(hnp1, d.mag1)
	d.detach(mn1Home+"/32", d.mag1)
	mag.only("a source that was bound", func() { d.mn1.plainIPv4(mn1Home, router4, "bad") }, func() {
		d.mn1.broadcastIPv4("tomag1", markIPv4(t, "0.0.0.0", "255.255.255.255", "good"))
	})
}

// broadcastIPv4 sends a packet out of an interface to everybody there.
func (s space) broadcastIPv4(dev string, packet []byte) {
	s.t.Helper()
	s.run(func() {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0)
		if err != nil {
			s.t.Errorf("packet socket: %v", err)
			return
		}
		defer unix.Close(fd)
		i, err := net.InterfaceByName(dev)
		if err == nil {
			err = unix.Sendto(fd, packet, 0, &unix.SockaddrLinklayer{Protocol: 0x0008, Ifindex: i.Index, Halen: 6,
				Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
		}
		if err != nil {
			s.t.Errorf("broadcast on %s: %v", dev, err)
		}
	})
}

// RFC 5213 sections 6.10.3 and 9.2: EnableMAGLocalRouting.
func TestLocalRouting(t *testing.T) {
	t.Parallel()
	d := newDualDomain(t)
	d.start()
	attach := func(first, second bool) {
		d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, first)
		d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag1, second)
	}
	for _, c := range []struct{ first, second bool }{{true, true}, {true, false}, {false, false}, {true, true}} {
		d.lma.sh("ip link set core0 up; ip -6 addr replace " + lmaAddr + "/64 dev core0 nodad; ip addr replace 192.0.2.1/24 dev core0")
		d.lma.resync()
		attach(c.first, c.second)
		d.mn1.reaches(mn2Addr)
		d.mn1.reaches(mn2Home)
		d.mn1.reaches(cnAddr)
		d.mn1.reaches(cn4)
		d.lma.sh("ip link set core0 down") // now only what needs no anchor passes
		for _, to := range []string{mn2Addr, mn2Home} {
			if c.first && c.second {
				d.mn1.reaches(to)
			} else {
				d.mn1.silent(to)
			}
		}
		d.mn1.silent(cn4)
	}
	// A source that has none, or that is not bound, profits from nobody's local routing.
	mn2 := d.mn2.listen()
	mn2.only("a source bound nowhere", func() { d.mn1.plain("2001:db8:dead::1", mn2Addr, "bad") }, func() { d.mn1.plain(mn1Addr, mn2Addr, "good") })
	d.mag1.resync()
	if m := d.mag1.rec.Status().Mended; m != 0 {
		t.Errorf("%d entries were installed again although they stood", m)
	}
}

func TestTunnelsComeWithTheFirstEntryAndGoLate(t *testing.T) {
	d := newDomain(t)
	static := netip.MustParseAddr("2001:db8:c::99")
	d.lma.cfg.StaticTunnels, d.lma.cfg.TunnelDeletionDelay = []netip.Addr{static}, time.Minute
	d.start()
	now := time.Now()
	d.lma.kernel.now = func() time.Time { return now }
	expect := func(when string, want map[netip.Addr]int) {
		t.Helper()
		got := d.lma.rec.Status().Tunnels
		for _, tunnel := range got {
			if n, ok := want[tunnel.Peer]; !ok || n != tunnel.Entries || tunnel.Static != (tunnel.Peer == static) || tunnel.Since.IsZero() {
				t.Errorf("%s: %+v, want entries %v", when, tunnel, want)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d tunnels, want %v", when, len(got), want)
		}
	}
	expect("at first", map[netip.Addr]int{static: 0})
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.attach(d.mn2, hnp2, mn2Addr, "acc2", d.mag1)
	expect("with two", map[netip.Addr]int{static: 0, d.mag1.cfg.Local: 2})
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag2)
	expect("after a handover", map[netip.Addr]int{static: 0, d.mag1.cfg.Local: 1, d.mag2.cfg.Local: 1})
	d.mn1.reaches(cnAddr)
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.lma.resync()
	now = now.Add(59 * time.Second)
	d.lma.resync()
	expect("before the delay is over", map[netip.Addr]int{static: 0, d.mag1.cfg.Local: 2, d.mag2.cfg.Local: 0})
	now = now.Add(time.Second)
	d.lma.resync()
	expect("when it is over", map[netip.Addr]int{static: 0, d.mag1.cfg.Local: 2})
	if out := d.lma.sh("ip -6 rule"); strings.Contains(out, mag2Addr) {
		t.Errorf("the tunnel to %s is still there:\n%s", mag2Addr, out)
	}
	d.mn1.reaches(cnAddr)
}
