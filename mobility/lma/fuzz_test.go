package lma

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// FuzzHandle: no octets from a MAG panic the anchor or leave it inconsistent, whatever they are.
func FuzzHandle(f *testing.F) {
	p := populate(f, 0, 3)
	for n := range 3 {
		f.Add(append([]byte(nil), p.event(n, 1).Payload...))
	}
	p.update.Options.Present.Add(mh.OptionIPv4HomeAddressRequest)
	p.update.Options.IPv4HomeAddressRequest = netip.MustParsePrefix("10.0.0.9/8")
	f.Add(append([]byte(nil), p.event(0, 1).Payload...))
	for _, text := range []string{"3b011000000001000001800001020000", "3b021000000001050007c000080501a0a0a0a00100000000", "3b0005", "3b000d0000000000", "3b01050000000001c200004b01020000"} {
		payload, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		p := populate(t, 2, 1)
		ev := p.event(2, 1)
		if len(payload)%2 == 1 { // of a peer whose messages are mended first
			p.lma.cfg.Compat = func(netip.Addr) mobility.Compat { return mobility.CompatOAI }
		}
		ev.Payload = payload
		p.lma.Handle(p.now, ev)
		prefixes := 0
		for _, e := range p.lma.Snapshot() {
			prefixes += len(e.HomeNetworkPrefixes)
			if e.IPv4HomeAddress.IsValid() {
				prefixes++
			}
		}
		if held := p.lma.Forwarding().Len(); held != prefixes {
			t.Fatalf("%d forwarding entries for %d bound prefixes", held, prefixes)
		}
		p.lma.Expire(p.now.AddDate(1, 0, 0)) // which answers one that waits
		p.lma.Expire(p.now.AddDate(2, 0, 0))
		if p.lma.Len() != 0 || p.lma.Forwarding().Len() != 0 {
			t.Fatalf("%d bindings and %d forwarding entries outlive their lifetime", p.lma.Len(), p.lma.Forwarding().Len())
		}
	})
}
