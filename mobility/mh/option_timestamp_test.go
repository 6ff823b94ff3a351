package mh

import (
	"testing"
	"time"
)

func TestTimestampOption(t *testing.T) {
	at := time.Date(2026, 11, 21, 23, 0, 0, 750_000_000, time.UTC)
	wantOptions(t, "01 04 00000000 1b 08 00006b022270c000 01 02 0000", Options{Present: set(OptionTimestamp), Timestamp: TimestampOf(at)})
	if got := TimestampOf(at).Time(); !got.Equal(at) {
		t.Errorf("%v came back as %v", at, got)
	}
}

func TestTimestampOptionErrors(t *testing.T) {
	wantBadOption(t, "1b 07 00006b022270c0 000000", DecodeError{13, "Timestamp option", "has length 7, want 8", Drop})
}

// RFC 5213 section 8.8: 48 bits of seconds, 16 bits of 1/65536 s, rounded down.
func TestTimestampOf(t *testing.T) {
	for _, test := range []struct {
		at   time.Time
		want Timestamp
	}{
		{time.Unix(0, 0), 0},
		{time.Unix(1, 0), 0x10000},
		{time.Unix(0, 500_000_000), 0x8000},
		{time.Unix(0, 999_999_999), 0xffff},
		{time.Unix(0, 15_258), 0},
		{time.Unix(0, 15_259), 1},
	} {
		if got := TimestampOf(test.at); got != test.want {
			t.Errorf("%v: %#x, want %#x", test.at, uint64(got), uint64(test.want))
		}
	}
}
