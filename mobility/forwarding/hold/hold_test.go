package hold

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	mn1, mn2, mn14   = "2001:db8:100:1::5", "2001:db8:100:2::5", "10.64.0.9"
	hnp1, hnp2, hoa1 = "2001:db8:100:1::/64", "2001:db8:100:2::/64", "10.64.0.9/32"
)

func numbers(to string, first, last int) (all []string) {
	for i := first; i <= last; i++ {
		all = append(all, fmt.Sprint(to, " ", i))
	}
	return all
}

// What is held goes out in its order, and before what comes later; then packets pass us by.
func TestReleaseKeepsTheOrder(t *testing.T) {
	b := newBench(Limits{})
	if b.come(mn1, 0) {
		t.Error("a packet is kept before anything is held")
	}
	if err := b.Hold(entry(hnp1, "a")); err != nil || b.gates[netip.MustParsePrefix(hnp1)] != "kept" {
		t.Fatalf("%v, %v", err, b.gates)
	}
	for i := 1; i <= 10; i++ {
		b.after(time.Millisecond)
		if !b.come(mn1, i) || b.come(mn2, i) {
			t.Fatal("kept the wrong packets")
		}
	}
	b.Release(netip.MustParsePrefix(hnp1))
	if diff := cmp.Diff(numbers(mn1, 1, burst), b.sent); diff != "" {
		t.Errorf("at once (-want +got):\n%s", diff)
	}
	b.waiting = true
	for i := 11; i <= 13; i++ { // while the rest waits for its turn
		b.come(mn1, i)
	}
	b.after(drainTime / 2)
	if wait := b.step(b.clock); wait != drainStep {
		t.Errorf("the next step in %v", wait)
	}
	if len(b.told) != 0 {
		t.Error("packets pass us by while one waits to be read")
	}
	b.waiting = false
	b.come(mn1, 14)
	if diff := cmp.Diff(numbers(mn1, 1, 14), b.sent); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
	}
	want := []Report{{Prefix: netip.MustParsePrefix(hnp1), MobileNodeLinkLayerID: "a", Released: true, Most: 10, Out: 14}}
	if !slices.Equal(b.told, want) || b.gates[want[0].Prefix] != "passing" || b.come(mn1, 15) {
		t.Errorf("%+v, gates %v", b.told, b.gates)
	}
	b.forget()
	if c := b.Counters(); len(b.gates) != 0 || c.Prefixes != 0 || c.Packets != 0 || c.Octets != 0 || c.Released != 14 || c.Dropped["overrun"] != 3 {
		t.Errorf("%v, %+v", b.gates, c)
	}
}

// The rate behind the first packets follows from the one at which they came (RFC 5568 section 5.4), and ends.
func TestReleaseIsPaced(t *testing.T) {
	b := newBench(Limits{})
	_ = b.Hold(entry(hnp1, "a"))
	for i := range 105 { // 100 packets/s
		b.come(mn1, i)
		b.after(10 * time.Millisecond)
	}
	b.Release(netip.MustParsePrefix(hnp1))
	for _, c := range []struct {
		after time.Duration
		most  int // it is 525/s, so that the time that a drain may take suffices: more than 4 times what they came at
	}{{0, burst}, {20 * time.Millisecond, burst + 11}, {80 * time.Millisecond, burst + 53}, {100 * time.Millisecond, 105}} {
		b.after(c.after)
		b.step(b.clock)
		if n := len(b.sent); n > c.most || n < c.most-2 {
			t.Errorf("%v later %d are out, want %d", c.after, n, c.most)
		}
	}
	slow := meter{packets: 3, first: b.clock, last: b.clock.Add(2 * time.Second)}
	if r := slow.rate(); r != 1 || (&meter{packets: 1}).rate() != 0 {
		t.Errorf("%v packets/s", r)
	}
}

// A flow of packets that never leaves a quiet moment does not come by us for ever.
func TestReleaseEndsUnderAnyLoad(t *testing.T) {
	b := newBench(Limits{})
	_ = b.Hold(entry(hnp1, "a"))
	b.come(mn1, 1)
	b.waiting = true
	b.Release(netip.MustParsePrefix(hnp1))
	b.after(passTime - time.Millisecond)
	if b.come(mn1, 2); len(b.told) != 0 {
		t.Error("too early")
	}
	b.after(time.Millisecond)
	if b.come(mn1, 3); len(b.told) != 1 || b.told[0].Out != 3 || !b.told[0].Hurried {
		t.Errorf("%+v", b.told)
	}
}

func TestFullWayOutIsWaitedFor(t *testing.T) {
	b := newBench(Limits{})
	_ = b.Hold(entry(hnp1, "a"))
	for i := range 4 {
		b.come(mn1, i)
	}
	b.full = 2
	b.Release(netip.MustParsePrefix(hnp1))
	if len(b.sent) != 2 {
		t.Errorf("%q", b.sent)
	}
	b.full = -1
	b.after(drainStep)
	if b.step(b.clock); len(b.sent) != 4 || b.Counters().Dropped["unsendable"] != 0 {
		t.Errorf("%q", b.sent)
	}
}

