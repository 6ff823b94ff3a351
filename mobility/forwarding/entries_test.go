package forwarding_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// The state does what a map of entries and a set of changed prefixes would do.
func TestStateIsAMapThatNotesChanges(t *testing.T) {
	prefixes := []netip.Prefix{{}}
	for _, p := range []string{"2001:db8::/64", "2001:db8::/48", "::/0", "2001:db8::1/128", "10.64.0.9/32", "10.64.0.0/16",
		"0.0.0.0/0", "::ffff:10.64.0.9/128", "::10.64.0.9/128"} {
		prefixes = append(prefixes, netip.MustParsePrefix(p))
	}
	rapid.Check(t, func(t *rapid.T) {
		s, want, changed := forwarding.NewState(), map[netip.Prefix]forwarding.Entry{}, map[netip.Prefix]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			p := rapid.SampledFrom(prefixes).Draw(t, "prefix")
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				e := forwarding.Entry{Prefix: p, Role: forwarding.Gateway, Local: lma, Peer: netip.MustParseAddr(fmt.Sprintf("2001:db8:c::%d", rapid.IntRange(1, 3).Draw(t, "peer"))),
					MobileNodeLinkLayerID: mobility.MobileNodeLinkLayerID(rapid.SampledFrom([]string{"", "a"}).Draw(t, "node")),
					Transfer:              forwarding.Transfer(rapid.IntRange(0, 1).Draw(t, "transfer")), Hold: rapid.Bool().Draw(t, "hold")}
				if want[p] != e {
					want[p], changed[p] = e, true
				}
				s.Set(e)
			case 2:
				if _, ok := want[p]; ok {
					delete(want, p)
					changed[p] = true
				}
				s.Delete(p)
			case 3:
				taken := s.TakeChanged()
				if len(taken) != len(changed) || slices.ContainsFunc(taken, func(p netip.Prefix) bool { return !changed[p] }) {
					t.Fatalf("changed: %v, want %v", taken, changed)
				}
				clear(changed)
			}
		}
		got := map[netip.Prefix]forwarding.Entry{}
		for e := range s.All {
			got[e.Prefix] = e
			if one, ok := s.Get(e.Prefix); !ok || one != e {
				t.Fatalf("Get(%v) = %v, All yields %v", e.Prefix, one, e)
			}
		}
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" || s.Len() != len(want) {
			t.Fatalf("%d entries (-want +got):\n%s", s.Len(), diff)
		}
	})
}

func TestPathsCountTheirEntries(t *testing.T) {
	var s forwarding.Entries
	for i := range 5 {
		s.Set(anchored(i, 1+i/3))
	}
	s.Delete(prefix(4))
	s.Set(anchored(9, 7))
	s.Delete(prefix(9))
	got := map[netip.Addr]int{}
	s.Paths(func(e forwarding.Entry, n int) bool {
		if e.Prefix.IsValid() {
			t.Errorf("a path with prefix %v", e.Prefix)
		}
		got[e.Peer] = n
		return true
	})
	if want := fmt.Sprint(map[netip.Addr]int{anchored(0, 1).Peer: 3, anchored(0, 2).Peer: 1}); fmt.Sprint(got) != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// What an anchor's bindings cost in memory here: the budget of the whole daemon is 1 KiB for each of 100,000.
func TestMemoryOfAnEntry(t *testing.T) {
	const n, most = 100_000, 100
	s := forwarding.NewState()
	before := heap()
	for i := range n {
		s.Set(forwarding.Entry{Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)}), 64),
			Role: forwarding.Anchor, Local: lma, Peer: anchored(0, 1+i%4).Peer})
		if i%64 == 0 {
			s.TakeChanged()
		}
	}
	each := (heap() - before) / n
	t.Logf("%d octets an entry", each)
	if each > most {
		t.Errorf("an entry takes %d octets, want at most %d", each, most)
	}
	runtime.KeepAlive(s)
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
