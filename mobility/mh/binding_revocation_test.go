package mh

import (
	"net/netip"
	"testing"

	"netlmm/mobility"
)

// revocation is written by hand from RFC 5846 section 5.1.
const revocation = `
	3b 06 10 00 0000                                 # header, 56 octets
	01 01 0102 c000                                  # indication, administrative reason, sequence 258, P and V
	08 02 01 61                                      # 12: MN-ID "a"
	01 02 0000                                       # 16: PadN
	16 12 00 40 20010db8aaaa00010000000000000000     # 20 = 8*2+4: HNP
	24 06 60 00 c0000207                             # 40 = 4*10: IPv4 Home Address Request, 192.0.2.7/24
	14 01 78                                         # 48: Service Selection "x"
	01 03 000000                                     # 51: PadN
`

func revocationMessage() *BindingRevocationIndication {
	return &BindingRevocationIndication{
		Trigger: TriggerAdministrativeReason, Sequence: 258, Flags: RevocationProxy | RevocationIPv4Only,
		Options: Options{
			Present:                set(OptionMobileNodeID, OptionHomeNetworkPrefix, OptionIPv4HomeAddressRequest, OptionServiceSelection),
			MobileNodeID:           mobility.NAI("a"),
			HomeNetworkPrefixes:    []netip.Prefix{netip.MustParsePrefix("2001:db8:aaaa:1::/64")},
			IPv4HomeAddressRequest: netip.MustParsePrefix("192.0.2.7/24"),
			ServiceSelection:       "x",
		},
	}
}

func TestBindingRevocationIndication(t *testing.T) {
	used := func() *BindingRevocationIndication { return &BindingRevocationIndication{9, 9, 9, usedOptions()} }
	t.Run("of an IPv4 home address", func(t *testing.T) {
		wantVector(t, octets(t, revocation), revocationMessage(), used())
	})
	t.Run("no options, RFC 5846 5.1: four octets of padding, Header Len 1", func(t *testing.T) {
		wantVector(t, octets(t, "3b 01 10 00 0000 01 80 ffff a000 01020000"),
			&BindingRevocationIndication{Trigger: TriggerPerPeerPolicy, Sequence: 0xffff, Flags: RevocationProxy | RevocationGlobal}, used())
	})
}

func TestBindingRevocationAcknowledgement(t *testing.T) {
	used := func() *BindingRevocationAcknowledgement {
		return &BindingRevocationAcknowledgement{9, 9, 9, usedOptions()}
	}
	t.Run("no options, RFC 5846 5.2: four octets of padding, Header Len 1", func(t *testing.T) {
		wantVector(t, octets(t, "3b 01 10 00 0000 02 80 0102 e000 01020000"),
			&BindingRevocationAcknowledgement{Status: RevocationBindingDoesNotExist, Sequence: 258, Flags: RevocationProxy | RevocationIPv4Only | RevocationGlobal}, used())
	})
	t.Run("of a mobile node that is attached", func(t *testing.T) {
		wantVector(t, octets(t, "3b 01 10 00 0000 02 84 0001 8000 08020161"),
			&BindingRevocationAcknowledgement{Status: RevocationMobileNodeAttached, Sequence: 1, Flags: RevocationProxy,
				Options: Options{Present: set(OptionMobileNodeID), MobileNodeID: mobility.NAI("a")}}, used())
	})
}

func TestBindingRevocationErrors(t *testing.T) {
	indication := BindingRevocationIndication{9, 9, 9, usedOptions()}
	acknowledgement := BindingRevocationAcknowledgement{9, 9, 9, usedOptions()}
	for _, test := range []struct {
		name, payload string
		m             codec
		want          DecodeError
	}{
		{"acknowledgement for indication", "3b 01 10 00 0000 02 00 0001 8000 01020000", &indication, DecodeError{6, "B.R. Type", "is 2, want 1", Drop}},
		{"indication for acknowledgement", "3b 01 10 00 0000 01 00 0001 8000 01020000", &acknowledgement, DecodeError{6, "B.R. Type", "is 1, want 2", Drop}},
		{"reserved type", "3b 01 10 00 0000 00 00 0001 8000 01020000", &indication, DecodeError{6, "B.R. Type", "is 0, want 1", Drop}},
		{"bad option in an indication", "3b 01 10 00 0000 01 00 0001 8000 24020000", &indication, DecodeError{13, "IPv4 Home Address Request option", "has length 2, want 6", Drop}},
		{"bad option in an acknowledgement", "3b 01 10 00 0000 02 00 0001 8000 16020000", &acknowledgement, DecodeError{13, "Home Network Prefix option", "has length 2, want 18", Drop}},
	} {
		t.Run(test.name, func(t *testing.T) { wantDecodeError(t, test.m.Decode(octets(t, test.payload)), test.want) })
	}
	if d := diff(BindingRevocationIndication{}, indication) + diff(BindingRevocationAcknowledgement{}, acknowledgement); d != "" {
		t.Errorf("left after an error (-want +got):\n%s", d)
	}
}

// Reserved bits are the receiver's to ignore, and an acknowledgement may not repeat them (RFC 5846 sections 5.1 and 5.2).
func TestBindingRevocationIgnoresReservedBits(t *testing.T) {
	var indication BindingRevocationIndication
	if err := indication.Decode(octets(t, "3b 01 10 00 0000 01 00 0001 9fff 01020000")); err != nil || indication.Flags != RevocationProxy {
		t.Errorf("flags %#x, %v, want P only", indication.Flags, err)
	}
	var acknowledgement BindingRevocationAcknowledgement
	if err := acknowledgement.Decode(octets(t, "3b 01 10 00 0000 02 00 0001 3fff 01020000")); err != nil || acknowledgement.Flags != RevocationGlobal {
		t.Errorf("flags %#x, %v, want G only", acknowledgement.Flags, err)
	}
}

func TestRevocationTypeOf(t *testing.T) {
	for payload, want := range map[string]RevocationType{
		"": 0, "3b 01 10 00 0000": 0, "3b 01 10 00 0000 01": RevocationIndication, revocation: RevocationIndication,
		"3b 01 10 00 0000 0200 0000 0000 01020000": RevocationAcknowledgement,
	} {
		if got := RevocationTypeOf(octets(t, payload)); got != want {
			t.Errorf("%q: type %d, want %d", payload, got, want)
		}
	}
}

func TestBindingRevocationAllocations(t *testing.T) {
	message, payload := revocationMessage(), octets(t, revocation)
	var m BindingRevocationIndication
	wantAllocations(t, "Decode", 1, func() error { return m.Decode(payload) })
	wantAllocations(t, "AppendTo nil", 1, func() error { _, err := message.AppendTo(nil); return err })
	answer := BindingRevocationAcknowledgement{Flags: RevocationProxy, Options: message.Options}
	wantAllocations(t, "AppendTo nil", 1, func() error { _, err := answer.AppendTo(nil); return err })
}
