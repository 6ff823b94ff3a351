package main

import (
	"testing"

	"netlmm/cmd/internal/api"
	"netlmm/mobility"
)

func TestHistory(t *testing.T) {
	for _, moves := range []int{0, 1, remembered - 1, remembered, remembered + 1, 2*remembered + 7} {
		var h history
		for range moves {
			h.add(api.Handover{})
		}
		for _, asked := range []int{0, 1, 10, 2 * remembered} {
			want := min(moves, remembered)
			if asked > 0 {
				want = min(want, asked)
			}
			list := h.newest(asked)
			if list == nil || len(list) != want {
				t.Errorf("%d moves, the last %d: %d; want %d", moves, asked, len(list), want)
			}
			for i, move := range list {
				if number := mobility.CorrelationID(moves - want + i + 1); move.CorrelationID != number {
					t.Fatalf("%d moves, the last %d: number %d at %d; want %d", moves, asked, move.CorrelationID, i, number)
				}
			}
		}
	}
}
