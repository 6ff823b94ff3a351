package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

const (
	lmaAddr4  = "192.0.2.1"
	mag1Addr4 = mag1Core4
	mag2Addr4 = "192.0.2.12"
)

// withIPv4Peers makes l one with an address for tunnels over IPv4.
func withIPv4Peers(l layout) layout {
	l.LocalIPv4 = netip.MustParseAddr(lmaAddr4)
	if l.Role == forwarding.Gateway {
		l.LocalIPv4 = netip.MustParseAddr(mag1Addr4)
	}
	if l.Backend == Sit {
		l.Local = netip.Addr{}
	}
	return l
}

// TestGoldenOverIPv4 renders what tunnels over IPv4 are, beside those of either backend and alone: a mobile node with both
// addresses, its handover from an IPv6 to an IPv4 peer and back or to another IPv4 peer, and the end.
func TestGoldenOverIPv4(t *testing.T) {
	for _, backend := range []string{SEG6, IP6Tnl, Sit} {
		for role, file := range map[forwarding.Role]string{forwarding.Anchor: "anchor", forwarding.Gateway: "gateway"} {
			t.Run(backend+"/"+file, func(t *testing.T) {
				f := newFakeSystem()
				l := withIPv4Peers(testLayout(backend, role))
				l.IPv4 = true
				k := newKernel(l, f)
				if err := k.ensureBase(); err != nil {
					t.Fatal(err)
				}
				rec := forwarding.New(k)
				got := "# before\n" + f.String()
				peers := []string{mag1Addr4, mag2Addr4}
				if role == forwarding.Gateway {
					peers = []string{lmaAddr4, "192.0.2.2"}
				}
				if l.Local.IsValid() {
					peers = append(peers, "2001:db8:c::77")
				}
				state := forwarding.NewState()
				for _, peer := range append(peers, peers[0]) {
					for _, p := range []string{hnp1, "10.64.0.9/32"} {
						access := map[forwarding.Role]string{forwarding.Gateway: "acc1"}[role]
						e := testEntry(role, p, peer, access)
						e.Local = l.end(e.Peer)
						state.Set(e)
					}
					if err := rec.Sync(state); err != nil {
						t.Fatal(err)
					}
					if err := rec.Resync(state); err != nil || rec.Status().Mended != 0 {
						t.Fatalf("%v; %d mended", err, rec.Status().Mended)
					}
					got += "\n# at " + peer + "\n" + f.String()
				}
				// Another start adopts what stands.
				k = newKernel(l, f)
				if err := errors.Join(k.adopt(), k.ensureBase()); err != nil {
					t.Fatal(err)
				}
				if applied, err := k.Applied(); err != nil || applied.Len() != 2 {
					t.Fatalf("%d entries adopted (%v), want 2", applied.Len(), err)
				}
				if err := k.Close(false); err != nil {
					t.Fatal(err)
				}
				compareGolden(t, filepath.Join("testdata", backend+"-"+file+"-ipv4.txt"), got+"\n# closed\n"+f.String())
			})
		}
	}
}

// TestEntriesOverIPv4ThatCannotBe are refused with the reason.
func TestEntriesOverIPv4ThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(l *layout, e *forwarding.Entry)
		want  string
	}{
		"no driver":      {func(l *layout, _ *forwarding.Entry) { l.sitMissing = errNoSit }, "modprobe sit"},
		"no end of ours": {func(l *layout, _ *forwarding.Entry) { l.LocalIPv4 = netip.Addr{} }, "has no address of that IP version"},
		"no end for IPv6": {func(l *layout, e *forwarding.Entry) {
			l.Backend, l.Local, e.Local, e.Peer = Sit, netip.Addr{}, netip.Addr{}, netip.MustParseAddr(mag1Addr)
		}, "has no address of that IP version"},
		"another end":          {func(_ *layout, e *forwarding.Entry) { e.Local = netip.MustParseAddr("192.0.2.9") }, "begins at"},
		"ends of two families": {func(l *layout, e *forwarding.Entry) { e.Local = l.Local }, "begins at"},
		"ourselves":            {func(l *layout, e *forwarding.Entry) { e.Peer = l.LocalIPv4 }, "other end"},
		"mapped": {func(l *layout, e *forwarding.Entry) {
			e.Local, e.Peer = l.Local, netip.MustParseAddr("::ffff:192.0.2.11")
		}, "other end"},
	} {
		l := withIPv4Peers(testLayout(SEG6, forwarding.Anchor))
		e := testEntry(forwarding.Anchor, hnp1, mag1Addr4, "")
		e.Local = l.LocalIPv4
		c.spoil(&l, &e)
		f := newFakeSystem()
		k := newKernel(l, f)
		if err := k.ensureBase(); err != nil {
			t.Fatal(err)
		}
		before := f.String()
		errs := k.Apply([]forwarding.Change{{Prefix: e.Prefix, Entry: e}})
		if errs[0] == nil || !strings.Contains(errs[0].Error(), c.want) || f.String() != before {
			t.Errorf("%s: %v, want %q and nothing done", name, errs[0], c.want)
		}
	}
	if m := (Capabilities{MultipleTables: true, Subtrees: true}).Missing(Sit, forwarding.Anchor); len(m) != 1 || !strings.Contains(m[0], "sit") {
		t.Errorf("missing for tunnels over IPv4: %q", m)
	}
}

