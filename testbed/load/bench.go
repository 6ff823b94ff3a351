package load

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// Bench is the benchmark of lmad: the daemon in one network namespace, the generator in another, a cable between them.
type Bench struct {
	BinDir   string    // with lmad and testbed
	Progress io.Writer // nil: none
}

// BenchReport is what Bench found, as `make bench-lma` writes it. Latencies and rates are of accepted registrations, with
// the forwarding that is named in the kernel before each answer.
type BenchReport struct {
	Forwarding    string                `json:"forwarding"` // of everything but NoForwarding and Memory
	MobileNodes   int                   `json:"mobile_nodes"`
	ClosedLoop    map[Operation]Figures `json:"closed_loop"` // one client
	Concurrent    ConcurrentFigures     `json:"concurrent"`
	NoForwarding  ConcurrentFigures     `json:"no_forwarding"`
	Scale         []ScaleFigures        `json:"scale"`                 // the same with more mobile nodes
	Memory        []MemoryFigures       `json:"memory"`                // with forwarding, and without
	RSSPerBinding float64               `json:"rss_bytes_per_binding"` // with forwarding

	KernelRoute        float64 `json:"kernel_route_us"`         // the kernel's time for the routes of one registration, sent alone
	KernelRouteBatched float64 `json:"kernel_route_batched_us"` // the same in a batch of 64

	Machine  Machine            `json:"machine"`
	Targets  map[string]bool    `json:"targets"` // those of the project, reached or not
	Problems []string           `json:"problems,omitempty"`
	Runs     map[string]*Report `json:"runs"`
}

// Figures are those of one operation.
type Figures struct {
	P50  float64 `json:"p50_us"`
	P99  float64 `json:"p99_us"`
	P999 float64 `json:"p999_us"`
	Rate float64 `json:"rate"`
}

// ConcurrentFigures are those of registrations by several clients at once.
type ConcurrentFigures struct {
	Clients int `json:"clients"`
	Figures
	AnchorCPU    float64 `json:"lmad_cpu_us_per_request"`      // over all operations of the run, its kernel time included
	GeneratorCPU float64 `json:"generator_cpu_us_per_request"` // likewise: it shares the processors with lmad
}

// ScaleFigures are ConcurrentFigures at one number of mobile nodes.
type ScaleFigures struct {
	MobileNodes int `json:"mobile_nodes"`
	ConcurrentFigures
}

// MemoryFigures are lmad's resident memory without and with bindings. What the kernel keeps for its routes is not in it.
type MemoryFigures struct {
	Bindings   int     `json:"bindings"`
	Forwarding string  `json:"forwarding"`
	Empty      int64   `json:"rss_bytes_empty"`
	Full       int64   `json:"rss_bytes_full"`
	Anonymous  int64   `json:"rss_bytes_anonymous"` // of Full: heap and stacks
	File       int64   `json:"rss_bytes_file"`      // of Full: pages of the program and of the file of bindings, which the kernel may drop
	PerBinding float64 `json:"rss_bytes_per_binding"`

	AnonymousPerBinding float64 `json:"rss_bytes_anonymous_per_binding"`
}

// Machine says where the figures come from.
type Machine struct {
	CPUs    int    `json:"cpus"`
	Kernel  string `json:"kernel"`
	LoadAvg string `json:"loadavg_at_start"` // above 0.5 the figures are of a busy machine
}

// Sizes of the benchmark.
const (
	fewMobileNodes  = 1000
	manyMobileNodes = 20000
	memoryBindings  = 100000
	manyClients     = 32
	fewRounds       = 10 // of fewMobileNodes, so that quantiles have enough to stand on
	deletionDelay   = 500 * time.Millisecond
	roundPause      = 2 * deletionDelay // the anchor has deleted what was de-registered
	settling        = 5 * time.Second   // until an anchor has written its bindings and returned memory
)

