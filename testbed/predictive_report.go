package testbed

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"text/tabwriter"
	"time"
)

// PredictiveReport is the result of a PredictiveExperiment. Times are in milliseconds.
type PredictiveReport struct {
	Kernel     string               `json:"kernel"`
	Forwarding string               `json:"forwarding"`
	Mode       string               `json:"mode"`
	Warning    float64              `json:"warning_ms"` // from the prediction to the loss of the link
	RadioGap   float64              `json:"radio_gap_ms"`
	Rate       int                  `json:"pps"`
	IPsec      IPsecReport          `json:"ipsec"`
	Handovers  []PredictedHandover  `json:"handovers"`
	Totals     PredictedTotals      `json:"totals"`
	Summary    map[string]Summary   `json:"summary"`
	Gateways   map[string]MAGCounts `json:"gateways"`
	Result     string               `json:"result"`
	Reasons    []string             `json:"reasons"`
}

// PredictedHandover is one move, or one prediction that was wrong.
type PredictedHandover struct {
	Mode        string   `json:"mode"` // how the gateways helped: predictive, reactive, mispredict, or "none"
	From        string   `json:"from"`
	To          string   `json:"to"`
	Lost        int      `json:"lost"`
	Duplicated  int      `json:"duplicated"`
	Reordered   int      `json:"reordered"`
	Late        int      `json:"late"`         // by how many packets the latest of the reordered ones was behind
	BufferedMax int      `json:"buffered_max"` // packets kept at one time
	Gap         float64  `json:"gap_ms"`       // from the association to the first packet
	Outage      float64  `json:"outage_ms"`    // longest silence
	Prepared    *float64 `json:"prepared_ms"`  // from the prediction until packets went to the other gateway; null: they did not
}

// PredictedTotals are the packets of all handovers.
type PredictedTotals struct {
	Sent       int `json:"sent"`
	Lost       int `json:"lost"`
	Duplicated int `json:"duplicated"`
	Reordered  int `json:"reordered"`
	Late       int `json:"late"`
}

// MAGCounts are a gateway's own counts of handovers between gateways.
type MAGCounts map[string]uint64

// PreparationTrace is one preparation as the gateway that the mobile node left saw it.
type PreparationTrace struct {
	Station  string     `json:"mobile_node_link_layer_id"`
	To       netip.Addr `json:"to"`
	Begun    time.Time  `json:"begun"`
	Prepared float64    `json:"prepared_ms"`
	Outcome  string     `json:"outcome"`
}

// Preparations asks a MAG for every handover that it prepared, oldest first.
func (d *Domain) Preparations(mag string) (list []PreparationTrace, err error) {
	return list, d.Ask(mag, &list, "preparations")
}

// reportPredictive puts together what the testbed and the gateways saw.
func (d *Domain) reportPredictive(x PredictiveExperiment, mn *MobileNode, address netip.Addr, moves []*predicted, flow *Flow, capture *Capture) (*PredictiveReport, error) {
	r := &PredictiveReport{
		Kernel: kernelRelease(), Mode: x.Mode, Warning: milliseconds(x.Warning), RadioGap: milliseconds(x.Gap), Rate: x.Rate,
		Reasons: []string{}, Summary: map[string]Summary{}, Gateways: map[string]MAGCounts{},
	}
	flow.Stop()
	left, err := d.leftBetweenGateways()
	if err != nil {
		return nil, err
	}
	r.Reasons = append(r.Reasons, left...)
	traces, preparations := map[string][]Trace{}, map[string][]PreparationTrace{}
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		var err error
		if traces[mag], err = d.Handovers(mag); err != nil {
			return nil, err
		}
		if preparations[mag], err = d.Preparations(mag); err != nil {
			return nil, err
		}
		status, err := d.Status(mag)
		if err != nil {
			return nil, err
		}
		r.Forwarding, r.Gateways[mag] = status.Forwarding.Backend, handoverCounts(status.Counters)
	}
	if r.IPsec, err = d.reportIPsec(capture); err != nil {
		return nil, err
	}
	for _, m := range moves {
		r.Handovers = append(r.Handovers, m.report(x, flow, traces[m.MAG], preparations[m.from]))
	}
	if now, ok, err := mn.GlobalAddress(); err != nil || !ok || now != address {
		r.Reasons = append(r.Reasons, fmt.Sprintf("%s had %s and now has %v", mn.ID, address, now))
	}
	r.Totals.Sent, _ = flow.Totals()
	r.sum()
	r.judge(x)
	return r, nil
}

