package mh

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"netlmm/mobility"
)

func addresses() *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "octets")))
	})
}

func prefixesAnyLength() *rapid.Generator[netip.Prefix] {
	return rapid.Custom(func(t *rapid.T) netip.Prefix {
		return netip.PrefixFrom(addresses().Draw(t, "address"), rapid.IntRange(0, 128).Draw(t, "length")).Masked()
	})
}

func text(t *rapid.T, max int, label string) string {
	return string(rapid.SliceOfN(rapid.Byte(), 0, max).Draw(t, label))
}

// anyOptions draws what fits into one message: every field present or not, unknown options, a second option of a kind.
func anyOptions() *rapid.Generator[Options] {
	return rapid.Custom(func(t *rapid.T) (o Options) {
		present := func(option OptionType) bool {
			if !rapid.Bool().Draw(t, option.String()) {
				return false
			}
			o.Present.Add(option)
			return true
		}
		if present(OptionMobileNodeID) {
			o.MobileNodeID = mobility.MobileNodeID{Subtype: mobility.MobileNodeIDSubtype(rapid.Byte().Draw(t, "subtype")), Value: text(t, 254, "identifier")}
		}
		if present(OptionHomeNetworkPrefix) {
			o.HomeNetworkPrefixes = rapid.SliceOfN(prefixesAnyLength(), 1, 5).Draw(t, "prefixes")
		}
		if present(OptionHandoffIndicator) {
			o.HandoffIndicator = mobility.HandoffIndicator(rapid.Byte().Draw(t, "HI"))
			if rapid.Bool().Draw(t, "twice") {
				o.Unknown = append(o.Unknown, RawOption{OptionHandoffIndicator, "\x00\x02"})
			}
		}
		if present(OptionAccessTechnologyType) {
			o.AccessTechnologyType = mobility.AccessTechnologyType(rapid.Byte().Draw(t, "ATT"))
		}
		if present(OptionMobileNodeLinkLayerID) {
			o.MobileNodeLinkLayerID = mobility.MobileNodeLinkLayerID(text(t, 253, "link-layer identifier"))
		}
		if present(OptionLinkLocalAddress) {
			o.LinkLocalAddress = addresses().Draw(t, "link-local address")
		}
		if present(OptionTimestamp) {
			o.Timestamp = Timestamp(rapid.Uint64().Draw(t, "timestamp"))
		}
		if present(OptionAlternateCareOfAddress) {
			o.AlternateCareOfAddress = addresses().Draw(t, "care-of address")
		}
		extensions(t, &o, present)
		handovers(t, &o, present)
		for range rapid.IntRange(0, 3).Draw(t, "unknown") {
			option := rapid.Map(rapid.ByteRange(44, 255), func(n byte) OptionType { return OptionType(n) }).
				Filter(func(n OptionType) bool { return !withField.Has(n) }).Draw(t, "type")
			o.Unknown = append(o.Unknown, RawOption{option, text(t, 200, "data")})
		}
		return o
	})
}

// extensions draws the options from beyond RFC 5213.
func extensions(t *rapid.T, o *Options, present func(OptionType) bool) {
	if present(OptionBindingRefreshAdvice) {
		o.BindingRefreshAdvice = rapid.Uint16().Draw(t, "refresh interval")
	}
	if present(OptionServiceSelection) {
		o.ServiceSelection = string(rapid.SliceOfN(rapid.Byte(), 1, 255).Draw(t, "service"))
	}
	if present(OptionRestartCounter) {
		o.RestartCounter = rapid.Uint32().Draw(t, "restart counter")
	}
	if present(OptionIPv4HomeAddressRequest) {
		o.IPv4HomeAddressRequest = ipv4Addresses().Draw(t, "requested address")
	}
	if present(OptionIPv4HomeAddressReply) {
		status := IPv4HomeAddressStatus(rapid.Byte().Draw(t, "status of the address"))
		o.IPv4HomeAddressReply = IPv4HomeAddressReply{status, ipv4Addresses().Draw(t, "assigned address")}
	}
	if present(OptionIPv4DefaultRouter) {
		o.IPv4DefaultRouter = ipv4Addresses().Draw(t, "router").Addr()
	}
	if present(OptionIPv4DHCPSupportMode) {
		o.IPv4DHCPSupportMode = rapid.SampledFrom([]DHCPSupportMode{DHCPRelay, DHCPServer}).Draw(t, "mode")
	}
}

