package mh

import (
	"strings"
	"testing"

	"netlmm/mobility"
)

// RFC 6275 section 6.2.2: Pad1 for one octet, one PadN for more.
func TestAlign(t *testing.T) {
	for _, test := range []struct {
		at, multiple, offset int
		want                 string
	}{
		{8, 8, 0, ""},
		{7, 8, 0, "00"},
		{6, 8, 0, "01 00"},
		{1, 8, 0, "01 05 0000000000"},
		{12, 8, 4, ""},
		{13, 8, 4, "01 05 0000000000"},
		{12, 8, 2, "01 04 00000000"},
		{12, 4, -4, ""},
		{11, 2, -4, "00"},
	} {
		const start = 3 // alignment counts from the start of the message, not of the buffer
		e := encoder{buf: make([]byte, start+test.at), start: start}
		e.align(test.multiple, test.offset)
		if got, want := string(e.buf[start+test.at:]), string(octets(t, test.want)); got != want {
			t.Errorf("%d to %dn%+d: padding %x, want %x", test.at, test.multiple, test.offset, got, want)
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	t.Run("padding given as an option", func(t *testing.T) {
		wantEncodeError(t, Options{Unknown: []RawOption{{OptionPadN, "\x00"}}}, "PadN", "padding")
	})
	t.Run("raw option too long", func(t *testing.T) {
		wantEncodeError(t, Options{Unknown: []RawOption{{200, strings.Repeat("x", 256)}}}, "option 200", "256", "255")
	})
	t.Run("present without a field", func(t *testing.T) {
		wantEncodeError(t, Options{Present: set(OptionHandoffIndicator, 21)}, "option 21", "Unknown")
	})
	t.Run("message too long", func(t *testing.T) {
		wantEncodeError(t, Options{Unknown: make([]RawOption, 1024)}, "padding")
		long := RawOption{200, strings.Repeat("x", 255)}
		wantEncodeError(t, Options{Unknown: []RawOption{long, long, long, long, long, long, long, long}}, "2048")
	})
	t.Run("the first of several", func(t *testing.T) {
		wantEncodeError(t, Options{Present: set(OptionMobileNodeID, OptionLinkLocalAddress), MobileNodeID: mobility.NAI(strings.Repeat("x", 255))}, "Mobile Node Identifier")
	})
}