// tunnelledIPv4 sends inner from the namespace in an IPv4 packet.
func (s space) tunnelledIPv4(from, to string, inner []byte) {
	s.t.Helper()
	protocol := layers.IPProtocolIPv6
	if inner[0]>>4 == 4 {
		protocol = layers.IPProtocolIPv4
	}
	ip := &layers.IPv4{Version: 4, Protocol: protocol, TTL: 64, SrcIP: net.ParseIP(from), DstIP: net.ParseIP(to)}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, gopacket.Payload(inner)); err != nil {
		s.t.Fatal(err)
	}
	s.transmit(b.Bytes())
}

// probe is what the kernel has.
func (s space) probe() (caps Capabilities) {
	s.t.Helper()
	s.run(func() {
		var err error
		if caps, err = Probe(); err != nil {
			s.t.Errorf("Probe: %v", err)
		}
	})
	return caps
}

// refuses expects that an entry with a tunnel over IPv4 is refused for want of the driver.
func (r *router) refuses(gateway *router) {
	r.t.Helper()
	r.state.Set(forwarding.Entry{Prefix: netip.MustParsePrefix(hnp1), Role: forwarding.Anchor, Local: r.cfg.LocalIPv4, Peer: gateway.cfg.LocalIPv4})
	if err := r.rec.Sync(r.state); err == nil || !strings.Contains(err.Error(), "modprobe sit") {
		r.t.Errorf("without the driver: %v", err)
	}
}

// newIPv4Domain is the laboratory with tunnels over IPv4 between the anchor and its gateways.
func newIPv4Domain(t *testing.T) *domain {
	t.Helper()
	d := newDualDomain(t)
	d.mag2.sh("ip addr add " + mag2Addr4 + "/24 dev core0; ip route add default via " + lmaAddr4)
	for r, addr := range map[*router]string{d.lma: lmaAddr4, d.mag1: mag1Addr4, d.mag2: mag2Addr4} {
		r.cfg.LocalIPv4 = netip.MustParseAddr(addr)
	}
	return d
}

// attachOverIPv4 is attachDual with a tunnel over IPv4.
func (d *domain) attachOverIPv4(mn space, hnp, addr, home, access string, mag *router) {
	d.t.Helper()
	lma, at := d.lma.cfg.Local, mag.cfg.Local
	d.lma.cfg.Local, mag.cfg.Local = d.lma.cfg.LocalIPv4, mag.cfg.LocalIPv4
	defer func() { d.lma.cfg.Local, mag.cfg.Local = lma, at }()
	d.attachDual(mn, hnp, addr, home, access, mag, false)
}

// RFC 5844 section 4: both addresses of a mobile node use a tunnel over IPv4, and only its peer delivers by it. Where Linux has no
// driver for it, the entry is refused.
func TestTunnelsOverIPv4(t *testing.T) {
	d := newIPv4Domain(t)
	d.lma.cfg.Backend = SEG6 // and ip6tnl at the gateways, if there is one
	d.start()
	if !d.lma.probe().Sit {
		d.lma.refuses(d.mag1)
		return
	}
	d.attachOverIPv4(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1)
	d.attachOverIPv4(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag2)
	for _, to := range []string{cnAddr, cn4, mn2Addr, mn2Home, cnAddr + " -s 8000", cn4 + " -s 8000"} {
		d.mn1.reaches(to)
	}
	d.cn.reaches(mn1Addr)
	d.cn.reaches(mn1Home)
	d.onlyItsPeerDelivers(t)
	d.congestionIsKept(t)

	// A handover to a gateway that is reached over IPv6, and back.
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag2, false)
	d.mn1.reaches(cnAddr)
	d.cn.reaches(mn1Home)
	d.detach(hnp1, d.mag2)
	d.detach(mn1Home+"/32", d.mag2)
	d.attachOverIPv4(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1)
	d.mn1.reaches(cnAddr)
	d.cn.reaches(mn1Home)
	d.standsThroughRestartAndDamage(t)

	for _, r := range []*router{d.lma, d.mag1} {
		if err := r.kernel.Close(false); err != nil {
			t.Errorf("Close in %s: %v", r.name, err)
		}
		if out := r.sh("ip link; ip rule; ip -6 rule; ip route show table all; ip -6 route show table all"); strings.Contains(out, "pmip") || strings.Contains(out, "proto 213") {
			t.Errorf("%s after Close:\n%s", r.name, out)
		}
	}
}

