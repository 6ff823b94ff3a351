package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"netlmm/mobility"
)

// What was not asked for does not come in past the anchor, and what has no policy is not tracked.
func TestOffloadLetsNothingElseIn(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag1, true)
	d.offload(d.mag1, mn1Home, allButWeb)
	c, as := d.mn1.seenAs(mag1Seen, "udp4", mn1Home+":7777", cn4+":80")
	if c == nil {
		return
	}
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
	// Who sends as if they were the mobile node leaves no flow behind by which its own packets would not be translated.
	d.evil.sh("ip route replace " + cn4 + " via " + mag1Core4)
	d.evil.transmit(datagram(t, netip.MustParseAddrPort(mn1Home+":8888"), netip.MustParseAddrPort(cn4+":80"), "bad"))
	d.evil.reaches(mag1Core4)
	d.mn1.seenAs(mag1Seen, "udp4", mn1Home+":8888", cn4+":80")
	// Control traffic stays in the tunnel (RFC 6909 section 3.3), and what is for the other ends of tunnels.
	for _, port := range controlPorts {
		d.cn.answer("udp4", int(port))
		d.mn1.seenAs(mn1Home, "udp4", any1, netip.AddrPortFrom(netip.MustParseAddr(cn4), port).String())
	}
	if err := d.mag1.kernel.system.protectFromOffload([]netip.Addr{netip.MustParseAddr(cn4)}); err != nil {
		t.Fatal(err)
	}
	d.mn1.seenAs(mn1Home, "udp4", any1, cn4+":80")
	if err := d.mag1.kernel.ensureOffloading(); err != nil { // which knows that there is no tunnel to cn
		t.Fatal(err)
	}
	d.mn1.seenAs(mag1Seen, "udp4", any1, cn4+":80")
	// No port of the router's own is taken.
	for _, port := range []string{":500", ":4551", ":8080", ":61000"} {
		d.mn1.seenAs(mag1Seen, "udp4", mn1Home+port, cn4+":80")
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
	if got, err := askAtLength(c, 20, 5000); err != nil || got.Addr().String() != mag1Seen {
		t.Errorf("a fragmented datagram is seen as %v (%v)", got, err)
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

// A mobile node that begins flows without end has no more than its part of the table of flows, and of the ports, for what leaves here. What
// goes through the tunnel, or to the gateway itself, goes on all the same.
func TestOffloadBoundsFlows(t *testing.T) {
	d := newOffloadDomain(t, Masquerade)
	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	d.attachDual(d.mn2, hnp2, mn2Addr, mn2Home, "acc2", d.mag1, false)
	d.offload(d.mag1, mn1Home, mobility.OffloadNothing())
	d.mn1.strew(mn1Home, cn4+":9", 2000, 2010)
	d.mn1.seenAs(mn1Home, "udp4", any1, cn4+":80")
	d.cn.reaches(mn1Home)
	if flows := d.mag1.tracked("=" + mn1Home + " "); len(flows) > 0 || strings.Contains(d.mag1.rulesets(), mn1Home+" :") {
		t.Errorf("with a policy that offloads nothing there are flows: %q, or it is in the table", flows)
	}
	d.mag1.resync()
	if m := d.mag1.rec.Status().Mended; m != 0 {
		t.Errorf("%d entries were installed again although they stood", m)
	}
	policy := mustPolicy(mobility.OffloadMatching, mobility.TrafficSelector{SourcePort: mobility.Numbers(80, 80), Protocol: mobility.Numbers(17, 17)})
	d.offload(d.mag1, mn1Home, policy)
	d.offload(d.mag1, mn2Home, policy)
	leaves, _ := d.mn1.seenAs(mag1Seen, "udp4", any1, cn4+":80")
	if w := d.mag1.kernel.Warnings(); len(w) > 0 {
		t.Errorf("warnings: %q", w)
	}
	d.mn1.strew(mn1Home, cn4+":9", 2000, 2000+maximumFlows) // through the tunnel
	d.cn.strew(cn4, mn1Home+":9", 2000, 2099)
	d.mn1.strew(mn1Home, router4+":9", 2000, 2099) // to the gateway itself
	d.mn1.seenAs(mag1Seen, "udp4", any1, cn4+":80")
	if w := d.mag1.kernel.Warnings(); len(w) > 0 {
		t.Errorf("warnings: %q", w)
	}
	d.mn1.strew(mn1Home, cn4+":80", 2000, 2000+maximumFlows)
	n := 0
	for _, flow := range d.mag1.tracked("src=" + mn1Home + " dst=" + cn4 + " ") {
		if strings.Contains(flow, " dport=80 ") {
			n++
		}
	}
	if n < maximumFlows-10 || n > maximumFlows+10 { // each processor has a moment before the next knows
		t.Errorf("%d flows, %d are allowed", n, maximumFlows)
	}
	if w := d.mag1.kernel.Warnings(); len(w) != 1 || !strings.Contains(w[0], fmt.Sprintf("beyond the %d", maximumFlows)) {
		t.Errorf("warnings: %q", w)
	}
	if !strings.Contains(d.mag1.rulesets(), fmt.Sprintf("%s ct count over %d", mn1Home, maximumFlows)) {
		t.Errorf("nobody is counted:\n%s", d.mag1.rulesets())
	}
	if got, err := ask(d.mn1.dial("udp4", any1, cn4+":80"), 1); !errors.Is(err, errNoAnswer) {
		t.Errorf("one flow more is seen as %v (%v)", got, err)
	}
	if got, err := ask(leaves, 20); err != nil || got.Addr().String() != mag1Seen {
		t.Errorf("a flow that stood is seen as %v (%v)", got, err)
	}
	d.mn1.seenAs(mn1Home, "udp4", any1, cn4+":443")
	d.mn2.seenAs(mag1Seen, "udp4", any2, cn4+":80")
	d.offload(d.mag1, mn1Home, mobility.OffloadPolicy{})
	d.mn1.seenAs(mn1Home, "udp4", any1, cn4+":80")
}
