package kernel

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

func TestSenderOf(t *testing.T) {
	for prefix, want := range map[string]string{
		"2001:db8:100:1::/64": "2001:db8:100:1::", "2001:db8:100:1:8000::/65": "2001:db8:100:1::", "2001:db8:100:1::9/128": "2001:db8:100:1::",
		"2001:db8:100:1230::/60": "2001:db8:100:1230::", "2001:db8:100:1232::/63": "2001:db8:100:1230::", "2001:db8:100::/48": "2001:db8:100::",
		"2001:db8:8000::/33": "2001:db8::", "2000::/3": "::", "10.64.0.9/32": "10.64.0.9",
	} {
		e := testEntry(forwarding.Gateway, prefix, lmaAddr, "acc1")
		e.MobileNodeLinkLayerID = mobility.LinkLayerID([6]byte{2, 1})
		if got := senderOf(&e); got != (sender{[6]byte{2, 1}, netip.MustParseAddr(want)}) {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
}

// RFC 5213 section 6.10.5, on a link that is not a mobile node's alone: a station sends from its own prefix and IPv4 address only, and
// from no other's.
func TestStationSendsFromItsOwnSourcesOnly(t *testing.T) {
	d := sharedDual(t)
	d.knownOnly(t)
	d.mag1.resync()
	if m := d.mag1.rec.Status().Mended; m != 0 {
		t.Errorf("%d entries were installed again although they stood", m)
	}
	// A prefix that is no /64.
	wide := netip.MustParsePrefix("2001:db8:100:a00::/57")
	e, _ := d.mag1.state.Get(netip.MustParsePrefix(hnp1))
	e.Prefix = wide
	d.mag1.state.Set(e)
	d.mag1.sync()
	d.lma.state.Set(forwarding.Entry{Prefix: wide, Role: forwarding.Anchor, Local: d.lma.cfg.Local, Peer: d.mag1.cfg.Local})
	d.lma.sync()
	const inside, outside = "2001:db8:100:a7f::5", "2001:db8:100:a80::5"
	good := func() { d.mn1.plain(inside, cnAddr, "good") }
	cn := d.cn.listen()
	cn.only("another's prefix of 57 bits", func() { d.mn2.plain(inside, cnAddr, "bad") }, good)
	cn.only("what is outside of it", func() { d.mn1.plain(outside, cnAddr, "bad") }, good)
}

// knownOnly checks that mn1 and mn2, which are on one link, send from their own addresses and not from each other's.
func (d *domain) knownOnly(t *testing.T) {
	t.Helper()
	cn, cn4Listener, mn1, mag := d.cn.listen(), d.cn.listenIPv4(), d.mn1.listen(), d.mag1.listen()
	defer func() {
		for _, l := range []*listener{cn, cn4Listener, mn1, mag} {
			l.conn.Close()
		}
	}()
	own := func(to string) func() { return func() { d.mn2.plain(mn2Addr, to, "good") } }
	cn.only("another station's prefix", func() { d.mn2.plain(mn1Addr, cnAddr, "bad") }, own(cnAddr))
	cn.only("another address of its prefix", func() { d.mn2.plain("2001:db8:100:1::77", cnAddr, "bad") }, own(cnAddr))
	cn.only("and the other way round", func() { d.mn1.plain(mn2Addr, cnAddr, "bad") }, func() { d.mn1.plain(mn1Addr, cnAddr, "good") })
	mag.only("to the gateway itself", func() { d.mn2.plain(mn1Addr, mag1Addr, "bad") }, own(mag1Addr))
	mn1.only("to a neighbour, by local routing", func() { d.mn2.plain("2001:db8:100:1::77", mn1Addr, "bad") }, own(mn1Addr))
	own4 := func() { d.mn2.plainIPv4(mn2Home, cn4, "good") }
	cn4Listener.only("another station's IPv4 address", func() { d.mn2.plainIPv4(mn1Home, cn4, "bad") }, own4)
}

// knows lists the known senders as the packet filter has them.
func (r *router) knows() (list string) {
	r.t.Helper()
	senders, err := r.kernel.ourSenders()
	if err != nil {
		r.t.Fatal(err)
	}
	var lines []string
	for _, s := range senders {
		lines = append(lines, s.String())
	}
	return strings.Join(lines, "\n")
}

// What is known follows the bindings, is recognized by the next run, comes back after somebody took it away, and goes in the end.
func TestKnownSendersFollowTheBindings(t *testing.T) {
	d := sharedDual(t)
	expect := func(when string, n int) {
		t.Helper()
		if got := d.mag1.knows(); strings.Count(got, "nft") != n {
			t.Errorf("%s: want %d\n%s", when, n, got)
		}
	}
	expect("two mobile nodes", 4)
	restart := func() {
		t.Helper()
		if err := d.mag1.kernel.Close(true); err != nil {
			t.Fatal(err)
		}
		d.mag1.start()
	}
	restart()
	if m := d.mag1.rec.Status().Mended; m != 0 {
		t.Errorf("the next run mends %d entries that were right", m)
	}
	d.knownOnly(t)
	for what, damage := range map[string]string{
		"all":             "flush ruleset",
		"the rules":       "flush chain inet " + senderTable + " " + senderChain,
		"a link":          "delete element inet " + senderTable + " " + senderLinks + " { acc3 }",
		"whom to let in":  "flush set inet " + senderTable + " " + senderSetIPv6,
		"the same, IPv4":  "flush set inet " + senderTable + " " + senderSetIPv4,
		"one rule's text": "replace rule inet " + senderTable + " " + senderChain + " handle $h accept",
	} {
		d.mag1.sh("h=$(nft -a list chain inet " + senderTable + " " + senderChain + " | sed -n 's/.*drop.*handle //p'); nft \"" + damage + "\"")
		if what == "all" { // then, and only then, it would arrive
			cn := d.cn.listen()
			cn.only("nothing", func() {}, func() { d.mn2.plain(mn1Addr, cnAddr, "good") })
			cn.conn.Close()
		}
		d.mag1.resync()
		expect("after somebody took away "+what, 4)
		d.knownOnly(t)
	}
	// A new binding while there is no filter is not applied, and says that a comparison is due.
	d.mag1.sh("nft flush ruleset")
	another := netip.MustParsePrefix("2001:db8:100:7::/64")
	e, _ := d.mag1.state.Get(netip.MustParsePrefix(hnp1))
	e.Prefix = another
	d.mag1.state.Set(e)
	if err := d.mag1.rec.Sync(d.mag1.state); !errors.Is(err, errNoFilter) {
		t.Errorf("Sync without a filter: %v", err)
	}
	<-d.mag1.kernel.Disturbed()
	d.mag1.resync()
	expect("after a binding without filter", 5)
	// The binding of another station, also when a later run is the one that notices.
	for _, p := range []string{hnp1, mn1Home + "/32"} {
		e, _ := d.mag1.state.Get(netip.MustParsePrefix(p))
		e.MobileNodeLinkLayerID = mobility.LinkLayerID(d.mn2.mac("eth0"))
		d.mag1.state.Set(e)
	}
	d.mag1.state.Delete(another)
	d.mag1.state.TakeChanged()
	restart()
	expect("another station", 4)
	mac := d.mn1.mac("eth0")
	if got := d.mag1.knows(); strings.Contains(got, sender{mac, netip.MustParseAddr(mn1Home)}.String()) {
		t.Errorf("the former station is still known:\n%s", got)
	}
	d.cn.listen().only("the former station", func() { d.mn1.plain(mn1Addr, cnAddr, "bad") }, func() { d.mn2.plain(mn1Addr, cnAddr, "good") })
	d.mag1.state = forwarding.NewState()
	d.mag1.resync()
	expect("nobody", 0)
	if err := d.mag1.kernel.Close(false); err != nil {
		t.Fatal(err)
	}
	if out := d.mag1.sh("nft list ruleset"); strings.TrimSpace(out) != "" {
		t.Errorf("after Close:\n%s", out)
	}
}