// onlyItsPeerDelivers: what a binding does not allow is dropped, at the anchor and at the gateway.
func (d *domain) onlyItsPeerDelivers(t *testing.T) {
	t.Helper()
	cn6, cn := d.cn.listen(), d.cn.listenIPv4()
	for _, c := range []struct {
		listener       *listener
		good, bad, not []byte
	}{
		{cn6, mark(t, mn1Addr, cnAddr, "good"), mark(t, mn1Addr, cnAddr, "bad"), mark(t, "2001:db8:100:9::1", cnAddr, "bad")},
		{cn, markIPv4(t, mn1Home, cn4, "good"), markIPv4(t, mn1Home, cn4, "bad"), markIPv4(t, "10.64.0.77", cn4, "bad")},
	} {
		good := func() { d.mag1.tunnelledIPv4(mag1Addr4, lmaAddr4, c.good) }
		c.listener.only("a source bound at another MAG", func() { d.mag2.tunnelledIPv4(mag2Addr4, lmaAddr4, c.bad) }, good)
		c.listener.only("a source bound nowhere", func() { d.mag1.tunnelledIPv4(mag1Addr4, lmaAddr4, c.not) }, good)
		c.listener.only("an outer source that is no MAG", func() { d.evil.tunnelledIPv4("192.0.2.66", lmaAddr4, c.bad) }, good)
		c.listener.only("a forged outer source from the other side", func() { d.cn.tunnelledIPv4(mag1Addr4, lmaAddr4, c.bad) }, good)
		c.listener.only("a tunnel over IPv6 of the same MAG", func() { d.mag1.tunnelled(mag1Addr, lmaAddr, false, c.bad) }, good)
	}
	mn6, mn := d.mn1.listen(), d.mn1.listenIPv4()
	for _, c := range []struct {
		listener  *listener
		good, bad []byte
	}{
		{mn6, mark(t, cnAddr, mn1Addr, "good"), mark(t, cnAddr, mn1Addr, "bad")},
		{mn, markIPv4(t, cn4, mn1Home, "good"), markIPv4(t, cn4, mn1Home, "bad")},
	} {
		good := func() { d.lma.tunnelledIPv4(lmaAddr4, mag1Addr4, c.good) }
		c.listener.only("an outer source that is not the anchor", func() { d.evil.tunnelledIPv4("192.0.2.66", mag1Addr4, c.bad) }, good)
		c.listener.only("a tunnelled packet from an access link", func() { d.mn1.tunnelledIPv4(lmaAddr4, mag1Addr4, c.bad) }, good)
	}
}

