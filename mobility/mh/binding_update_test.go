package mh

import (
	"net/netip"
	"testing"

	"netlmm/mobility"
)

// fullUpdate is written by hand from RFC 6275 section 6.1.7 and RFC 5213 section 8, every option at its alignment.
const fullUpdate = `
	3b 0e 05 00 0000                                 # header, 120 octets, zero checksum
	0001 8200 000f                                   # sequence, A and P, 60 s
	08 07 05 020000000001                            # 12: MN-ID, EUI-48
	01 05 0000000000                                 # 21: PadN
	16 12 00 40 20010db8aaaa00010000000000000000     # 28 = 8*3+4: HNP
	17 02 00 04                                      # 48: HI
	18 02 00 04                                      # 52: ATT
	19 08 0000 020000000001                          # 56: MN-LLID
	01 02 0000                                       # 66: PadN
	1a 10 fe800000000000000200 5efffe005213          # 70 = 8*8+6: LLA
	01 00                                            # 88: PadN
	1b 08 0000650f2a80 8000                          # 90 = 8*11+2: Timestamp
	01 00                                            # 100: PadN
	03 10 20010db8000100000000000000000002           # 102 = 8*12+6: Alternate CoA
`

func fullOptions() Options {
	return Options{
		Present: set(OptionMobileNodeID, OptionHomeNetworkPrefix, OptionHandoffIndicator, OptionAccessTechnologyType,
			OptionMobileNodeLinkLayerID, OptionLinkLocalAddress, OptionTimestamp, OptionAlternateCareOfAddress),
		MobileNodeID:           mobility.EUI48([6]byte{2, 0, 0, 0, 0, 1}),
		HomeNetworkPrefixes:    []netip.Prefix{netip.MustParsePrefix("2001:db8:aaaa:1::/64")},
		HandoffIndicator:       mobility.HandoffStateUnknown,
		AccessTechnologyType:   mobility.AccessWLAN,
		MobileNodeLinkLayerID:  mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, 1}),
		LinkLocalAddress:       mobility.FixedMAGLinkLocalAddress,
		Timestamp:              0x650f2a80<<16 | 0x8000,
		AlternateCareOfAddress: netip.MustParseAddr("2001:db8:1::2"),
	}
}

func fullUpdateMessage() *BindingUpdate {
	return &BindingUpdate{Sequence: 1, Flags: UpdateAcknowledge | UpdateProxy, Lifetime: 15, Options: fullOptions()}
}

func TestBindingUpdate(t *testing.T) {
	used := func() *BindingUpdate { return &BindingUpdate{9, 9, 9, usedOptions()} }
	t.Run("every option", func(t *testing.T) {
		wantVector(t, octets(t, fullUpdate), fullUpdateMessage(), used())
	})
	t.Run("no options, RFC 6275 6.1.7: four octets of padding", func(t *testing.T) {
		wantVector(t, octets(t, "3b 01 05 00 0000 ffff fff0 ffff 01020000"), &BindingUpdate{Sequence: 0xffff, Flags: 0xfff0, Lifetime: 0xffff}, used())
	})
}

func TestBindingUpdateIsEmptyAfterAnError(t *testing.T) {
	m := BindingUpdate{9, 9, 9, usedOptions()}
	if err := m.Decode(octets(t, "3b 01 05 00 0000 ffff ffff ffff 1602 0000")); err == nil {
		t.Fatal("a Home Network Prefix option of length 2 was accepted")
	}
	if d := diff(BindingUpdate{}, m); d != "" {
		t.Errorf("left (-want +got):\n%s", d)
	}
}

// The payload buffer belongs to whoever reads from the socket.
func TestBindingUpdateKeepsNothingOfPayload(t *testing.T) {
	payload := octets(t, fullUpdate)
	var m BindingUpdate
	if err := m.Decode(payload); err != nil {
		t.Fatal(err)
	}
	for i := range payload {
		payload[i] = 0xaa
	}
	if d := diff(fullUpdateMessage(), &m); d != "" {
		t.Errorf("changed with the payload (-want +got):\n%s", d)
	}
}

func TestProxyBindingUpdateAllocations(t *testing.T) {
	payload := octets(t, fullUpdate)
	message := fullUpdateMessage()
	var m BindingUpdate
	wantAllocations(t, "Decode", 1, func() error { return m.Decode(payload) })
	wantAllocations(t, "AppendTo nil", 1, func() error { _, err := message.AppendTo(nil); return err })
	buffer := make([]byte, 0, 256)
	wantAllocations(t, "AppendTo a buffer", 0, func() error { _, err := message.AppendTo(buffer); return err })
}

func wantAllocations(t *testing.T, name string, limit float64, f func() error) {
	t.Helper()
	if n := testing.AllocsPerRun(100, func() {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}); n > limit+slack {
		t.Errorf("%s allocates %v times, want at most %v", name, n, limit)
	}
}

func BenchmarkDecodeProxyBindingUpdate(b *testing.B) {
	benchmarkDecode(b, octets(b, fullUpdate), &BindingUpdate{})
}

func BenchmarkAppendProxyBindingUpdate(b *testing.B) { benchmarkAppend(b, fullUpdateMessage()) }

func benchmarkDecode(b *testing.B, payload []byte, m codec) {
	b.ReportAllocs()
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		if err := m.Decode(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkAppend(b *testing.B, m codec) {
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buffer, err = m.AppendTo(buffer[:0]); err != nil {
			b.Fatal(err)
		}
	}
}
