package mih

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestLinkAddressText(t *testing.T) {
	for text, want := range map[string]LinkAddress{
		"02:00:00:00:00:01":             MACAddress([6]byte{2, 0, 0, 0, 0, 1}),
		"00:00:00:00:00:00":             {},
		"3gpp-3g-cell:00f110000000ff":   Cell3G([3]byte{0, 0xf1, 0x10}, 255),
		"3gpp-2g-cell:00f1100001000200": {},
		"3gpp-2g-cell:00f11000010002":   Cell2G([3]byte{0, 0xf1, 0x10}, 1, 2),
		"3gpp:":                         must(LinkAddressOf(LinkAddress3GPP, nil)),
		"3gpp2:abcd":                    must(LinkAddressOf(LinkAddress3GPP2, []byte{0xab, 0xcd})),
		"other:00":                      must(LinkAddressOf(LinkAddressOther, []byte{0})),
	} {
		var got LinkAddress
		err := got.UnmarshalText([]byte(text))
		if got != want || (err != nil) != (text == "3gpp-2g-cell:00f1100001000200") {
			t.Errorf("%s is read as %v, %v", text, got, err)
		}
		if b, _ := want.MarshalText(); err == nil && string(b) != text {
			t.Errorf("%s is written %s", text, b)
		}
	}
	for _, text := range []string{"", "02:00:00:00:00", "02-00-00-00-00-00-00-01", "mac:020000000001", "other:x", "none:", "3gpp-3g-cell:"} {
		if a := MACAddress([6]byte{1}); a.UnmarshalText([]byte(text)) == nil || a != MACAddress([6]byte{1}) {
			t.Errorf("%q is read as %v", text, a)
		}
	}
	for _, text := range []string{"02-00-00-00-00-01", "0200.0000.0001"} {
		var a LinkAddress
		if err := a.UnmarshalText([]byte(text)); err != nil || a.String() != "02:00:00:00:00:01" {
			t.Errorf("%q is read as %v, %v", text, a, err)
		}
	}
}

func must(a LinkAddress, ok bool) LinkAddress {
	if !ok {
		panic("no link address")
	}
	return a
}

// TestLinkAddress: an address is its kind and its octets, as a value, as text, as a key and in order.
func TestLinkAddress(t *testing.T) {
	draw := rapid.Custom(func(t *rapid.T) LinkAddress {
		kind := LinkAddressKind(rapid.ByteRange(1, 6).Draw(t, "kind"))
		n := kind.fixedOctets()
		octets := rapid.SliceOfN(rapid.Byte(), n, max(n, 8)).Draw(t, "octets")
		if n != 0 {
			octets = octets[:n]
		}
		a, ok := LinkAddressOf(kind, octets)
		if !ok || a.Kind() != kind || !bytes.Equal(a.AppendOctets(nil), octets) || a.IsZero() {
			t.Fatalf("%v %x became %v", kind, octets, a)
		}
		return a
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		if mac, ok := a.MAC(); ok != (a.Kind() == LinkAddressMAC) || ok && mac != [6]byte{} && MACAddress(mac) != a {
			t.Fatalf("%v has the MAC address %x, %v", a, mac, ok)
		}
		if (a == b) != (a.Compare(b) == 0) || a.Compare(b) != -b.Compare(a) {
			t.Fatalf("%v and %v compare as %d", a, b, a.Compare(b))
		}
		text, err := json.Marshal(map[LinkAddress]LinkAddress{a: b})
		var back map[LinkAddress]LinkAddress
		if err != nil || json.Unmarshal(text, &back) != nil || back[a].String() != b.String() && a.String() != zeros {
			t.Fatalf("%s came back as %v", text, back)
		}
	})
	if _, ok := LinkAddressOf(LinkAddressNone, nil); ok {
		t.Error("no kind, but an address")
	}
	if !MACAddress([6]byte{}).IsZero() {
		t.Error("a MAC address of zeros is one")
	}
}

// zeros is what the text of a MAC address of zeros shares with that of none.
const zeros = "00:00:00:00:00:00"