// congestionIsKept: RFC 5213 section 5.6.3, RFC 6040. The inner field goes into the outer header, a mark on the way reaches the inner packet,
// and one that could not have been marked is dropped. The outer hop limit is the tunnel's own, and what is too big is answered.
func (d *domain) congestionIsKept(t *testing.T) {
	t.Helper()
	core, node, correspondent := d.space("sw").capture("mag1"), d.mn1.capture("tomag1"), d.cn.capture("eth0")
	for name, w := range map[string]struct {
		from     space
		src, dst string
		at       *capture
	}{
		"down6": {d.cn, cnAddr, mn1Addr, node}, "up6": {d.mn1, mn1Addr, cnAddr, correspondent},
		"down4": {d.cn, cn4, mn1Home, node}, "up4": {d.mn1, mn1Home, cn4, correspondent},
	} {
		d.space("sw").sh("nft flush ruleset")
		got := w.at.await(name+"free", func() { w.from.transmit(marked(t, w.src, w.dst, name+"free", ect0, 200)) })
		outer := core.with(name + "free")
		if outer == nil || outer[0]>>4 != 4 || outer[9] != protocolIPv6 && outer[9] != protocolIPv4 {
			t.Fatalf("%s: what passes the core is no packet of a tunnel over IPv4: % x", name, outer)
		}
		if ecnOf(got) != ect0 || ecnOf(outer) != ect0 || outer[8] != tunnelHopLimit {
			t.Errorf("%s: arrived with %02b; outer header with %02b and hop limit %d", name, ecnOf(got), ecnOf(outer), outer[8])
		}
		d.space("sw").sh("nft add table bridge congestion; nft add chain bridge congestion c '{ type filter hook forward priority 0; }'; " +
			"nft add rule bridge congestion c meta protocol ip ip protocol '{ 4, 41 }' ip ecn set ce")
		if got := w.at.await(name+"met", func() { w.from.transmit(marked(t, w.src, w.dst, name+"met", ect0, 64)) }); ecnOf(got) != ce {
			t.Errorf("%s: congestion on the way arrives as %02b", name, ecnOf(got))
		}
		for range 3 {
			w.from.transmit(marked(t, w.src, w.dst, name+"incapable", notECT, 64))
		}
		control := w.at.await("control", func() { w.from.transmit(marked(t, w.src, w.dst, "control", ect0, 64)) })
		if strings.Contains(string(control), "incapable") || w.at.with(name+"incapable") != nil {
			t.Errorf("%s: a packet of a sender without ECN arrives although it met congestion", name)
		}
	}
	d.space("sw").sh("nft flush ruleset")
	for _, c := range []struct {
		from space
		to   string
	}{{d.cn, "-6 " + mn1Addr}, {d.mn1, "-6 " + cnAddr}, {d.cn, "-4 " + mn1Home}, {d.mn1, "-4 " + cn4}} {
		if out, err := c.from.try("ping -n -M do -c 3 -i 0.3 -W 2 -s 1440 " + c.to); err == nil || !strings.Contains(out, "1460") {
			t.Errorf("%s to %s: what is too big is not answered with an MTU of 1460:\n%s", c.from.name, c.to, out)
		}
	}
}

// standsThroughRestartAndDamage: what stands is recognized, and mended.
func (d *domain) standsThroughRestartAndDamage(t *testing.T) {
	t.Helper()
	for _, r := range []*router{d.lma, d.mag1} {
		all := func() string {
			return r.snapshot() + r.sh("(ip rule; ip route show table all | sort; ip -d link show type sit | grep -o 'sit .*remote.*') | sed 's/ linkdown//'")
		}
		r.resync() // the tunnel that was left goes
		standing := all()
		if err := r.kernel.Close(true); err != nil {
			t.Fatal(err)
		}
		r.start()
		if m := r.rec.Status().Mended; m != 0 {
			t.Errorf("%s: %d entries were installed again after a restart", r.name, m)
		}
		if now := all(); now != standing {
			t.Errorf("%s: a restart changed the kernel:\n%s\nit was\n%s", r.name, now, standing)
		}
		r.sh("for l in $(ip -o link | grep -o 'pmip4-[0-9]*' | sort -u); do ip link del $l; done; ip rule flush proto 213; ip rule add pref 0 lookup local")
		r.resync()
		r.resync()
	}
	d.mn1.reaches(cnAddr)
	d.mn1.reaches(cn4)
}

