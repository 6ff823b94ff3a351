package kernel

import (
	"net/netip"
	"runtime"
	"testing"

	"netlmm/mobility/forwarding"
)

// forgetful takes every request and keeps nothing.
type forgetful struct{ *fakeSystem }

func (forgetful) do(requests []request) []error { return make([]error, len(requests)) }

// What a prefix costs in memory here, beside what the kernel itself needs.
func TestMemoryOfAHeldPrefix(t *testing.T) {
	const n, most = 100_000, 100
	k := newKernel(testLayout(SEG6, forwarding.Anchor), forgetful{newFakeSystem()})
	change := func(i int) []forwarding.Change {
		p := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)}), 64)
		return []forwarding.Change{{Prefix: p, Entry: forwarding.Entry{Prefix: p, Role: forwarding.Anchor,
			Local: k.layout.Local, Peer: netip.MustParseAddr([]string{mag1Addr, mag2Addr}[i&1])}}}
	}
	before := heap()
	for i := range n {
		if err := k.Apply(change(i))[0]; err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / n
	t.Logf("%d octets a prefix", each)
	if each > most {
		t.Errorf("a prefix takes %d octets, want at most %d", each, most)
	}
	runtime.KeepAlive(k)
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
