package lma

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIndexSet holds the index set against a plain one.
func TestIndexSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]uint64{1, 20, 64, 65, 4096, 4097, 300_000}).Draw(t, "size")
		s, taken := newIndexSet(size, true), map[uint64]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				from := rapid.Uint64Range(0, size-1).Draw(t, "from")
				for n := from; n < min(size, from+rapid.Uint64Range(1, 5000).Draw(t, "run")); n++ {
					if !taken[n] {
						s.take(n)
						taken[n] = true
					}
				}
			},
			"release": func(t *rapid.T) {
				if n := rapid.Uint64Range(0, size-1).Draw(t, "n"); taken[n] {
					s.release(n)
					delete(taken, n)
				}
			},
			"": func(t *rapid.T) {
				from := rapid.Uint64Range(0, size-1).Draw(t, "look from")
				want := from
				for want < size && taken[want] {
					want++
				}
				if got, ok := s.next(from); ok != (want < size) || ok && got != want || s.free != size-uint64(len(taken)) {
					t.Fatalf("the next free from %d on is %d (%v), want %d; %d free", from, got, ok, want, s.free)
				}
			},
		})
	})
}
