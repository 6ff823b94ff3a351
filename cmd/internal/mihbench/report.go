package mihbench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"netlmm/testbed/load"
)

// Report is what a run found. Latencies are from the emission of an event by the link SAP to its delivery to the user in the other
// process; memory is what is resident of both.
type Report struct {
	Stations int             `json:"stations"`
	Steps    []Step          `json:"steps"`
	WarmRSS  int64           `json:"rss_bytes_warm"` // before the first step
	Machine  load.Machine    `json:"machine"`
	Targets  map[string]bool `json:"targets"` // those of the project, reached or not; a step beyond wantedRate is for information
	Problems []string        `json:"problems,omitempty"`
}

// Step is one rate.
type Step struct {
	Rate    int    `json:"rate"`    // events a second
	Offered uint64 `json:"offered"` // events that the link SAP emitted
	Refused uint64 `json:"refused"` // of these, that its MIH Function had no room for
	Tally
	LateP99   float64 `json:"late_p99_us"`      // how late the link SAP was against its own clock
	RSSGrowth int64   `json:"rss_growth_bytes"` // at the end, against Report.WarmRSS
	SourceRSS int64   `json:"source_rss_bytes"`
	SinkRSS   int64   `json:"sink_rss_bytes"`
	SourceCPU float64 `json:"source_cpu_us"` // of one event, with the kernel's part; below 10,000 events/s that of waking up is most of it
	SinkCPU   float64 `json:"sink_cpu_us"`

	SourceCounters map[string]uint64 `json:"source_counters"` // what changed
	SinkCounters   map[string]uint64 `json:"sink_counters"`
}

func newStep(rate int, sourceBefore, source, sinkBefore, sink answer) Step {
	events := float64(source.Offered)
	return Step{
		Rate: rate, Offered: source.Offered, Refused: source.Refused, Tally: sink.Tally, LateP99: source.LateP99, SourceRSS: source.RSS, SinkRSS: sink.RSS,
		SourceCPU: microseconds(source.CPU-sourceBefore.CPU) / events, SinkCPU: microseconds(sink.CPU-sinkBefore.CPU) / events,
		SourceCounters: changes(sourceBefore.Counters, source.Counters), SinkCounters: changes(sinkBefore.Counters, sink.Counters),
	}
}

func changes(before, after map[string]uint64) map[string]uint64 {
	changed := map[string]uint64{}
	for name, n := range after {
		if n != before[name] {
			changed[name] = n - before[name]
		}
	}
	return changed
}

// Targets of the project, on a machine that has nothing else to do.
const (
	wantedRate    = 20000
	wantedMedian  = 200 // us
	medianAt      = 2000
	allowedGrowth = 8 << 20 // octets: what a garbage collector makes of the same work from one time to the next
)

func (r *Report) judge() {
	const memory = "memory does not grow with traffic"
	r.Targets = map[string]bool{memory: true}
	for _, s := range r.Steps {
		exact := s.Delivered == s.Offered && s.Duplicates+s.Reordered+s.Resynced == 0
		if s.Rate <= wantedRate {
			r.Targets[fmt.Sprintf("%5d indications/s without loss or duplicate", s.Rate)] = exact
			r.Targets[memory] = r.Targets[memory] && s.RSSGrowth <= allowedGrowth
		}
		if s.Rate == medianAt {
			r.Targets[fmt.Sprintf("median under %d us at %d indications/s", wantedMedian, medianAt)] = s.P50 < wantedMedian
		}
		if s.Duplicates+s.Reordered > 0 {
			r.Problems = append(r.Problems, fmt.Sprintf("%d/s: %d delivered twice, %d out of order", s.Rate, s.Duplicates, s.Reordered))
		}
	}
}

// Missed are the targets that were not reached.
func (r *Report) Missed() (list []string) {
	for target, reached := range r.Targets {
		if !reached {
			list = append(list, target)
		}
	}
	slices.Sort(list)
	return list
}

// Print writes the report as tables.
func (r *Report) Print(w io.Writer) {
	fmt.Fprintf(w, "%d processors, kernel %s, load average at start %s; %d stations; %.1f MiB resident when warm\n\n",
		r.Machine.CPUs, r.Machine.Kernel, r.Machine.LoadAvg, r.Stations, mebibytes(r.WarmRSS))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "events/s\toffered\tdelivered\ttwice\tout of order\tp50 us\tp99 us\tmax us\tsource late p99 us\tsource CPU us\tsink CPU us\tgrowth MiB\t")
	for _, s := range r.Steps {
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\t\n", s.Rate, s.Offered, s.Delivered, s.Duplicates, s.Reordered,
			s.P50, s.P99, s.Longest, s.LateP99, s.SourceCPU, s.SinkCPU, mebibytes(s.RSSGrowth))
	}
	table.Flush()
	fmt.Fprintln(w)
	for _, target := range slices.Sorted(maps.Keys(r.Targets)) {
		fmt.Fprintf(w, "%-7s %s\n", map[bool]string{true: "reached", false: "MISSED"}[r.Targets[target]], target)
	}
	for _, problem := range r.Problems {
		fmt.Fprintln(w, "PROBLEM "+problem)
	}
}

func mebibytes(octets int64) float64 { return float64(octets) / (1 << 20) }
