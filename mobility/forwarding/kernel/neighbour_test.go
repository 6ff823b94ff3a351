package kernel

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

func TestPin(t *testing.T) {
	mac := [6]byte{2, 0, 0x5e, 1, 2, 3}
	p := netip.MustParsePrefix("2001:db8:100:1::/64")
	if got := pin(p, mac).String(); got != "fe80:2001:db8:100:1:200:5e01:203" {
		t.Errorf("pin is %s", got)
	}
	seen := map[netip.Addr]string{}
	for _, text := range []string{"2001:db8:100:1::/64", "2001:db8:100:2::/64", "2001:db8:100::/48", "2001:db8:100:1::/65", "2001:db8:100:1:8000::/65", "2001:db8:100:1::1/128"} {
		p := netip.MustParsePrefix(text)
		a := pin(p, mac)
		if other, taken := seen[a]; taken || !a.IsLinkLocalUnicast() {
			t.Errorf("%s has %s, which is no link-local address or that of %s", text, a, other)
		}
		if seen[a] = text; pinnedTo(p, a) != mobility.LinkLayerID(mac) {
			t.Errorf("%s by %s leads to %s", text, a, pinnedTo(p, a))
		}
	}
	for _, other := range []string{"fe80::5", "2001:db8::1", "fe80:2001:db8:100:2:200:5e01:203"} {
		if got := pinnedTo(p, netip.MustParseAddr(other)); got != "" {
			t.Errorf("%s by %s leads to %s", p, other, got)
		}
	}
	if got := pinnedTo(p, netip.Addr{}); got != "" {
		t.Errorf("without a next hop: %s", got)
	}
}

// mac is the link-layer address of an interface in the namespace.
func (s space) mac(dev string) (mac [6]byte) {
	s.t.Helper()
	s.run(func() {
		i, err := net.InterfaceByName(dev)
		if err != nil || len(i.HardwareAddr) != 6 {
			s.t.Errorf("interface %s: %v", dev, err)
			return
		}
		mac = [6]byte(i.HardwareAddr)
	})
	return mac
}

// shared is a domain where MAG1 has one more access link, on which both mobile nodes are, bound: mn1 with hnp1, mn2 with hnp2.
func shared(t *testing.T) *domain {
	d := newDomain(t)
	d.mag1.sh("ip link add acc3 address 02:00:5e:00:53:03 type bridge mcast_snooping 0; ip link set acc3 up; ip addr add " + magLL + "/64 dev acc3 nodad")
	d.mag1.cfg.AccessInterfaces = append(d.mag1.cfg.AccessInterfaces, "acc3")
	d.start()
	d.plug(d.mn1, "port1", "fe80::5")
	d.plug(d.mn2, "port2", "fe80::6")
	d.share(d.mn1, hnp1, mn1Addr)
	d.share(d.mn2, hnp2, mn2Addr)
	return d
}

// plug puts a mobile node on the link that both are on.
func (d *domain) plug(mn space, port, linkLocal string) {
	d.t.Helper()
	d.wire("mag1", port, strings.TrimPrefix(mn.name, d.prefix), "eth0")
	d.mag1.sh("ip link set " + port + " master acc3")
	mn.sh("ip addr add " + linkLocal + "/64 dev eth0 nodad")
}

// share binds a mobile node on the link that both are on.
func (d *domain) share(mn space, hnp, addr string) {
	d.t.Helper()
	d.attach(mn, hnp, addr, "acc1", d.mag1)
	mn.sh("ip addr flush scope global; ip -6 route flush default; ip addr add " + addr + "/64 dev eth0 nodad; ip -6 route add default via " + magLL + " dev eth0")
	e, _ := d.mag1.state.Get(netip.MustParsePrefix(hnp))
	e.Interface, e.MobileNodeLinkLayerID = "acc3", mobility.LinkLayerID(mn.mac("eth0"))
	d.mag1.state.Set(e)
	d.mag1.sync()
}

// claim sends a Neighbor Advertisement that has addr at the namespace's own interface, whoever had it before.
func (s space) claim(addr, router, dev string) {
	s.t.Helper()
	mac := s.mac(dev)
	s.run(func() {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6)
		if err != nil {
			s.t.Errorf("raw socket: %v", err)
			return
		}
		defer unix.Close(fd)
		target := netip.MustParseAddr(addr).As16()
		message := append([]byte{136, 0, 0, 0, 0x20, 0, 0, 0}, target[:]...) // override
		message = append(append(message, 2, 1), mac[:]...)
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 255)
		if err == nil {
			err = unix.Bind(fd, sockaddr(s.t, addr, 0))
		}
		if err == nil {
			err = unix.Sendto(fd, message, 0, sockaddr(s.t, router+"%"+dev, 0))
		}
		if err != nil {
			s.t.Errorf("claim %s: %v", addr, err)
		}
	})
}

// permanent lists the permanent IPv6 neighbour entries of the access links.
func (r *router) permanent() string {
	return r.sh("ip -6 neigh show nud permanent | grep ' dev acc' || true")
}

