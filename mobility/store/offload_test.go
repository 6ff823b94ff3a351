package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"os"
	"testing"

	"netlmm/mobility"
)

// policies are no policy, and one of every range there is, for both modes.
func policies(t testing.TB) []mobility.OffloadPolicy {
	t.Helper()
	addresses := func(text string) (r mobility.AddressRange) {
		if err := r.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return r
	}
	full := mobility.TrafficSelector{
		Source: addresses("192.0.2.0/24"), Destination: addresses("10.64.0.1-10.64.0.9"), SPI: mobility.Numbers(0, 1<<32-1),
		SourcePort: mobility.Numbers(80, 65535), DestinationPort: mobility.Numbers(1, 2), DS: mobility.Numbers(0, 255), Protocol: mobility.Numbers(6, 17),
	}
	list := []mobility.OffloadPolicy{{}}
	for _, selectors := range [][]mobility.TrafficSelector{
		{full}, {{}}, {{Protocol: mobility.Numbers(6, 6)}, full, {Source: addresses("0.0.0.0/0")}},
	} {
		for _, mode := range []mobility.OffloadMode{mobility.OffloadMatching, mobility.OffloadOthers} {
			p, err := mobility.NewOffloadPolicy(mode, selectors...)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, p)
		}
	}
	return list
}

// What a MAG was told comes back as it was, and a record of one that did not ask is no longer than before there was offloading.
func TestRecordHoldsOffloadPolicies(t *testing.T) {
	plain := entry(1)
	prefix, _ := keyOf(&plain)
	key, without := appendKey(nil, prefix), appendValue(nil, &plain)
	for _, p := range policies(t) {
		e := entry(1)
		e.OffloadPolicy, e.OffloadAnswered = p, true
		value := appendValue(nil, &e)
		got, err := decode(key, value, format4)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, []mobility.BindingCacheEntry{got}, e)
		if _, err := decode(key, value, format3); err == nil {
			t.Error("a record of the format before has an offload policy")
		}
		t.Logf("%d octets more: %v", len(value)-len(without), p)
	}
	for _, of := range []format{format3, format4} {
		got, err := decode(key, without, of)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, []mobility.BindingCacheEntry{got}, plain)
	}
}

// What no policy can be is not taken for one.
func TestDamagedOffloadPolicies(t *testing.T) {
	e := entry(1)
	prefix, _ := keyOf(&e)
	fields := appendValue(nil, &e)[checksumSize:]
	for name, tail := range map[string]string{
		"a flag that nobody knows": "\x02\x01\x00", "too many selectors": "\x00\x11", "no number of selectors": "\x00", "a selector missing": "\x00\x02\x00",
		"a range that runs backwards": "\x00\x01\x40\x06\x05", "a protocol beyond 255": "\x00\x01\x40\x06\x80\x02",
		"a number beyond 32 bits": "\x00\x01\x04\x00\xff\xff\xff\xff\x1f", "addresses that run backwards": "\x00\x01\x01\x0a\x00\x00\x02\x0a\x00\x00\x01",
		"more behind it": "\x00\x01\x00\x00", "an unknown range": "\x00\x01\x80",
	} {
		content := append(append([]byte(nil), fields...), tail...)
		value := append(binary.BigEndian.AppendUint32(nil, crc32.Checksum(content, castagnoli)), content...)
		if got, err := decode(appendKey(nil, prefix), value, format4); err == nil {
			t.Errorf("%s: %v", name, got.OffloadPolicy)
		}
	}
}

// A file of before there was offloading, which testdata has as that version wrote it, with a journal, is read as it is; from then on the
// version of before refuses it.
func TestFormatWithoutOffload(t *testing.T) {
	raw, err := os.ReadFile("testdata/format3.db")
	if err != nil {
		t.Fatal(err)
	}
	path := newPath(t)
	if err := os.WriteFile(path, raw, fileMode); err != nil {
		t.Fatal(err)
	}
	dual, told := entry(3), entry(2)
	dual.IPv4HomeAddress, dual.IPv4DefaultRouter = netip.MustParsePrefix("10.64.3.7/16"), netip.MustParseAddr("10.64.0.1")
	told.OffloadPolicy, told.OffloadAnswered = policies(t)[3], true
	s, found := mustOpen(t, path)
	compare(t, found, entry(1), entry(2), dual)
	if s.Peers()[netip.MustParseAddr("2001:db8:5ee::1")] != 7 {
		t.Errorf("peers %v", s.Peers())
	}
	s.Put(told)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	foldAll(t, path)
	if raw, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	_, found = mustOpen(t, path)
	compare(t, found, entry(1), told, dual)

	damaged := newPath(t)
	if err := os.WriteFile(damaged, flipped(t, raw, []byte("mn2@example.net")), fileMode); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(damaged); !errors.Is(err, ErrUnusable) {
		t.Errorf("Open: %v", err)
	}
}