func TestLimits(t *testing.T) {
	b := newBench(Limits{NodePackets: 3, NodeOctets: 1000, Packets: 5, Octets: 10000, Age: time.Second})
	for _, e := range []string{hnp1, hoa1} { // of one mobile node
		if err := b.Hold(entry(e, "a")); err != nil {
			t.Fatal(err)
		}
	}
	_ = b.Hold(entry(hnp2, ""))
	b.come(mn1, 1)
	b.come(mn14, 2)
	b.come(mn1, 3)
	b.come(mn14, 4) // what comes last is dropped
	for i := range 4 {
		b.come(mn2, i)
	}
	if c := b.Counters(); c.Packets != 5 || c.Octets != 500 || c.Dropped["node_full"] != 1 || c.Dropped["full"] != 2 {
		t.Errorf("%+v", c)
	}
	b.after(time.Second)
	b.come(mn2, 4)
	b.after(time.Millisecond)
	b.step(b.clock)
	if c := b.Counters(); c.Packets != 0 || c.Octets != 0 || c.Dropped["expired"] != 5 {
		t.Errorf("%+v", c)
	}
	if b.received(datagram(mn1, 9, 1001), true); b.Counters().Dropped["node_full"] != 2 {
		t.Errorf("%+v", b.Counters())
	}
	if !b.received(datagram(mn1, 9, 100), false) || b.Counters().Dropped["unsendable"] != 1 {
		t.Errorf("a packet of which a part is missing: %+v", b.Counters())
	}
	b.come(mn1, 10)
	b.broken = errFake
	b.Release(netip.MustParsePrefix(hnp1))
	b.after(idle)
	b.step(b.clock)
	b.Drop(netip.MustParsePrefix(hoa1))
	want := []Report{{Prefix: netip.MustParsePrefix(hnp1), MobileNodeLinkLayerID: "a", Released: true, Most: 2, Dropped: 5}, {Prefix: netip.MustParsePrefix(hoa1), MobileNodeLinkLayerID: "a", Most: 1, Dropped: 2}}
	if !slices.Equal(b.told, want) || b.Counters().Dropped["unsendable"] != 2 {
		t.Errorf("%+v, %+v", b.told, b.Counters())
	}
}

func TestDropLeavesNothing(t *testing.T) {
	b := newBench(Limits{})
	_ = b.Hold(entry(hnp1, "a"))
	b.come(mn1, 1)
	b.come(mn1, 2)
	b.Drop(netip.MustParsePrefix(hnp1))
	b.Drop(netip.MustParsePrefix(hnp1)) // and once more
	b.Release(netip.MustParsePrefix(hnp1))
	want := []Report{{Prefix: netip.MustParsePrefix(hnp1), MobileNodeLinkLayerID: "a", Most: 2, Dropped: 2}}
	if c := b.Counters(); !slices.Equal(b.told, want) || len(b.sent) != 0 || c.Dropped["gone"] != 2 || c.Packets != 0 || b.come(mn1, 3) {
		t.Errorf("%+v, %+v", b.told, c)
	}
}

// A mobile node that leaves again before all is out: what is there stays at the head.
func TestHeldAgainWhileBeingLetOut(t *testing.T) {
	b := newBench(Limits{})
	_ = b.Hold(entry(hnp1, "a"))
	for i := 1; i <= 7; i++ {
		b.come(mn1, i)
	}
	b.Release(netip.MustParsePrefix(hnp1))
	_ = b.Hold(entry(hnp1, "a"))
	b.after(time.Second)
	b.come(mn1, 8)
	if b.step(b.clock); len(b.sent) != burst || len(b.told) != 0 {
		t.Errorf("%q, %+v", b.sent, b.told)
	}
	b.Release(netip.MustParsePrefix(hnp1))
	if diff := cmp.Diff(numbers(mn1, 1, 8), b.sent); diff != "" || len(b.told) != 0 {
		t.Errorf("%+v (-want +got)\n%s", b.told, diff)
	}
	b.after(idle)
	b.step(b.clock)
	_ = b.Hold(entry(hnp1, "a"))
	if b.forget(); len(b.told) != 1 || b.gates[netip.MustParsePrefix(hnp1)] != "kept" || !b.come(mn1, 9) {
		t.Errorf("%+v, %v", b.told, b.gates)
	}
}

// A packet filter that says no costs nothing but time.
func TestGateFails(t *testing.T) {
	b := newBench(Limits{})
	b.gateFails = true
	if err := b.Hold(entry(hnp1, "a")); err == nil || b.Counters().Prefixes != 0 {
		t.Errorf("%v, %+v", err, b.Counters())
	}
	b.gateFails = false
	_ = b.Hold(entry(hnp1, "a"))
	b.gateFails = true
	b.Release(netip.MustParsePrefix(hnp1))
	if b.come(mn1, 1); len(b.told) != 0 || len(b.sent) != 1 {
		t.Errorf("%+v, %q", b.told, b.sent)
	}
	b.gateFails = false
	if b.come(mn1, 2); len(b.told) != 0 {
		t.Error("asked again at once")
	}
	b.after(chores)
	if b.come(mn1, 3); len(b.told) != 1 || b.told[0].Out != 3 {
		t.Errorf("%+v", b.told)
	}
	b.gateFails = true
	if b.forget(); len(b.gates) != 1 {
		t.Errorf("%v", b.gates)
	}
	b.gateFails = false
	if b.forget(); len(b.gates) != 0 {
		t.Errorf("%v", b.gates)
	}
}

