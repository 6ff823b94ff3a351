package kernel

import (
	"testing"

	"netlmm/mobility/forwarding"
)

// tunnelProbe is one packet in a tunnel, or the same in IPv4.
type tunnelProbe struct {
	what        string
	by          *router
	at          *router // to whose tunnel end it goes
	from, to    string  // inner addresses
	from4, to4  string
	outer       string // source; by's own if empty
	arrivesSix  *listener
	arrivesFour *listener
	good, good4 func()
}

func (p tunnelProbe) run(t *testing.T) {
	t.Helper()
	outer := p.outer
	if outer == "" {
		outer = p.by.cfg.Local.String()
	}
	end := p.at.cfg.Local.String()
	p.arrivesSix.only(p.what, func() { p.by.tunnelled(outer, end, false, mark(t, p.from, p.to, "bad")) }, p.good)
	p.arrivesFour.only(p.what+", IPv4", func() { p.by.tunnelled(outer, end, false, markIPv4(t, p.from4, p.to4, "bad")) }, p.good4)
}

// What the other gateway sends passes only for the prefix that is in transfer, in the direction of that stage, and from no one else. After the
// transfer nothing of it passes, although the tunnel still stands.
func TestTransferPassesNothingElse(t *testing.T) {
	h := newHandover(t)
	h.attachDual(h.mn2, hnp2, mn2Addr, mn2Home, "acc2", h.mag2, false)
	evil := &router{space: h.evil}
	evil.cfg.Local = h.mag1.cfg.Local // which it forges
	cn6, cn4s, mn6, mn4 := h.cn.listen(), h.cn.listenIPv4(), h.mn1.listen(), h.mn1.listenIPv4()
	other6, other4 := h.mn2.listen(), h.mn2.listenIPv4()
	up, up4 := func() { h.mn1.plain(mn1Addr, cnAddr, "good") }, func() { h.mn1.plainIPv4(mn1Home, cn4, "good") }
	down, down4 := func() { h.cn.plain(cnAddr, mn1Addr, "good") }, func() { h.cn.plainIPv4(cn4, mn1Home, "good") }
	toOther, toOther4 := func() { h.cn.plain(cnAddr, mn2Addr, "good") }, func() { h.cn.plainIPv4(cn4, mn2Home, "good") }

	h.at(h.mag2, forwarding.Arriving, false)
	h.at(h.mag1, forwarding.Leaving, false)
	h.moves(h.mag2)
	for _, p := range []tunnelProbe{
		{"at the previous gateway, a source that does not leave", h.mag2, h.mag1, mn2Addr, cnAddr, mn2Home, cn4, "", cn6, cn4s, up, up4},
		{"at the previous gateway, a packet to the mobile node", h.mag2, h.mag1, cnAddr, mn1Addr, cn4, mn1Home, "", mn6, mn4, down, down4},
		{"at the previous gateway, from a stranger", &router{space: h.evil, cfg: h.mag2.cfg}, h.mag1, mn1Addr, cnAddr, mn1Home, cn4, evilAddr, cn6, cn4s, up, up4},
		{"at the new gateway, a packet from the mobile node", h.mag1, h.mag2, mn1Addr, cnAddr, mn1Home, cn4, "", cn6, cn4s, up, up4},
		{"at the new gateway, a packet to another mobile node", h.mag1, h.mag2, cnAddr, mn2Addr, cn4, mn2Home, "", other6, other4, toOther, toOther4},
		{"at the new gateway, from a stranger", evil, h.mag2, cnAddr, mn1Addr, cn4, mn1Home, evilAddr, mn6, mn4, down, down4},
	} {
		p.run(t)
	}
	h.at(h.mag2, forwarding.Arrived, false)
	h.anchored(h.mag2)
	tunnelProbe{"registered, a packet from the mobile node", h.mag1, h.mag2, mn1Addr, cnAddr, mn1Home, cn4, "", cn6, cn4s, up, up4}.run(t)
	h.at(h.mag2, forwarding.NoTransfer, false)
	h.at(h.mag1, forwarding.NoTransfer, false) // as if the mobile node was there as well
	tunnelProbe{"after the transfer, a packet to the mobile node", h.mag1, h.mag2, cnAddr, mn1Addr, cn4, mn1Home, "", mn6, mn4, down, down4}.run(t)
	tunnelProbe{"after the transfer, a packet from the mobile node", h.mag2, h.mag1, mn1Addr, cnAddr, mn1Home, cn4, "", cn6, cn4s, up, up4}.run(t)
}

// Two gateways that each take the mobile node to be at the other do not send its packets to and fro.
func TestTwoGatewaysThatAreWrongMakeNoLoop(t *testing.T) {
	h := newHandover(t)
	h.at(h.mag2, forwarding.Leaving, false)
	h.at(h.mag1, forwarding.Leaving, false)
	for _, mag := range []*router{h.mag1, h.mag2} {
		mag.sh("nft add table ip6 watch; nft add chain ip6 watch tunnelled '{ type filter hook prerouting priority 0; }'; " +
			"nft add rule ip6 watch tunnelled iifname core0 ip6 saddr { " + mag1Addr + ", " + mag2Addr + " } meta l4proto { 4, 41 } counter")
	}
	seen := func(mag *router) string {
		return mag.sh("nft list chain ip6 watch tunnelled | grep -o 'packets [0-9]*'")
	}
	down := func() {
		h.cn.plain(cnAddr, mn1Addr, "lost")
		h.cn.plainIPv4(cn4, mn1Home, "lost")
	}
	down()
	await(t, "both packets at the second gateway", func() bool { return seen(h.mag2) == "packets 2\n" })
	h.anchored(h.mag2) // and from there
	down()
	await(t, "both packets at the first gateway", func() bool { return seen(h.mag1) == "packets 2\n" })
	h.cn.silent(mn1Addr)
	if one, two := seen(h.mag1), seen(h.mag2); one != "packets 4\n" || two != "packets 2\n" {
		t.Errorf("the first gateway got %s, the second %s", one, two)
	}
}
