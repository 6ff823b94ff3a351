package kernel

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// snapshot is all that the data plane could have left in a namespace.
func (s space) snapshot() string {
	s.t.Helper()
	// linkdown: that the carrier of a new link is up is noticed some time later.
	return s.sh("(ip -6 rule; ip -6 route show table all | sort; ip -br link | cut -d' ' -f1 | sort; ip -6 neigh show nud permanent | sort; ip sr tunsrc show; ip nexthop; nft list tables) | sed 's/ linkdown//'")
}

// foreign adds rules and routes that are not ours and must survive whatever we do.
func (r *router) foreign() {
	r.sh("ip -6 rule add pref 50 ipproto 135 lookup 4135; ip -6 route add 2001:db8:abcd::/48 via " + evilAddr + " dev core0 table 4135; " +
		"ip -6 rule add pref 32770 not fwmark 0x42 lookup 4136; ip -6 route add blackhole 2001:db8:abce::/48 proto static")
}

func TestCloseLeavesTheNamespaceAsItWas(t *testing.T) {
	d := newDomain(t)
	for _, r := range []*router{d.lma, d.mag1} {
		r.foreign()
		r.sh("sysctl -qw net.ipv6.conf.all.forwarding=1")
	}
	before := []string{d.lma.snapshot(), d.mag1.snapshot()}
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.mn1.reaches(cnAddr)
	for i, r := range []*router{d.lma, d.mag1} {
		if err := r.kernel.Close(false); err != nil {
			t.Errorf("Close in %s: %v", r.name, err)
		}
		if diff := cmp.Diff(before[i], r.snapshot()); diff != "" {
			t.Errorf("%s after Close (-before +after):\n%s", r.name, diff)
		}
	}
}

// A daemon that dies leaves its forwarding in place; the next one adopts what is still wanted, without touching it, and
// removes the rest.
func TestCrashLeftoversAreAdoptedOrRemoved(t *testing.T) {
	d := newDomain(t)
	d.lma.cfg.Backend = SEG6 // whose links and tables are named below
	d.start()
	d.lma.foreign()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.attach(d.mn2, hnp2, mn2Addr, "acc2", d.mag2)
	d.mn1.reaches(cnAddr)
	standing := d.lma.snapshot()

	// What a process leaves that is killed is what one leaves that closes its sockets and does nothing else.
	if err := d.lma.kernel.Close(true); err != nil {
		t.Fatal(err)
	}
	d.mn1.reaches(cnAddr) // meanwhile it forwards
	d.lma.start()
	if diff := cmp.Diff(standing, d.lma.snapshot()); diff != "" {
		t.Errorf("adopting all changed the kernel (-before +after):\n%s", diff)
	}
	if m := d.lma.rec.Status().Mended; m != 0 {
		t.Errorf("%d entries were installed again although they stood", m)
	}

	// Killed in the middle of something: a part of an entry is missing, a part of a removed one is left, the local rule
	// is there twice, and the tunnel to the other MAG is wanted no more.
	if err := d.lma.kernel.Close(true); err != nil {
		t.Fatal(err)
	}
	d.lma.sh("ip -6 route del " + hnp1 + " table 21300; ip -6 route add 2001:db8:100:77::/64 via fe80::b dev pmtun0 metric 213 proto 213; " +
		"ip -6 rule add pref 0 lookup local; ip link add pmip6-probe type veth peer name pmip6-9; ip link add pmip6-3 type veth peer name pmip6-4")
	d.lma.state.Delete(netip.MustParsePrefix(hnp2))
	d.lma.start()
	after := d.lma.snapshot()
	for _, gone := range []string{"2001:db8:100:77::", hnp2, mag2Addr, "pmip6-", "\n0:"} {
		if strings.Contains("\n"+after, gone) {
			t.Errorf("%q is still there:\n%s", gone, after)
		}
	}
	if m := d.lma.rec.Status().Mended; m != 2 {
		t.Errorf("mended %d entries, want the one that was incomplete and the one that nobody wants", m)
	}
	d.mn1.reaches(cnAddr)
	d.cn.reaches(mn1Addr)
}

func TestResyncMendsWhatOthersDeleted(t *testing.T) {
	d := newDomain(t)
	d.lma.cfg.Backend, d.mag1.cfg.Backend = SEG6, SEG6 // whose links and tables are named below
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	for name, damage := range map[string]string{
		"a rule":        "ip -6 rule del pref 10",
		"the links":     "ip link del pmtun0",
		"all rules":     "ip -6 rule add pref 0 lookup local; ip -6 rule flush proto 213",
		"routes":        "ip -6 route del " + hnp1 + " table 21300 2>/dev/null || ip -6 route flush table 21300; ip -6 route flush table 21556",
		"the next hops": "ip nexthop flush protocol 213",
	} {
		for _, r := range []*router{d.lma, d.mag1} {
			want := r.snapshot()
			r.sh(damage)
			r.resync()
			if diff := cmp.Diff(want, r.snapshot()); diff != "" {
				t.Errorf("%s, after %s went and Resync (-before +after):\n%s", r.name, name, diff)
			}
		}
		d.mn1.reaches(cnAddr)
	}
}

