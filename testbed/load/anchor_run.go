package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"netlmm/mobility/signaling"
)

// PlayAnchor plays an anchor to one gateway until ctx or the configured time ends.
func PlayAnchor(ctx context.Context, cfg AnchorConfig) (*AnchorReport, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	conn, err := signaling.Listen(cfg.LMA)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if cfg.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cfg.Duration)
		defer cancel()
	}
	processor := processorTime()
	var mu sync.Mutex // of a
	a := newAnchor(cfg, conn, time.Now())
	locked := func(f func()) {
		mu.Lock()
		defer mu.Unlock()
		f()
	}
	group, ending := errgroup.WithContext(ctx)
	group.Go(func() error {
		return conn.RunBatches(ending,
			func(m signaling.Message) { locked(func() { a.received(time.Now(), m) }) },
			func() { locked(func() { a.flush(time.Now()) }) })
	})
	group.Go(func() error {
		clock, progress := time.NewTicker(tick), time.NewTicker(time.Second)
		defer clock.Stop()
		defer progress.Stop()
		for {
			select {
			case <-ending.Done():
				return nil
			case <-clock.C:
				locked(func() { a.tick(time.Now()) })
			case <-progress.C:
				locked(a.progress)
			}
		}
	})
	err = group.Wait()
	mu.Lock()
	defer mu.Unlock()
	r := a.finish(time.Now())
	r.KernelDrops = conn.Counters().KernelDrops
	r.CPU = microseconds(processorTime()-processor) / float64(max(r.Updates, 1))
	return r, ignoreEnd(err)
}

// ignoreEnd keeps the end of the play, which is how it is to end, from being an error.
func ignoreEnd(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (a *anchor) progress() {
	if a.cfg.Progress == nil {
		return
	}
	standing := 0
	for _, s := range a.sessions {
		if s.registered {
			standing++
		}
	}
	fmt.Fprintf(a.cfg.Progress, "%d updates, %d answered, %d bindings, %d heartbeats, %d kinds of violation\n",
		a.report.Updates, a.report.Acknowledgements, standing, a.report.Heartbeats, len(a.report.Violations))
}
