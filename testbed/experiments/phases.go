package experiments

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"netlmm/testbed"
)

var phases = Experiment{
	Name: "phases", Title: "The phases of a handover", Paper: "Table II", Count: 1000, run: (*run).phases,
	Question: "How long does the network take to move a host, and where does the time go? Two hosts move back and forth between two gateways while they receive traffic. The gateway notes when its access point reported the host (L2 attachment), when it asked the anchor (Proxy Binding Update, PBU), when the anchor had answered (PBA), and when the host was told by a Router Advertisement (RA) that its router is there.",
}

// phaseOf are the phases of one handover in the order of Table II.
var phaseOf = []func(testbed.HandoverReport) *float64{
	func(h testbed.HandoverReport) *float64 { return h.L2AttachToPBU },
	func(h testbed.HandoverReport) *float64 { return h.PBUToPBA },
	func(h testbed.HandoverReport) *float64 { return h.PBAToRA },
	func(h testbed.HandoverReport) *float64 { return h.Total },
}

// paperRuns is how many handovers the paper shows.
const paperRuns = 10

func (r *run) phases() error {
	report, err := r.handovers(testbed.Options{}, r.count, betweenMoves)
	if err != nil {
		return err
	}
	values := make([][]float64, len(phaseOf))
	for _, h := range report.Handovers {
		for i, phase := range phaseOf {
			if v := phase(h); v != nil {
				values[i] = append(values[i], *v)
			}
		}
	}
	if len(values[0]) == 0 {
		return fmt.Errorf("no handover has a complete trace: %s", strings.Join(report.Reasons, "; "))
	}
	r.tablesOfPhases(report, values)
	if err := r.picturesOfPhases(values); err != nil {
		return err
	}
	r.sayPhases(values)
	r.result.Marks = append(r.result.Marks, "The paper's times were measured on Pentium 4 machines with 100 Mbit/s cards, and it does not speak of IPsec; these on one machine of today, with everything beside each other, under IPsec. That they are shorter says little about the two implementations.")
	return faults(report.Reasons)
}

// betweenMoves lets each gateway see a mobile node less than three times a second. To register it more often is forbidden
// (MAX_UPDATE_RATE, RFC 6275 section 12), so that it would have to wait.
const betweenMoves = 90 * time.Millisecond

// handovers moves both mobile nodes of a domain until there are count handovers.
func (r *run) handovers(o testbed.Options, count int, settle time.Duration) (report *testbed.Report, err error) {
	return report, r.domain(o, func(d *testbed.Domain) error {
		each := max((count+3)/4, 1) // there and back, two mobile nodes
		if report, err = d.RunHandovers(r.ctx, testbed.HandoverExperiment{Count: each, Rate: 200, Settle: settle}); err != nil {
			return err
		}
		return r.environment(d)
	})
}

// faults are what a report complains of, as an error.
func faults(reasons []string) error {
	if len(reasons) == 0 {
		return nil
	}
	text := strings.Join(reasons[:min(len(reasons), 5)], "; ")
	if more := len(reasons) - 5; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return errors.New(text)
}

// tablesOfPhases are Table II of this run, the distributions, and every handover.
func (r *run) tablesOfPhases(report *testbed.Report, values [][]float64) {
	ten := Table{File: "table2", Caption: "Table II, the first handovers of this run, ms", Columns: []string{"phase"}}
	all := Table{File: "distribution", Caption: fmt.Sprintf("All %d handovers of this run, ms", len(values[0])), Columns: append(append([]string{"phase"}, distributionColumns...), "paper's average")}
	shown := min(len(values[0]), paperRuns)
	ten.Columns = append(ten.Columns, "average", "paper's average")
	for n := range shown {
		ten.Columns = append(ten.Columns, fmt.Sprintf("no. %d", n+1))
	}
	for i, phase := range paperPhases {
		row := []any{phase.name, rounded(mean(values[i][:shown]), 2), phase.average}
		for _, v := range values[i][:shown] {
			row = append(row, rounded(v, 2))
		}
		ten.Rows = append(ten.Rows, row)
		all.Rows = append(all.Rows, append(append([]any{phase.name}, distribution(values[i])...), phase.average))
	}
	every := Table{File: "handovers", Caption: "Every handover", Long: true, Columns: []string{"mobile node", "from", "to", "l2_attach_to_pbu_ms", "pbu_to_pba_ms", "pba_to_ra_ms", "total_ms", "lost", "outage_ms"}}
	for _, h := range report.Handovers {
		row := []any{h.MobileNode, h.From, h.To}
		for _, phase := range phaseOf {
			if v := phase(h); v != nil {
				row = append(row, *v)
			} else {
				row = append(row, nil)
			}
		}
		every.Rows = append(every.Rows, append(row, h.Lost, h.Outage))
	}
	r.result.Tables = append(r.result.Tables, ten, all, every)
}

func (r *run) picturesOfPhases(values [][]float64) error {
	var axis, names []string
	var paper, first, all []float64
	for i, phase := range paperPhases {
		axis, names = append(axis, strings.Replace(phase.name, "Attachment", "Attach", 1)), append(names, phase.name)
		paper = append(paper, phase.average)
		first = append(first, mean(values[i][:min(len(values[i]), paperRuns)]))
		all = append(all, mean(values[i]))
	}
	err := r.bars("phases", "Average time of each phase: the paper's ten runs, the first ten of this run, and all of it", chart{y: "milliseconds"}, axis,
		[]string{"paper, 10 runs", fmt.Sprintf("here, %d runs", min(len(values[0]), paperRuns)), fmt.Sprintf("here, %d runs", len(values[0]))}, paper, first, all)
	if err != nil {
		return err
	}
	return r.cumulative("distribution", "How many of the handovers had each phase behind them in so many milliseconds", "milliseconds", names, values...)
}

func (r *run) sayPhases(values [][]float64) {
	total, n := values[3], len(values[3])
	r.result.saysf("From the access point's report to the Router Advertisement the network took %.1f ms on average and %.1f ms at the median of %d handovers; 99 of 100 took at most %.1f ms, the longest %.1f ms. The paper measured 14.32 ms on average.",
		mean(total), median(total), n, percentile(total, 0.99), largest(total))
	longest := 0
	for i := range 3 {
		if mean(values[i]) > mean(values[longest]) {
			longest = i
		}
	}
	share := 100 * mean(values[longest]) / max(mean(total), 0.001)
	verdict := "so no phase stands out, as in the paper"
	if share > 60 {
		verdict = "so one phase stands out, unlike in the paper"
	}
	r.result.saysf("The longest phase on average is %s, with %.0f%% of the time; %s.", paperPhases[longest].name, share, verdict)
	if 2*mean(total) > 3*median(total) {
		r.result.saysf("The average is well above the median: a few handovers took much longer than the rest, as they do when the machine had other work at that moment.")
	}
}