// An access interface may vanish and come back: the entry stays wanted, and works again after a Retry.
func TestAccessInterfaceVanishesAndReturns(t *testing.T) {
	d := newDomain(t)
	d.start()
	d.mag1.sh("ip link del acc1")
	e := forwarding.Entry{Prefix: netip.MustParsePrefix(hnp1), Role: forwarding.Gateway, Local: d.mag1.cfg.Local, Peer: d.lma.cfg.Local, Interface: "acc1", MobileNodeLinkLayerID: mobility.LinkLayerID(d.mn1.mac("tomag2"))}
	d.mag1.state.Set(e)
	if err := d.mag1.rec.Sync(d.mag1.state); err == nil || !strings.Contains(err.Error(), "acc1") {
		t.Fatalf("Sync without the interface: %v; want an error that names it", err)
	}
	d.wire("mag1", "acc1", "mn1", "tomag1")
	d.mag1.sh("ip addr add " + magLL + "/64 dev acc1 nodad")
	if err := d.mag1.rec.Retry(d.mag1.state); err != nil || d.mag1.rec.Pending() != 0 {
		t.Fatalf("Retry: %v, %d pending", err, d.mag1.rec.Pending())
	}
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.mn1.reaches(cnAddr)
}

func TestRefusedEntriesSayWhy(t *testing.T) {
	d := newDomain(t)
	d.mag1.start()
	p := netip.MustParsePrefix(hnp1)
	good := forwarding.Entry{Prefix: p, Role: forwarding.Gateway, Local: d.mag1.cfg.Local, Peer: d.lma.cfg.Local, Interface: "acc1",
		MobileNodeLinkLayerID: mobility.LinkLayerID(d.mn1.mac("tomag1"))}
	for want, spoil := range map[string]func(e *forwarding.Entry){
		"access_interfaces":   func(e *forwarding.Entry) { e.Interface = "wlan9" },
		"begins at":           func(e *forwarding.Entry) { e.Local = netip.MustParseAddr(mag2Addr) },
		"other end":           func(e *forwarding.Entry) { e.Peer = e.Local },
		"home network prefix": func(e *forwarding.Entry) { e.Prefix = netip.MustParsePrefix("2001:db8:100:1::1/64") },
		"on a data plane of":  func(e *forwarding.Entry) { e.Role = forwarding.Anchor },
	} {
		e := good
		spoil(&e)
		errs := d.mag1.kernel.Apply([]forwarding.Change{{Prefix: e.Prefix, Entry: e}})
		if len(errs) != 1 || errs[0] == nil || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("Apply(%+v) = %v, want an error with %q", e, errs, want)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	l := newLab(t, "x")
	s := l.space("x")
	s.sh("ip link add core0 type veth peer name far; ip link set core0 up; ip addr add " + lmaAddr + "/64 dev core0 nodad; ip addr add 2001:db8::1 dev lo; " +
		"while [ $(ip -6 route show table local | grep -c '^local 2001:db8:') -lt 2 ]; do sleep 0.05; done") // the kernel adds them later
	ok := Config{Local: netip.MustParseAddr(lmaAddr), Role: forwarding.Anchor}
	var caps Capabilities
	s.run(func() {
		var err error
		if caps, err = Probe(); err != nil {
			t.Errorf("Probe: %v", err)
		}
	})
	t.Logf("%+v", caps)
	cases := map[string]func(c *Config){
		"none of auto, ip6tnl, seg6": func(c *Config) { c.Backend = "gre" },
		"1280..65495":                func(c *Config) { c.TunnelMTU = 1000 },
		"assign it":                  func(c *Config) { c.Local = netip.MustParseAddr("2001:db8::2") },
		"name the uplink":            func(c *Config) { c.Local = netip.MustParseAddr("2001:db8::1") },
		"both uplink and access":     func(c *Config) { c.Role, c.AccessInterfaces = forwarding.Gateway, []string{"core0"} },
		"nope0":                      func(c *Config) { c.Uplink = "nope0" },
	}
	if !caps.IP6Tunnel {
		cases["modprobe ip6_tunnel"] = func(c *Config) { c.Backend = IP6Tnl }
	}
	before := s.snapshot()
	for want, spoil := range cases {
		c := ok
		spoil(&c)
		s.run(func() {
			k, err := Open(c)
			if err == nil {
				_ = k.Close(false)
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Open(%+v) = %v, want an error with %q", c, err, want)
			}
		})
	}
	if diff := cmp.Diff(before, s.snapshot()); diff != "" {
		t.Errorf("a refused Open changed the kernel (-before +after):\n%s", diff)
	}
}

// A link that goes down and up again takes its routes with it; Disturbed tells, and a Resync brings them back.
func TestBouncedLinkIsMended(t *testing.T) {
	d := newDomain(t)
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.mn1.reaches(cnAddr)
	for _, link := range []string{"acc1", "core0"} {
		d.mag1.sh("ip link set " + link + " down; ip link set " + link + " up; ip addr replace " + magLL + "/64 dev acc1 nodad; " +
			"ip addr replace " + mag1Addr + "/64 dev core0 nodad; ip -6 route replace default via " + lmaAddr + " dev core0 onlink")
		select {
		case <-d.mag1.kernel.Disturbed():
		case <-time.After(20 * time.Second):
			t.Fatalf("%s bounced and Disturbed is silent", link)
		}
		d.mag1.resync()
		d.mn1.reaches(cnAddr)
	}
	select {
	case <-d.mag1.kernel.Disturbed():
		t.Error("Disturbed without a disturbance")
	default:
	}
}