// Another station of the link that says it has a mobile node's address does not get its traffic.
func TestNobodyClaimsAnAddressOfAnother(t *testing.T) {
	t.Parallel()
	d := shared(t)
	d.cn.reaches(mn1Addr)
	d.cn.reaches(mn2Addr)
	thief := d.mn2.listen()
	d.mn2.sh("ip addr add " + mn1Addr + "/128 dev eth0 nodad")
	steal := func() {
		_, _ = d.mn2.try("ping -6 -n -c 1 -W 1 -I " + mn1Addr + " " + magLL + "%eth0") // solicits the router from that address
		d.mn2.claim(mn1Addr, magLL, "eth0")
	}
	thief.only("what is for another's address", func() {
		for range 3 {
			steal()
			d.cn.plain(cnAddr, mn1Addr, "bad")
		}
	}, func() { d.cn.plain(cnAddr, mn2Addr, "good") })
	d.mn1.listen().only("its traffic", steal, func() { d.cn.plain(cnAddr, mn1Addr, "good") })
	// Nor the address that its traffic goes by.
	hop := pin(netip.MustParsePrefix(hnp1), d.mn1.mac("eth0")).String()
	d.mn2.sh("ip addr add " + hop + "/64 dev eth0 nodad")
	thief.only("what is for another's address, by its next hop", func() {
		d.mn2.claim(hop+"%eth0", magLL, "eth0")
		d.cn.plain(cnAddr, mn1Addr, "bad")
	}, func() { d.cn.plain(cnAddr, mn2Addr, "good") })
}

// Who tries all addresses of a prefix from afar leaves no trace in the neighbour table, which all links share.
func TestScanMakesNoNeighbours(t *testing.T) {
	d := shared(t)
	d.cn.reaches(mn1Addr)
	const scanned = 5000
	d.cn.run(func() {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
		if err != nil {
			t.Errorf("socket: %v", err)
			return
		}
		defer unix.Close(fd)
		to := sockaddr(t, "2001:db8:100:1::", markPort)
		for i := range scanned {
			to.Addr[9], to.Addr[14], to.Addr[15] = 1, byte(i>>8), byte(i)
			if err := unix.Sendto(fd, []byte("scan"), 0, to); err != nil {
				t.Errorf("packet %d: %v", i, err)
				return
			}
		}
	})
	d.cn.reaches(mn1Addr) // behind them all
	if got := d.mag1.sh("ip -6 neigh show nud all | grep -c '^2001:db8:100:1:1:' || true"); strings.TrimSpace(got) != "0" {
		t.Errorf("%s neighbour entries of %d addresses that nobody has", strings.TrimSpace(got), scanned)
	}
}

// The neighbour entry follows the mobile node, comes back after the interface was down or somebody removed it, and ends with
// the binding, also when a later run is the one that notices.
func TestNeighbourFollowsTheMobileNode(t *testing.T) {
	d := shared(t)
	hop := func(hnp string, mac [6]byte) string { return pin(netip.MustParsePrefix(hnp), mac).String() }
	shared1, shared2, own := hop(hnp1, d.mn1.mac("eth0")), hop(hnp2, d.mn2.mac("eth0")), hop(hnp1, d.mn1.mac("tomag1"))
	expect := func(when string, want ...string) {
		t.Helper()
		got := d.mag1.permanent()
		for _, w := range want {
			if !strings.Contains(got, w+" ") {
				t.Errorf("%s: no entry of %s:\n%s", when, w, got)
			}
		}
		if n := strings.Count(got, "\n"); n != len(want) {
			t.Errorf("%s: %d entries, want %d:\n%s", when, n, len(want), got)
		}
	}
	expect("both on one link", shared1, shared2)
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	expect("one on another link", own, shared2)
	d.cn.reaches(mn1Addr)
	d.mag1.sh("ip link set acc1 down; ip link set acc1 up; ip addr add " + magLL + "/64 dev acc1 nodad")
	<-d.mag1.kernel.Disturbed()
	d.mag1.resync()
	expect("after the interface was down", own, shared2)
	d.cn.reaches(mn1Addr)
	d.mag1.sh("ip link set acc3 address 02:00:5e:00:53:04") // as when a bridge gets or loses a port
	<-d.mag1.kernel.Disturbed()
	d.mag1.resync()
	expect("after a link got another address", own, shared2)
	d.mag1.sh("ip -6 neigh del " + own + " dev acc1")
	d.mag1.resync()
	expect("after somebody removed it", own, shared2)
	d.mag1.sh("ip -6 neigh replace " + own + " lladdr 02:00:00:00:00:66 dev acc1 nud permanent")
	d.mag1.resync()
	d.cn.reaches(mn1Addr)
	if err := d.mag1.kernel.Close(true); err != nil {
		t.Fatal(err)
	}
	before := d.mag1.sh("ip -6 route show table all; ip -6 neigh show nud permanent")
	d.mag1.start()
	if mended := d.mag1.rec.Status().Mended; mended != 0 {
		t.Errorf("the next run mends %d entries that were right:\n%s", mended, before)
	}
	if err := d.mag1.kernel.Close(true); err != nil {
		t.Fatal(err)
	}
	d.mag1.state.Delete(netip.MustParsePrefix(hnp1))
	d.mag1.state.TakeChanged()
	d.mag1.start()
	expect("the next run, without the first binding", shared2)
	d.mag1.state = forwarding.NewState()
	d.mag1.resync()
	expect("nobody")
	if err := d.mag1.kernel.Close(false); err != nil {
		t.Fatal(err)
	}
}
