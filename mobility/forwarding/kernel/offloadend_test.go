package kernel

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// tracked lists those of the IPv4 flows that the namespace tracks which have a text in them.
func (s space) tracked(part string) (found []string) {
	s.t.Helper()
	s.run(func() {
		flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
		if err != nil {
			s.t.Errorf("list flows in %s: %v", s.name, err)
		}
		for _, f := range flows {
			if text := f.String(); strings.Contains(text, part) {
				found = append(found, text)
			}
		}
	})
	return found
}

// datagram is an IPv4 packet with a UDP datagram that carries text.
func datagram(t testing.TB, from, to netip.AddrPort, text string) []byte {
	t.Helper()
	ip := &layers.IPv4{Version: 4, Protocol: layers.IPProtocolUDP, TTL: 64, SrcIP: net.IP(from.Addr().AsSlice()), DstIP: net.IP(to.Addr().AsSlice())}
	udp := &layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, udp, gopacket.Payload(text)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Offloaded flows end with the binding, and what comes back of them reaches nobody who has the address later.
func TestOffloadEndsWithTheBinding(t *testing.T) {
	for what, deletes := range map[string]bool{"flows are deleted": true, "no flow is deleted": false} {
		t.Run(what, func(t *testing.T) {
			d := newOffloadDomain(t, Masquerade)
			d.start()
			d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
			d.offload(d.mag1, mn1Home, allButWeb)
			c, _ := d.mn1.seenAs(mag1Seen, "udp4", mn1Home+":6000", cn4+":80")
			d.offload(d.mag1, mn1Home, mobility.OffloadPolicy{})
			if got, err := ask(c, 20); err != nil || got.Addr().String() != mn1Home {
				t.Errorf("without a policy the flow is seen as %v (%v)", got, err)
			}
			if !deletes {
				d.mag1.kernel.system.(*conn).offloading.flows.socket.Close()
			}
			d.offload(d.mag1, mn1Home, allButWeb)
			_, as := d.mn1.seenAs(mag1Seen, "udp4", mn1Home+":7777", cn4+":80")
			d.takesOver(t, as)
			left := func() int { return len(d.mag1.tracked("src=" + mn1Home + " dst=" + cn4 + " sport=7777 dport=80 ")) }
			for range 100 {
				if left() == 0 || !deletes {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if n := left(); (n > 0) == deletes {
				t.Errorf("%d flows are left", n)
			}
			if warned := slices.ContainsFunc(d.mag1.kernel.Warnings(), func(w string) bool { return strings.Contains(w, "nf_conntrack_netlink") }); warned == deletes {
				t.Errorf("warnings: %q", d.mag1.kernel.Warnings())
			}
		})
	}
}

// takesOver gives mn2 the address of mn1, first without policy, then with one, and expects that it receives nothing of what comes back to a flow of
// mn1 that cn knew as that.
func (d *domain) takesOver(t *testing.T, as netip.AddrPort) {
	t.Helper()
	back := func(text string) []byte { return datagram(t, netip.MustParseAddrPort(cn4+":80"), as, text) }
	d.mn1.sh("ip addr flush dev tomag1 scope global")
	e, _ := d.mag1.state.Get(host(netip.MustParseAddr(mn1Home)))
	e.Interface, e.MobileNodeLinkLayerID = "acc2", mobility.LinkLayerID(d.mn2.mac("tomag1"))
	d.mn2.sh("ip addr add " + mn1Home + "/32 dev tomag1; ip route replace " + router4 + " dev tomag1; ip route replace default via " + router4 + " dev tomag1")
	got := d.mn2.listenIPv4()
	for _, e.Offload = range []mobility.OffloadPolicy{{}, allButWeb} {
		d.mag1.state.Set(e)
		d.mag1.sync()
		got.only("what the former mobile node asked for", func() { d.cn.transmit(back("bad")) }, func() {
			d.lma.tunnelled(lmaAddr, mag1Addr, false, markIPv4(t, cn4, mn1Home, "good"))
		})
	}
}

// What was not asked for does not come in past the anchor, and what has no policy is not tracked.
func TestOffloadLetsNothingElseIn(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag1, true)
	d.offload(d.mag1, mn1Home, allButWeb)
	c, as := d.mn1.seenAs(mag1Seen, "udp4", mn1Home+":7777", cn4+":80")
	c.Close()
	mn1 := d.mn1.listenIPv4()
	good := func() { d.lma.tunnelled(lmaAddr, mag1Addr, false, markIPv4(t, cn4, mn1Home, "good")) }
	d.evil.sh("ip route replace " + mn1Home + " via " + mag1Core4 + "; ip route replace " + cn4 + " via 192.0.2.1")
	mn1.only("to the home address", func() { d.evil.plainIPv4("192.0.2.66", mn1Home, "bad") }, good)
	mn1.only("to the home address, from who is spoken with", func() {
		d.evil.transmit(datagram(t, netip.MustParseAddrPort(cn4+":80"), netip.MustParseAddrPort(mn1Home+":7777"), "bad"))
	}, good)
	mn1.only("to the flow, from another", func() {
		d.evil.transmit(datagram(t, netip.MustParseAddrPort("192.0.2.66:80"), as, "bad"))
	}, good)
	mn1.conn.Close()
	// Control traffic stays in the tunnel (RFC 6909 section 3.3), and what a NAT cannot tell apart.
	for _, port := range controlPorts {
		d.cn.answer("udp4", int(port))
		d.mn1.seenAs(mn1Home, "udp4", any1, netip.AddrPortFrom(netip.MustParseAddr(cn4), port).String())
	}
	for _, port := range []string{":1023", ":4551"} {
		d.mn1.seenAs(mn1Home, "udp4", mn1Home+port, cn4+":80")
	}
	d.mn2.seenAs(mn2Home, "udp4", any2, cn4+":80")
	if flows := d.mag1.tracked("=" + mn2Home + " "); len(flows) > 0 {
		t.Errorf("without a policy there are flows: %q", flows)
	}
	// Who sends to a mobile node here does it as ever.
	d.mn1.answer("udp4", 80)
	d.mn2.seenAs(mn2Home, "udp4", any2, mn1Home+":80")
	d.offload(d.mag1, mn2Home, allButWeb)
	d.mn2.seenAs(mn2Home, "udp4", any2, mn1Home+":80")
	// Fragments find their way by the ports of the first.
	c, _ = d.mn1.seenAs(mag1Seen, "udp4", any1, cn4+":80")
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	answer := make([]byte, 100)
	if _, err := c.Write(make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), mag1Seen) {
		t.Errorf("a fragmented datagram is seen as %q (%v)", answer[:n], err)
	}
	d.keepsOutOfSecurityAssociations(t)
}

// keepsOutOfSecurityAssociations: nobody speaks under one of the gateway. Not every kernel has ESP.
func (d *domain) keepsOutOfSecurityAssociations(t *testing.T) {
	t.Helper()
	dropped := func() string {
		return d.mag1.sh("nft list chain ip " + offloadTableName + " " + chainPrivate + " | grep 'rt ipsec exists'")
	}
	if !strings.Contains(dropped(), " packets 0 ") {
		t.Error(dropped())
	}
	ends := "src " + mag1Core4 + " dst " + cn4
	if out, err := d.mag1.try("ip xfrm state add " + ends + " proto esp spi 0x100 mode transport aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128"); err != nil {
		t.Logf("without ESP: %s", out)
		return
	}
	d.mag1.sh("ip xfrm policy add " + ends + " proto udp dir out tmpl " + ends + " proto esp mode transport")
	if got, err := ask(d.mn1.dial("udp4", any1, cn4+":80"), 2); !errors.Is(err, errNoAnswer) {
		t.Errorf("seen as %v (%v)", got, err)
	}
	if strings.Contains(dropped(), " packets 0 ") {
		t.Error(dropped())
	}
	d.mag1.sh("ip xfrm policy delete " + ends + " proto udp dir out")
	d.mn1.seenAs(mag1Seen, "udp4", any1, cn4+":80")
}

// Without NAT the home address is what a service of the gateway's own network sees, and answers.
func TestOffloadWithoutNAT(t *testing.T) {
	d := newOffloadDomain(t, NoNAT)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	local := mustPolicy(mobility.OffloadMatching, mobility.TrafficSelector{Source: mobility.Addresses(netip.MustParsePrefix("192.0.2.64/26"))})
	d.offload(d.mag1, mn1Home, local)
	d.evil.sh("ip route replace " + mn1Home + " via " + mag1Core4)
	d.evil.answer("udp4", 80)
	d.evil.answer("tcp4", 80)
	d.lma.sh("nft 'add table ip t; add chain ip t f { type filter hook forward priority 0; }; add rule ip t f ip daddr 192.0.2.66 drop'") // no other way
	d.mn1.seenAs(mn1Home, "udp4", any1, "192.0.2.66:80")
	d.mn1.seenAs(mn1Home, "tcp4", any1, "192.0.2.66:80")
	d.mn1.seenAs(mn1Home, "udp4", any1, cn4+":80")
	d.mn1.listenIPv4().only("unasked", func() { d.evil.plainIPv4("192.0.2.66", mn1Home, "bad") }, func() {
		d.lma.tunnelled(lmaAddr, mag1Addr, false, markIPv4(t, cn4, mn1Home, "good"))
	})
}

// What has no way out goes through the tunnel, and stays there; what has lost its way is lost, and not seen with a wrong address.
func TestOffloadWithoutARoute(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.offload(d.mag1, mn1Home, allButWeb)
	d.mag1.sh("ip route del default")
	stays, _ := d.mn1.seenAs(mn1Home, "udp4", any1, cn4+":80")
	d.mag1.sh("ip route add default via 192.0.2.1")
	if got, err := ask(stays, 20); err != nil || got.Addr().String() != mn1Home {
		t.Errorf("a flow in the tunnel is seen as %v (%v)", got, err)
	}
	leaves, _ := d.mn1.seenAs(mag1Seen, "udp4", any1, cn4+":80")
	d.mag1.sh("ip route del default")
	if got, err := ask(leaves, 2); !errors.Is(err, errNoAnswer) {
		t.Errorf("seen as %v (%v)", got, err)
	}
	d.mag1.sh("ip route add default via 192.0.2.1")
	if got, err := ask(leaves, 20); err != nil || got.Addr().String() != mag1Seen {
		t.Errorf("when there is a way again, seen as %v (%v)", got, err)
	}
}

// Offload follows the mobile node, with local routing beside it.
func TestOffloadFollowsHandover(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.offload(d.mag1, mn1Home, allButWeb)
	d.mn1.seenAs(mag1Seen, "tcp4", any1, cn4+":80")
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag2, true)
	d.detach(hnp1, d.mag1)
	d.detach(mn1Home+"/32", d.mag1)
	d.offload(d.mag2, mn1Home, allButWeb)
	d.mn1.seenAs("192.0.2.12", "tcp4", any1, cn4+":80")
	d.mn1.seenAs(mn1Home, "tcp4", any1, cn4+":443")
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag2, true)
	d.mn2.answer("tcp4", 80)
	d.lma.sh("ip link set core0 down")
	d.mn1.seenAs(mn1Home, "tcp4", any1, mn2Home+":80")
}

