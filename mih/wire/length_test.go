package wire

import (
	"bytes"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

func TestLength(t *testing.T) {
	for n, want := range map[int]string{0: "00", 127: "7f", 128: "80", 129: "8101", 240: "8170", 383: "81ff", 384: "820100", 65535: "82ff7f", 128 + 1<<16: "83010000"} {
		if got := hex.EncodeToString(appendLength(nil, n)); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
	for octets, want := range map[string][2]int{
		"": {0, 0}, "81": {0, 0}, "82ff": {0, 0}, // not there in whole
		"8100": {128, 2}, "82007f": {255, 3}, // longer than need be
		"88ffffffffffffffff": {1<<24 + 128, 9}, // beyond any message
	} {
		b, _ := hex.DecodeString(octets)
		if n, size := readLength(b); n != want[0] || size != want[1] {
			t.Errorf("%q is read as %d in %d octets, want %v", octets, n, size, want)
		}
	}
}

func TestLengthRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1<<24).Draw(t, "n")
		b := appendLength(nil, n)
		got, size := readLength(append(bytes.Clone(b), 7))
		if got != n || size != len(b) || size != LengthOctets(n) {
			t.Fatalf("%d became %x, which is %d in %d octets", n, b, got, size)
		}
	})
}