// Run measures everything, one after another. The report is complete unless there is an error.
func (b Bench) Run(ctx context.Context) (*BenchReport, error) {
	r := &BenchReport{Forwarding: "seg6", MobileNodes: fewMobileNodes, Machine: ThisMachine(), Runs: map[string]*Report{}, ClosedLoop: map[Operation]Figures{}}
	for _, part := range []struct {
		name string
		run  func(context.Context, *BenchReport) error
	}{
		{"registrations with forwarding", b.forwarded},
		{"registrations without forwarding", b.unforwarded},
		{"memory", b.memory},
		{"the kernel's routes", b.routes},
	} {
		b.progressf("%s", part.name)
		if err := part.run(ctx, r); err != nil {
			return r, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	r.judge()
	return r, nil
}

// forwarded is the closed loop and the concurrent clients, each with forwarding in the kernel.
func (b Bench) forwarded(ctx context.Context, r *BenchReport) error {
	return b.inSpace(r.Forwarding, func(s *space) error {
		closed, err := s.load(ctx, r, "closed_loop", "--clients", "1", "--mobile-nodes", fmt.Sprint(fewMobileNodes), "--count", fmt.Sprint(fewRounds))
		if err != nil {
			return err
		}
		for op, o := range closed.Operations {
			r.ClosedLoop[op] = figures(o)
		}
		few, err := s.concurrent(ctx, r, "concurrent_1000", fewMobileNodes, fewRounds)
		if err != nil {
			return err
		}
		many, err := s.concurrent(ctx, r, "concurrent_20000", manyMobileNodes, 1)
		if err != nil {
			return err
		}
		r.Concurrent = few
		r.Scale = []ScaleFigures{{fewMobileNodes, few}, {manyMobileNodes, many}}
		return nil
	})
}

func (b Bench) unforwarded(ctx context.Context, r *BenchReport) error {
	return b.inSpace("none", func(s *space) (err error) {
		r.NoForwarding, err = s.concurrent(ctx, r, "no_forwarding", manyMobileNodes, 1)
		return err
	})
}

// memory registers as many mobile nodes as it can and leaves their bindings standing, with forwarding and without.
func (b Bench) memory(ctx context.Context, r *BenchReport) error {
	for _, backend := range []string{r.Forwarding, "none"} {
		err := b.inSpace(backend, func(s *space) (err error) {
			m := MemoryFigures{Bindings: memoryBindings, Forwarding: backend}
			if m.Empty, err = s.resident("VmRSS:"); err != nil {
				return err
			}
			anonymous, err := s.resident("RssAnon:")
			if err != nil {
				return err
			}
			if _, err = s.load(ctx, r, "memory_"+backend, "--clients", fmt.Sprint(manyClients), "--mobile-nodes", fmt.Sprint(memoryBindings), "--operations", "register"); err != nil {
				return err
			}
			if err = sleep(ctx, settling); err != nil {
				return err
			}
			if m.Full, err = s.resident("VmRSS:"); err != nil {
				return err
			}
			if m.Anonymous, err = s.resident("RssAnon:"); err != nil {
				return err
			}
			m.File, err = s.resident("RssFile:")
			m.AnonymousPerBinding = float64(m.Anonymous-anonymous) / memoryBindings
			m.PerBinding = float64(m.Full-m.Empty) / memoryBindings
			r.Memory = append(r.Memory, m)
			return err
		})
		if err != nil {
			return err
		}
	}
	r.RSSPerBinding = r.Memory[0].PerBinding
	return nil
}

// concurrent runs full rounds with many clients.
func (s *space) concurrent(ctx context.Context, r *BenchReport, name string, nodes, rounds int) (ConcurrentFigures, error) {
	before := s.processor()
	report, err := s.load(ctx, r, name, "--clients", fmt.Sprint(manyClients), "--mobile-nodes", fmt.Sprint(nodes), "--count", fmt.Sprint(rounds))
	if err != nil {
		return ConcurrentFigures{}, err
	}
	requests := uint64(0)
	for _, o := range report.Operations {
		requests += o.Requests
	}
	return ConcurrentFigures{manyClients, figures(report.Operations[Register]), microseconds(s.processor()-before) / float64(requests), report.CPU}, nil
}

func figures(o *OperationReport) Figures { return Figures{o.P50, o.P99, o.P999, o.Rate} }

// judge compares with the project's targets, which are for two cores that have nothing else to do.
func (r *BenchReport) judge() {
	few, many := r.Scale[0].Rate, r.Scale[1].Rate
	r.Targets = map[string]bool{
		"closed loop register p50 at most 120 us":        r.ClosedLoop[Register].P50 <= 120,
		"32 clients at least 12000 registrations/s":      r.Concurrent.Rate >= 12000,
		"forwarding none at least 40000 registrations/s": r.NoForwarding.Rate >= 40000,
		"20000 mobile nodes within 20 % of 1000":         many >= 0.8*few,
		"at most 1 KiB resident a binding at 100000":     r.RSSPerBinding <= 1024,
	}
	for name, run := range r.Runs {
		if run.Result != "pass" {
			r.Problems = append(r.Problems, name+": "+strings.Join(run.Examples, "; "))
		}
	}
}

func (b Bench) progressf(format string, args ...any) {
	if b.Progress != nil {
		fmt.Fprintf(b.Progress, format+"\n", args...)
	}
}

// ThisMachine describes the machine as it is now.
func ThisMachine() Machine {
	m := Machine{CPUs: runtime.NumCPU(), Kernel: strings.TrimSpace(content("/proc/sys/kernel/osrelease"))}
	m.LoadAvg = strings.Join(strings.Fields(content("/proc/loadavg"))[:1], "")
	return m
}

// content of a file in /proc that is always there.
func content(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return string(b)
}
