package mh

import (
	"net/netip"
	"testing"

	"netlmm/mobility"
)

// rejection is written by hand from RFC 6275 section 6.1.8 and RFC 5213 section 8.2.
const rejection = `
	3b 05 06 00 0000                                 # header, 48 octets
	9c 20 0102 0000                                  # TIMESTAMP_MISMATCH, P, sequence 258, no lifetime
	08 02 01 61                                      # 12: MN-ID "a"
	01 02 0000                                       # 16: PadN
	16 12 00 00 00000000000000000000000000000000     # 20 = 8*2+4: HNP ::/0
	17 02 00 01                                      # 40: HI
	18 02 00 04                                      # 44: ATT
`

func rejectionMessage() *BindingAcknowledgement {
	return &BindingAcknowledgement{
		Status: mobility.StatusTimestampMismatch, Flags: AcknowledgementProxy, Sequence: 258,
		Options: Options{
			Present:              set(OptionMobileNodeID, OptionHomeNetworkPrefix, OptionHandoffIndicator, OptionAccessTechnologyType),
			MobileNodeID:         mobility.NAI("a"),
			HomeNetworkPrefixes:  []netip.Prefix{netip.PrefixFrom(netip.IPv6Unspecified(), 0)},
			HandoffIndicator:     mobility.AttachmentOverNewInterface,
			AccessTechnologyType: mobility.AccessWLAN,
		},
	}
}

func TestBindingAcknowledgement(t *testing.T) {
	used := func() *BindingAcknowledgement { return &BindingAcknowledgement{9, 9, 9, 9, usedOptions()} }
	t.Run("rejection", func(t *testing.T) {
		wantVector(t, octets(t, rejection), rejectionMessage(), used())
	})
	t.Run("no options, RFC 6275 6.1.8: four octets of padding", func(t *testing.T) {
		wantVector(t, octets(t, "3b 01 06 00 0000 00 e0 ffff 000f 01020000"), &BindingAcknowledgement{Flags: 0xe0, Sequence: 0xffff, Lifetime: 15}, used())
	})
}

func TestBindingAcknowledgementIsEmptyAfterAnError(t *testing.T) {
	m := BindingAcknowledgement{9, 9, 9, 9, usedOptions()}
	if err := m.Decode(octets(t, "3b 01 06 00 0000 ffff ffff ffff 1702 0001")[:15]); err == nil {
		t.Fatal("a truncated message was accepted")
	}
	if d := diff(BindingAcknowledgement{}, m); d != "" {
		t.Errorf("left (-want +got):\n%s", d)
	}
}

func TestProxyBindingAcknowledgementAllocations(t *testing.T) {
	message := &BindingAcknowledgement{Flags: AcknowledgementProxy, Sequence: 1, Lifetime: 15, Options: fullOptions()}
	payload := encoded(t, message)
	var m BindingAcknowledgement
	wantAllocations(t, "Decode", 1, func() error { return m.Decode(payload) })
	wantAllocations(t, "AppendTo nil", 1, func() error { _, err := message.AppendTo(nil); return err })
}

func BenchmarkDecodeProxyBindingAcknowledgement(b *testing.B) {
	benchmarkDecode(b, octets(b, rejection), &BindingAcknowledgement{})
}

func BenchmarkAppendProxyBindingAcknowledgement(b *testing.B) {
	benchmarkAppend(b, rejectionMessage())
}
