package testbed

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Report is the result of a handover experiment, as out/demo.json holds it. Times are in milliseconds.
type Report struct {
	Kernel      string             `json:"kernel"`
	Forwarding  string             `json:"forwarding"` // ip6tnl or seg6
	Scheduler   string             `json:"scheduler"`  // what the domain's programs were started with
	IPsec       IPsecReport        `json:"ipsec"`
	MobileNodes []MobileNodeReport `json:"mobile_nodes"`
	Handovers   []HandoverReport   `json:"handovers"`
	Summary     map[string]Summary `json:"summary"` // by phase
	Traffic     TrafficReport      `json:"traffic"`
	Result      string             `json:"result"` // pass or fail
	Reasons     []string           `json:"reasons"`
}

// IPsecReport is how the control channel was protected, and what was seen on the core link.
type IPsecReport struct {
	KernelPlugin string `json:"kernel_plugin"`
	Mode         string `json:"mode"`
	IKE          string `json:"ike"`
	Counts
}

// MobileNodeReport says whether a mobile node kept its addresses and its TCP connections.
type MobileNodeReport struct {
	ID        string `json:"id"`
	Address   string `json:"address"`
	Kept      bool   `json:"kept"`
	TCPKept   bool   `json:"tcp_kept"`
	TCPEchoed int    `json:"tcp_blocks_echoed"`

	IPv4Address   string `json:"ipv4_address"`
	IPv4Kept      bool   `json:"ipv4_kept"`
	TCPIPv4Kept   bool   `json:"tcp_ipv4_kept"`
	TCPIPv4Echoed int    `json:"tcp_ipv4_blocks_echoed"`
}

// HandoverReport is one handover. The phases are the MAG's, the rest is what the testbed measured (see the package comment).
// A phase is null when the MAG has no complete trace.
type HandoverReport struct {
	MobileNode    string   `json:"mobile_node"`
	From          string   `json:"from"`
	To            string   `json:"to"`
	Trigger       string   `json:"trigger"`
	L2AttachToPBU *float64 `json:"l2_attach_to_pbu_ms"`
	PBUToPBA      *float64 `json:"pbu_to_pba_ms"`
	PBAToRA       *float64 `json:"pba_to_ra_ms"`
	Total         *float64 `json:"total_ms"`
	Lost          int      `json:"lost"`
	Gap           float64  `json:"gap_ms"`
	Outage        float64  `json:"outage_ms"`
	Radio         float64  `json:"radio_ms"`
}

// TrafficReport counts the packets from the correspondent to all mobile nodes.
type TrafficReport struct {
	Sent     int `json:"sent"`
	Received int `json:"received"`
	Lost     int `json:"lost"`
}

// Summary is the distribution of one phase. Reference is the average in Table II of the paper that this experiment repeats
// (seed 002), 0 where it has none.
type Summary struct {
	Samples   int     `json:"samples"`
	P50       float64 `json:"p50"`
	P99       float64 `json:"p99"`
	Max       float64 `json:"max"`
	Reference float64 `json:"reference,omitempty"`
}

// phases in the order of printing, with the paper's averages.
var phases = []struct {
	name      string
	reference float64
	of        func(HandoverReport) *float64
}{
	{"l2_attach_to_pbu_ms", 4.95, func(h HandoverReport) *float64 { return h.L2AttachToPBU }},
	{"pbu_to_pba_ms", 2.42, func(h HandoverReport) *float64 { return h.PBUToPBA }},
	{"pba_to_ra_ms", 6.95, func(h HandoverReport) *float64 { return h.PBAToRA }},
	{"total_ms", 14.32, func(h HandoverReport) *float64 { return h.Total }},
	{"gap_ms", 0, func(h HandoverReport) *float64 { return &h.Gap }},
	{"outage_ms", 0, func(h HandoverReport) *float64 { return &h.Outage }},
	{"radio_ms", 0, func(h HandoverReport) *float64 { return &h.Radio }},
}

