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

// AnchorReport is what a gateway did while an anchor was played to it.
type AnchorReport struct {
	LMA        string                         `json:"lma"`
	MAG        string                         `json:"mag"`
	Compat     Compat                         `json:"compat"`
	Duration   float64                        `json:"duration_seconds"`
	Operations map[Operation]*AnchorOperation `json:"operations"`

	Updates                  uint64            `json:"updates"`          // Proxy Binding Updates received
	Acknowledgements         uint64            `json:"acknowledgements"` // sent
	Unanswered               uint64            `json:"unanswered"`       // updates that the scenario dropped
	UnmatchedDeregistrations uint64            `json:"unmatched_deregistrations"`
	RegisteredEarlier        uint64            `json:"registered_earlier"` // sessions that the gateway had before the play began, and extended
	Statuses                 map[string]uint64 `json:"statuses"`           // of the acknowledgements

	Bindings       int               `json:"bindings"`   // that stand at the end
	Heartbeats     uint64            `json:"heartbeats"` // requests answered
	BindingErrors  uint64            `json:"binding_errors"`
	RestartCounter uint32            `json:"restart_counter"` // at the end
	Restart        *RestartReport    `json:"restart,omitempty"`
	Revocation     *RevocationReport `json:"revocation,omitempty"`

	Violations  map[Violation]uint64 `json:"violations"` // what a gateway must not do
	SendErrors  uint64               `json:"send_errors"`
	KernelDrops uint64               `json:"kernel_drops"` // updates that our socket had no room for
	CPU         float64              `json:"cpu_us_per_request"`
	Examples    []string             `json:"examples,omitempty"`
	Result      string               `json:"result"` // pass, or fail: violations, bindings that did not come back, revocations without an answer
}

// AnchorOperation is one kind of request. Latency counts from when the kernel took the first transmission of a request from
// the link to when the acknowledgement that ends it was sent; the gateway's repetitions are within it.
type AnchorOperation struct {
	Requests uint64  `json:"requests"`
	Repeated uint64  `json:"repeated"` // transmissions beyond the first
	Accepted uint64  `json:"accepted"`
	Refused  uint64  `json:"refused"`
	Rate     float64 `json:"rate"` // accepted a second, from the first request to the last answer
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
	P999     float64 `json:"p999_us"`

	latency     histogram.Histogram
	first, last time.Time
}

// RestartReport says who came back after the anchor had lost its bindings.
type RestartReport struct {
	Bindings   int     `json:"bindings"`           // that stood before
	Registered int     `json:"registered_again"`   // of them
	Last       float64 `json:"last_after_seconds"` // until the last of these
}

// RevocationReport says how the gateway took revocations.
type RevocationReport struct {
	Indications uint64            `json:"indications"`
	Repeated    uint64            `json:"repeated"`
	Unanswered  uint64            `json:"unanswered"`
	Statuses    map[string]uint64 `json:"statuses"`
	P50         float64           `json:"p50_us"` // from the first indication to the acknowledgement
	P99         float64           `json:"p99_us"`

	latency histogram.Histogram
}

func newAnchorReport(cfg *AnchorConfig) AnchorReport {
	return AnchorReport{
		LMA: cfg.LMA.String(), MAG: cfg.MAG.String(), Compat: cfg.Compat, Operations: map[Operation]*AnchorOperation{},
		Statuses: map[string]uint64{}, Violations: map[Violation]uint64{},
	}
}

func (r *AnchorReport) operation(op Operation) *AnchorOperation {
	if r.Operations[op] == nil {
		r.Operations[op] = &AnchorOperation{}
	}
	return r.Operations[op]
}

// answered counts an acknowledgement that was sent.
func (o *AnchorOperation) answered(s *answer, at time.Time) {
	if s.accepted {
		o.Accepted++
	} else {
		o.Refused++
	}
	if s.first.IsZero() {
		return // one more answer to a request that had its first
	}
	o.latency.Add(at.Sub(s.first))
	if o.first.IsZero() {
		o.first = s.first
	}
	o.last = at
}

// finish fills in what is known at the end only.
func (a *anchor) finish(now time.Time) *AnchorReport {
	r := &a.report
	r.Duration, r.RestartCounter, r.Bindings = now.Sub(a.started).Seconds(), a.restart.counter, 0
	for _, s := range a.sessions {
		if s.registered {
			r.Bindings++
		}
	}
	for _, o := range r.Operations {
		o.P50, o.P99, o.P999 = microseconds(o.latency.Quantile(0.5)), microseconds(o.latency.Quantile(0.99)), microseconds(o.latency.Quantile(0.999))
		if span := o.last.Sub(o.first); span > 0 {
			o.Rate = float64(o.Accepted) / span.Seconds()
		}
	}
	r.Result = "pass"
	if len(r.Violations) > 0 {
		r.Result = "fail"
	}
	if r.Restart != nil {
		r.Restart.Registered = r.Restart.Bindings - a.restart.missing
		if r.Restart.Registered > 0 {
			r.Restart.Last = a.restart.last.Sub(a.restart.at).Seconds()
		}
		if a.restart.missing > 0 {
			r.Result = "fail"
		}
	}
	if v := r.Revocation; v != nil {
		v.P50, v.P99 = microseconds(v.latency.Quantile(0.5)), microseconds(v.latency.Quantile(0.99))
		if v.Unanswered > 0 || len(a.revocation.pending) > 0 {
			r.Result = "fail"
		}
	}
	return r
}

// Print writes the report as a table.
func (r *AnchorReport) Print(w io.Writer) {
	fmt.Fprintf(w, "%s plays an anchor to %s, %s, %.1f s: %d updates, %d acknowledgements, %d left unanswered\n\n",
		r.LMA, r.MAG, r.Compat, r.Duration, r.Updates, r.Acknowledgements, r.Unanswered)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "operation\trequests\taccepted\trefused\trepeated\trate/s\tp50 us\tp99 us\tp99.9 us\t")
	for _, op := range Operations {
		if o := r.Operations[op]; o != nil {
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t\n", op, o.Requests, o.Accepted, o.Refused, o.Repeated, o.Rate, o.P50, o.P99, o.P999)
		}
	}
	table.Flush()
	fmt.Fprintf(w, "\nbindings at the end %d, heartbeats answered %d with restart counter %d, dropped by our own socket %d\n", r.Bindings, r.Heartbeats, r.RestartCounter, r.KernelDrops)
	if r.RegisteredEarlier > 0 {
		fmt.Fprintf(w, "bindings of before that the gateway extended %d\n", r.RegisteredEarlier)
	}
	if s := r.Restart; s != nil {
		fmt.Fprintf(w, "restart: %d of %d bindings registered again, the last after %.3f s\n", s.Registered, s.Bindings, s.Last)
	}
	if v := r.Revocation; v != nil {
		fmt.Fprintf(w, "revocation: %d indications, %d repeated, %d not acknowledged; p50 %.0f us, p99 %.0f us; %v\n", v.Indications, v.Repeated, v.Unanswered, v.P50, v.P99, v.Statuses)
	}
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
