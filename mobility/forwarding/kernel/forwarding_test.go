package kernel

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlmm/mobility/forwarding"
)

func TestTunnelCarriesBothWaysAndFollowsHandover(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.attach(d.mn2, hnp2, mn2Addr, "acc2", d.mag2)
	d.mn1.reaches(cnAddr)
	d.cn.reaches(mn1Addr)
	d.mn1.reaches(mn2Addr) // through the anchor, RFC 5213 section 6.10.3 without EnableMAGLocalRouting
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag2)
	d.detach(hnp1, d.mag1)
	d.cn.reaches(mn1Addr)
	d.mn1.reaches(cnAddr)
	d.mn2.reaches(mn1Addr)

	// Detached (RFC 5213 section 5.3.5): nothing reaches the mobile node, also from the MAG that it was at.
	d.lma.state.Set(forwarding.Entry{Prefix: netip.MustParsePrefix(hnp1), Role: forwarding.Discard})
	d.lma.sync()
	d.cn.silent(mn1Addr)
	// No route left at all: the pool answers, nothing circulates.
	d.lma.state.Delete(netip.MustParsePrefix(hnp1))
	d.lma.sync()
	if out, _ := d.cn.try("ping -6 -n -c 1 -W 2 " + mn1Addr); !strings.Contains(out, "No route") && !strings.Contains(out, "unreachable") {
		t.Errorf("an address of the pool that nobody has is not answered as unreachable:\n%s", out)
	}
}

// RFC 5213 section 5.6.2 expects the home address of a mobile node as source of what a MAG sends: here
// that is enforced, by the binding.
func TestAnchorRefusesWhatThePeerMayNotDeliver(t *testing.T) {
	d := newDomain(t)
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.attach(d.mn2, hnp2, mn2Addr, "acc2", d.mag2)
	cn := d.cn.listen()
	good := func() {
		d.mag1.tunnelled(mag1Addr, lmaAddr, false, mark(t, mn1Addr, cnAddr, "good"))
	}
	bad := mark(t, mn1Addr, cnAddr, "bad")
	cn.only("a source bound at another MAG", func() { d.mag2.tunnelled(mag2Addr, lmaAddr, false, bad) }, good)
	cn.only("a source bound nowhere", func() {
		d.mag1.tunnelled(mag1Addr, lmaAddr, false, mark(t, "2001:db8:100:9::1", cnAddr, "bad"))
	}, good)
	cn.only("an outer source that is no MAG", func() { d.evil.tunnelled(evilAddr, lmaAddr, false, bad) }, good)
	cn.only("an outer destination that is not the tunnel's end", func() {
		d.mag1.sh("ip -6 route replace 2001:db8:f::1/128 via " + lmaAddr)
		d.mag1.tunnelled(mag1Addr, "2001:db8:f::1", false, bad)
	}, good)
	cn.only("a forged outer source from the other side", func() { d.cn.tunnelled(mag1Addr, lmaAddr, false, bad) }, good)
	cn.only("an encapsulation limit option (must pass)", func() {}, func() {
		d.mag1.tunnelled(mag1Addr, lmaAddr, true, mark(t, mn1Addr, cnAddr, "good"))
	})

	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag2)
	cn.only("the previous MAG after a handover", func() { d.mag1.tunnelled(mag1Addr, lmaAddr, false, bad) }, func() {
		d.mag2.tunnelled(mag2Addr, lmaAddr, false, mark(t, mn1Addr, cnAddr, "good"))
	})
}

