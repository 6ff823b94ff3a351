package mihbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Role is what one of the two processes is.
type Role string

// The roles.
const (
	Source Role = "source" // the MIH Function whose link SAP sees the events
	Sink   Role = "sink"   // the one whose user is told of them
)

// Plan is what a process is told at its start.
type Plan struct {
	Role        Role   `json:"role"`
	SourcePort  uint16 `json:"source_port"`
	SinkPort    uint16 `json:"sink_port"`
	Profile     string `json:"profile"`      // file for its processor profile; "": none
	HeapProfile string `json:"heap_profile"` // file for what it allocated; "": none
}

// order is a line that a process reads, answer the one that it writes for it. The first answer comes without an order: it is ready.
type order struct {
	Rate  int    `json:"rate"`  // the source emits at this rate; 0: it says what it has used
	First uint64 `json:"first"` // number of the first event of the step
	Count int    `json:"count"` // events of the step
	Begin bool   `json:"begin"` // the sink begins a step; else it says how far it is
}

type answer struct {
	Offered uint64  `json:"offered"` // by the source
	Refused uint64  `json:"refused"` // that its queue had no room for
	LateP99 float64 `json:"late_p99_us"`

	Tally // of the sink

	CPU time.Duration `json:"cpu"`
	RSS int64         `json:"rss"`

	Counters map[string]uint64 `json:"counters"`
}

// process is one of the two, seen from the parent.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// start runs a process and waits until it is ready. Its errors go to stderr.
func start(ctx context.Context, command []string, plan Plan, stderr io.Writer) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, command[0], command[1:]...)}
	p.cmd.Stderr = stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := json.NewEncoder(in).Encode(plan); err != nil {
		return nil, errors.Join(err, p.end())
	}
	return p, nil
}

// ask gives an order and waits for its answer.
func (p *process) ask(o order) (a answer, err error) {
	if err := json.NewEncoder(p.in).Encode(o); err != nil {
		return a, fmt.Errorf("%s: %w", p.cmd.Path, err)
	}
	return p.answer()
}

func (p *process) answer() (a answer, err error) {
	if err = p.out.Decode(&a); err != nil {
		err = fmt.Errorf("a process of the benchmark has ended: %w", err)
	}
	return a, err
}

// end lets the process go: it ends with its orders.
func (p *process) end() error {
	_ = p.in.Close() // it may be gone already
	return p.cmd.Wait()
}
