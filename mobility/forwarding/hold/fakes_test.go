package hold

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

var errFake = errors.New("no")

// bench is a Holder with everything around it in memory.
type bench struct {
	*Holder
	clock   time.Time
	waiting bool // packets in the queue
	full    int  // packets that the way out still takes before it says later; negative: any number
	broken  error
	sent    []string
	told    []Report

	gateFails bool
	gates     map[netip.Prefix]string
}

func newBench(limits Limits) *bench {
	b := &bench{clock: time.Unix(1e9, 0), full: -1, gates: map[netip.Prefix]string{}}
	b.Holder = newHolder(Config{Limits: limits, Ended: func(r Report) { b.told = append(b.told, r) }})
	b.gate, b.line, b.out, b.now = b.fakeGate(), fakeLine{b}, fakeExit{b}, func() time.Time { return b.clock }
	return b
}

func (b *bench) after(d time.Duration) { b.clock = b.clock.Add(d) }

type fakeGate struct{ *bench }

func (b *bench) fakeGate() gate { return fakeGate{b} }

func (g fakeGate) set(p netip.Prefix, state string) error {
	if g.gateFails {
		return errFake
	}
	g.gates[p] = state
	return nil
}

func (g fakeGate) keep(p netip.Prefix) error { return g.set(p, "kept") }

func (g fakeGate) open(p netip.Prefix) error { return g.set(p, "passing") }

func (g fakeGate) forget(all []netip.Prefix) error {
	if g.gateFails {
		return errFake
	}
	for _, p := range all {
		if g.gates[p] == "passing" {
			delete(g.gates, p)
		}
	}
	return nil
}

func (g fakeGate) mend() error { return nil }

func (g fakeGate) remove() error { return nil }

type fakeLine struct{ *bench }

func (l fakeLine) quiet() bool { return !l.waiting }

func (l fakeLine) overrun() uint64 { return 3 }

func (l fakeLine) mend() error { return nil }

func (l fakeLine) close() error { return nil }

type fakeExit struct{ *bench }

func (e fakeExit) send(octets []byte) error {
	if e.broken != nil {
		return e.broken
	}
	if e.full == 0 {
		return errLater
	}
	e.full--
	addr, _ := destination(octets)
	e.sent = append(e.sent, fmt.Sprint(addr, " ", binary.BigEndian.Uint32(octets[len(octets)-4:])))
	return nil
}

func (e fakeExit) close() error { return nil }

// datagram is a packet to an address that carries a number, of so many octets.
func datagram(to string, number, size int) []byte {
	addr := netip.MustParseAddr(to)
	octets := make([]byte, size)
	if addr.Is4() {
		octets[0] = 0x45
		copy(octets[16:], addr.AsSlice())
	} else {
		octets[0] = 0x60
		copy(octets[24:], addr.AsSlice())
	}
	binary.BigEndian.PutUint32(octets[size-4:], uint32(number))
	return octets
}

// come brings a packet; the answer is whether the kernel's own goes no further.
func (b *bench) come(to string, number int) bool { return b.received(datagram(to, number, 100), true) }

// entry is a mobile node's.
func entry(prefix, node string) forwarding.Entry {
	return forwarding.Entry{Prefix: netip.MustParsePrefix(prefix), Role: forwarding.Gateway, Hold: true, MobileNodeLinkLayerID: mobility.MobileNodeLinkLayerID(node)}
}
