package mh

import "testing"

func TestDecodeHeader(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		want          Header
	}{
		{"shortest", "3b 00 00 00 0000 0000", Header{0, 8}},
		{"unknown type, reserved octet ignored", "3b 00 fe ff 1234 0000", Header{254, 8}},
		{"sixteen octets", "3b 01 05 00 0000 0000 0000 0000 0000 0000", Header{TypeBindingUpdate, 16}},
		{"octets after the end", "3b 00 0d 00 0000 0000 ffff ff", Header{13, 8}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, err := DecodeHeader(octets(t, test.payload))
			if err != nil || h != test.want {
				t.Errorf("got %+v, %v, want %+v", h, err, test.want)
			}
		})
	}
}

// The reactions are those of RFC 6275 section 9.2.
func TestDecodeHeaderErrors(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		header        Header
		want          DecodeError
	}{
		{"empty", "", Header{}, DecodeError{0, "message", "", Drop}},
		{"seven octets", "3b 00 05 00 0000 00", Header{}, DecodeError{7, "message", "", Drop}},
		{"a payload", "06 00 05 00 0000 0000", Header{5, 8}, DecodeError{0, "Payload Proto", "", SendParameterProblem}},
		{"truncated", "3b 01 05 00 0000 0000", Header{5, 16}, DecodeError{1, "Header Len", "", Drop}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, err := DecodeHeader(octets(t, test.payload))
			wantDecodeError(t, err, test.want)
			if h != test.header {
				t.Errorf("header %+v, want %+v", h, test.header)
			}
		})
	}
}

func TestDecodeChecksTypeAndHeaderLen(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		m             codec
		want          DecodeError
	}{
		{"acknowledgement for update", "3b 01 06 00 0000 0000 0000 0000 0000 0000", &BindingUpdate{}, DecodeError{2, "MH Type", "", Drop}},
		{"heartbeat for update", "3b 01 0d 00 0000 0000 0000 0000 0000 0000", &BindingUpdate{}, DecodeError{2, "MH Type", "", Drop}},
		{"a type of other RFCs for update", "3b 01 11 00 0000 0000 0000 0000 0000 0000", &BindingUpdate{}, DecodeError{2, "MH Type", "", SendBindingError2}},
		{"unknown type comes before Payload Proto", "06 00 fe 00 0000 0000", &BindingAcknowledgement{}, DecodeError{2, "MH Type", "", SendBindingError2}},
		{"Payload Proto comes before Header Len", "06 00 05 00 0000 0000", &BindingUpdate{}, DecodeError{0, "Payload Proto", "", SendParameterProblem}},
		{"short update", "3b 00 05 00 0000 0000 0000 0000 0000 0000", &BindingUpdate{}, DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short acknowledgement", "3b 00 06 00 0000 0000", &BindingAcknowledgement{}, DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short heartbeat", "3b 00 0d 00 0000 0000", &Heartbeat{}, DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short revocation", "3b 00 10 00 0000 0100", &BindingRevocationIndication{}, DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short answer to a revocation", "3b 00 10 00 0000 0200", &BindingRevocationAcknowledgement{}, DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short handover initiate", "3b 00 0e 00 0000 0100", &HandoverInitiate{}, DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short answer to it", "3b 00 0f 00 0000 0200", &HandoverAcknowledge{}, DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short error", "3b 01 07 00 0000 0200 0000 0000 0000 0000", &BindingError{}, DecodeError{1, "Header Len", "", SendParameterProblem}},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantDecodeError(t, test.m.Decode(octets(t, test.payload)), test.want)
		})
	}
}

func TestTypeKnown(t *testing.T) {
	for typ, want := range map[Type]bool{0: true, TypeBindingUpdate: true, TypeBindingError: true, 8: false, 12: false, TypeHeartbeat: true, TypeHandoverInitiate: true, TypeHandoverAcknowledge: true, TypeBindingRevocation: true, 17: false, 255: false} {
		if typ.Known() != want {
			t.Errorf("type %d: Known is %v, want %v", typ, !want, want)
		}
	}
}
