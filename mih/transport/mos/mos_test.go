package mos

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var equalAddresses = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func octets(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func addresses(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

var addressVectors = []struct {
	name    string
	version Version
	option  string
	want    []List[netip.Addr]
}{
	{"two servers and one", DHCPv4, "01 08 c0000201 c6336401  03 04 c0000202", []List[netip.Addr]{
		{InformationService, addresses("192.0.2.1", "198.51.100.1")}, {EventService, addresses("192.0.2.2")}}},
	{"none for a service", DHCPv4, "02 00", []List[netip.Addr]{{CommandService, nil}}},
	{"IPv6", DHCPv6, "0002 0010 20010db8000000000000000000000001  0001 0000", []List[netip.Addr]{
		{CommandService, addresses("2001:db8::1")}, {InformationService, nil}}},
	{"empty", DHCPv4, "", nil},
}

func TestAddresses(t *testing.T) {
	for _, v := range addressVectors {
		option := octets(t, v.option)
		got, err := ParseAddresses(v.version, option)
		if diff := cmp.Diff(v.want, got, equalAddresses); diff != "" || err != nil {
			t.Errorf("%s: %v %s", v.name, err, diff)
		}
		back, err := AppendAddresses(nil, v.version, v.want)
		if string(back) != string(option) || err != nil {
			t.Errorf("%s: back %x, %v", v.name, back, err)
		}
	}
}

// TestTheExampleOfTheRFC is that of section 3.
func TestTheExampleOfTheRFC(t *testing.T) {
	value := "\x07example\x03com\x00\x07example\x03net\x00"
	want := []List[string]{{InformationService, []string{"example.com", "example.net"}}}
	for version, header := range map[Version]string{DHCPv4: "\x01\x1a", DHCPv6: "\x00\x01\x00\x1a"} {
		got, err := ParseNames(version, []byte(header+value))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("DHCPv%d: %v %s", version, err, diff)
		}
		back, err := AppendNames(nil, version, want)
		if string(back) != header+value || err != nil {
			t.Errorf("DHCPv%d: back %q, %v", version, back, err)
		}
	}
}

func TestAddressesThatNoServerHas(t *testing.T) {
	got, err := ParseAddresses(DHCPv4, octets(t, "01 18 00000000 7f000001 e0000001 ffffffff a9fe0101 c0000201"))
	if diff := cmp.Diff([]List[netip.Addr]{{InformationService, addresses("192.0.2.1")}}, got, equalAddresses); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	got, err = ParseAddresses(DHCPv6, octets(t, "0001 0020 fe800000000000000000000000000001 00000000000000000000ffffc0000201"))
	if err != nil || len(got) != 1 || len(got[0].Values) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestServicesToCome(t *testing.T) {
	got, err := ParseAddresses(DHCPv6, octets(t, "0101 0001 aa  0004 0000  0003 0000"))
	if diff := cmp.Diff([]List[netip.Addr]{{EventService, nil}}, got, equalAddresses); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	long := strings.Repeat("3f"+strings.Repeat("61", 63), 4) + "00"
	for _, bad := range []struct {
		name    string
		version Version
		option  string
	}{
		{"no length", DHCPv4, "01"},
		{"half a header", DHCPv6, "0001 00"},
		{"longer than the option", DHCPv4, "01 04 c00002"},
		{"longer than the option", DHCPv6, "0001 ffff 00"},
		{"no whole address, no name", DHCPv4, "01 05 c0000201 01"},
		{"the root", DHCPv4, "01 01 00"},
		{"a pointer", DHCPv4, "01 02 c000"},
		{"no end", DHCPv4, "01 02 0161"},
		{"half a label", DHCPv4, "01 02 0361"},
		{"a dot in a label", DHCPv4, "01 05 03 612e61 00"},
		{"an octet of 8 bits", DHCPv4, "01 03 01 ff 00"},
		{"a long name", DHCPv6, fmt.Sprintf("0001 %04x %s", len(long)/2, long)},
	} {
		var failed *DecodeError
		if _, err := ParseNames(bad.version, octets(t, bad.option)); !errors.As(err, &failed) {
			t.Errorf("names, %s: %v", bad.name, err)
		} else if !strings.Contains(err.Error(), failed.Field) {
			t.Errorf("names, %s: %v", bad.name, err)
		}
	}
	for _, option := range []string{"01 03 c00002", "01 05 c0000201 01"} {
		if got, err := ParseAddresses(DHCPv4, octets(t, option)); err == nil {
			t.Errorf("%s: %v", option, got)
		}
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	for _, name := range []string{"", ".", "a..b", "a b", strings.Repeat("a", 64), strings.Repeat("a.", 200)} {
		if got, err := AppendNames(nil, DHCPv6, []List[string]{{EventService, []string{name}}}); err == nil {
			t.Errorf("%q is written as %x", name, got)
		}
	}
	if _, err := AppendAddresses(nil, DHCPv4, []List[netip.Addr]{{EventService, addresses("2001:db8::1")}}); err == nil {
		t.Error("an IPv6 address in DHCPv4")
	}
	many := make([]netip.Addr, 64)
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
	}
	if _, err := AppendAddresses(nil, DHCPv4, []List[netip.Addr]{{EventService, many}}); err == nil {
		t.Error("256 octets in a sub-option of DHCPv4")
	}
}

func TestListsAreBounded(t *testing.T) {
	option := append([]byte{0, 1, 0xff, 0xf0}, make([]byte, 0xfff0)...)
	for i := 4; i < len(option); i += 16 {
		option[i] = 0x20
	}
	got, err := ParseAddresses(DHCPv6, option)
	if err != nil || len(got) != 1 || len(got[0].Values) != MaximumValues {
		t.Errorf("%v", err)
	}
	got, err = ParseAddresses(DHCPv4, []byte(strings.Repeat("\x01\x00", 100)))
	if err != nil || len(got) != MaximumLists {
		t.Errorf("%d lists, %v", len(got), err)
	}
}

func TestServiceNames(t *testing.T) {
	for _, s := range append(Services, 9) {
		if text, _ := s.MarshalText(); string(text) != s.String() || s.String() == "" {
			t.Errorf("%d: %s", s, text)
		}
	}
}

// FuzzOptions: whatever is accepted is bounded, and the same after it was written and read again.
func FuzzOptions(f *testing.F) {
	for _, v := range addressVectors {
		f.Add(octets(f, v.option), v.version == DHCPv6)
	}
	f.Add([]byte("\x01\x1a\x07example\x03com\x00\x07example\x03net\x00"), false)
	f.Add([]byte("\x00\x01\x00\x0d\x07example\x03com\x00"), true)
	f.Fuzz(func(t *testing.T, option []byte, six bool) {
		version := DHCPv4
		if six {
			version = DHCPv6
		}
		if lists, err := ParseAddresses(version, option); err == nil {
			checkLists(t, lists, func(l []List[netip.Addr]) ([]byte, error) { return AppendAddresses(nil, version, l) },
				func(o []byte) ([]List[netip.Addr], error) { return ParseAddresses(version, o) })
		}
		if lists, err := ParseNames(version, option); err == nil {
			checkLists(t, lists, func(l []List[string]) ([]byte, error) { return AppendNames(nil, version, l) },
				func(o []byte) ([]List[string], error) { return ParseNames(version, o) })
		}
	})
}

func checkLists[T any](t *testing.T, lists []List[T], write func([]List[T]) ([]byte, error), read func([]byte) ([]List[T], error)) {
	for _, list := range lists {
		if len(list.Values) > MaximumValues {
			t.Fatalf("%d values", len(list.Values))
		}
	}
	option, err := write(lists)
	if err != nil {
		t.Fatal(err)
	}
	again, err := read(option)
	if diff := cmp.Diff(lists, again, equalAddresses); diff != "" || err != nil {
		t.Fatalf("%v %s", err, diff)
	}
}
