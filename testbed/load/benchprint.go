package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// Print writes the report as tables.
func (r *BenchReport) Print(w io.Writer) {
	fmt.Fprintf(w, "%d processors, kernel %s, load average at start %s; forwarding %s\n\n", r.Machine.CPUs, r.Machine.Kernel, r.Machine.LoadAvg, r.Forwarding)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\trate/s\tp50 us\tp99 us\tp99.9 us\tlmad CPU us\tgenerator CPU us\t")
	for _, op := range Operations {
		f := r.ClosedLoop[op]
		fmt.Fprintf(table, "closed loop, %s\t%.0f\t%.0f\t%.0f\t%.0f\t\t\t\n", op, f.Rate, f.P50, f.P99, f.P999)
	}
	row := func(name string, f ConcurrentFigures) {
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t\n", name, f.Rate, f.P50, f.P99, f.P999, f.AnchorCPU, f.GeneratorCPU)
	}
	for _, s := range r.Scale {
		row(fmt.Sprintf("%d clients, %d mobile nodes, register", s.Clients, s.MobileNodes), s.ConcurrentFigures)
	}
	row(fmt.Sprintf("%d clients, no forwarding, register", r.NoForwarding.Clients), r.NoForwarding)
	table.Flush()
	fmt.Fprintf(w, "\nkernel routes of a registration: %.0f us alone, %.0f us in a batch of %d\n", r.KernelRoute, r.KernelRouteBatched, routeBatch)
	for _, m := range r.Memory {
		fmt.Fprintf(w, "resident memory, forwarding %s: %.0f octets a binding at %d, of these anonymous %.0f (%d MiB: %d anonymous, %d of files; %d without bindings)\n",
			m.Forwarding, m.PerBinding, m.Bindings, m.AnonymousPerBinding, m.Full>>20, m.Anonymous>>20, m.File>>20, m.Empty>>20)
	}
	fmt.Fprintln(w)
	for _, target := range slices.Sorted(maps.Keys(r.Targets)) {
		fmt.Fprintf(w, "%-7s %s\n", map[bool]string{true: "reached", false: "MISSED"}[r.Targets[target]], target)
	}
	for _, problem := range r.Problems {
		fmt.Fprintln(w, "PROBLEM "+problem)
	}
}