// Whatever happens: each packet goes out at most once and in its order, those that did not are counted, and the books balance.
func TestEveryPacketIsAccountedFor(t *testing.T) {
	prefixes := map[string]string{mn1: hnp1, mn2: hnp2, mn14: hoa1}
	nodes := []string{mn1, mn2, mn14}
	rapid.Check(t, func(t *rapid.T) {
		b := newBench(Limits{NodePackets: 6, NodeOctets: 550, Packets: 9, Octets: 850, Age: 300 * time.Millisecond})
		taken := 0
		for i := range rapid.IntRange(1, 120).Draw(t, "steps") {
			mn := rapid.SampledFrom(nodes).Draw(t, "mobile node")
			p := netip.MustParsePrefix(prefixes[mn])
			switch rapid.IntRange(0, 11).Draw(t, "step") {
			case 0:
				_ = b.Hold(entry(p.String(), rapid.SampledFrom([]string{"", "a"}).Draw(t, "node")))
			case 1:
				b.Release(p)
			case 2:
				b.Drop(p)
			case 3:
				b.after(time.Duration(rapid.IntRange(0, 200).Draw(t, "milliseconds")) * time.Millisecond)
				b.step(b.clock)
			case 4:
				b.waiting = rapid.Bool().Draw(t, "waiting")
				b.full = rapid.IntRange(-1, 4).Draw(t, "room")
				b.gateFails = rapid.IntRange(0, 4).Draw(t, "gate") == 0
			case 5:
				b.forget()
			default:
				if b.come(mn, i) {
					taken++
				}
			}
			c := b.Counters()
			delete(c.Dropped, Overrun.String())
			dropped := 0
			for _, n := range c.Dropped {
				dropped += int(n)
			}
			if taken != int(c.Released)+dropped+c.Packets || c.Packets > 9 || c.Octets != 100*c.Packets || len(b.sent) != int(c.Released) {
				t.Fatalf("of %d: %+v, %d sent", taken, c, len(b.sent))
			}
			for p, k := range b.store.kept {
				if b.gates[p] != "kept" && !b.gateFails && k.drain == nil {
					t.Fatalf("%s is held, the gate has %q", p, b.gates[p])
				}
			}
		}
		last := map[string]int{}
		for _, s := range b.sent {
			var to string
			var n int
			_, _ = fmt.Sscan(strings.TrimSpace(s), &to, &n)
			if before, ok := last[to]; ok && n <= before {
				t.Fatalf("%d to %s after %d", n, to, before)
			}
			last[to] = n
		}
	})
}

func TestWhatIsNoPacketGoesItsWay(t *testing.T) {
	b := newBench(Limits{})
	_ = b.Hold(entry("::/1", "a"))
	for _, octets := range [][]byte{nil, {0x60}, make([]byte, 39), {0x45}, make([]byte, 60)} {
		if b.received(octets, true) {
			t.Errorf("% x is kept", octets)
		}
	}
}

func TestOverrunOf(t *testing.T) {
	text := "    1      7     0 2 65531    11    12      100  1\n21300  21797     0 2 65531     3     4        0  1\nnonsense\n"
	if got := overrunOf([]byte(text), 21300); got != 7 {
		t.Errorf("%d", got)
	}
	if got := overrunOf([]byte(text), 2); got != 0 {
		t.Errorf("%d", got)
	}
}

func TestIntervals(t *testing.T) {
	for p, want := range map[string]string{
		"2001:db8:100:1::/64": "2001:db8:100:1:: 2001:db8:100:2::", "10.64.0.9/32": "10.64.0.9 10.64.0.10", "2001:db8::/33": "2001:db8:: 2001:db8:8000::",
		"ffff::/16": "ffff::", "255.255.255.255/32": "255.255.255.255",
	} {
		var got []string
		for _, e := range interval(netip.MustParsePrefix(p)) {
			addr, _ := netip.AddrFromSlice(e.Key)
			got = append(got, addr.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", p, got, want)
		}
	}
}

// Whatever comes out of the queue: no panic, and an address only of what is long enough to have one.
func FuzzDestination(f *testing.F) {
	f.Add(datagram(mn1, 1, 60))
	f.Add(datagram(mn14, 1, 24))
	f.Fuzz(func(t *testing.T, octets []byte) {
		if addr, ok := destination(octets); ok != addr.IsValid() || ok && len(octets) < 20 {
			t.Errorf("%v, %v of % x", addr, ok, octets)
		}
	})
}