// assemble ends the traffic and puts together what the testbed, the MAGs and the capture saw.
func (d *Domain) assemble(moves []*moved, running []*traffic, capture *Capture) (*Report, error) {
	d.Progressf("collecting the traces of the MAGs")
	r := &Report{Kernel: kernelRelease(), Scheduler: strings.Join(scheduler(), " "), Reasons: []string{}}
	traces := map[string][]Trace{}
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		list, err := d.Handovers(mag)
		if err != nil {
			return nil, err
		}
		traces[mag] = list
	}
	status, err := d.Status(NodeMAG1)
	if err != nil {
		return nil, err
	}
	r.Forwarding = status.Forwarding.Backend
	r.Scheduler = strings.Join(scheduler(), " ")
	for _, t := range running {
		if err := d.judgeMobileNode(r, t); err != nil {
			return nil, err
		}
	}
	if r.IPsec, err = d.reportIPsec(capture); err != nil {
		return nil, err
	}
	for _, t := range running {
		t.flow.Stop()
		sent, received := t.flow.Totals()
		r.Traffic.Sent, r.Traffic.Received = r.Traffic.Sent+sent, r.Traffic.Received+received
	}
	r.Traffic.Lost = r.Traffic.Sent - r.Traffic.Received
	for _, m := range moves {
		r.Handovers = append(r.Handovers, reportMove(m, traces[m.MAG], running, d.Options.Trigger, r))
	}
	for _, t := range running {
		t.flow = nil
	}
	r.summarise()
	r.judge()
	return r, nil
}

// reportIPsec says how the control channel is protected, and what a capture saw of it.
func (d *Domain) reportIPsec(capture *Capture) (IPsecReport, error) {
	r := IPsecReport{KernelPlugin: d.ipsec.Plugin, Mode: d.ipsec.Mode, IKE: "none", Counts: capture.Counts()}
	if d.Options.Unprotected {
		return r, nil
	}
	_, proposal, err := d.InstalledSAs(NodeLMA)
	r.IKE = "IKEv2 " + proposal
	return r, err
}

// judgeMobileNode compares a node's addresses with those it began with, and asks its TCP connections for one more block.
func (d *Domain) judgeMobileNode(r *Report, t *traffic) error {
	address, ok, err := t.mn.GlobalAddress()
	if err != nil {
		return err
	}
	address4, ok4, err := t.mn.IPv4Address()
	if err != nil {
		return err
	}
	m := MobileNodeReport{ID: t.mn.ID,
		Address: t.address.String(), Kept: ok && address == t.address,
		IPv4Address: t.address4.String(), IPv4Kept: ok4 && address4 == t.address4,
	}
	if !m.Kept {
		r.Reasons = append(r.Reasons, fmt.Sprintf("%s had %s and now has %v", m.ID, t.address, address))
	}
	if !m.IPv4Kept {
		r.Reasons = append(r.Reasons, fmt.Sprintf("%s had %s and now has %v", m.ID, t.address4, address4))
	}
	m.TCPKept, m.TCPEchoed = r.judgeConversation(m.ID+", IPv6", t.conversation)
	m.TCPIPv4Kept, m.TCPIPv4Echoed = r.judgeConversation(m.ID+", IPv4", t.conversation4)
	r.MobileNodes = append(r.MobileNodes, m)
	return nil
}

// judgeConversation asks a TCP connection for one more block.
func (r *Report) judgeConversation(whose string, c *Conversation) (kept bool, echoed int) {
	err := c.Alive(20 * time.Second)
	if err != nil {
		r.Reasons = append(r.Reasons, fmt.Sprintf("TCP connection of %s: %v", whose, err))
	}
	echoed, _ = c.Echoed()
	return err == nil, echoed
}

