package main

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"netlmm/mobility/lma"
)

// told records what reporting does with changes.
type told struct {
	lines []lma.Change
	kept  int
	sums  []string
}

func newReportingOf() (*reporting, *told) {
	o := &told{}
	return newReporting(
		func(c lma.BindingChanged) { o.lines = append(o.lines, c.Change) },
		func(lma.BindingChanged) { o.kept++ },
		func(counts []any) { o.sums = append(o.sums, fmt.Sprint(counts...)) }), o
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
		if len(o.lines) != 1 {
			t.Errorf("%d lines of one change", len(o.lines))
		}
		post(2*linesBurst, lma.Created)
		post(3, lma.Removed)
		if len(o.lines) > linesBurst+linesRate || len(o.sums) != 0 {
			t.Errorf("%d lines, sums %q", len(o.lines), o.sums)
		}
		time.Sleep(sumInterval)
		synctest.Wait()
		if len(o.sums) != 1 || o.kept != 2*linesBurst+4 {
			t.Errorf("%d kept, sums %q", o.kept, o.sums)
		}
		time.Sleep(time.Minute)
		post(1, lma.Handover) // in ordinary times again
		if last := o.lines[len(o.lines)-1]; last != lma.Handover || len(o.sums) != 1 {
			t.Errorf("last line %v, sums %q", last, o.sums)
		}
		cancel()
		<-done
	})
}
