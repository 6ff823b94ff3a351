package mh

import "testing"

func TestOptionsUnknownAndTwice(t *testing.T) {
	t.Run("unknown ones keep their order, RFC 6275 6.2.1", func(t *testing.T) {
		wantOptions(t, "c8 02 0102 3f 00 01 04 00000000", Options{Unknown: []RawOption{{200, "\x01\x02"}, {63, ""}}})
	})
	t.Run("the second of a kind", func(t *testing.T) {
		wantOptions(t, "17 02 00 01 18 02 00 04 17 02 00 02", Options{
			Present:          set(OptionHandoffIndicator, OptionAccessTechnologyType),
			HandoffIndicator: 1, AccessTechnologyType: 4,
			Unknown: []RawOption{{OptionHandoffIndicator, "\x00\x02"}},
		})
	})
}

// Padding means nothing and may have any content (RFC 6275 sections 6.2.2 and 6.2.3); options may stand anywhere.
func TestOptionsPaddingAndAlignmentOnDecode(t *testing.T) {
	var m BindingUpdate
	err := m.Decode(updateOf(octets(t, "00 00 01 00 01 03 ffffff 1b 08 0000650f2a80 8000 00 17 02 ff 04 00")))
	want := BindingUpdate{Options: Options{Present: set(OptionTimestamp, OptionHandoffIndicator), Timestamp: 0x650f2a80<<16 | 0x8000, HandoffIndicator: 4}}
	if d := diff(want, m); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

func TestOptionsErrors(t *testing.T) {
	for _, test := range []struct {
		name, options string
		want          DecodeError
	}{
		{"type without a length", "01 01 00 17", DecodeError{15, "Handoff Indicator option", "ends before its length", Drop}},
		{"past the end", "18 03 00 04", DecodeError{13, "Access Technology Type option", "needs 5 octets, Header Len leaves 4", Drop}},
		{"padding past the end", "00 01 02 00", DecodeError{14, "PadN option", "needs 4 octets, Header Len leaves 3", Drop}},
		{"unknown past the end", "c8 ff 00 00", DecodeError{13, "option 200", "needs 257 octets, Header Len leaves 4", Drop}},
		{"too short", "17 01 00 00", DecodeError{13, "Handoff Indicator option", "has length 1, want 2", Drop}},
		{"too long", "17 03 00 04 00 00 00 00 00 00 00 00", DecodeError{13, "Handoff Indicator option", "has length 3, want 2", Drop}},
		{"the second one malformed", "17 02 00 04 17 03 00 04 00 00 00 00", DecodeError{17, "Handoff Indicator option", "has length 3, want 2", Drop}},
		{"empty MN-ID", "08 00 00 00", DecodeError{13, "Mobile Node Identifier option", "has length 0, want 1 to 255", Drop}},
		{"MN-LLID without the reserved field", "19 01 00 00", DecodeError{13, "Mobile Node Link-layer Identifier option", "has length 1, want 2 to 255", Drop}},
	} {
		t.Run(test.name, func(t *testing.T) { wantBadOption(t, test.options, test.want) })
	}
}

// A receiver must be able to hold the worst that fits into a message, and no more.
func TestOptionsFlood(t *testing.T) {
	payload := make([]byte, maxLength-16)
	for i := 0; i < len(payload); i += 2 {
		payload[i] = 200
	}
	var m BindingUpdate
	if err := m.Decode(updateOf(payload)); err != nil {
		t.Fatal(err)
	}
	if got, want := len(m.Options.Unknown), len(payload)/2; got != want {
		t.Errorf("%d options, want %d", got, want)
	}
}
