package transport

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// message is a MIH message of this length as far as this package looks at it, filled with this octet.
func message(length int, fill byte) []byte {
	m := bytes.Repeat([]byte{fill}, length)
	m[0], m[1], m[2] = 0x10, 0, 0x2C
	binary.BigEndian.PutUint16(m[lengthOffset:], uint16(length-headerSize))
	return m
}

// feed gives the octets in pieces of these sizes, again and again.
func feed(octets []byte, sizes []int) (messages [][]byte, left int, err error) {
	var f frames
	for i := 0; len(octets) > 0; i++ {
		size := min(len(octets), sizes[i%len(sizes)])
		for size > 0 {
			n := copy(f.room(), octets[:size])
			octets, size = octets[n:], size-n
			f.arrived(n)
			for {
				m, err := f.next()
				if err != nil {
					return messages, f.end - f.start, err
				}
				if m == nil {
					break
				}
				messages = append(messages, bytes.Clone(m))
			}
		}
	}
	return messages, f.end - f.start, nil
}

func TestFramesInAnyPieces(t *testing.T) {
	var octets []byte
	lengths := []int{8, 9, 100, 24, MaximumMessage, 8, 4096, 5000, 31, MaximumMessage, MaximumMessage, 60}
	for i, length := range lengths {
		octets = append(octets, message(length, byte(i))...)
	}
	octets = append(octets, message(100, 1)[:57]...)
	for _, sizes := range [][]int{{1}, {7}, {8}, {1000}, {4096}, {65536}, {len(octets)}, {1, 65536, 3, 9000}} {
		got, left, err := feed(octets, sizes)
		if err != nil || left != 57 || len(got) != len(lengths) {
			t.Fatalf("pieces of %v: %d messages, %d octets left, %v", sizes, len(got), left, err)
		}
		for i := range got {
			if !bytes.Equal(got[i], message(lengths[i], byte(i))) {
				t.Errorf("pieces of %v: message %d of %d octets is wrong", sizes, i, len(got[i]))
			}
		}
	}
}

func TestOtherVersionsEndTheStream(t *testing.T) {
	octets := append(message(20, 1), message(20, 2)...)
	octets[20] = 0x20
	got, _, err := feed(octets, []int{1})
	if err == nil || len(got) != 1 {
		t.Errorf("%d messages, %v", len(got), err)
	}
}

func TestAnAnnouncedLengthTakesNoMemory(t *testing.T) {
	var f frames
	f.arrived(copy(f.room(), message(MaximumMessage, 0)[:100]))
	if m, err := f.next(); m != nil || err != nil {
		t.Fatalf("%d octets, %v", len(m), err)
	}
	if f.room(); len(f.buffer) > firstRoom {
		t.Errorf("%d octets for a message of which 100 have arrived", len(f.buffer))
	}
}

// FuzzFrames: what comes out is what went in, whatever the pieces; nothing is longer than a message may be.
func FuzzFrames(f *testing.F) {
	f.Add(append(message(24, 1), message(100, 2)...), uint16(7), uint16(50))
	f.Add(message(24, 1)[:12], uint16(1), uint16(1))
	f.Add([]byte{0x20}, uint16(1), uint16(1))
	f.Fuzz(func(t *testing.T, octets []byte, a, b uint16) {
		sizes := []int{int(a) + 1, int(b) + 1}
		got, left, err := feed(octets, sizes)
		joined := bytes.Join(got, nil)
		if !bytes.HasPrefix(octets, joined) {
			t.Fatal("the messages are not what arrived")
		}
		if err == nil && len(joined)+left != len(octets) {
			t.Fatalf("%d octets arrived, %d were handed out and %d are left", len(octets), len(joined), left)
		}
		for _, m := range got {
			if !framed(m) {
				t.Fatalf("message of %d octets", len(m))
			}
		}
		whole, _, _ := feed(octets, []int{len(octets) + 1})
		if len(whole) != len(got) {
			t.Fatalf("%d messages in pieces, %d at once", len(got), len(whole))
		}
	})
}
