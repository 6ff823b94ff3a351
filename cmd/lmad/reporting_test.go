package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"netlmm/mobility/lma"
)

// told records what reporting does with changes.
type told struct {
	mu    sync.Mutex
	lines []lma.Change
	kept  int
	sums  []string
}

func newReportingOf() (*reporting, *told) {
	o := &told{}
	locked := func(f func()) {
		o.mu.Lock()
		defer o.mu.Unlock()
		f()
	}
	return newReporting(
		func(c lma.BindingChanged) { locked(func() { o.lines = append(o.lines, c.Change) }) },
		func(lma.BindingChanged) { locked(func() { o.kept++ }) },
		func(counts []any) { locked(func() { o.sums = append(o.sums, fmt.Sprint(counts...)) }) }), o
}

// soFar is what was told until now.
func (o *told) soFar() (lines []lma.Change, kept int, sums []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.lines), o.kept, slices.Clone(o.sums)
}

func TestReportingNeverBlocks(t *testing.T) {
	r, o := newReportingOf()
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
	if o.kept != reported || slices.Contains(o.lines, lma.Removed) {
		t.Errorf("kept %d changes, want the %d that were taken", o.kept, reported)
	}
}

func TestReportingSumsUpWhatIsTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, o := newReportingOf()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- r.run(ctx) }()
		post := func(n int, change lma.Change) {
			for range n {
				if !r.post(lma.BindingChanged{Change: change}) {
					t.Fatal("the queue is full")
				}
			}
			time.Sleep(2 * reportDelay)
			synctest.Wait()
		}
		post(1, lma.Handover)
		if lines, _, _ := o.soFar(); len(lines) != 1 {
			t.Errorf("%d lines of one change", len(lines))
		}
		post(2*linesBurst, lma.Created)
		post(3, lma.Removed)
		if lines, _, sums := o.soFar(); len(lines) > linesBurst+linesRate || len(sums) != 0 {
			t.Errorf("%d lines, sums %q", len(lines), sums)
		}
		time.Sleep(sumInterval)
		synctest.Wait()
		if _, kept, sums := o.soFar(); len(sums) != 1 || kept != 2*linesBurst+4 {
			t.Errorf("%d kept, sums %q", kept, sums)
		}
		time.Sleep(time.Minute)
		post(1, lma.Handover) // in ordinary times again
		if lines, _, sums := o.soFar(); lines[len(lines)-1] != lma.Handover || len(sums) != 1 {
			t.Errorf("last line %v, sums %q", lines[len(lines)-1], sums)
		}
		cancel()
		<-done
	})
}
