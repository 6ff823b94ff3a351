package mh

import "testing"

func TestRaw(t *testing.T) {
	used := func() *Raw { return &Raw{99, []byte("earlier, and longer than what follows")} }
	t.Run("a type that has a form of its own", func(t *testing.T) {
		wantVector(t, octets(t, "3b 01 0d 00 0000 0000 00000001 00000000"), &Raw{13, octets(t, "0000 00000001 00000000")}, used())
	})
	t.Run("shortest", func(t *testing.T) {
		wantVector(t, octets(t, "3b 00 00 00 0000 0000"), &Raw{0, []byte{0, 0}}, used())
	})
	t.Run("longest", func(t *testing.T) {
		data := make([]byte, 2042)
		data[2041] = 1
		wantVector(t, append(octets(t, "3b ff fe 00 0000"), data...), &Raw{254, data}, used())
	})
}

func TestRawErrors(t *testing.T) {
	m := Raw{99, []byte("earlier")}
	wantDecodeError(t, m.Decode(octets(t, "3b 01 0d 00 0000 0000")), DecodeError{1, "Header Len", "", Drop})
	if m.Type != 0 || len(m.Data) != 0 {
		t.Errorf("left %+v after an error", m)
	}
	for _, length := range []int{0, 1, 3, 2043, 2050} {
		if b, err := (&Raw{13, make([]byte, length)}).AppendTo([]byte("before")); err == nil || string(b) != "before" {
			t.Errorf("%d octets of data: got %d octets, %v, want an error", length, len(b), err)
		}
	}
}
