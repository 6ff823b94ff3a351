package mihbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"runtime/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/mihf"
)

// Identifiers of the two MIH Functions.
const (
	sourceID mih.MIHFID = "source.bench"
	sinkID   mih.MIHFID = "sink.bench"
)

// part is what a process plays beside its MIH Function.
type part interface {
	tasks() []daemon.Task
	ready() <-chan struct{}
	obey(order) (answer, error)
}

// Serve is one of the two processes: it reads a Plan and then orders, and answers them, until there are no more.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	var plan Plan
	if err := orders.Decode(&plan); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	counters := daemon.NewCounters(prometheus.NewRegistry(), mihnode.Help)
	p, err := play(plan, counters)
	if err != nil {
		return err
	}
	stop, err := profile(plan)
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	for _, task := range p.tasks() {
		group.Go(func() error { return task.Run(ctx) })
	}
	group.Go(func() error {
		defer cancel()
		select {
		case <-p.ready():
		case <-ctx.Done():
			return nil
		}
		for a := (answer{}); ; {
			if err := answers.Encode(used(a, counters)); err != nil {
				return err
			}
			var o order
			if err := orders.Decode(&o); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if a, err = p.obey(o); err != nil {
				return err
			}
		}
	})
	return group.Wait()
}

func play(plan Plan, counters *daemon.Counters) (part, error) {
	switch plan.Role {
	case Source:
		return newSource(plan, counters)
	case Sink:
		return newSink(plan, counters)
	}
	return nil, fmt.Errorf("role %q: want %s or %s", plan.Role, Source, Sink)
}

// end is where an MIH Function is.
type end struct {
	id   mih.MIHFID
	port uint16
}

// open makes an MIH Function with one peer as mihd and magd make theirs.
func open(own, peer end, counters *daemon.Counters, user func(mihf.Action)) (*mihnode.Node, error) {
	loopback := netip.IPv6Loopback()
	return mihnode.Open(mihnode.Config{
		MIH: configs.MIH{
			MIHFID: own.id, Listen: []netip.Addr{loopback}, Port: own.port,
			Peers: []configs.MIHPeer{{Name: string(peer.id), MIHFID: peer.id, Address: netip.AddrPortFrom(loopback, peer.port)}},
		},
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Counters: counters, User: user,
	})
}

// used adds to an answer what the process has used until now.
func used(a answer, counters *daemon.Counters) answer {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) == nil {
		a.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	var total, resident int64
	if content, err := os.ReadFile("/proc/self/statm"); err == nil {
		_, _ = fmt.Sscan(string(content), &total, &resident)
	}
	a.RSS, a.Counters = resident*int64(os.Getpagesize()), counters.Snapshot()
	return a
}

// profile begins the profiles that the plan wants; what comes back ends them.
func profile(plan Plan) (stop func(), err error) {
	if plan.Profile == "" {
		return func() {}, nil
	}
	cpu, err := os.Create(plan.Profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(err, cpu.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		cpu.Close()
		if heap, err := os.Create(plan.HeapProfile); err == nil {
			_ = pprof.Lookup("allocs").WriteTo(heap, 0) // it is beside the figures
			heap.Close()
		}
	}, nil
}

// monotonic is a clock that both processes read alike.
func monotonic() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // every Linux has it
	return time.Duration(t.Nano())
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
