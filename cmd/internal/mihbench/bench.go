// Package mihbench is the benchmark of the MIH Function (`make bench-mih`): two processes with one each, over UDP on loopback, and
// link events on their way from a link SAP of the one to a user of the other.
package mihbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"

	"netlmm/testbed/load"
)

// Bench is one run.
type Bench struct {
	Command  []string      // runs Serve: a program and its arguments
	Rates    []int         // of the steps, in events a second
	Duration time.Duration // of a step
	WarmUp   time.Duration // of the highest rate, before the first step
	Profile  string        // folder for profiles of both processes; "": none
	Progress io.Writer     // nil: none
	Stderr   io.Writer     // of the processes
}

// DefaultRates are those of `make bench-mih`.
var DefaultRates = []int{1000, 2000, 5000, 10000, 20000, 30000}

// patience is how long nothing more may arrive before what is missing counts as lost: longer than all retransmissions take.
const patience = 3 * time.Second

// run is a Bench with its processes.
type run struct {
	Bench
	source, sink *process
	next         uint64 // number of the next event
}

// Run starts both processes, offers one rate after another and ends the processes.
func (b Bench) Run(ctx context.Context) (report *Report, err error) {
	r := run{Bench: b}
	plan, err := freePorts()
	if err != nil {
		return nil, err
	}
	if r.source, err = r.start(ctx, plan, Source); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.source.end()) }()
	if r.sink, err = r.start(ctx, plan, Sink); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.sink.end()) }()

	report = &Report{Stations: stations, Machine: load.ThisMachine()}
	if err := r.steps(ctx, report); err != nil {
		return nil, err
	}
	report.judge()
	return report, nil
}

// freePorts finds two ports that nobody has.
func freePorts() (p Plan, err error) {
	for _, port := range []*uint16{&p.SourcePort, &p.SinkPort} {
		l, err := net.ListenTCP("tcp6", &net.TCPAddr{IP: net.IPv6loopback})
		if err != nil {
			return p, err
		}
		defer l.Close()
		*port = l.Addr().(*net.TCPAddr).AddrPort().Port()
	}
	return p, nil
}

// start starts one of the processes, and waits until it is ready.
func (r *run) start(ctx context.Context, plan Plan, role Role) (*process, error) {
	plan.Role = role
	if r.Profile != "" {
		plan.Profile = filepath.Join(r.Profile, string(role)+".cpu.pprof")
		plan.HeapProfile = filepath.Join(r.Profile, string(role)+".allocs.pprof")
	}
	p, err := start(ctx, r.Command, plan, r.Stderr)
	if err != nil {
		return nil, err
	}
	if _, err := p.answer(); err != nil {
		return nil, errors.Join(err, p.end())
	}
	return p, nil
}

// steps offers the rates.
func (r *run) steps(ctx context.Context, report *Report) error {
	highest := 0
	for _, rate := range r.Rates {
		highest = max(highest, rate)
	}
	r.progressf("warming up, %d/s", highest)
	warm, err := r.step(ctx, highest, r.WarmUp)
	if err != nil {
		return err
	}
	report.WarmRSS = warm.SourceRSS + warm.SinkRSS
	for _, rate := range r.Rates {
		r.progressf("%d/s", rate)
		s, err := r.step(ctx, rate, r.Duration)
		if err != nil {
			return fmt.Errorf("%d events/s: %w", rate, err)
		}
		s.RSSGrowth = s.SourceRSS + s.SinkRSS - report.WarmRSS
		report.Steps = append(report.Steps, s)
	}
	return nil
}

// step offers one rate and waits until nothing more arrives.
func (r *run) step(ctx context.Context, rate int, duration time.Duration) (s Step, err error) {
	o := order{First: r.next, Count: int(duration.Seconds() * float64(rate)), Begin: true}
	r.next += uint64(o.Count)
	sinkBefore, err := r.sink.ask(o)
	if err != nil {
		return s, err
	}
	sourceBefore, err := r.source.ask(order{})
	if err != nil {
		return s, err
	}
	o.Rate = rate
	source, err := r.source.ask(o)
	if err != nil {
		return s, err
	}
	sink, err := r.drain(ctx, source.Offered)
	if err != nil {
		return s, err
	}
	return newStep(rate, sourceBefore, source, sinkBefore, sink), nil
}

// drain waits for what is on its way.
func (r *run) drain(ctx context.Context, offered uint64) (a answer, err error) {
	last, lastAt := uint64(0), time.Now()
	for {
		if a, err = r.sink.ask(order{}); err != nil {
			return a, err
		}
		if a.Delivered+a.Duplicates != last {
			last, lastAt = a.Delivered+a.Duplicates, time.Now()
		}
		// What has all arrived has its while too: what comes again comes within a retransmission timeout.
		if waited := time.Since(lastAt); waited > patience || a.Delivered == offered && waited > patience/6 {
			return a, nil
		}
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (r *run) progressf(format string, args ...any) {
	if r.Progress != nil {
		fmt.Fprintf(r.Progress, format+"\n", args...)
	}
}