// The table is recognized by the next run, comes back after somebody took it away, and what it is about as well.
func TestOffloadIsMended(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag1, false)
	d.offload(d.mag1, mn1Home, web)
	d.offload(d.mag1, mn2Home, allButWeb)
	c, _ := d.mn2.seenAs(mag1Seen, "udp4", any2, cn4+":80")
	go func(k *Kernel) { // which any goroutine may, also when all is closed
		for t.Context().Err() == nil {
			k.Offloaded()
			time.Sleep(time.Millisecond)
		}
	}(d.mag1.kernel)
	standing := func() string { return d.mag1.sh("nft list table ip " + offloadTableName + " | sed 's/packets .*//'") }
	want := standing()
	restart := func() {
		t.Helper()
		before, _ := d.mag1.kernel.Offloaded()
		if err := d.mag1.kernel.Close(true); err != nil {
			t.Fatal(err)
		}
		if _, err := ask(c, 20); err != nil {
			t.Errorf("without a daemon: %v", err)
		}
		d.mag1.start()
		if m := d.mag1.rec.Status().Mended; m != 0 {
			t.Errorf("the next run mends %d entries that were right", m)
		}
		if after, _ := d.mag1.kernel.Offloaded(); after < before {
			t.Errorf("%d packets, %d before", after, before)
		}
	}
	restart()
	if diff := cmp.Diff(want, standing()); diff != "" {
		t.Errorf("a restart changed the table (-before +after):\n%s", diff)
	}
	table := " ip " + offloadTableName + " "
	for what, damage := range map[string]string{
		"everything":       "flush ruleset",
		"a chain":          "flush chain" + table + chainNAT,
		"another":          "flush chain" + table + chainPrivate,
		"the policies":     "flush chain" + table + "policy-1; flush chain" + table + "policy-2",
		"the homes":        "flush map" + table + offloadHomes,
		"the numbers":      "flush map" + table + offloadNumbers,
		"a flow's mark":    "flush set" + table + offloadFlows,
		"a link":           "delete element" + table + offloadLinks + " { acc2 }",
		"those with ports": "flush set" + table + offloadWithPorts,
	} {
		before, _ := d.mag1.kernel.Offloaded()
		d.mag1.sh("nft \"" + damage + "\"")
		d.mag1.resync()
		d.mn1.seenAs(mag1Seen, "tcp4", any1, cn4+":443")
		d.mn1.seenAs(mn1Home, "tcp4", any1, cn4+":80")
		if got, err := ask(c, 20); err != nil || got.Addr().String() != mag1Seen {
			t.Errorf("after somebody took away %s the flow is seen as %v (%v)", what, got, err)
		}
		if after, _ := d.mag1.kernel.Offloaded(); after <= before {
			t.Errorf("after somebody took away %s %d packets are counted, %d before", what, after, before)
		}
		restart()
	}
	// While there is no table nothing is applied, and it is said that a comparison is due.
	d.mag1.sh("nft delete table ip " + offloadTableName)
	e, _ := d.mag1.state.Get(host(netip.MustParseAddr(mn1Home)))
	e.Offload = allButWeb
	d.mag1.state.Set(e)
	if err := d.mag1.rec.Sync(d.mag1.state); !errors.Is(err, errNoFilter) {
		t.Errorf("Sync without a table: %v", err)
	}
	<-d.mag1.kernel.Disturbed()
	d.mag1.resync()
	d.mn1.seenAs(mag1Seen, "tcp4", any1, cn4+":80")
	// A run without offload takes all of it away.
	for _, home := range []string{mn1Home, mn2Home} {
		e, _ := d.mag1.state.Get(host(netip.MustParseAddr(home)))
		e.Offload = mobility.OffloadPolicy{}
		d.mag1.state.Set(e)
	}
	if err := d.mag1.kernel.Close(true); err != nil {
		t.Fatal(err)
	}
	d.mag1.cfg.Offload = false
	d.mag1.start()
	if out := d.mag1.sh("nft list ruleset; ip rule; ip route show table 21301"); strings.Contains(out, offloadTableName) || strings.Contains(out, "fwmark") || strings.Contains(out, "metric 213") {
		t.Errorf("left:\n%s", out)
	}
	d.mn1.seenAs(mn1Home, "tcp4", any1, cn4+":80")
}