// forwardingPatience is how long what gateways do for a mobile node that has moved may take to run out.
const forwardingPatience = 15 * time.Second

// leftBetweenGateways waits until neither gateway keeps packets or sends any to the other one, and says what is left all the same.
func (d *Domain) leftBetweenGateways() (left []string, err error) {
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		var status DaemonStatus
		var failed error
		late := poll(forwardingPatience, mag+" keeps nothing and sends nothing to "+other(mag), func() (bool, error) {
			status, failed = d.Status(mag)
			return status.betweenGateways(d.ikePeerOf(other(mag)).Address) == "", failed
		})
		if failed != nil {
			return nil, failed
		}
		if late != nil {
			left = append(left, mag+" still "+status.betweenGateways(d.ikePeerOf(other(mag)).Address))
		}
	}
	return left, nil
}

// betweenGateways is what a gateway does for mobile nodes on their way to or from another one; "": nothing.
func (s DaemonStatus) betweenGateways(other netip.Addr) string {
	if n := s.Forwarding.Held.Prefixes; n > 0 {
		return fmt.Sprintf("keeps packets to %d prefixes", n)
	}
	for _, t := range s.Forwarding.Tunnels {
		if t.Peer == other && t.Entries > 0 {
			return fmt.Sprintf("sends packets to %d prefixes to the other gateway", t.Entries)
		}
	}
	return ""
}

// report is one handover.
func (p *predicted) report(x PredictiveExperiment, flow *Flow, traces []Trace, preparations []PreparationTrace) PredictedHandover {
	d := flow.Disturbance(p.start(), p.Associated, p.end)
	h := PredictedHandover{
		Mode: "none", From: p.from, To: p.MAG, Lost: d.Lost, Duplicated: d.Duplicated, Reordered: d.Reordered, Late: d.Late,
		Gap: milliseconds(d.Gap), Outage: milliseconds(d.Outage),
	}
	station := p.mn.MAC.String()
	for _, t := range traces {
		if t.Station == station && t.LinkUp.After(p.Left) && t.LinkUp.Before(p.end) {
			h.BufferedMax = max(h.BufferedMax, t.BufferedMost)
			if t.Mode != "" {
				h.Mode = t.Mode
			}
		}
	}
	for _, t := range preparations {
		if t.Station == station && !p.foretold.IsZero() && t.Begun.After(p.foretold.Add(-time.Second)) && t.Begun.Before(p.end) && t.Prepared > 0 {
			h.Prepared = &t.Prepared
		}
	}
	if x.Mode == ModeMispredict {
		h.Mode = ModeMispredict
	}
	return h
}

// handoverCounts are the counters of handovers between gateways.
func handoverCounts(all map[string]uint64) MAGCounts {
	counts := MAGCounts{}
	for name, n := range all {
		for _, prefix := range []string{"netlmm_mih_handovers_total{", "netlmm_mag_handovers_total{", "netlmm_hold_total{"} {
			if len(name) > len(prefix) && name[:len(prefix)] == prefix {
				counts[name] = n
			}
		}
	}
	return counts
}

// sum computes the totals and the distributions.
func (r *PredictiveReport) sum() {
	values := map[string][]float64{}
	for _, h := range r.Handovers {
		r.Totals.Lost += h.Lost
		r.Totals.Duplicated += h.Duplicated
		r.Totals.Reordered += h.Reordered
		r.Totals.Late = max(r.Totals.Late, h.Late)
		values["lost"] = append(values["lost"], float64(h.Lost))
		values["buffered_max"] = append(values["buffered_max"], float64(h.BufferedMax))
		values["gap_ms"] = append(values["gap_ms"], h.Gap)
		values["outage_ms"] = append(values["outage_ms"], h.Outage)
		if h.Prepared != nil {
			values["prepared_ms"] = append(values["prepared_ms"], *h.Prepared)
		}
	}
	for name, list := range values {
		slices.Sort(list)
		r.Summary[name] = Summary{Samples: len(list), P50: percentile(list, 0.50), P99: percentile(list, 0.99), Max: list[len(list)-1]}
	}
}

