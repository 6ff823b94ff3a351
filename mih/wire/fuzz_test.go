package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecode: no input panics, however it is read; every error is a sound DecodeError; what was read is written in one form, which
// reads the same; the same input can always be described, and as broken exactly when it is.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.octets)
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		before := bytes.Clone(octets)
		for _, d := range []Decoder{{}, {MSB0Bitmaps: true}, {AnyOrder: true}, {Opaque: true}} {
			m, err := d.Decode(octets)
			if err != nil {
				wantSoundError(t, err, octets)
				continue
			}
			if len(octets) < MaximumMessage-3 { // a TLV that was left out may not fit any more
				wantOneForm(t, d, m)
			}
		}
		if _, err := Decode(octets); err != nil && len(Describe(octets).Errors) == 0 && !IsFragment(octets) {
			t.Fatalf("%v, but described without an error", err)
		}
		wantDescribed(t, octets)
		if !bytes.Equal(before, octets) {
			t.Fatal("the input was written to")
		}
	})
}

func wantOneForm(t *testing.T, d Decoder, m Message) {
	t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		t.Fatalf("read but not written: %v", err)
	}
	d.MSB0Bitmaps = false
	again, err := d.Decode(b)
	if err != nil {
		t.Fatalf("%x: written but not read: %v", b, err)
	}
	if diff := cmp.Diff(m, again, sameAddresses); diff != "" {
		t.Fatalf("changed by writing (-first +second):\n%s", diff)
	}
	if c, err := again.Append(nil); err != nil || !bytes.Equal(b, c) {
		t.Fatalf("written %x and then %x, %v", b, c, err)
	}
}

func wantSoundError(t *testing.T, err error, octets []byte) {
	t.Helper()
	var e *DecodeError
	if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(octets) || e.Field == "" || e.Problem == "" || e.Reaction < Drop || e.Reaction > Refuse {
		t.Fatalf("unsound error %+v", err)
	}
}

// FuzzReassembler: the input is a series of fragments, each behind two octets of its length and one that says who sent it and how
// much later. Nothing panics, the books are right after each, and everything ends.
func FuzzReassembler(f *testing.F) {
	small := ReassemblyLimits{Timeout: time.Second, OctetsPerPeer: 4000, Octets: 6000}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {0, 0, 2, 2, 1}, {0, 1}} {
		var input []byte
		parts := fragments(f, longMessage(f, 1, 400), 158)
		for _, i := range order {
			input = append(binary.BigEndian.AppendUint16(input, uint16(len(parts[i]))), 0x10)
			input = append(input, parts[i]...)
		}
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		r, now := NewReassembler(small), start
		for len(input) >= 3 {
			n, who := int(binary.BigEndian.Uint16(input)), input[2]
			input = input[3:]
			n = min(n, len(input))
			now = now.Add(time.Duration(who>>4) * 50 * time.Millisecond)
			peer := netip.AddrPortFrom(peerA.Addr(), uint16(who&0xf))
			if message, reason := r.Add(now, peer, input[:n]); message != nil && (reason != "" || IsFragment(message)) {
				t.Fatalf("%x came out, %q", message, reason)
			}
			wantBooks(t, r)
			input = input[n:]
		}
		r.Expire(now.Add(time.Second))
		wantEmpty(t, r)
	})
}