// RFC 5213 section 6.10.5: the gateway accepts tunnelled packets only from the anchor and only to a bound prefix.
func TestGatewayRefusesWhatIsNotFromItsAnchorOrNotBound(t *testing.T) {
	d := newDomain(t)
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.mn2.sh("ip addr add " + mn2Addr + "/64 dev tomag1 nodad; ip -6 route add default via " + magLL + " dev tomag1") // there, but not bound
	d.mag1.sh("ip -6 route del default")                                                                              // by which a plain packet would go to the anchor, and rightly come back
	mn1, mn2 := d.mn1.listen(), d.mn2.listen()
	good := func() {
		d.lma.tunnelled(lmaAddr, mag1Addr, false, mark(t, cnAddr, mn1Addr, "good"))
	}
	bad := mark(t, cnAddr, mn1Addr, "bad")
	mn1.only("an outer source that is not the anchor", func() { d.evil.tunnelled(evilAddr, mag1Addr, false, bad) }, good)
	mn1.only("a packet that came without a tunnel", func() {
		d.evil.sh("ip -6 route replace " + hnp1 + " via " + mag1Addr)
		d.evil.plain(evilAddr, mn1Addr, "bad")
	}, good)
	mn1.only("a tunnelled packet from an access link", func() { d.mn2.tunnelled(lmaAddr, mag1Addr, false, bad) }, good)
	mn1.only("an encapsulation limit option (must pass)", func() {}, func() {
		d.lma.tunnelled(lmaAddr, mag1Addr, true, mark(t, cnAddr, mn1Addr, "good"))
	})
	mag := d.mag1.listen()
	mag.only("the gateway itself as inner destination", func() {
		d.lma.tunnelled(lmaAddr, mag1Addr, false, mark(t, cnAddr, mag1Addr, "bad"))
	}, func() { d.evil.plain(evilAddr, mag1Addr, "good") })
	mn2.only("an inner destination that is not bound", func() {
		d.lma.tunnelled(lmaAddr, mag1Addr, false, mark(t, cnAddr, mn2Addr, "bad"))
	}, func() {
		d.attach(d.mn2, hnp2, mn2Addr, "acc2", d.mag1)
		d.cn.plain(cnAddr, mn2Addr, "good")
	})
}

// RFC 5213 section 6.10.5: what a mobile node sends enters the tunnel only with a source of its own.
func TestGatewayRefusesSourcesThatAreNotBoundOnTheAccessLink(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.attach(d.mn2, hnp2, mn2Addr, "acc2", d.mag1)
	cn, mn2 := d.cn.listen(), d.mn2.listen()
	good := func() { d.mn1.plain(mn1Addr, cnAddr, "good") }
	cn.only("a source bound on another access link", func() { d.mn1.plain(mn2Addr, cnAddr, "bad") }, good)
	cn.only("a source bound nowhere", func() { d.mn1.plain("2001:db8:dead::1", cnAddr, "bad") }, good)
	cn.only("the gateway's own address as source", func() { d.mn1.plain(mag1Addr, cnAddr, "bad") }, good)
	cn.only("a link-local source", func() { d.mn1.transmit(marked(t, "fe80::5", cnAddr, "bad", notECT, 64)) }, good)
	mn2.only("a link-local source, to a neighbour", func() { d.mn1.transmit(marked(t, "fe80::5", mn2Addr, "bad", notECT, 64)) },
		func() { d.mn1.plain(mn1Addr, mn2Addr, "good") })
	mn2.only("a neighbour on the same gateway, with a foreign source", func() {
		d.mn1.plain("2001:db8:dead::1", mn2Addr, "bad")
	}, func() { d.mn1.plain(mn1Addr, mn2Addr, "good") })
	d.mn1.reaches(magLL + "%tomag1") // link-local is none of our business
}

