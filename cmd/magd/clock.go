package main

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"netlmm/mobility/mag"
)

const (
	clockInterval = time.Second            // between two looks at the clock while it is doubted
	clockStep     = 100 * time.Millisecond // by which the clock must be moved to count as set
)

// clockWatch finds out when the clock of this host has been put right, after an anchor doubted it (RFC 5213 section 6.9.1.2, 9):
// the kernel says that it is synchronised, or somebody has set it.
type clockWatch struct {
	doubted      chan struct{}
	synchronized func() bool
}

func newClockWatch() clockWatch {
	return clockWatch{make(chan struct{}, 1), kernelSynchronized}
}

// doubt starts the watch, if it does not run already.
func (c clockWatch) doubt() {
	select {
	case c.doubted <- struct{}{}:
	default:
	}
}

// run calls right after each doubt, once the clock is right.
func (c clockWatch) run(ctx context.Context, right func()) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.doubted:
		}
		if !c.await(ctx) {
			return nil
		}
		right()
	}
}

// await returns once the clock is right; false: ctx ended before.
func (c clockWatch) await(ctx context.Context) bool {
	ticker := time.NewTicker(clockInterval)
	defer ticker.Stop()
	began := time.Now() // with the wall clock's reading and the monotonic one
	for !c.synchronized() && moved(began, time.Now()) < clockStep {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}

// moved is by how much the wall clock was set between two readings of the clocks.
func moved(began, now time.Time) time.Duration {
	return (now.Round(0).Sub(began.Round(0)) - now.Sub(began)).Abs()
}

// kernelSynchronized says what the time daemon told the kernel.
func kernelSynchronized() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}

func (g *gateway) clockDoubted(d mag.ClockDoubted) {
	g.limited.Warn("an anchor refuses this gateway's timestamps: its clock differs; mobile nodes wait until the clock is right (is a time daemon running here and there?)",
		"lma", d.LMAAddress, "offset", d.Offset)
	g.counters.Add(ignored, "clock_doubted")
	g.clock.doubt()
}

// clockSynchronized lets those register again who waited for it.
func (g *gateway) clockSynchronized() {
	g.log.Info("the clock is synchronised: mobile nodes that waited for it register again")
	g.send(mag.ClockSynchronized{}, time.Now())
}