// handovers draws the options of fast handovers.
func handovers(t *rapid.T, o *Options, present func(OptionType) bool) {
	if present(OptionLinkLayerAddress) {
		o.LinkLayerAddress = LinkLayerAddress{rapid.Byte().Draw(t, "code of the address"), text(t, 30, "link-layer address")}
	}
	if present(OptionAddressPrefix) {
		for _, p := range rapid.SliceOfN(prefixesAnyLength(), 1, 3).Draw(t, "addresses") {
			o.AddressPrefixes = append(o.AddressPrefixes, AddressPrefix{AddressPrefixCode(rapid.Byte().Draw(t, "what")), p})
		}
	}
	if present(OptionContextRequest) {
		for range rapid.IntRange(0, 5).Draw(t, "requests") {
			o.ContextRequest = append(o.ContextRequest, RequestedContext{OptionType(rapid.Byte().Draw(t, "request")), text(t, 6, "beyond")})
		}
	}
	if present(OptionLMAAddress) {
		o.LMAAddress = addresses().Draw(t, "LMA address")
		if rapid.Bool().Draw(t, "IPv4") {
			o.LMAAddress = ipv4Addresses().Draw(t, "IPv4 LMA address").Addr()
		}
	}
	if present(OptionLinkLocalInterfaceID) {
		copy(o.LinkLocalInterfaceID[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "interface identifier"))
	}
	if present(OptionTransientBinding) {
		o.TransientBinding = TransientBinding{rapid.Bool().Draw(t, "late path switch"), rapid.Byte().Draw(t, "transient lifetime")}
	}
	if present(OptionIPv4TrafficOffloadSelector) {
		o.IPv4TrafficOffloadSelectors = rapid.SliceOfN(offloadSelectors(), 1, 4).Draw(t, "offload selectors")
	}
}

func ipv4Addresses() *rapid.Generator[netip.Prefix] {
	return rapid.Custom(func(t *rapid.T) netip.Prefix {
		octets := [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "octets"))
		return netip.PrefixFrom(netip.AddrFrom4(octets), rapid.IntRange(0, 32).Draw(t, "length"))
	})
}

// alignments are the RFCs' own words again, apart from the table of the codec.
var alignments = map[byte][2]int{
	2: {2, 0}, 3: {8, 6}, // RFC 6275 6.2.4, 6.2.5
	22: {8, 4}, 26: {8, 6}, 27: {8, 2}, // RFC 5213 8.3, 8.7, 8.8
	28: {4, 2},                         // RFC 5847 3.4
	34: {8, 4},                         // RFC 5568 6.4.2
	36: {4, 0}, 37: {4, 0}, 38: {4, 0}, // RFC 5844 3.3.1 to 3.3.3
	53: {4, 0}, // RFC 6909 3.1
}

// wantLayout walks the options of an encoded message by itself.
func wantLayout(t *rapid.T, b []byte, at int) {
	if len(b)%8 != 0 || int(b[1]) != len(b)/8-1 {
		t.Fatalf("%d octets, Header Len %d", len(b), b[1])
	}
	for at < len(b) {
		if b[at] == 0 {
			at++
			continue
		}
		if a, ok := alignments[b[at]]; ok && at%a[0] != a[1] {
			t.Fatalf("option %d at %d, want %dn+%d", b[at], at, a[0], a[1])
		}
		at += 2 + int(b[at+1])
	}
	if at != len(b) {
		t.Fatalf("options end at %d of %d", at, len(b))
	}
}

