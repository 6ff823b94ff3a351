package mh

import (
	"bytes"
	"errors"
	"testing"
)

func FuzzBindingUpdate(f *testing.F) {
	fuzzMessage(f, func() codec { return &BindingUpdate{9, 9, 9, usedOptions()} })
}

func FuzzBindingAcknowledgement(f *testing.F) {
	fuzzMessage(f, func() codec { return &BindingAcknowledgement{9, 9, 9, 9, usedOptions()} })
}

func FuzzBindingError(f *testing.F) {
	fuzzMessage(f, func() codec { return &BindingError{Options: usedOptions()} })
}

func FuzzHeartbeat(f *testing.F) {
	fuzzMessage(f, func() codec { return &Heartbeat{9, 9, usedOptions()} })
}

func FuzzBindingRevocationIndication(f *testing.F) {
	fuzzMessage(f, func() codec { return &BindingRevocationIndication{9, 9, 9, usedOptions()} })
}

func FuzzBindingRevocationAcknowledgement(f *testing.F) {
	fuzzMessage(f, func() codec { return &BindingRevocationAcknowledgement{9, 9, 9, usedOptions()} })
}

func FuzzHandoverInitiate(f *testing.F) {
	fuzzMessage(f, func() codec { return &HandoverInitiate{9, 9, 9, usedOptions()} })
}

func FuzzHandoverAcknowledge(f *testing.F) {
	fuzzMessage(f, func() codec { return &HandoverAcknowledge{9, 9, 9, usedOptions()} })
}

// fuzzMessage: no input panics; every error is a DecodeError; what was decoded is encoded in one form, which decodes to the same.
func fuzzMessage(f *testing.F, used func() codec) {
	f.Fuzz(func(t *testing.T, payload []byte) {
		first, second := used(), used()
		if err := first.Decode(payload); err != nil {
			wantSoundError(t, err, payload)
			return
		}
		b, err := first.AppendTo(nil)
		if err != nil {
			if len(payload) < maxLength/2 { // the options of a long message may not fit any more once they are aligned
				t.Fatalf("decoded but not encoded: %v", err)
			}
			return
		}
		if err := second.Decode(b); err != nil {
			t.Fatalf("encoded but not decoded: %v", err)
		}
		if d := diff(first, second); d != "" {
			t.Fatalf("changed by encoding (-first +second):\n%s", d)
		}
		if again, err := second.AppendTo(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encoded %x and then %x, %v", b, again, err)
		}
	})
}

func FuzzRepairHeaderLen(f *testing.F) {
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := bytes.Clone(payload)
		repaired := RepairHeaderLen(payload)
		if !bytes.Equal(payload, before) {
			t.Fatalf("%x became %x", before, payload)
		}
		if bytes.Equal(repaired, payload) {
			return
		}
		if unit*(1+int(repaired[headerLenAt])) != len(repaired) || len(repaired)-len(payload) >= unit || !bytes.Equal(repaired[typeAt:len(payload)], payload[typeAt:]) {
			t.Fatalf("%x became %x", payload, repaired)
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, err := DecodeHeader(payload)
		var m Raw
		if rawErr := m.Decode(payload); (rawErr == nil) != (err == nil) {
			t.Fatalf("DecodeHeader says %v, Raw says %v", err, rawErr)
		}
		if err != nil {
			wantSoundError(t, err, payload)
			return
		}
		b := encoded(t, &m)
		if h.Length != len(b) || h.Type != m.Type || !bytes.Equal(b[dataAt:], payload[dataAt:h.Length]) {
			t.Fatalf("%x came back as %x", payload, b)
		}
	})
}

func wantSoundError(t *testing.T, err error, payload []byte) {
	t.Helper()
	var e *DecodeError
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no DecodeError", err)
	}
	if e.Offset < 0 || e.Offset > len(payload) || e.Field == "" || e.Problem == "" || e.Reaction < Drop || e.Reaction > SendParameterProblem {
		t.Fatalf("unsound error %+v", *e)
	}
}

func FuzzDescribe(f *testing.F) { f.Fuzz(wantDescribed) }
