package experiments

import (
	"fmt"

	"netlmm/testbed"
)

var ipsecCost = Experiment{
	Name: "ipsec", Title: "What IPsec costs a handover", Count: 60, run: (*run).ipsec,
	Question: "The messages between gateways and anchor run under IPsec, as RFC 5213 asks. How much does that add to a handover? The same moves in two domains, one with IPsec and one with everything in clear; a capture on the core link checks what passed.",
}

func (r *run) ipsec() error {
	names := []string{"with IPsec", "in clear"}
	table := Table{File: "phases", Caption: "Time of each phase, ms", Columns: append([]string{"control channel", "phase"}, distributionColumns...)}
	seen := Table{File: "core-link", Caption: "What passed on the core link", Columns: []string{"control channel", "ESP packets", "Mobility Headers in clear"}}
	var exchange, total [2][]float64
	for i, unprotected := range []bool{false, true} {
		report, err := r.handovers(testbed.Options{Unprotected: unprotected}, r.count, betweenMoves)
		if err == nil {
			err = faults(report.Reasons)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
		for _, h := range report.Handovers {
			exchange[i], total[i] = append(exchange[i], *h.PBUToPBA), append(total[i], *h.Total)
		}
		table.Rows = append(table.Rows, append([]any{names[i], "PBU – PBA"}, distribution(exchange[i])...), append([]any{names[i], "Total"}, distribution(total[i])...))
		seen.Rows = append(seen.Rows, []any{names[i], report.IPsec.ESP, report.IPsec.MHInClear})
		if unprotected && report.IPsec.MHInClear == 0 {
			return fmt.Errorf("%s: the capture saw no Mobility Header", names[i])
		}
	}
	r.result.Tables = append(r.result.Tables, table, seen)
	err := r.cumulative("exchange", "How many of the exchanges of PBU and PBA were over in so many milliseconds", "milliseconds", names, exchange[0], exchange[1])
	if err != nil {
		return err
	}
	r.result.saysf("The exchange of PBU and PBA took %.2f ms at the median under IPsec and %.2f ms in clear; the whole handover %.2f and %.2f ms.",
		median(exchange[0]), median(exchange[1]), median(total[0]), median(total[1]))
	switch extra := median(total[0]) - median(total[1]); {
	case extra < 0:
		r.result.saysf("That it was faster with IPsec is the machine's noise: the cost is smaller than what can be told from these runs.")
	case extra < 2:
		r.result.saysf("IPsec costs %.2f ms: no reason to do without. The association stands before the host comes, so that no handover waits for a key exchange.", extra)
	default:
		r.result.saysf("IPsec costs %.2f ms. The association stands before the host comes, so that this is the way through the encryption, not a key exchange.", extra)
	}
	r.result.saysf("On the core link the capture saw no Mobility Header in clear with IPsec, and all of them without.")
	if r.result.Environment.IPsec == "kernel-libipsec, tunnel mode" {
		r.result.Marks = append(r.result.Marks, "This kernel has no ESP: strongSwan's userspace ESP stands in, which takes each message through a process more. With the kernel's own, the cost is less.")
	}
	return nil
}