// What a gateway leaves for its next start goes with the rest when there is none.
func TestCleanTakesOffloadAway(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.offload(d.mag1, mn1Home, web)
	if err := d.mag1.kernel.Close(true); err != nil {
		t.Fatal(err)
	}
	if removed := d.mag1.clean(forwarding.Gateway); !slices.Contains(removed, "nftables table ip "+offloadTableName) {
		t.Errorf("removed %q", removed)
	}
	if out := d.mag1.sh("nft list ruleset; ip rule; ip route show table all proto 213"); strings.Contains(out, offloadTableName) || strings.Contains(out, "fwmark") || strings.Contains(out, mn1Home) {
		t.Errorf("left:\n%s", out)
	}
}

// Where tunnels are over IPv4, nothing of them is tracked, and what comes back passes the strictest check of sources that there is.
func TestOffloadBesideTunnelsOverIPv4(t *testing.T) {
	d := newIPv4Domain(t)
	d.mag1.cfg.Offload = true
	for _, port := range []int{80, 443} {
		d.cn.answer("udp4", port)
	}
	d.start()
	if d.lma.probe().Sit {
		d.attachOverIPv4(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1)
	} else {
		d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	}
	d.offload(d.mag1, mn1Home, mustPolicy(mobility.OffloadMatching, mobility.TrafficSelector{SourcePort: mobility.Numbers(80, 80)}))
	strict := func(on string) {
		d.mag1.sh("sysctl -qw net.ipv4.conf.core0.rp_filter=" + on)
	}
	strict("1")
	d.mn1.seenAs(mag1Seen, "udp4", any1, cn4+":80")
	strict("0") // which seg6 needs
	d.mn1.seenAs(mn1Home, "udp4", any1, cn4+":443")
	d.cn.reaches(mn1Home)
	for _, f := range d.mag1.tracked("") {
		if strings.Contains(f, "src="+lmaAddr4+" ") || strings.Contains(f, "dst="+lmaAddr4+" ") {
			t.Errorf("tracked: %s", f)
		}
	}
}
