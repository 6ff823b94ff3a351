package experiments

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"netlmm/testbed"
)

var prepared = Experiment{
	Name: "prepared", Title: "Prepared, reactive and plain handovers", Count: 15, run: (*run).prepared,
	Question: "What does it help that gateways hand a host over to each other (RFC 5949), driven by IEEE 802.21? At each move the host is 50 ms without radio while the correspondent sends 1,000 packets a second. Prepared: the link is said to go down 100 ms ahead, and the packets wait at the new gateway. Reactive: the new gateway asks the old one afterwards. Plain: neither.",
}

// The time without radio at each move.
const radioGap = 50 * time.Millisecond

func (r *run) prepared() error {
	names := []string{"prepared", "reactive", "plain"}
	var lost, gap [3][]float64
	var wrong []error
	for i, mode := range []string{testbed.ModePredictive, testbed.ModeReactive} {
		report, err := r.predictive(mode)
		if err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
		lost[i] = of(report.Handovers, func(h testbed.PredictedHandover) float64 { return float64(h.Lost) })
		gap[i] = of(report.Handovers, func(h testbed.PredictedHandover) float64 { return h.Gap })
		// how many packets were lost, sayPrepared judges
		reasons := slices.DeleteFunc(report.Reasons, func(reason string) bool { return strings.HasSuffix(reason, " packets lost") })
		if len(reasons) > 0 {
			wrong = append(wrong, fmt.Errorf("%s: %w", names[i], faults(reasons)))
		}
	}
	err := r.inhabited(testbed.Options{MobileNodes: 1}, func(d *testbed.Domain) error {
		list, err := r.travel(d, journey{count: r.count, rate: flowRate, gap: radioGap, settle: 400 * time.Millisecond})
		lost[2] = of(list, func(h handover) float64 { return float64(h.lost) })
		gap[2] = of(list, func(h handover) float64 { return h.gap })
		return err
	})
	if err != nil {
		return fmt.Errorf("plain: %w", err)
	}
	table := Table{File: "prepared", Caption: fmt.Sprintf("Of %d moves each", r.count), Columns: append([]string{"handover", "figure"}, distributionColumns...)}
	for i, name := range names {
		table.Rows = append(table.Rows, append([]any{name, "packets lost"}, distribution(lost[i])...),
			append([]any{name, "association to first packet, ms"}, distribution(gap[i])...))
	}
	r.result.Tables = append(r.result.Tables, table)
	var axis []string
	for n := range r.count {
		axis = append(axis, label(n, r.count))
	}
	if err := r.bars("lost", "Packets lost at each move; where there is no bar, none was", chart{x: "move", y: "packets"}, axis, names, lost[0], lost[1], lost[2]); err != nil {
		return err
	}
	if err := r.cumulative("gap", "How soon the first packet was there after the association", "milliseconds from association to first packet", names, gap[0], gap[1], gap[2]); err != nil {
		return err
	}
	wrong = append(wrong, r.result.sayPrepared(lost))
	r.result.Marks = append(r.result.Marks, "The 50 ms without radio are the testbed's, the same in all three; how long a real radio is away, and how early it knows, is for the radio to say.")
	return errors.Join(wrong...)
}

// label is a move's number on an axis that would be too crowded with all of them.
func label(n, of int) string {
	if of > 25 && (n+1)%((of+9)/10) != 0 {
		return ""
	}
	return fmt.Sprint(n + 1)
}

// predictive runs the testbed's experiment in one mode.
func (r *run) predictive(mode string) (report *testbed.PredictiveReport, err error) {
	x := testbed.PredictiveExperiment{Count: r.count, Rate: flowRate, Mode: mode, Gap: radioGap}
	return report, r.domain(testbed.Options{Handover: x.HandoverMode()}, func(d *testbed.Domain) error {
		if report, err = d.RunPredictive(r.ctx, x); err != nil {
			return err
		}
		return r.environment(d)
	})
}

// toleratedLosses is the share of prepared moves that may lose packets without the experiment having failed.
const toleratedLosses = 0.1

// sayPrepared says what was measured, and judges it: a prepared handover is to lose nothing.
func (r *Result) sayPrepared(lost [3][]float64) (err error) {
	moves, losing := len(lost[0]), 0
	for _, packets := range lost[0] {
		if packets > 0 {
			losing++
		}
	}
	if losing > 0 {
		r.saysf("Of %d prepared handovers %d lost packets, %.0f at most, and none should have; why was not looked into.", moves, losing, largest(lost[0]))
	}
	if float64(losing) > toleratedLosses*float64(moves) {
		err = fmt.Errorf("%d of %d prepared handovers lost packets, more than one in ten", losing, moves)
	}
	r.saysf("A prepared handover lost %.0f packets at the median (%.0f at most), a reactive one %.0f (%.0f), a plain one %.0f (%.0f). In 50 ms without radio the correspondent sends 50.",
		median(lost[0]), largest(lost[0]), median(lost[1]), largest(lost[1]), median(lost[2]), largest(lost[2]))
	if losing == 0 {
		r.saysf("Preparing loses nothing: the packets of that time wait at the new gateway and are delivered late, once.")
	}
	if median(lost[1]) >= median(lost[2])-2 {
		r.saysf("Reactive help comes too late here: what was sent while the host was without radio went to the old cell before anybody asked for it.")
	} else {
		r.saysf("Reactive help saved some of the packets.")
	}
	return err
}
