package mh

import (
	"net/netip"
	"testing"

	"netlmm/mobility"
)

// handoverInitiate is written by hand from RFC 5949 sections 6.1.1 and 6.2: what a previous MAG sends when it expects a handover.
const handoverInitiate = `
	3b 0e 0e 00 0000                                 # header, 120 octets
	0102 30 03                                       # sequence 258, P and F, all available context transferred
	08 02 01 61                                      # 10: MN-ID "a"
	01 04 00000000                                   # 14: PadN
	16 12 00 40 20010db8aaaa00010000000000000000     # 20 = 8*2+4: HNP
	19 08 0000 020000000001                          # 40: MN Link-layer Identifier
	01 02 0000                                       # 50: PadN
	1a 10 fe8000000000000002005efffe005213           # 54 = 8*6+6: Link-local Address
	24 06 60 00 c0000207                             # 72 = 4*18: IPv4 Home Address Request, 192.0.2.7/24
	29 12 01 00 20010db8000f00000000000000000001     # 80: LMA Address
	2a 0a 0000 0200 00ff fe00 0001                   # 100: MN LLA-IID
	13 06 00007ed9 05 ab                             # 112: Vendor Specific
`

func handoverInitiateMessage() *HandoverInitiate {
	return &HandoverInitiate{
		Sequence: 258, Flags: InitiateProxy | InitiateForwarding, Code: InitiateAllContextTransferred,
		Options: Options{
			Present: set(OptionMobileNodeID, OptionHomeNetworkPrefix, OptionMobileNodeLinkLayerID, OptionLinkLocalAddress,
				OptionIPv4HomeAddressRequest, OptionLMAAddress, OptionLinkLocalInterfaceID),
			MobileNodeID:           mobility.NAI("a"),
			HomeNetworkPrefixes:    []netip.Prefix{netip.MustParsePrefix("2001:db8:aaaa:1::/64")},
			MobileNodeLinkLayerID:  mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, 1}),
			LinkLocalAddress:       mobility.FixedMAGLinkLocalAddress,
			IPv4HomeAddressRequest: netip.MustParsePrefix("192.0.2.7/24"),
			LMAAddress:             netip.MustParseAddr("2001:db8:f::1"),
			LinkLocalInterfaceID:   InterfaceID{2, 0, 0, 0xff, 0xfe, 0, 0, 1},
			Unknown:                []RawOption{{OptionVendorSpecific, "\x00\x00\x7e\xd9\x05\xab"}},
		},
	}
}

func TestHandoverInitiate(t *testing.T) {
	used := func() *HandoverInitiate { return &HandoverInitiate{9, 9, 9, usedOptions()} }
	t.Run("with the context", func(t *testing.T) {
		wantVector(t, octets(t, handoverInitiate), handoverInitiateMessage(), used())
	})
	t.Run("of RFC 5568", func(t *testing.T) {
		wantVector(t, octets(t, `3b 07 0e 00 0000 0001 c0 00
			07 07 02 020000000001                            # 10: link-layer address of the mobile node
			00                                               # 19: Pad1
			22 12 01 80 20010db8000000000000000000000001     # 20 = 8*2+4: previous care-of address
			01 02 0000                                       # 40: PadN
			22 12 02 80 20010db8000000010000000000000001     # 44 = 8*5+4: new care-of address`),
			&HandoverInitiate{Sequence: 1, Flags: InitiateAssignedAddress | InitiateBuffer, Options: Options{
				Present:          set(OptionLinkLayerAddress, OptionAddressPrefix),
				LinkLayerAddress: LinkLayerAddress{LinkLayerAddressOfMobileNode, "\x02\x00\x00\x00\x00\x01"},
				AddressPrefixes: []AddressPrefix{
					{AddressOldCareOf, netip.MustParsePrefix("2001:db8::1/128")}, {AddressNewCareOf, netip.MustParsePrefix("2001:db8:0:1::1/128")},
				},
			}}, used())
	})
	t.Run("a request for context", func(t *testing.T) {
		wantVector(t, octets(t, `3b 03 0e 00 0000 ffff 60 00
			08 02 01 61
			28 0d 0000 16 00 19 00 13 05 00007ed9 05         # 14: HNP, MN-LLID, a vendor's
			01 01 00                                         # 29: PadN`),
			&HandoverInitiate{Sequence: 0xffff, Flags: InitiateProxy | InitiateBuffer, Options: Options{
				Present: set(OptionMobileNodeID, OptionContextRequest), MobileNodeID: mobility.NAI("a"),
				ContextRequest: []RequestedContext{{OptionHomeNetworkPrefix, ""}, {OptionMobileNodeLinkLayerID, ""}, {OptionVendorSpecific, "\x00\x00\x7e\xd9\x05"}},
			}}, used())
	})
}

