package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

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
		for _, suspended := range []bool{false, true} {
			e := entry(1)
			e.OffloadPolicy, e.OffloadAnswered, e.OffloadSuspended = p, true, suspended
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
		"a flag that nobody knows": "\x04\x01\x00", "too many selectors": "\x00\x11", "no number of selectors": "\x00", "a selector missing": "\x00\x02\x00",
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

// versionOf is the format that a closed file says it has.
func versionOf(t *testing.T, path string) (version string) {
	t.Helper()
	db, err := bolt.Open(path, fileMode, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_ = db.View(func(tx *bolt.Tx) error {
		version = string(tx.Bucket(metaBucket).Get(formatKey))
		return nil
	})
	return version
}

// The version of before reads a file for as long as nobody asked about offloading: one of bindings, and one of counters alone. The first
// such record and what the file says it is are one transaction, which a disk that is full for a while only puts off.
func TestFormatOfBeforeStaysUntilSomebodyAsks(t *testing.T) {
	const before, now = "netlmm bindings 3", "netlmm bindings 4"
	counters := newPath(t)
	c, err := OpenCounters(counters)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.NextRestartCounter(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if v := versionOf(t, counters); v != before {
		t.Errorf("counters alone: %q", v)
	}
	path, told := newPath(t), entry(2)
	told.OffloadAnswered = true
	for _, step := range []struct {
		put  mobility.BindingCacheEntry
		want string
	}{{entry(1), before}, {entry(2), before}, {told, now}, {entry(2), now}} {
		s, _ := mustOpen(t, path)
		var full atomic.Bool
		update := s.update
		s.update = func(f func(*bolt.Tx) error) error {
			return update(func(tx *bolt.Tx) error {
				if full.Load() {
					return errors.Join(f(tx), errors.New("no space left on device"))
				}
				return f(tx)
			})
		}
		full.Store(true)
		s.Put(step.put)
		for s.Status().Failures == 0 {
			time.Sleep(time.Millisecond)
		}
		full.Store(false)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if v := versionOf(t, path); v != step.want {
			t.Errorf("%q, want %q", v, step.want)
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