// wantRoundTrip encodes, looks at the layout if there are options, and decodes into a used receiver.
func wantRoundTrip(t *rapid.T, want, got codec, optionsAt int) {
	b, err := want.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	if optionsAt > 0 {
		wantLayout(t, b, optionsAt)
	}
	if err := got.Decode(b); err != nil {
		t.Fatalf("%v in %x", err, b)
	}
	if d := diff(want, got); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
	if again, err := got.AppendTo(nil); err != nil || !slices.Equal(again, b) {
		t.Fatalf("again %x, %v, want %x", again, err, b)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Run("Binding Update", rapid.MakeCheck(func(t *rapid.T) {
		wantRoundTrip(t, &BindingUpdate{
			Sequence: rapid.Uint16().Draw(t, "sequence"),
			Flags:    BindingUpdateFlags(rapid.Uint16().Draw(t, "flags")),
			Lifetime: rapid.Uint16().Draw(t, "lifetime"),
			Options:  anyOptions().Draw(t, "options"),
		}, &BindingUpdate{9, 9, 9, usedOptions()}, 12)
	}))
	t.Run("Binding Acknowledgement", rapid.MakeCheck(func(t *rapid.T) {
		wantRoundTrip(t, &BindingAcknowledgement{
			Status:   mobility.Status(rapid.Byte().Draw(t, "status")),
			Flags:    BindingAcknowledgementFlags(rapid.Byte().Draw(t, "flags")),
			Sequence: rapid.Uint16().Draw(t, "sequence"),
			Lifetime: rapid.Uint16().Draw(t, "lifetime"),
			Options:  anyOptions().Draw(t, "options"),
		}, &BindingAcknowledgement{9, 9, 9, 9, usedOptions()}, 12)
	}))
	t.Run("Binding Error", rapid.MakeCheck(func(t *rapid.T) {
		wantRoundTrip(t, &BindingError{
			Status:      BindingErrorStatus(rapid.Byte().Draw(t, "status")),
			HomeAddress: addresses().Draw(t, "home address"),
			Options:     anyOptions().Draw(t, "options"),
		}, &BindingError{9, netip.Addr{}, usedOptions()}, 24)
	}))
	t.Run("Heartbeat", rapid.MakeCheck(func(t *rapid.T) {
		wantRoundTrip(t, &Heartbeat{
			Flags:    HeartbeatFlags(rapid.Uint16Range(0, 3).Draw(t, "flags")),
			Sequence: rapid.Uint32().Draw(t, "sequence"),
			Options:  anyOptions().Draw(t, "options"),
		}, &Heartbeat{9, 9, usedOptions()}, 12)
	}))
	t.Run("Binding Revocation Indication", rapid.MakeCheck(func(t *rapid.T) {
		wantRoundTrip(t, &BindingRevocationIndication{
			Trigger:  RevocationTrigger(rapid.Byte().Draw(t, "trigger")),
			Sequence: rapid.Uint16().Draw(t, "sequence"),
			Flags:    RevocationFlags(rapid.Uint16Range(0, 7).Draw(t, "flags") << 13),
			Options:  anyOptions().Draw(t, "options"),
		}, &BindingRevocationIndication{9, 9, 9, usedOptions()}, 12)
	}))
	t.Run("Binding Revocation Acknowledgement", rapid.MakeCheck(func(t *rapid.T) {
		wantRoundTrip(t, &BindingRevocationAcknowledgement{
			Status:   RevocationStatus(rapid.Byte().Draw(t, "status")),
			Sequence: rapid.Uint16().Draw(t, "sequence"),
			Flags:    RevocationFlags(rapid.Uint16Range(0, 7).Draw(t, "flags") << 13),
			Options:  anyOptions().Draw(t, "options"),
		}, &BindingRevocationAcknowledgement{9, 9, 9, usedOptions()}, 12)
	}))
	t.Run("Handover Initiate", rapid.MakeCheck(func(t *rapid.T) {
		wantRoundTrip(t, &HandoverInitiate{
			Sequence: rapid.Uint16().Draw(t, "sequence"),
			Flags:    HandoverInitiateFlags(rapid.ByteRange(0, 15).Draw(t, "flags") << 4),
			Code:     HandoverInitiateCode(rapid.Byte().Draw(t, "code")),
			Options:  anyOptions().Draw(t, "options"),
		}, &HandoverInitiate{9, 9, 9, usedOptions()}, 10)
	}))
	t.Run("Handover Acknowledge", rapid.MakeCheck(func(t *rapid.T) {
		wantRoundTrip(t, &HandoverAcknowledge{
			Sequence: rapid.Uint16().Draw(t, "sequence"),
			Flags:    HandoverAcknowledgeFlags(rapid.ByteRange(0, 7).Draw(t, "flags") << 5),
			Code:     HandoverAcknowledgeCode(rapid.Byte().Draw(t, "code")),
			Options:  anyOptions().Draw(t, "options"),
		}, &HandoverAcknowledge{9, 9, 9, usedOptions()}, 10)
	}))
	t.Run("one allocation whatever the options", rapid.MakeCheck(func(t *rapid.T) {
		m := &BindingError{Status: UnknownBinding, HomeAddress: netip.IPv6Unspecified(), Options: anyOptions().Draw(t, "options")}
		if n := testing.AllocsPerRun(2, func() { _, _ = m.AppendTo(nil) }); n > 1+slack {
			t.Fatalf("AppendTo allocates %v times", n)
		}
	}))
	t.Run("Raw", rapid.MakeCheck(func(t *rapid.T) {
		units := rapid.IntRange(0, 255).Draw(t, "Header Len")
		wantRoundTrip(t, &Raw{
			Type: Type(rapid.Byte().Draw(t, "type")),
			Data: rapid.SliceOfN(rapid.Byte(), 2+8*units, 2+8*units).Draw(t, "data"),
		}, &Raw{9, []byte("earlier")}, 0)
	}))
	t.Run("Timestamp", rapid.MakeCheck(func(t *rapid.T) {
		want := Timestamp(rapid.Uint64().Draw(t, "timestamp"))
		if got := TimestampOf(want.Time()); got != want {
			t.Fatalf("%#x came back as %#x", uint64(want), uint64(got))
		}
	}))
}