// RFC 4213 section 3.2.2: a tunnel over IPv4 follows the path, what is too big is answered at the entry, and what may be fragmented is.
func TestTunnelsOverIPv4FollowThePath(t *testing.T) {
	lma, mag, cn, mn := newNarrowDomain(t, "1400")
	const magCore = "203.0.113.11"
	mag.lab.space("rt").sh("sysctl -qw net.ipv4.ip_forward=1; ip addr add 192.0.2.2/24 dev far; ip addr add 203.0.113.2/24 dev near")
	lma.sh("ip addr add " + lmaAddr4 + "/24 dev core0; ip route add default via 192.0.2.2")
	mag.sh("ip addr add " + magCore + "/24 dev core0; ip route add default via 203.0.113.2")
	for r, addr := range map[*router]string{lma: lmaAddr4, mag: magCore} {
		if err := r.kernel.Close(false); err != nil {
			t.Fatal(err)
		}
		r.cfg.LocalIPv4, r.cfg.Local, r.state = netip.MustParseAddr(addr), netip.Addr{}, forwarding.NewState()
	}
	if !mag.probe().Sit {
		lma.cfg.Local = netip.MustParseAddr(lmaAddr)
		lma.start()
		lma.refuses(mag)
		mag.run(func() {
			if k, err := Open(mag.cfg); err == nil || !strings.Contains(err.Error(), "modprobe sit") {
				t.Errorf("Open without IPv6 and without the driver: %v, %v", k, err)
			}
		})
		return
	}
	lma.start()
	mag.start()
	for _, p := range []string{hnp1, mn1Home + "/32"} {
		prefix := netip.MustParsePrefix(p)
		lma.state.Set(forwarding.Entry{Prefix: prefix, Role: forwarding.Anchor, Local: lma.cfg.LocalIPv4, Peer: mag.cfg.LocalIPv4})
		mag.state.Set(forwarding.Entry{Prefix: prefix, Role: forwarding.Gateway, Local: mag.cfg.LocalIPv4, Peer: lma.cfg.LocalIPv4, Interface: "acc1",
			MobileNodeLinkLayerID: mobility.LinkLayerID(mn.mac("tomag"))})
	}
	lma.sync()
	mag.sync()
	if got := mag.kernel.Name(); got != Sit {
		t.Errorf("backend %s where all peers are reached over IPv4", got)
	}
	mn.reaches(cnAddr)
	mn.reaches(cn4)
	mag.follow(1380, func() { _, _ = mn.try("ping -6 -n -M do -c 1 -W 1 -s 1412 " + cnAddr) })
	for _, c := range []struct{ family, to, fits string }{{"-6", cnAddr, "1332"}, {"-4", cn4, "1352"}} {
		if out, err := mn.try("ping " + c.family + " -n -M do -c 3 -i 0.3 -W 2 -s 1412 " + c.to); err == nil || !strings.Contains(out, "1380") {
			t.Errorf("a packet of more than the path carries is not answered with an MTU of 1380:\n%s", out)
		}
		if out, err := mn.try("ping " + c.family + " -n -M do -c 3 -i 0.3 -W 2 -s " + c.fits + " " + c.to); err != nil {
			t.Errorf("a packet of 1380 octets does not get through:\n%s", out)
		}
		mn.reaches(c.to + " -s 8000")
	}
	mag.resync()
	if got, mended := mag.kernel.TunnelMTU(), mag.rec.Status().Mended; got != 1380 || mended != 0 {
		t.Errorf("after a Resync the tunnel MTU is %d, and %d entries were made anew", got, mended)
	}
	cn.reaches(mn1Addr)
}

// EnableMAGLocalRouting over IPv4 (RFC 5844 section 4.2.2.2): the transport network makes no difference to which sources use the tunnel last,
// and to the routes between the mobile nodes.
func TestLocalRoutingOverIPv4(t *testing.T) {
	for _, backend := range []string{SEG6, IP6Tnl, Sit} {
		l := withIPv4Peers(testLayout(backend, forwarding.Gateway))
		l.IPv4 = true
		for _, on := range []bool{true, false} {
			f := newFakeSystem()
			k := newKernel(l, f)
			if err := k.ensureBase(); err != nil {
				t.Fatal(err)
			}
			state := forwarding.NewState()
			for _, p := range []string{hnp1, "10.64.0.9/32"} {
				e := testEntry(forwarding.Gateway, p, lmaAddr4, "acc1")
				e.Local, e.LocalRouting = l.end(e.Peer), on
				state.Set(e)
			}
			if err := forwarding.New(k).Sync(state); err != nil {
				t.Fatal(err)
			}
			direct, tunnel := l.localRoutingTable(), l.accessTable(0)
			if on {
				tunnel = l.anchorTable(0)
			}
			got := f.String()
			for _, p := range []string{"2001:db8:100:1::/64", "10.64.0.9/32"} {
				if found := regexp.MustCompile(fmt.Sprintf("route replace %s .*dev acc1 table %d ", p, direct)).MatchString(got); found != on {
					t.Errorf("%s, local routing %v: a direct route to %q is there: %v", backend, on, p, found)
				}
			}
			if !regexp.MustCompile(fmt.Sprintf(`default from 2001:db8:100:1::/64 dev pmip4-\d+ table %d `, tunnel)).MatchString(got) {
				t.Errorf("%s, local routing %v: no way into the tunnel in table %d:\n%s", backend, on, tunnel, got)
			}
		}
	}
}
