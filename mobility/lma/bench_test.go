package lma

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// tester is what tests, benchmarks and properties have in common here.
type tester interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// population is an anchor with mobile nodes, and the means to send it PBUs for them.
type population struct {
	tb     tester
	lma    *LMA
	now    time.Time
	ids    []mobility.MobileNodeID
	update mh.BindingUpdate
	buffer []byte
}

func populate(tb tester, bindings, more int) *population {
	lma, err := New(Config{
		LMAAddresses:    []netip.Addr{lmaAddress},
		Pools:           []netip.Prefix{netip.MustParsePrefix("2001:db8::/36")},
		IPv4Pools:       []IPv4Pool{{Network: netip.MustParsePrefix("10.0.0.0/8")}},
		MaximumBindings: bindings + more,
		Authorized:      func(netip.Addr, string) bool { return true },
		Random:          func([]byte) {},
		Profile: func(id mobility.MobileNodeID) (mobility.Profile, bool) {
			return mobility.Profile{MobileNodeID: id, ProxyRegistration: true, IPv4Mobility: true}, true
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	p := &population{tb: tb, lma: lma, now: epoch}
	p.update.Flags = mh.UpdateAcknowledge | mh.UpdateProxy
	p.update.Lifetime = 0xffff
	o := &p.update.Options
	o.Present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix, mh.OptionHandoffIndicator, mh.OptionAccessTechnologyType,
		mh.OptionMobileNodeLinkLayerID, mh.OptionTimestamp)
	o.HomeNetworkPrefixes = []netip.Prefix{netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	o.HandoffIndicator, o.AccessTechnologyType = mobility.HandoffStateUnknown, mobility.AccessWLAN
	for i := range bindings + more {
		p.ids = append(p.ids, mobility.NAI(fmt.Sprintf("mn%d@example.net", i)))
	}
	for i := range bindings {
		p.register(i, 1)
	}
	return p
}

// event is the PBU by which a MAG registers the n-th mobile node, a millisecond later.
func (p *population) event(n, mag int) MessageReceived {
	p.now = p.now.Add(time.Millisecond)
	o := &p.update.Options
	o.MobileNodeID = p.ids[n]
	o.MobileNodeLinkLayerID = mobility.MobileNodeLinkLayerID(binary.BigEndian.AppendUint64(nil, uint64(n+1))[2:])
	o.Timestamp = mh.TimestampOf(p.now)
	var err error
	if p.buffer, err = p.update.AppendTo(p.buffer[:0]); err != nil {
		p.tb.Fatal(err)
	}
	source := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0xf, 15: byte(mag)})
	return MessageReceived{Source: source, Destination: lmaAddress, Payload: p.buffer}
}

func (p *population) register(n, mag int) { p.expect(p.lma.Handle(p.now, p.event(n, mag)), n) }

func (p *population) expect(actions []Action, n int) {
	if sent, ok := actions[len(actions)-1].(SendMessage); !ok || !sent.Status.Accepted() {
		p.tb.Fatalf("mobile node %d: %v", n, actions)
	}
	p.lma.Forwarding().TakeChanged()
}

var sizes = []int{1_000, 100_000}

// bench measures Handle alone for the PBUs that choose names. The cost is to be the same at every size.
func bench(b *testing.B, more func(n int) int, choose func(i, bindings int) (n, mag int)) {
	for _, bindings := range sizes {
		b.Run(fmt.Sprintf("bindings=%d", bindings), func(b *testing.B) {
			p := populate(b, bindings, more(b.N))
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				n, mag := choose(i, bindings)
				b.StopTimer()
				ev := p.event(n, mag)
				b.StartTimer()
				actions := p.lma.Handle(p.now, ev)
				b.StopTimer()
				p.expect(actions, n)
				b.StartTimer()
			}
		})
	}
}

func none(int) int  { return 0 }
func all(n int) int { return n }

func BenchmarkRegister(b *testing.B) {
	bench(b, all, func(i, bindings int) (int, int) { return bindings + i, 1 })
}

func BenchmarkRefresh(b *testing.B) {
	bench(b, none, func(i, bindings int) (int, int) { return i * 7919 % bindings, 1 })
}

func BenchmarkHandover(b *testing.B) {
	bench(b, none, func(i, bindings int) (int, int) { return i * 7919 % bindings, 2 + i/bindings%2 })
}
