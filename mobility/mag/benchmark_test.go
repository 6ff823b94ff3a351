package mag

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// BenchmarkRegistration is one attachment with its answer and its detachment, beside as many mobile nodes as the name
// says: the cost does not grow with them.
func BenchmarkRegistration(b *testing.B) {
	for _, n := range []int{0, 1000, 50000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m, err := New(Config{ProxyCareOfAddress: proxyCoA, MaximumMobileNodes: n + 1, TimestampBasedApproachInUse: true})
			if err != nil {
				b.Fatal(err)
			}
			now := start
			for i := range n {
				register(b, m, now, i)
			}
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Second) // within the rate of one session
				register(b, m, now, n)
				m.Handle(now, LinkDetached{"wlan0", macOf(n)})
			}
		})
	}
}

func macOf(i int) mobility.MobileNodeLinkLayerID {
	return mobility.LinkLayerID([6]byte{2, 0, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
}

func register(b testing.TB, m *MAG, now time.Time, i int) {
	actions := m.Handle(now, LinkAttached{
		Interface: "wlan0", MobileNodeID: mobility.NAI(fmt.Sprint(i)), MobileNodeLinkLayerID: macOf(i), AccessTechnologyType: 4, LMAAddress: defaultLMA,
	})
	var pbu mh.BindingUpdate
	if err := pbu.Decode(actions[len(actions)-1].(SendMessage).Payload); err != nil {
		b.Fatal(err)
	}
	pba := mh.BindingAcknowledgement{Flags: mh.AcknowledgementProxy, Sequence: pbu.Sequence, Lifetime: pbu.Lifetime, Options: pbu.Options}
	pba.Options.HomeNetworkPrefixes = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}), 64)}
	payload, err := pba.AppendTo(nil)
	if err != nil {
		b.Fatal(err)
	}
	m.Handle(now, MessageReceived{Source: defaultLMA, Destination: proxyCoA, Payload: payload})
}
