package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

var errInjected = errors.New("injected")

// randomChange draws a Set or a Delete, of few prefixes and peers so that they meet.
func randomChange(t *rapid.T, s *forwarding.State, l *layout) {
	role := l.Role
	hnp := fmt.Sprintf("2001:db8:%s:%d::/64", rapid.SampledFrom([]string{"100", "200"}).Draw(t, "pool"), rapid.IntRange(1, 3).Draw(t, "prefix"))
	if l.ipv4() && rapid.Bool().Draw(t, "IPv4") {
		hnp = fmt.Sprintf("10.64.0.%d/32", rapid.IntRange(1, 3).Draw(t, "address"))
	}
	peer := randomPeer(t, l)
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		s.Delete(netip.MustParsePrefix(hnp))
	case 1:
		if role == forwarding.Anchor {
			s.Set(forwarding.Entry{Prefix: netip.MustParsePrefix(hnp), Role: forwarding.Discard})
			return
		}
		fallthrough
	default:
		access := ""
		if role == forwarding.Gateway {
			access = rapid.SampledFrom([]string{"acc1", "acc2"}).Draw(t, "access")
		}
		e := testEntry(role, hnp, peer, access)
		if e.Prefix.Addr().Is4() && l.Offload {
			e.Offload = rapid.SampledFrom([]mobility.OffloadPolicy{{}, web, allButWeb, mobility.OffloadNothing()}).Draw(t, "offload")
		}
		e.LocalRouting = role == forwarding.Gateway && rapid.Bool().Draw(t, "local routing")
		e.Local = l.end(e.Peer)
		if role == forwarding.Gateway { // one of two stations, which may have several prefixes
			e.MobileNodeLinkLayerID = rapid.SampledFrom([]mobility.MobileNodeLinkLayerID{
				"", "four", mobility.LinkLayerID([6]byte{2, 1}), mobility.LinkLayerID([6]byte{2, 2})}).Draw(t, "station")
			e.Hold = rapid.Bool().Draw(t, "hold")
			e.Transfer = forwarding.Transfer(rapid.IntRange(0, 3).Draw(t, "transfer"))
			other := netip.MustParseAddr(randomPeer(t, l))
			if e.Transfer != forwarding.NoTransfer && other != e.Peer {
				e.OtherGateway = other
				if e.Transfer != forwarding.Arrived {
					e.Offload = mobility.OffloadPolicy{}
				}
			} else {
				e.Transfer = forwarding.NoTransfer
			}
		}
		s.Set(e)
	}
}

// randomPeer draws the other end of a tunnel.
func randomPeer(t *rapid.T, l *layout) string {
	n := rapid.IntRange(20, 22).Draw(t, "peer")
	if l.sits() && (!l.Local.IsValid() || rapid.Bool().Draw(t, "over IPv4")) {
		return fmt.Sprintf("192.0.2.%d", n)
	}
	return fmt.Sprintf("2001:db8:c::%d", n)
}

// expect checks that f holds what a kernel that was given s at once, and nothing before, would hold. The slots of peers
// depend on history, so that it is compared entry by entry.
func expect(t *rapid.T, k *Kernel, f *fakeSystem, s *forwarding.State) {
	t.Helper()
	want := newFakeSystem()
	want.links, want.source, want.judges = f.links, f.source, f.judges
	want.departs = f.departs
	peers := map[netip.Addr]bool{}
	p := k.backend.base()
	for e := range s.All {
		for _, addr := range []netip.Addr{e.Peer, e.OtherGateway} {
			if addr.IsValid() && !peers[addr] {
				peers[addr] = true
				p.add(k.backend.tunnel(k.tunnels[addr]))
			}
		}
		stored := e.InKernel()
		for _, o := range k.objects(nil, &stored) {
			if o.isRule() {
				p.rules = append(p.rules, o.rule)
			} else if o.isNeighbour() {
				want.around[o.neighbour.key()] = o.neighbour
			} else if o.isSender() {
				want.known[o.sender] = true
			} else if o.isOffload() {
				want.offers[o.offload.home] = o.offload
			} else {
				p.routes = append(p.routes, o.route)
			}
		}
	}
	for _, r := range append(p.routes, p.over...) {
		want.table[r.key()] = r
	}
	delete(want.policy, bornLocalRules[0])
	if l := k.layout; l.Role == forwarding.Gateway && l.ipv4() || l.sits() {
		delete(want.policy, bornLocalRules[1])
	}
	for _, r := range p.rules {
		want.policy[r] = true
	}
	for _, h := range p.hops {
		want.next[h.id] = h
	}
	if len(k.tunnels) != len(peers) {
		t.Fatalf("%d tunnels for %d peers", len(k.tunnels), len(peers))
	}
	if len(f.links) != len(p.links) {
		t.Fatalf("%d links, want %d", len(f.links), len(p.links))
	}
	if diff := cmp.Diff(want.String(), f.String()); diff != "" {
		t.Fatalf("kernel (-want +got):\n%s", diff)
	}
}

func forEachBackend(t *testing.T, f func(t *rapid.T, l layout)) {
	for _, backend := range []string{SEG6, IP6Tnl, Sit} {
		for _, role := range []forwarding.Role{forwarding.Anchor, forwarding.Gateway} {
			t.Run(fmt.Sprintf("%s/%d", backend, role), func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) {
					l := testLayout(backend, role)
					l.IPv4 = rapid.Bool().Draw(t, "with IPv4")
					l.Offload = l.IPv4 && role == forwarding.Gateway && rapid.Bool().Draw(t, "with offload")
					if backend == Sit {
						l.Local = netip.Addr{}
					}
					if backend == Sit || rapid.Bool().Draw(t, "with IPv4 peers") {
						l.LocalIPv4 = netip.MustParseAddr("192.0.2.1")
					}
					f(t, l)
				})
			})
		}
	}
}

