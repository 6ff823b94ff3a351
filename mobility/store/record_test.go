package store

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"netlmm/mobility"
)

// everything is an entry without a zero field, whatever fields there are.
func everything(t *testing.T) mobility.BindingCacheEntry {
	t.Helper()
	e := entry(7)
	e.IPv4HomeAddress, e.IPv4DefaultRouter = netip.MustParsePrefix("10.64.3.7/16"), netip.MustParseAddr("10.64.0.1")
	e.OffloadPolicy, e.OffloadAnswered, e.OffloadSuspended = policies(t)[1], true, true
	e.HomeNetworkPrefixes = append(e.HomeNetworkPrefixes, netip.MustParsePrefix("2001:db8:a::/64"))
	for i := range reflect.TypeFor[mobility.BindingCacheEntry]().NumField() {
		if reflect.ValueOf(e).Field(i).IsZero() {
			t.Fatalf("give %s a value here, and a place in the record", reflect.TypeFor[mobility.BindingCacheEntry]().Field(i).Name)
		}
	}
	return e
}

// A field that a later version adds to the entry must not get lost in the file.
func TestRecordHoldsEveryField(t *testing.T) {
	e := everything(t)
	key, _ := keyOf(&e)
	got, err := decode(appendKey(nil, key), appendValue(nil, &e), format4)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, []mobility.BindingCacheEntry{got}, e)
}

// Every truncation, also one with a checksum that fits, is an error and no panic.
func TestShortRecords(t *testing.T) {
	e := everything(t)
	prefix, _ := keyOf(&e)
	key, value := appendKey(nil, prefix), appendValue(nil, &e)
	before := e // what a session is that was not asked about
	before.OffloadAnswered = false
	whole := len(appendValue(nil, &before))
	for n := range value {
		short := append([]byte(nil), value[:n]...)
		if n >= checksumSize {
			binary.BigEndian.PutUint32(short, crc32.Checksum(short[checksumSize:], castagnoli))
		}
		if got, err := decode(key, short, format4); err == nil && (n != whole || got.OffloadAnswered) {
			t.Errorf("%d octets of %d were taken", n, len(value))
		}
	}
}

func FuzzDecode(f *testing.F) {
	e := entry(1)
	prefix, _ := keyOf(&e)
	f.Add(appendValue(nil, &e)[checksumSize:])
	e.OffloadAnswered = true
	f.Add(appendValue(nil, &e)[checksumSize:])
	f.Fuzz(func(t *testing.T, fields []byte) {
		value := binary.BigEndian.AppendUint32(nil, crc32.Checksum(fields, castagnoli))
		_, _ = decode(appendKey(nil, prefix), append(value, fields...), format4)
	})
}

func BenchmarkAppendValue(b *testing.B) {
	e, buffer := entry(1), make([]byte, 0, 256)
	e.LastUpdate = time.Now()
	b.ReportAllocs()
	for b.Loop() {
		buffer = appendValue(buffer[:0], &e)
	}
	b.ReportMetric(float64(len(buffer)), "octets")
}
