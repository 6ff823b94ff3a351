package load

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"netlmm/mobility/signaling"
)

// Run opens a socket for each gateway of cfg and asks the anchor for everything that cfg says. The report is complete unless
// there is an error; with ctx ended early it holds what was measured so far, beside the error of ctx.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	var conns []*signaling.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	var links []link
	for _, mag := range cfg.MAGs {
		c, err := signaling.Listen(mag)
		if err != nil {
			return nil, err
		}
		conns, links = append(conns, c), append(links, c)
	}
	g := newGenerator(cfg, links)
	receiving, stop := context.WithCancel(context.Background())
	var receivers errgroup.Group
	for i, c := range conns {
		receivers.Go(func() error {
			return c.RunBatches(receiving, func(m signaling.Message) { g.received(i, m) }, g.receivedAll)
		})
	}
	report, err := g.rounds(ctx)
	stop()
	if failed := receivers.Wait(); err == nil {
		err = failed
	}
	for _, c := range conns {
		report.KernelDrops += c.Counters().KernelDrops
	}
	return report, err
}

// rounds runs them all.
func (g *generator) rounds(ctx context.Context) (*Report, error) {
	r := &Report{
		LMA: g.cfg.LMA.String(), MAGs: len(g.cfg.MAGs), MobileNodes: g.cfg.MobileNodes, Clients: g.cfg.Clients, WantedRate: g.cfg.Rate,
		Compat: g.cfg.Compat, Operations: map[Operation]*OperationReport{},
	}
	if g.cfg.Rate > 0 {
		r.Clients = 0
	}
	began, processor, err := time.Now(), processorTime(), error(nil)
	for ; err == nil && (r.Rounds < g.cfg.Count || time.Since(began) < g.cfg.Duration); r.Rounds++ {
		if r.Rounds > 0 {
			err = sleep(ctx, g.cfg.Pause)
		}
		for i := 0; i < len(g.cfg.Operations) && err == nil; i++ {
			op := g.cfg.Operations[i]
			var p *phase
			p, err = g.run(ctx, op)
			g.mu.Lock()
			if r.Operations[op] == nil {
				r.Operations[op] = &OperationReport{}
			}
			if p.elapsed == 0 { // cut short
				p.elapsed = time.Since(p.started)
			}
			r.Operations[op].add(p)
			g.mu.Unlock()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	r.complete(&g.tally)
	requests := uint64(0)
	for _, o := range r.Operations {
		requests += o.Requests + o.Retransmissions
	}
	r.CPU = microseconds(processorTime()-processor) / float64(max(requests, 1))
	return r, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
