package main

import (
	"context"

	"netlmm/mobility/lma"
)

// reported is how many changes of bindings may wait to be told of.
const reported = 8192

// reporting tells of changed bindings in a goroutine of its own, in their order: a log that is slow to take its lines must
// not hold up the answers behind them. What finds the queue full is told to nobody but the counter.
type reporting struct {
	queue chan lma.BindingChanged
	tell  func(lma.BindingChanged)
}

func newReporting(tell func(lma.BindingChanged)) *reporting {
	return &reporting{queue: make(chan lma.BindingChanged, reported), tell: tell}
}

// post queues a change without blocking; false: the queue is full.
func (r *reporting) post(c lma.BindingChanged) bool {
	select {
	case r.queue <- c:
		return true
	default:
		return false
	}
}

// run tells until ctx ends, and then what waits.
func (r *reporting) run(ctx context.Context) error {
	for {
		select {
		case c := <-r.queue:
			r.tell(c)
		case <-ctx.Done():
			for {
				select {
				case c := <-r.queue:
					r.tell(c)
				default:
					return nil
				}
			}
		}
	}
}