// What a mobile node sends reaches the gateway itself with a source of its own or of the link, not with one of the core: the
// gateway's services (syslog, say) know the hosts there by their addresses.
func TestGatewayItselfIsReachedByBoundAndLinkSourcesOnly(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.attach(d.mn2, hnp2, mn2Addr, "acc2", d.mag1)
	mag := d.mag1.listen()
	good := func() { d.mn1.plain(mn1Addr, mag1Addr, "good") }
	for what, source := range map[string]string{
		"a host of the core as source": evilAddr, "the anchor as source": lmaAddr, "the gateway itself as source": mag1Addr,
		"a source bound on another access link": mn2Addr, "a source bound nowhere": "2001:db8:dead::1",
	} {
		mag.only(what, func() { d.mn1.plain(source, mag1Addr, "bad") }, good)
		mag.only(what+", to the link-local address", func() { d.mn1.plain(source, magLL+"%tomag1", "bad") }, good)
		mag.only(what+", to all nodes", func() { d.mn1.plain(source, "ff02::1%tomag1", "bad") }, good)
	}
	// Before anything is bound, or when nothing is any more, the link's own protocols work.
	d.detach(hnp1, d.mag1)
	d.mn1.reaches(magLL + "%tomag1")
	d.mn1.reaches("ff02::2%tomag1")
	d.mn1.sh("ip -6 neigh flush dev tomag1")
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, _ = d.mn1.try("ping -6 -n -c 1 -W 1 -I " + mn1Addr + " " + magLL + "%tomag1") // by which the host solicits from that address
		if out := d.mn1.sh("ip -6 neigh show dev tomag1"); strings.Contains(out, "lladdr") {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the gateway answers no solicitation from an address that is not bound:\n%s", out)
		}
	}
	mag.only("a source that was bound", func() { d.mn1.plain(mn1Addr, mag1Addr, "bad") },
		func() { d.mn1.plain("fe80::5%tomag1", magLL+"%tomag1", "good") })
	// The unspecified source is that of duplicate address detection, which the gateway must answer.
	d.mn1.sh("sysctl -qw net.ipv6.conf.tomag1.accept_dad=1; ip addr add " + magLL + "/64 dev tomag1")
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(d.mn1.sh("ip -6 addr show dev tomag1 dadfailed"), magLL); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nobody defends the gateway's link-local address:\n%s", d.mn1.sh("ip -6 addr show dev tomag1"))
		}
	}
}

// RFC 2473 section 7.1 and 3.1: the entry of the tunnel reports what does not fit, and counts as a hop.
func TestInnerErrorsReachTheSender(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.mn1.reaches(cnAddr)
	if got := d.mag1.kernel.TunnelMTU(); got != 1460 {
		t.Errorf("tunnel MTU %d over an uplink of 1500, want 1460", got)
	}
	for _, c := range []struct {
		from space
		to   string
	}{{d.cn, mn1Addr}, {d.mn1, cnAddr}} {
		if out, err := c.from.try("ping -6 -n -M do -c 3 -i 0.3 -W 2 -s 1420 " + c.to); err == nil || !strings.Contains(out, "mtu=1460") && !strings.Contains(out, "mtu: 1460") {
			t.Errorf("%s: a packet of 1468 octets is not answered by Packet Too Big with MTU 1460:\n%s", c.from.name, out)
		}
		if out, err := c.from.try("ping -6 -n -M do -c 3 -i 0.3 -W 2 -s 1412 " + c.to); err != nil {
			t.Errorf("%s: a packet of 1460 octets does not fit:\n%s", c.from.name, out)
		}
		if out, _ := c.from.try("ping -6 -n -c 3 -i 0.3 -W 2 -t 1 " + c.to); !strings.Contains(out, "Time exceeded") {
			t.Errorf("%s: hop limit 1 is not answered by Time Exceeded:\n%s", c.from.name, out)
		}
		c.from.reaches(c.to + " -s 8000")
	}
}

// A stream opened before a handover goes on after it, at full segments: offloaded packets far beyond the tunnel's MTU meet
// its entry.
func TestStreamLivesThroughHandover(t *testing.T) {
	d := newDomain(t)
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.mn1.reaches(cnAddr)
	const size = 8 << 20
	var server net.Listener
	var err error
	d.cn.run(func() { server, err = net.Listen("tcp6", "["+cnAddr+"]:9") })
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	defer server.Close()
	go func() { // echoes
		if c, err := server.Accept(); err == nil {
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	var client net.Conn
	d.mn1.run(func() { client, err = net.DialTimeout("tcp6", "["+cnAddr+"]:9", 20*time.Second) })
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	defer client.Close()
	_ = client.SetDeadline(time.Now().Add(60 * time.Second))
	for round, mag := range []*router{d.mag1, d.mag2, d.mag1} {
		if round > 0 {
			d.attach(d.mn1, hnp1, mn1Addr, "acc1", mag)
		}
		go func() { _, _ = client.Write(make([]byte, size)) }()
		if n, err := io.CopyN(io.Discard, client, size); err != nil {
			t.Fatalf("round %d: %d of %d octets came back: %v", round, n, size, err)
		}
	}
}
