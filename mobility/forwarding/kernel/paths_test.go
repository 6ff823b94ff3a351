package kernel

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// newNarrowDomain is cn - lma - rt - mag - mn, where the way between lma and rt has a smaller MTU than the uplink of mag.
// What rt has towards lma tells nobody: only its Packet Too Big does.
func newNarrowDomain(t *testing.T, mtu string) (lma, mag *router, cn, mn space) {
	t.Helper()
	const magCore, near, far = "2001:db8:b::11", "2001:db8:b::2", "2001:db8:c::2"
	l := newLab(t, "cn", "lma", "rt", "mag", "mn")
	cn, mn = l.space("cn"), l.space("mn")
	l.wire("cn", "eth0", "lma", "net0")
	l.wire("lma", "core0", "rt", "far")
	l.wire("mag", "core0", "rt", "near")
	l.wire("mag", "acc1", "mn", "tomag")
	l.space("rt").sh("sysctl -qw net.ipv6.conf.all.forwarding=1; ip addr add " + far + "/64 dev far nodad; ip addr add " + near + "/64 dev near nodad; ip addr add fe80::2/64 dev far nodad; ip addr add fe80::2/64 dev near nodad; ip link set far mtu " + mtu)
	l.space("lma").sh("ip link set core0 mtu " + mtu + "; ip addr add fe80::11/64 dev core0 nodad; ip addr add " + lmaAddr + "/64 dev core0 nodad; ip -6 route add default via " + far + "; ip addr add 2001:db8:f::1/64 dev net0 nodad; ip addr add fe80::1/64 dev net0 nodad; ip addr add 198.51.100.1/24 dev net0")
	l.space("mag").sh("ip addr add fe80::11/64 dev core0 nodad; ip addr add " + magCore + "/64 dev core0 nodad; ip -6 route add default via " + near + "; ip addr add " + magLL + "/64 dev acc1 nodad; ip addr add " + router4 + "/32 dev acc1")
	cn.sh("ip addr add fe80::2/64 dev eth0 nodad; ip addr add " + cnAddr + "/64 dev eth0 nodad; ip -6 route add default via 2001:db8:f::1; ip addr add " + cn4 + "/24 dev eth0; ip route add default via 198.51.100.1")
	mn.sh("ip addr add fe80::5/64 dev tomag nodad; ip addr add " + mn1Addr + "/64 dev tomag nodad; ip -6 route add default via " + magLL + " dev tomag; ip addr add " + mn1Home + "/32 dev tomag; ip route add " + router4 + " dev tomag; ip route add default via " + router4)
	lma = &router{space: l.space("lma"), state: forwarding.NewState(), cfg: Config{Local: netip.MustParseAddr(lmaAddr), Role: forwarding.Anchor,
		Aggregates: []netip.Prefix{netip.MustParsePrefix(pool), netip.MustParsePrefix(poolIPv4)}}}
	mag = &router{space: l.space("mag"), state: forwarding.NewState(), cfg: Config{Local: netip.MustParseAddr(magCore), Role: forwarding.Gateway,
		AccessInterfaces: []string{"acc1"}, IPv4: true}}
	lma.start()
	mag.start()
	for _, p := range []string{hnp1, mn1Home + "/32"} {
		prefix := netip.MustParsePrefix(p)
		lma.state.Set(forwarding.Entry{Prefix: prefix, Role: forwarding.Anchor, Local: lma.cfg.Local, Peer: mag.cfg.Local})
		mag.state.Set(forwarding.Entry{Prefix: prefix, Role: forwarding.Gateway, Local: mag.cfg.Local, Peer: lma.cfg.Local, Interface: "acc1",
			MobileNodeLinkLayerID: mobility.LinkLayerID(mn.mac("tomag"))})
	}
	lma.sync()
	mag.sync()
	return lma, mag, cn, mn
}

// follow does what a daemon does when the path of a peer changes, until the tunnels have that MTU. meanwhile is what makes the
// path be found out.
func (r *router) follow(want int, meanwhile func()) {
	r.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); r.kernel.TunnelMTU() != want; {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: tunnel MTU %d, want %d:\n%s", r.name, r.kernel.TunnelMTU(), want, r.sh("ip -6 route get "+lmaAddr))
		}
		meanwhile()
		select {
		case <-r.kernel.PathsChanged():
			before := r.kernel.TunnelMTU()
			if changed, err := r.kernel.FollowPaths(); err != nil || changed != (before != r.kernel.TunnelMTU()) {
				r.t.Fatalf("FollowPaths: %v, %v", changed, err)
			}
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// RFC 5213 section 6.9.5, RFC 2473 sections 6.7 and 7.1: a router on the way that finds a tunnel packet too big makes the tunnel's MTU
// smaller, and what is too big for that is answered at the entry.
func TestTunnelFollowsThePathMTU(t *testing.T) {
	t.Parallel()
	lma, mag, cn, mn := newNarrowDomain(t, "1400")
	mn.reaches(cnAddr)
	mn.reaches(cn4)
	if got := mag.kernel.TunnelMTU(); got != 1460 {
		t.Errorf("tunnel MTU %d before anything is known of the path, want 1460", got)
	}
	mag.follow(1360, func() { _, _ = mn.try("ping -6 -n -M do -c 1 -W 1 -s 1412 " + cnAddr) })
	for _, c := range []struct{ family, to, report string }{{"-6", cnAddr, "mtu"}, {"-4", cn4, "1360"}} {
		if out, err := mn.try("ping " + c.family + " -n -M do -c 3 -i 0.3 -W 2 -s 1412 " + c.to); err == nil || !strings.Contains(out, "1360") {
			t.Errorf("a packet of more than the path carries is not answered with an MTU of 1360:\n%s", out)
		}
		size := map[string]string{"-6": "1312", "-4": "1332"}[c.family]
		if out, err := mn.try("ping " + c.family + " -n -M do -c 3 -i 0.3 -W 2 -s " + size + " " + c.to); err != nil {
			t.Errorf("a packet of 1360 octets does not get through:\n%s", out)
		}
	}
	mn.reaches(cnAddr + " -s 8000")
	mn.reaches(cn4 + " -s 8000")

	// The other way, where the uplink of the anchor is as wide as it was.
	mag.resync() // which must not undo it
	if got := mag.kernel.TunnelMTU(); got != 1360 {
		t.Errorf("after a Resync the tunnel MTU is %d", got)
	}
	mn.sh("ip -6 route flush cache")
	cn.reaches(mn1Addr)
	if mended := mag.rec.Status().Mended; mended != 0 {
		t.Errorf("%d entries were made anew", mended)
	}

	// A path that widens, as Linux finds out when it forgets what it knew (RFC 8201 section 4).
	lma.sh("ip link set core0 mtu 1500")
	mag.space.lab.space("rt").sh("ip link set far mtu 1500")
	mag.sh("ip -6 route flush cache")
	mag.follow(1460, func() {})
	// Too narrow for IPv6 in a tunnel: told, and no MTU below that of IPv6.
	mag.space.lab.space("rt").sh("ip link set far mtu 1300")
	mag.follow(1280, func() { _, _ = mn.try("ping -6 -n -M do -c 1 -W 1 -s 1312 " + cnAddr) })
	if w := mag.kernel.Warnings(); len(w) != 1 || !strings.Contains(w[0], "1300") {
		t.Errorf("warnings %q", w)
	}
}