// reportMove joins one move with the MAG's trace of it.
func reportMove(m *moved, traces []Trace, running []*traffic, trigger string, r *Report) HandoverReport {
	h := HandoverReport{MobileNode: m.mn.ID, From: m.from, To: m.MAG, Trigger: trigger, Radio: milliseconds(m.Associated.Sub(m.Left))}
	for _, t := range running {
		if t.mn == m.mn {
			d := t.flow.Disturbance(m.Left, m.Associated, m.end)
			h.Lost, h.Gap, h.Outage = d.Lost, milliseconds(d.Gap), milliseconds(d.Outage)
			if !d.Resumed {
				r.Reasons = append(r.Reasons, fmt.Sprintf("%s to %s: no packet came back in %.0f ms", m.mn.ID, m.MAG, h.Gap))
			}
		}
	}
	for _, t := range traces {
		if t.Station == m.mn.MAC.String() && t.LinkUp.After(m.Left) && t.LinkUp.Before(m.end) && t.Outcome == "complete" {
			h.Trigger = t.Trigger
			h.L2AttachToPBU, h.PBUToPBA, h.PBAToRA, h.Total = &t.L2AttachToPBU, &t.PBUToPBA, &t.PBAToRA, &t.Total
			return h
		}
	}
	r.Reasons = append(r.Reasons, fmt.Sprintf("%s to %s: the MAG has no complete trace of this handover", m.mn.ID, m.MAG))
	return h
}

// summarise computes the distribution of each phase.
func (r *Report) summarise() {
	r.Summary = map[string]Summary{}
	for _, phase := range phases {
		var values []float64
		for _, h := range r.Handovers {
			if v := phase.of(h); v != nil {
				values = append(values, *v)
			}
		}
		slices.Sort(values)
		s := Summary{Samples: len(values), Reference: phase.reference}
		if len(values) > 0 {
			s.P50, s.P99, s.Max = percentile(values, 0.50), percentile(values, 0.99), values[len(values)-1]
		}
		r.Summary[phase.name] = s
	}
}

// percentile is the nearest-rank percentile of sorted values.
func percentile(sorted []float64, p float64) float64 {
	rank := int(math.Ceil(p * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

// judge decides over pass and fail. Times do not decide: they depend on the machine.
func (r *Report) judge() {
	r.Reasons = append(r.Reasons, r.IPsec.faults()...)
	r.Result = "pass"
	if len(r.Reasons) > 0 {
		r.Result = "fail"
	}
}

// faults are what the core link shows that it should not.
func (r IPsecReport) faults() (reasons []string) {
	if r.Mode == "none" {
		return nil
	}
	if r.MHInClear > 0 {
		reasons = append(reasons, fmt.Sprintf("%d Mobility Headers crossed the core link in clear", r.MHInClear))
	}
	if r.MIHInClear > 0 {
		reasons = append(reasons, fmt.Sprintf("%d packets of MIH crossed the core link in clear", r.MIHInClear))
	}
	if r.ESP == 0 {
		reasons = append(reasons, "no ESP packet was seen on the core link")
	}
	if r.DroppedByQueue > 0 {
		reasons = append(reasons, fmt.Sprintf("the capture missed %d frames, so it proves nothing", r.DroppedByQueue))
	}
	return reasons
}

// Write stores the report as JSON; its folder is made.
func (r *Report) Write(file string) error { return writeJSON(file, r) }

// writeJSON stores a report for machines.
func writeJSON(file string, report any) error {
	content, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644)
}

// milliseconds with three decimals.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// kernelRelease is what `uname -r` says.
func kernelRelease() string {
	content, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(content))
}

// Failed is how many reasons there are to call the experiment a failure.
func (r *Report) Failed() int { return len(r.Reasons) }

// Environment is on what a domain ran and how.
type Environment struct {
	Kernel     string `json:"kernel"`
	Forwarding string `json:"forwarding"`
	IPsec      string `json:"ipsec"`
	Scheduler  string `json:"scheduler"`
}

// Environment asks for it, when the daemons run.
func (d *Domain) Environment() (Environment, error) {
	status, err := d.Status(NodeMAG1)
	return Environment{
		Kernel: kernelRelease(), Forwarding: status.Forwarding.Backend, IPsec: d.ipsec.Plugin + ", " + d.ipsec.Mode + " mode",
		Scheduler: strings.Join(scheduler(), " "),
	}, err
}