// judge decides over pass and fail: a prepared handover loses nothing and repeats nothing, and what it delays is no more than what was kept.
// What a mode is to show must have happened.
func (r *PredictiveReport) judge(x PredictiveExperiment) {
	for i, h := range r.Handovers {
		at := fmt.Sprintf("handover %d, %s to %s", i+1, h.From, h.To)
		if h.Duplicated > 0 {
			r.Reasons = append(r.Reasons, fmt.Sprintf("%s: %d packets twice", at, h.Duplicated))
		}
		if x.Mode != ModePredictive {
			continue
		}
		if h.Mode != ModePredictive {
			r.Reasons = append(r.Reasons, at+": was not prepared")
		}
		if h.Lost > 0 {
			r.Reasons = append(r.Reasons, fmt.Sprintf("%s: %d packets lost", at, h.Lost))
		}
		if h.Late > h.BufferedMax {
			r.Reasons = append(r.Reasons, fmt.Sprintf("%s: a packet came %d behind its place, more than the %d that were kept", at, h.Late, h.BufferedMax))
		}
	}
	switch {
	case x.Mode == ModeMispredict && !slices.ContainsFunc(r.Handovers, func(h PredictedHandover) bool { return h.Prepared != nil }):
		r.Reasons = append(r.Reasons, "no wrong prediction had anything prepared")
	case x.Mode == ModeReactive && !slices.ContainsFunc(r.Handovers, func(h PredictedHandover) bool { return h.Mode == ModeReactive }):
		r.Reasons = append(r.Reasons, "no handover was reactive")
	}
	r.Reasons = append(r.Reasons, r.IPsec.faults()...)
	r.Result = "pass"
	if len(r.Reasons) > 0 {
		r.Result = "fail"
	}
}

// Write stores the report as JSON; its folder is made.
func (r *PredictiveReport) Write(file string) error { return writeJSON(file, r) }

// Print shows the report to people.
func (r *PredictiveReport) Print(out io.Writer) {
	fmt.Fprintf(out, "%d handovers, mode %s: %s\n\n", len(r.Handovers), r.Mode, modeInWords(r))
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "#\tfrom\tto\tmode\tlost\ttwice\treordered\tbuffered max\tgap ms\toutage ms\tprepared ms\t")
	for i, h := range r.Handovers[:min(len(r.Handovers), maximumRows)] {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%.2f\t%.2f\t%s\t\n", i+1, h.From, h.To, h.Mode, h.Lost, h.Duplicated, h.Reordered, h.BufferedMax, h.Gap, h.Outage, cell(h.Prepared))
	}
	t.Flush()
	if more := len(r.Handovers) - maximumRows; more > 0 {
		fmt.Fprintf(out, "  ... and %d more\n", more)
	}
	fmt.Fprintln(out)
	t = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tsamples\tp50\tp99\tmax\t")
	for _, name := range []string{"lost", "buffered_max", "prepared_ms", "gap_ms", "outage_ms"} {
		if s, ok := r.Summary[name]; ok {
			fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\t%.2f\t\n", name, s.Samples, s.P50, s.P99, s.Max)
		}
	}
	t.Flush()
	fmt.Fprintf(out, "\n  packets    %d sent, %d lost, %d twice, %d behind a later one (by %d at most)\n", r.Totals.Sent, r.Totals.Lost, r.Totals.Duplicated, r.Totals.Reordered, r.Totals.Late)
	fmt.Fprintf(out, "  core link  %d ESP packets, %d Mobility Headers and %d packets of MIH in clear\n", r.IPsec.ESP, r.IPsec.MHInClear, r.IPsec.MIHInClear)
	fmt.Fprintf(out, "  kernel     %s, forwarding by %s\n  result     %s\n", r.Kernel, r.Forwarding, r.Result)
	for i, reason := range r.Reasons {
		if i == maximumRows {
			fmt.Fprintf(out, "             ... and %d more\n", len(r.Reasons)-i)
			break
		}
		fmt.Fprintf(out, "             %s\n", reason)
	}
}

// maximumRows is how much of a long list people are shown; the report has all of it.
const maximumRows = 20

func modeInWords(r *PredictiveReport) string {
	switch r.Mode {
	case ModePredictive:
		return fmt.Sprintf("the link is said to go down %.0f ms ahead, the station is %.0f ms without radio", r.Warning, r.RadioGap)
	case ModeReactive:
		return fmt.Sprintf("nobody foretells the move, the station is %.0f ms without radio, the new gateway asks the old one", r.RadioGap)
	}
	return fmt.Sprintf("the link is said to go down in %.0f ms, and the station stays", r.Warning)
}

// Failed is how many reasons there are to call the experiment a failure.
func (r *PredictiveReport) Failed() int { return len(r.Reasons) }
