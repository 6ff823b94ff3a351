package mh

import "testing"

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		want          *DecodeError
	}{
		{"update", "3b 01 05 00 0000 0000 0000 0000 0000 0000", nil},
		{"what is in the options is not looked at", "3b 01 06 00 0000 0000 0000 0000 ffff ffff", nil},
		{"refresh request", "3b 00 00 00 0000 0000", nil},
		{"home test", "3b 02 03 00 0000 0000 0000 0000 0000 0000 0000 0000 0000 0000", nil},
		{"too few octets to have a type", "3b 00 05 00 0000", &DecodeError{6, "message", "", Drop}},
		{"unknown type comes before Payload Proto", "06 00 63 00 0000 0000", &DecodeError{2, "MH Type", "", SendBindingError2}},
		{"Payload Proto comes before Header Len", "06 00 05 00 0000 0000", &DecodeError{0, "Payload Proto", "", SendParameterProblem}},
		{"cut off", "3b 02 05 00 0000 0000 0000 0000 0000 0000", &DecodeError{1, "Header Len", "", Drop}},
		{"short home test init", "3b 00 01 00 0000 0000", &DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short home test", "3b 01 03 00 0000 0000 0000 0000 0000 0000", &DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short update", "3b 00 05 00 0000 0000 0000 0000 0000 0000", &DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short acknowledgement", "3b 00 06 00 0000 0000", &DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short error", "3b 01 07 00 0000 0200 0000 0000 0000 0000", &DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short heartbeat", "3b 00 0d 00 0000 0000", &DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short handover initiate", "3b 00 0e 00 0000 0100", &DecodeError{1, "Header Len", "", SendParameterProblem}},
		{"short revocation", "3b 00 10 00 0000 0100", &DecodeError{1, "Header Len", "", SendParameterProblem}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Check(octets(t, test.payload))
			if test.want != nil {
				wantDecodeError(t, err, *test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// Whatever type is known has a least length, and no other has.
func TestMinimumLengths(t *testing.T) {
	for n := range 256 {
		if _, ok := minimumLengths[Type(n)]; ok != Type(n).Known() {
			t.Errorf("type %d: a least length is %v, Known is %v", n, ok, Type(n).Known())
		}
	}
}
