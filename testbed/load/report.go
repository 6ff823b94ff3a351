package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"netlmm/internal/histogram"
)

// Report is what a run found.
type Report struct {
	LMA         string                         `json:"lma"`
	MAGs        int                            `json:"mags"`
	MobileNodes int                            `json:"mobile_nodes"`
	Clients     int                            `json:"clients,omitempty"` // of the closed loop
	WantedRate  float64                        `json:"wanted_rate,omitempty"`
	Compat      Compat                         `json:"compat"`
	Rounds      int                            `json:"rounds"`
	Operations  map[Operation]*OperationReport `json:"operations"`
	Statuses    map[string]uint64              `json:"statuses"`     // of all answers to the request under way
	Violations  map[Violation]uint64           `json:"violations"`   // what the anchor must not do
	Late        uint64                         `json:"late_answers"` // to a transmission that was repeated meanwhile
	Heartbeats  uint64                         `json:"heartbeats"`   // of the anchor
	SendErrors  uint64                         `json:"send_errors"`
	KernelDrops uint64                         `json:"kernel_drops"`       // answers that the generator's own sockets had no room for
	CPU         float64                        `json:"cpu_us_per_request"` // of the generator itself
	Examples    []string                       `json:"examples,omitempty"` // of what went wrong
	Result      string                         `json:"result"`             // pass, or fail: violations, or requests without success
}

// OperationReport is one operation over all rounds. Latency counts from when a request was due to when the kernel took the
// answer that accepts it from the link, repetitions included.
type OperationReport struct {
	Requests        uint64  `json:"requests"`
	Accepted        uint64  `json:"accepted"`
	Failed          uint64  `json:"failed"`
	Skipped         uint64  `json:"skipped"` // mobile nodes that an earlier failure left in the wrong state
	Retransmissions uint64  `json:"retransmissions"`
	Rate            float64 `json:"rate"` // accepted a second
	P50             float64 `json:"p50_us"`
	P99             float64 `json:"p99_us"`
	P999            float64 `json:"p999_us"`

	latency histogram.Histogram
	elapsed time.Duration
}

func (o *OperationReport) add(p *phase) {
	o.Requests += p.begun
	o.Accepted += p.accepted
	o.Failed += p.failed
	o.Skipped += p.skipped
	o.Retransmissions += p.retransmissions
	o.latency.Merge(&p.latency)
	o.elapsed += p.elapsed
	o.Rate = float64(o.Accepted) / o.elapsed.Seconds()
	o.P50, o.P99, o.P999 = microseconds(o.latency.Quantile(0.5)), microseconds(o.latency.Quantile(0.99)), microseconds(o.latency.Quantile(0.999))
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// complete fills in what was counted over all operations, and the result.
func (r *Report) complete(t *tally) {
	r.Statuses = map[string]uint64{}
	for status, n := range t.statuses {
		r.Statuses[status.String()] = n
	}
	r.Violations, r.Late, r.Heartbeats, r.SendErrors, r.Examples = t.violations, t.late, t.heartbeats, t.sendErrors, t.examples
	r.Result = "pass"
	if len(r.Violations) > 0 {
		r.Result = "fail"
	}
	for _, o := range r.Operations {
		if o.Failed+o.Skipped > 0 {
			r.Result = "fail"
		}
	}
}

// Print writes the report as a table.
func (r *Report) Print(w io.Writer) {
	mode := fmt.Sprintf("closed loop, %d clients", r.Clients)
	if r.WantedRate > 0 {
		mode = fmt.Sprintf("%.0f requests/s", r.WantedRate)
	}
	fmt.Fprintf(w, "%s: %d mobile nodes, %d gateways, %s, %d rounds, %s\n\n", r.LMA, r.MobileNodes, r.MAGs, mode, r.Rounds, r.Compat)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "operation\taccepted\tfailed\trepeated\trate/s\tp50 us\tp99 us\tp99.9 us\t")
	for _, op := range Operations {
		if o := r.Operations[op]; o != nil {
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t\n", op, o.Accepted, o.Failed+o.Skipped, o.Retransmissions, o.Rate, o.P50, o.P99, o.P999)
		}
	}
	table.Flush()
	fmt.Fprintf(w, "\nlate answers %d, send errors %d, dropped by our own sockets %d, generator %.1f us of CPU a request\n", r.Late, r.SendErrors, r.KernelDrops, r.CPU)
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		fmt.Fprintf(w, "status %s: %d\n", status, r.Statuses[status])
	}
	for _, v := range slices.Sorted(maps.Keys(r.Violations)) {
		fmt.Fprintf(w, "VIOLATION %s: %d\n", v, r.Violations[v])
	}
	for _, example := range r.Examples {
		fmt.Fprintln(w, "  "+example)
	}
	fmt.Fprintln(w, "result: "+r.Result)
}
