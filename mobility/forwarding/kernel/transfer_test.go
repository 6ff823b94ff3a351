package kernel

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"netlmm/mobility/forwarding"
)

// changed is what a step adds to the kernel and takes from it.
func changed(before, after string) string {
	var b strings.Builder
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	for _, line := range was {
		if !slices.Contains(is, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	for _, line := range is {
		if !slices.Contains(was, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	return b.String()
}

// inTransfer is an entry of mag1 between it and another gateway.
func inTransfer(hnp string, transfer forwarding.Transfer, other string) forwarding.Entry {
	e := testEntry(forwarding.Gateway, hnp, lmaAddr, "acc1")
	if e.Transfer = transfer; transfer != forwarding.NoTransfer {
		e.OtherGateway = netip.MustParseAddr(other)
	}
	return e
}

// TestGoldenTransfer renders step by step how a mobile node with both addresses leaves a gateway and comes back from where it
// went, where one of the gateways may be reached over IPv4.
func TestGoldenTransfer(t *testing.T) {
	for _, backend := range []string{SEG6, IP6Tnl} {
		for name, other := range map[string]string{"": mag2Addr, "-ipv4": "192.0.2.12"} {
			t.Run(backend+name, func(t *testing.T) {
				f := newFakeSystem()
				l := testLayout(backend, forwarding.Gateway)
				l.IPv4, l.LocalIPv4 = true, netip.MustParseAddr("192.0.2.11")
				k := newKernel(l, f)
				if err := k.ensureBase(); err != nil {
					t.Fatal(err)
				}
				state, rec := forwarding.NewState(), forwarding.New(k)
				var got strings.Builder
				for _, transfer := range []forwarding.Transfer{forwarding.NoTransfer, forwarding.Leaving, forwarding.NoTransfer, forwarding.Arriving, forwarding.Arrived, forwarding.NoTransfer} {
					before := f.String()
					for _, p := range []string{hnp1, "10.64.0.9/32"} {
						e := inTransfer(p, transfer, other)
						e.LocalRouting = true
						state.Set(e)
					}
					if err := rec.Sync(state); err != nil {
						t.Fatal(err)
					}
					fmt.Fprintf(&got, "# %v\n%s\n", transfer, changed(before, f.String()))
				}
				before := f.String()
				if err := rec.Resync(state); err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&got, "# resynchronized\n%s", changed(before, f.String()))
				compareGolden(t, filepath.Join("testdata", backend+"-transfer"+name+".txt"), got.String())
			})
		}
	}
}

// A transfer is make-before-break: after every single request there is a way for what comes from the anchor, to the access
// link or to the other gateway, and a whole one.
func TestTransferHasNoGap(t *testing.T) {
	for _, backend := range []string{SEG6, IP6Tnl} {
		for _, steps := range [][]forwarding.Transfer{
			{forwarding.NoTransfer, forwarding.Leaving, forwarding.NoTransfer},
			{forwarding.Arriving, forwarding.Arrived, forwarding.NoTransfer},
		} {
			f := newFakeSystem()
			k := newKernel(testLayout(backend, forwarding.Gateway), f)
			if err := k.ensureBase(); err != nil {
				t.Fatal(err)
			}
			for i, transfer := range steps {
				e := inTransfer(hnp1, transfer, mag2Addr)
				if errs := k.Apply([]forwarding.Change{{Prefix: e.Prefix, Entry: e}}); errs[0] != nil {
					t.Fatal(errs[0])
				}
				requests := 0
				f.after = func() {
					if requests++; !f.delivers(k, e.Prefix) {
						t.Errorf("%s, after step %d: after request %d there is no way\n%s", backend, i, requests, f)
					}
				}
			}
		}
	}
}

// delivers says whether what the anchor sends to prefix finds a way, and where that is into a tunnel, what it takes there.
func (f *fakeSystem) delivers(k *Kernel, prefix netip.Prefix) bool {
	table := k.layout.inTable(k.tunnels[netip.MustParseAddr(lmaAddr)])
	r, ok := f.table[routeKey{table: table, dst: prefix, metric: entryMetric}]
	if !ok || r.dev != acrossIn {
		return ok && (!strings.HasPrefix(r.dev, "pm") || f.hasLink(r.dev))
	}
	_, ok = f.table[routeKey{table: k.layout.transferTable(), dst: prefix, metric: entryMetric}]
	return ok
}

// The tunnel to the other gateway stands while an entry needs it, and is told with those to anchors.
func TestTunnelToTheOtherGatewayLastsAsLongAsTheTransfer(t *testing.T) {
	f := newFakeSystem()
	k := newKernel(testLayout(IP6Tnl, forwarding.Gateway), f)
	state, rec := forwarding.NewState(), forwarding.New(k)
	state.Set(inTransfer(hnp1, forwarding.Leaving, mag2Addr))
	state.Set(inTransfer(hnp2, forwarding.Arrived, mag2Addr))
	tunnels := func() string {
		t.Helper()
		if err := rec.Resync(state); err != nil {
			t.Fatal(err)
		}
		var text []string
		for _, tunnel := range rec.Status().Tunnels {
			text = append(text, fmt.Sprint(tunnel.Peer, " ", tunnel.Entries))
		}
		return strings.Join(text, ", ")
	}
	if got := tunnels(); got != lmaAddr+" 2, "+mag2Addr+" 2" {
		t.Errorf("%s", got)
	}
	state.Delete(netip.MustParsePrefix(hnp1))
	if got := tunnels(); got != lmaAddr+" 1, "+mag2Addr+" 1" {
		t.Errorf("%s", got)
	}
	state.Set(inTransfer(hnp2, forwarding.NoTransfer, ""))
	if got := tunnels(); got != lmaAddr+" 1" || len(f.links) != 1 {
		t.Errorf("%s, links %v", got, f.links)
	}
}

func TestRefusedTransfersSayWhy(t *testing.T) {
	k := newKernel(testLayout(SEG6, forwarding.Gateway), newFakeSystem())
	anchor := newKernel(testLayout(SEG6, forwarding.Anchor), newFakeSystem())
	for want, spoil := range map[string]func(e *forwarding.Entry) *Kernel{
		"without a transfer": func(e *forwarding.Entry) *Kernel { e.Transfer = forwarding.NoTransfer; return k },
		"is its anchor":      func(e *forwarding.Entry) *Kernel { e.OtherGateway = e.Peer; return k },
		"other end":          func(e *forwarding.Entry) *Kernel { e.OtherGateway = e.Local; return k },
		"\"invalid IP":       func(e *forwarding.Entry) *Kernel { e.OtherGateway = netip.Addr{}; return k },
		"IP version":         func(e *forwarding.Entry) *Kernel { e.OtherGateway = netip.MustParseAddr("192.0.2.12"); return k },
		"unknown":            func(e *forwarding.Entry) *Kernel { e.Transfer = 4; return k },
		"entry of role 1": func(e *forwarding.Entry) *Kernel {
			*e = testEntry(forwarding.Anchor, hnp1, mag1Addr, "")
			e.Transfer, e.OtherGateway = forwarding.Leaving, netip.MustParseAddr(mag2Addr)
			return anchor
		},
	} {
		e := inTransfer(hnp1, forwarding.Leaving, mag2Addr)
		on := spoil(&e)
		if err := on.Apply([]forwarding.Change{{Prefix: e.Prefix, Entry: e}})[0]; err == nil || !strings.Contains(fmt.Sprintf("%q", err), strings.ReplaceAll(want, "\"", "")) {
			t.Errorf("Apply(%+v) = %v, want an error with %q", e, err, want)
		}
	}
}

// loops names a route by which what one end of a tunnel sends would go back to it, if there is one.
func (f *fakeSystem) loops(k *Kernel) string {
	for addr, p := range k.tunnels {
		for _, r := range f.table {
			if r.table == k.layout.inTable(p) && f.leads(k, &r, p, addr) {
				return fmt.Sprintf("%s from %s", r, addr)
			}
		}
		for r := range f.policy {
			if r.ipv4 && r.iif == k.layout.device(p) && r.table == k.layout.upTable(p) {
				return r.String()
			}
		}
	}
	return ""
}

// leads says whether packets that follow r enter the tunnel to p.
func (f *fakeSystem) leads(k *Kernel, r *route, p peer, addr netip.Addr) bool {
	next := routeKey{dst: r.dst, src: r.src, metric: entryMetric}
	switch r.dev {
	case seg6In:
		next.table = k.layout.encapTable()
	case acrossIn:
		next.table = k.layout.transferTable()
	default:
		return r.dev == k.layout.device(p) || r.dev == seg6InIPv4+strconv.Itoa(p.slot)
	}
	return k.layout.Role == forwarding.Gateway && f.table[next].segment == addr
}
