package load

import (
	"context"
	"fmt"
	"time"

	"netlmm/internal/histogram"
)

// phase is one operation, asked for once for every mobile node.
type phase struct {
	operation       Operation
	position        int // next of the nodes
	begun           uint64
	skipped         uint64 // mobile nodes in a state that the operation is not for
	accepted        uint64
	failed          uint64
	retransmissions uint64
	latency         histogram.Histogram
	started         time.Time
	elapsed         time.Duration
	finished        chan struct{}
}

func newPhase(op Operation) *phase { return &phase{operation: op, finished: make(chan struct{})} }

func (p *phase) ended(accepted bool) {
	if accepted {
		p.accepted++
	} else {
		p.failed++
	}
}

// finish may be called more than once: each client finds that nothing is left.
func (p *phase) finish() {
	if p.elapsed == 0 {
		p.elapsed = max(time.Since(p.started), 1)
		close(p.finished)
	}
}

// tick is how often deadlines are looked at.
const tick = 5 * time.Millisecond

// run asks for op for all mobile nodes and returns when each has its answer or has failed.
func (g *generator) run(ctx context.Context, op Operation) (*phase, error) {
	p := newPhase(op)
	g.mu.Lock()
	g.phase, p.started = p, time.Now()
	if g.cfg.Rate == 0 {
		for range g.cfg.Clients {
			if !g.next(time.Now()) {
				break
			}
		}
		g.flush()
	}
	g.mu.Unlock()
	progress := time.NewTicker(time.Second)
	defer progress.Stop()
	for {
		pause := tick
		if g.cfg.Rate > 0 {
			pause = g.pace(time.Now())
		}
		select {
		case <-p.finished:
			return p, nil
		case <-ctx.Done():
			return p, ctx.Err()
		case <-progress.C:
			g.progress()
		case <-time.After(pause):
			g.mu.Lock()
			g.repeat(time.Now())
			g.flush()
			g.mu.Unlock()
		}
	}
}

// pace begins every request that is due at the configured rate, and says how long nothing is due from now on. A request
// that leaves late counts from when it was due.
func (g *generator) pace(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.flush()
	interval := time.Duration(float64(time.Second) / g.cfg.Rate)
	for p := g.phase; ; {
		due := p.started.Add(time.Duration(p.begun) * interval)
		if wait := due.Sub(now); wait > 0 {
			return min(wait, tick)
		}
		if !g.next(due) {
			return tick
		}
	}
}

func (g *generator) progress() {
	if g.cfg.Progress == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.phase
	done := p.accepted + p.failed
	fmt.Fprintf(g.cfg.Progress, "%-10s %8d of %d  %8.0f/s  %d outstanding, %d repeated, %d failed\n", p.operation, done, len(g.nodes),
		float64(done)/time.Since(p.started).Seconds(), len(g.outstanding), p.retransmissions, p.failed)
}
