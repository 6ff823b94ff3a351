package main

import (
	"context"
	"testing"
)

func TestMemoryGoesBackWhenABurstIsOver(t *testing.T) {
	const mib = 1 << 20
	var m memory
	for i, step := range []struct {
		allocated uint64
		due       bool
	}{
		{1 * mib, false}, // the start
		{1 * mib, false},
		{1 * mib, false}, // quiet, but nothing came before
		{10 * mib, false},
		{30 * mib, false}, // a burst
		{30*mib + 1, false},
		{30*mib + 2, true},  // it is over
		{30*mib + 3, false}, // once
		{31 * mib, false},
		{45 * mib, false},
		{45 * mib, false},
		{60 * mib, false}, // goes on
		{60 * mib, false},
		{60 * mib, true},
	} {
		if due := m.due(step.allocated); due != step.due {
			t.Errorf("step %d, %d octets: %v", i, step.allocated, due)
		}
	}
}

func TestReturnMemoryEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := returnMemory(ctx); err != nil {
		t.Error(err)
	}
}