func TestHandoverAcknowledge(t *testing.T) {
	used := func() *HandoverAcknowledge { return &HandoverAcknowledge{9, 9, 9, usedOptions()} }
	t.Run("accepted", func(t *testing.T) {
		wantVector(t, octets(t, "3b 01 0f 00 0000 0102 60 05 08020161 0100"),
			&HandoverAcknowledge{Sequence: 258, Flags: HandoverProxy | HandoverForwarding, Code: HandoverContextAccepted,
				Options: Options{Present: set(OptionMobileNodeID), MobileNodeID: mobility.NAI("a")}}, used())
	})
	t.Run("of RFC 5568, without options", func(t *testing.T) {
		wantVector(t, octets(t, "3b 01 0f 00 0000 0001 00 03 0104 00000000"),
			&HandoverAcknowledge{Sequence: 1, Code: HandoverAcceptedUsePreviousCoA}, used())
	})
	t.Run("over IPv4", func(t *testing.T) {
		wantVector(t, octets(t, `3b 02 0f 00 0000 0001 c0 06
			08 02 01 61 29 06 02 00 c0000201 0100`),
			&HandoverAcknowledge{Sequence: 1, Flags: HandoverProxy | HandoverBuffer, Code: HandoverAllContextTransferred,
				Options: Options{Present: set(OptionMobileNodeID, OptionLMAAddress), MobileNodeID: mobility.NAI("a"), LMAAddress: netip.MustParseAddr("192.0.2.1")}}, used())
	})
}

func TestHandoverErrors(t *testing.T) {
	initiate, acknowledge := HandoverInitiate{9, 9, 9, usedOptions()}, HandoverAcknowledge{9, 9, 9, usedOptions()}
	wantDecodeError(t, initiate.Decode(octets(t, "3b 01 0e 00 0000 0001 20 00 2a04 00000000")), DecodeError{11, "Mobile Node Link-local Address Interface Identifier option", "has length 4, want 10", Drop})
	wantDecodeError(t, acknowledge.Decode(octets(t, "3b 01 0f 00 0000 0001 20 00 0801 01 2b01 00")), DecodeError{14, "Transient Binding option", "has length 1, want 2", Drop})
	if d := diff(HandoverInitiate{}, initiate) + diff(HandoverAcknowledge{}, acknowledge); d != "" {
		t.Errorf("left after an error (-want +got):\n%s", d)
	}
}

// Reserved bits are the receiver's to ignore (RFC 5568 sections 6.2.1.1 and 6.2.1.2).
func TestHandoverIgnoresReservedBits(t *testing.T) {
	var initiate HandoverInitiate
	if err := initiate.Decode(octets(t, "3b 01 0e 00 0000 0001 2f 00 0104 00000000")); err != nil || initiate.Flags != InitiateProxy {
		t.Errorf("flags %#x, %v, want P only", initiate.Flags, err)
	}
	var acknowledge HandoverAcknowledge
	if err := acknowledge.Decode(octets(t, "3b 01 0f 00 0000 0001 5f 00 0104 00000000")); err != nil || acknowledge.Flags != HandoverProxy {
		t.Errorf("flags %#x, %v, want P only", acknowledge.Flags, err)
	}
}

func TestHandoverAllocations(t *testing.T) {
	message, payload := handoverInitiateMessage(), octets(t, handoverInitiate)
	var m HandoverInitiate
	wantAllocations(t, "Decode", 1, func() error { return m.Decode(payload) })
	wantAllocations(t, "AppendTo nil", 1, func() error { _, err := message.AppendTo(nil); return err })
	answer := HandoverAcknowledge{Flags: HandoverProxy, Options: message.Options}
	wantAllocations(t, "AppendTo nil", 1, func() error { _, err := answer.AppendTo(nil); return err })
}

// RFC 5949 sections 6.2.1 to 6.2.3: zero when sent, which the vectors show, and ignored when received.
func TestReservedFieldsOfHandoverOptions(t *testing.T) {
	for _, options := range [][2]string{
		{"28 04 ffff 16 00 01 00", "28 04 0000 16 00 01 00"},
		{"29 06 02 ff c0000201 01 02 0000", "29 06 02 00 c0000201 01 02 0000"},
		{"2a 0a ffff 020000fffe000001", "2a 0a 0000 020000fffe000001"},
	} {
		var got, want BindingUpdate
		if err := got.Decode(updateOf(octets(t, options[0]))); err != nil {
			t.Fatal(err)
		}
		if err := want.Decode(updateOf(octets(t, options[1]))); err != nil {
			t.Fatal(err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}
