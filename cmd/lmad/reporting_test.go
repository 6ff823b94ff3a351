package main

import (
	"context"
	"slices"
	"testing"

	"netlmm/mobility/lma"
)

func TestReportingNeverBlocks(t *testing.T) {
	var told []lma.Change
	r := newReporting(func(c lma.BindingChanged) { told = append(told, c.Change) })
	for range reported {
		if !r.post(lma.BindingChanged{Change: lma.Created}) {
			t.Fatal("refused before the queue was full")
		}
	}
	if r.post(lma.BindingChanged{Change: lma.Removed}) {
		t.Error("the queue has no end")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(told) != reported || slices.Contains(told, lma.Removed) {
		t.Errorf("told of %d changes, want the %d that were taken", len(told), reported)
	}
}