// Whatever the order of changes, faults, retries, resynchronizations and crashes: in the end the kernel holds what is
// desired and nothing else.
func TestAnyHistoryEndsInTheDesiredState(t *testing.T) {
	forEachBackend(t, func(t *rapid.T, l layout) {
		f := newFakeSystem()
		k := newKernel(l, f)
		if err := k.ensureBase(); err != nil {
			t.Fatal(err)
		}
		s := forwarding.NewState()
		rec := forwarding.New(k)
		faulty := rapid.Bool().Draw(t, "faulty")
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if faulty {
				countdown := rapid.IntRange(0, 12).Draw(t, "fault after")
				f.fail = func() error {
					if countdown--; countdown == -1 {
						return errInjected
					}
					return nil
				}
			}
			for range rapid.IntRange(1, 3).Draw(t, "changes") {
				randomChange(t, s, &l)
			}
			switch rapid.IntRange(0, 5).Draw(t, "then") {
			case 0:
				_ = rec.Resync(s)
			case 1:
				_ = rec.Retry(s)
			case 2: // a crash: the kernel stays, the memory goes; a start that fails is repeated
				f.fail = nil
				k = newKernel(l, f)
				if err := errors.Join(k.adopt(), k.ensureBase()); err != nil {
					t.Fatal(err)
				}
				rec = forwarding.New(k)
				if err := rec.Resync(s); err != nil {
					t.Fatal(err)
				}
			default:
				_ = rec.Sync(s)
			}
			f.separate(t, k)
		}
		f.fail = nil
		if err := errors.Join(rec.Sync(s), rec.Retry(s)); err != nil {
			t.Fatal(err)
		}
		if n := rec.Pending(); n != 0 {
			t.Fatalf("%d pending without any fault", n)
		}
		if err := k.Sweep(); err != nil {
			t.Fatal(err)
		}
		expect(t, k, f, s)
		if loop := f.loops(k); loop != "" {
			t.Fatalf("%s goes back", loop)
		}
		held, err := k.Applied()
		if err != nil || held.Len() != s.Len() {
			t.Fatalf("Applied finds %d entries (%v), want %d", held.Len(), err, s.Len())
		}
		if err := k.Close(false); err != nil {
			t.Fatal(err)
		}
		want := newFakeSystem()
		want.source = f.source
		if diff := cmp.Diff(want.String(), f.String()); diff != "" {
			t.Fatalf("after Close (-want +got):\n%s", diff)
		}
	})
}

// A handover at the anchor is make-before-break: after every single request the prefix has a path to the old or to the
// new MAG, and at the end the old one may deliver nothing.
func TestHandoverHasNoGap(t *testing.T) {
	for _, backend := range []string{SEG6, IP6Tnl} {
		f := newFakeSystem()
		k := newKernel(testLayout(backend, forwarding.Anchor), f)
		if err := k.ensureBase(); err != nil {
			t.Fatal(err)
		}
		apply := func(peer string) {
			e := testEntry(forwarding.Anchor, hnp1, peer, "")
			if errs := k.Apply([]forwarding.Change{{Prefix: e.Prefix, Entry: e}}); errs[0] != nil {
				t.Fatal(errs[0])
			}
		}
		apply(mag2Addr) // its tunnel stands, as after its first mobile node
		apply(mag1Addr)
		requests := 0
		f.after = func() {
			requests++
			old, next := k.tunnels[netip.MustParseAddr(mag1Addr)], k.tunnels[netip.MustParseAddr(mag2Addr)]
			if !f.leadsTo(k, old) && !f.leadsTo(k, next) {
				t.Errorf("%s: after request %d there is no path", backend, requests)
			}
		}
		apply(mag2Addr)
		if requests > 3 {
			t.Errorf("%s: a handover takes %d requests, want at most 3", backend, requests)
		}
		for _, r := range f.table {
			if r.table == k.layout.inTable(k.tunnels[netip.MustParseAddr(mag1Addr)]) && r.src.IsValid() {
				t.Errorf("%s: the previous MAG may still deliver by %s", backend, r)
			}
		}
	}
}

// leadsTo says whether hnp1 has all of the way to p.
func (f *fakeSystem) leadsTo(k *Kernel, p peer) bool {
	for _, o := range k.backend.entry(nil, testEntry(forwarding.Anchor, hnp1, p.addr.String(), ""), p, peer{}) {
		r := o.route
		if r.src.IsValid() { // the way back
			continue
		}
		if f.table[r.key()] != r {
			return false
		}
	}
	return true
}

// separate checks that no two peers deliver by the same table, whatever failed.
func (f *fakeSystem) separate(t *rapid.T, k *Kernel) {
	t.Helper()
	owner := map[int]netip.Prefix{}
	for r := range f.policy {
		if r.priority != k.layout.RulePriorityBase+fromTunnelRule || !r.from.IsValid() || r.ipv4 { // IPv4 ones are of mobile nodes that leave
			continue
		}
		if other, taken := owner[r.table]; taken && other != r.from {
			t.Fatalf("%s and %s deliver by table %d", other, r.from, r.table)
		}
		owner[r.table] = r.from
	}
}
