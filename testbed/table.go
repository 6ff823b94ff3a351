package testbed

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Print writes the report for people: every handover, the distributions beside the reference, and what it all means.
func (r *Report) Print(out io.Writer) {
	warnOfTimings(out, r.Timings)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "#\tmobile node\tfrom\tto\ttrigger\tattach to PBU\tPBU to PBA\tPBA to RA\ttotal ms\tlost\tgap ms\toutage ms\t")
	for i, h := range r.Handovers {
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%.2f\t%.2f\t\n", i+1, h.MobileNode, h.From, h.To, h.Trigger,
			cell(h.L2AttachToPBU), cell(h.PBUToPBA), cell(h.PBAToRA), cell(h.Total), h.Lost, h.Gap, h.Outage)
	}
	t.Flush()
	fmt.Fprintln(out)
	t = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "phase\tsamples\tp50\tp99\tmax\tpaper's average\t")
	for _, phase := range phases {
		s := r.Summary[phase.name]
		reference := "-"
		if phase.reference > 0 {
			reference = fmt.Sprintf("%.2f", phase.reference)
		}
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\t%.2f\t%s\t\n", phase.name, s.Samples, s.P50, s.P99, s.Max, reference)
	}
	t.Flush()
	r.explain(out)
}

// cell prints a phase, or that there is none.
func cell(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *v)
}

// reporter is who tells the gateways of a station.
func (r *Report) reporter() string {
	trigger := ""
	if len(r.Handovers) > 0 {
		trigger = r.Handovers[0].Trigger
	}
	switch trigger {
	case TriggerSyslog:
		return "the new access point's log"
	case TriggerRadius:
		return "the new access point's accounting"
	case TriggerND:
		return "the new gateway's own ear on the link"
	}
	return "the new access point's hostapd"
}

// explain tells a newcomer what happened.
func (r *Report) explain(out io.Writer) {
	if len(r.Handovers) > 0 && r.Handovers[0].Trigger == TriggerMIH {
		fmt.Fprintln(out, "\nThe access points are hosts of their own that run hostapd and mihd: `attach to PBU` begins when their word reaches the gateway;\nthe way there, 802.21 under IPsec, is in `gap` and `outage`.")
	}
	r.explainRoams(out)
	fmt.Fprintf(out, `
What you saw: %d mobile nodes, ordinary hosts with wpa_supplicant, moved between two access points that stand behind
different routers (MAGs), %d handovers in all, while a correspondent sent them packets. At each move %s
reported the station, magd registered it at the anchor (PBU, PBA), the anchor turned the node's prefix to
the new MAG, and magd told the node with a Router Advertisement that its router is there. For the node it is the same
router, so it noticed nothing.
`, len(r.MobileNodes), len(r.Handovers), r.reporter())
	for _, m := range r.MobileNodes {
		fmt.Fprintf(out, "  %s %s %s; its TCP connection %s (%d blocks echoed)\n", m.ID, kept(m.Kept), m.Address, survived(m.TCPKept), m.TCPEchoed)
		fmt.Fprintf(out, "  %*s %s %s, by DHCP; its TCP connection %s (%d blocks echoed)\n", len(m.ID), "", kept(m.IPv4Kept), m.IPv4Address, survived(m.TCPIPv4Kept), m.TCPIPv4Echoed)
	}
	fmt.Fprintf(out, "  traffic    sent %d, received %d, lost %d, while a station was between two access points\n", r.Traffic.Sent, r.Traffic.Received, r.Traffic.Lost)
	fmt.Fprintf(out, "  core link  %d ESP packets, %d Mobility Headers and %d packets of MIH in clear (%s, %s mode, %s)\n", r.IPsec.ESP, r.IPsec.MHInClear, r.IPsec.MIHInClear, r.IPsec.KernelPlugin, r.IPsec.Mode, r.IPsec.IKE)
	if r.IPsec.KernelPlugin == "kernel-libipsec" {
		fmt.Fprintln(out, "             this kernel has no ESP; strongSwan's userspace ESP stands in, in tunnel mode (RFC 5213 asks for transport mode)")
	}
	fmt.Fprintf(out, "  kernel     %s, forwarding by %s, programs started with %s\n", r.Kernel, r.Forwarding, r.Scheduler)
	fmt.Fprintf(out, "  result     %s\n", r.Result)
	for _, reason := range r.Reasons {
		fmt.Fprintf(out, "             %s\n", reason)
	}
}

func kept(yes bool) string {
	if yes {
		return "kept"
	}
	return "LOST"
}

func survived(yes bool) string {
	if yes {
		return "lived through every handover"
	}
	return "BROKE"
}
