package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"netlmm/mobility/lma"
)

// Bounds of what is told of changed bindings.
const (
	reported    = 8192                  // changes may wait to be told of
	reportDelay = 20 * time.Millisecond // between the first that waits and the telling: one wake-up for many
	linesRate   = 100                   // lines a second, so that a domain-wide power-cut costs neither the log nor the answers
	linesBurst  = 1000                  // that come at once
	sumInterval = time.Second           // between lines that sum up what had none of its own
)

// reporting tells of changed bindings in a goroutine of its own, in their order: a log that is slow to take its lines must
// not hold up the answers behind them. Beyond its bounds a change has no line of its own and is summed up with others; what
// finds the queue full is told to nobody but the counter.
type reporting struct {
	log  func(lma.BindingChanged) // writes its line
	keep func(lma.BindingChanged) // every change, for the history
	sum  func(counts []any)       // writes one line for many: what happened, how often
	pace *rate.Limiter

	wake chan struct{}

	mu      sync.Mutex
	waiting []lma.BindingChanged

	// The goroutine's own.
	summed  map[lma.Change]int
	lastSum time.Time
}

func newReporting(log, keep func(lma.BindingChanged), sum func(counts []any)) *reporting {
	return &reporting{log: log, keep: keep, sum: sum, pace: rate.NewLimiter(linesRate, linesBurst), wake: make(chan struct{}, 1), summed: map[lma.Change]int{}}
}

// post queues a change without blocking; false: the queue is full.
func (r *reporting) post(c lma.BindingChanged) bool {
	r.mu.Lock()
	n := len(r.waiting)
	if n < reported {
		r.waiting = append(r.waiting, c)
	}
	r.mu.Unlock()
	if n == 0 {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
	return n < reported
}

// run tells until ctx ends, and then what waits.
func (r *reporting) run(ctx context.Context) error {
	var spare []lma.BindingChanged
	for ctx.Err() == nil {
		var due <-chan time.Time // of the sum
		if len(r.summed) > 0 {
			due = time.After(sumInterval - time.Since(r.lastSum))
		}
		select {
		case <-ctx.Done():
		case <-due:
			r.sumUp()
		case <-r.wake:
			pause(ctx, reportDelay)
			r.mu.Lock()
			batch := r.waiting
			r.waiting = spare
			r.mu.Unlock()
			r.tell(batch)
			clear(batch)
			spare = batch[:0]
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell(r.waiting)
	r.sumUp()
	return nil
}

func (r *reporting) tell(batch []lma.BindingChanged) {
	now := time.Now()
	for _, c := range batch {
		r.keep(c)
		if len(r.summed) == 0 && r.pace.AllowN(now, 1) {
			r.log(c)
			continue
		}
		if len(r.summed) == 0 {
			r.lastSum = now
		}
		r.summed[c.Change]++
	}
}

func (r *reporting) sumUp() {
	var counts []any
	for change := lma.Created; change <= lma.Removed; change++ {
		if n := r.summed[change]; n > 0 {
			counts = append(counts, slog.Int(change.String(), n))
		}
	}
	if len(counts) > 0 {
		r.sum(counts)
	}
	clear(r.summed)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
