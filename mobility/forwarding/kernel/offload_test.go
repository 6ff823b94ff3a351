package kernel

import (
	"net/netip"
	"path/filepath"
	"testing"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// Two policies: what speaks TCP with port 443 of cn4's network leaves here, or everything else.
var (
	web, allButWeb = mustPolicy(mobility.OffloadMatching, webSelector), mustPolicy(mobility.OffloadOthers, webSelector)
	webSelector    = mobility.TrafficSelector{Source: mobility.Addresses(netip.MustParsePrefix("198.51.100.0/24")),
		SourcePort: mobility.Numbers(443, 443), Protocol: mobility.Numbers(6, 6)}
)

func mustPolicy(mode mobility.OffloadMode, selectors ...mobility.TrafficSelector) mobility.OffloadPolicy {
	p, err := mobility.NewOffloadPolicy(mode, selectors...)
	if err != nil {
		panic(err)
	}
	return p
}

// TestGoldenOffload renders two mobile nodes with policies, one with local routing, another policy, none, and the end.
func TestGoldenOffload(t *testing.T) {
	for _, backend := range []string{SEG6, IP6Tnl} {
		t.Run(backend, func(t *testing.T) {
			f := newFakeSystem()
			l := testLayout(backend, forwarding.Gateway)
			l.IPv4, l.Offload = true, true
			k := newKernel(l, f)
			if err := k.ensureBase(); err != nil {
				t.Fatal(err)
			}
			state, rec := forwarding.NewState(), forwarding.New(k)
			got := "# before\n" + f.String()
			set := func(home, access string, p mobility.OffloadPolicy, localRouting bool) {
				e := testEntry(forwarding.Gateway, home+"/32", lmaAddr, access)
				e.Offload, e.LocalRouting = p, localRouting
				state.Set(e)
			}
			for _, step := range []struct {
				name string
				do   func()
			}{
				{"two mobile nodes", func() { set(mn1Home, "acc1", web, false); set(mn2Home, "acc2", allButWeb, true) }},
				{"other policies", func() { set(mn1Home, "acc1", allButWeb, false); set(mn2Home, "acc2", mobility.OffloadPolicy{}, true) }},
			} {
				step.do()
				if err := rec.Sync(state); err != nil {
					t.Fatal(err)
				}
				got += "\n# " + step.name + "\n" + f.String()
			}
			if err := k.Close(false); err != nil {
				t.Fatal(err)
			}
			compareGolden(t, filepath.Join("testdata", backend+"-offload.txt"), got+"\n# closed\n"+f.String())
		})
	}
}

func TestWhatCannotBeOffloaded(t *testing.T) {
	l := testLayout(SEG6, forwarding.Gateway)
	l.IPv4, l.Offload = true, true
	entry := func(change func(*forwarding.Entry)) forwarding.Entry {
		e := testEntry(forwarding.Gateway, mn1Home+"/32", lmaAddr, "acc1")
		e.Offload = web
		change(&e)
		return e
	}
	for what, e := range map[string]forwarding.Entry{
		"":               entry(func(*forwarding.Entry) {}),
		"IPv6":           entry(func(e *forwarding.Entry) { e.Prefix = netip.MustParsePrefix(hnp1) }),
		"an IPv4 prefix": entry(func(e *forwarding.Entry) { e.Prefix = netip.MustParsePrefix("10.64.0.0/31") }),
		"leaving": entry(func(e *forwarding.Entry) {
			e.Transfer, e.OtherGateway = forwarding.Leaving, netip.MustParseAddr(mag2Addr)
		}),
		"arriving": entry(func(e *forwarding.Entry) {
			e.Transfer, e.OtherGateway = forwarding.Arriving, netip.MustParseAddr(mag2Addr)
		}),
	} {
		k := newKernel(l, newFakeSystem())
		if err := k.check(&forwarding.Change{Prefix: e.Prefix, Entry: e}); (err == nil) != (what == "") {
			t.Errorf("%q: %v", what, err)
		}
	}
	l.Offload = false
	e := entry(func(*forwarding.Entry) {})
	if newKernel(l, newFakeSystem()).check(&forwarding.Change{Prefix: e.Prefix, Entry: e}) == nil {
		t.Error("a policy on a data plane that was opened without")
	}
	for _, c := range []Config{
		{Role: forwarding.Anchor, IPv4: true, Offload: true}, {Role: forwarding.Gateway, Offload: true}, {Role: forwarding.Gateway, OffloadNAT: "both"},
	} {
		c.Local = netip.MustParseAddr(mag1Addr)
		if c.withDefaults().validate() == nil {
			t.Errorf("accepted: %+v", c)
		}
	}
}

// A policy is read back from the comments of its rules.
func TestPoliciesAreReadBack(t *testing.T) {
	full := mobility.TrafficSelector{Source: mobility.AddressRange{First: netip.MustParseAddr("255.255.255.254"), Last: netip.MustParseAddr("255.255.255.255")},
		Destination: mobility.AddressRange{First: netip.MustParseAddr("255.255.255.254"), Last: netip.MustParseAddr("255.255.255.255")},
		SPI:         mobility.Numbers(4294967294, 4294967295), SourcePort: mobility.Numbers(65534, 65535), DestinationPort: mobility.Numbers(65534, 65535),
		DS: mobility.Numbers(254, 255), Protocol: mobility.Numbers(254, 255)}
	for _, selectors := range [][]mobility.TrafficSelector{{{}}, {webSelector}, {full, full}, {{}, full, webSelector}} {
		for _, mode := range []mobility.OffloadMode{mobility.OffloadMatching, mobility.OffloadOthers} {
			want := mustPolicy(mode, selectors...)
			var comments []string
			for _, r := range policyRules(want) {
				if len(r.comment) > 250 {
					t.Errorf("%d octets are too many for a comment: %q", len(r.comment), r.comment)
				}
				comments = append(comments, r.comment)
			}
			if got, ok := readPolicy(comments); !ok || got != want {
				t.Errorf("%q is read as %v, %v", comments, got, ok)
			}
			for i := range comments {
				changed := append([]string{}, comments...)
				changed[i] = "x" + changed[i]
				if _, ok := readPolicy(changed); ok {
					t.Errorf("%q is read", changed)
				}
			}
			if _, ok := readPolicy(comments[1:]); ok && len(selectors) == 1 {
				t.Errorf("%q is read", comments[1:])
			}
		}
	}
	if _, ok := readPolicy(nil); ok {
		t.Error("no rules are read")
	}
}

// The mark of a flow says whose it is, and is never one that says something else.
func TestMarksOfFlows(t *testing.T) {
	l := testLayout(SEG6, forwarding.Gateway)
	l.Offload, l.OffloadNAT = true, Masquerade
	seen := map[uint32]bool{}
	for _, policy := range []mobility.OffloadPolicy{web, allButWeb} {
		for n := range byte(200) {
			e := testEntry(forwarding.Gateway, mn1Home+"/32", lmaAddr, "acc1")
			e.MobileNodeLinkLayerID, e.Offload = mobility.LinkLayerID([6]byte{2, n}), policy
			o := l.offloadOf(&e)
			if seen[o.mark] || o.mark&^uint32(flowMask) != 0 || o.mark == 0 || o.mark == flowStays {
				t.Fatalf("mark %#x", o.mark)
			}
			seen[o.mark] = true
		}
	}
}
