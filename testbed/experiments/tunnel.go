package experiments

import (
	"fmt"
	"net/netip"
	"time"

	"netlmm/testbed"
)

var tunnel = Experiment{
	Name: "tunnel", Title: "Static and dynamic tunnels", Paper: "Figure 10", Count: 7, run: (*run).tunnel,
	Question: "Does it cost time to make the tunnel between gateway and anchor only when a host needs it? A host moves to a gateway where nobody was before, each time in a new domain. With static tunnels the tunnel there stands already; with dynamic ones the host's arrival makes it, on both ends. Which of the two it is, is checked before the move.",
}

func (r *run) tunnel() error {
	kinds := []string{testbed.TunnelsStatic, testbed.TunnelsDynamic}
	table := Table{File: "latency", Caption: "Handover latency of UDP traffic to the host, ms", Columns: []string{"run"}}
	phase := Table{File: "phases", Caption: "Of which the gateway, ms", Columns: append([]string{"tunnels", "phase"}, distributionColumns...)}
	var pauses, totals [2][]float64
	for i, kind := range kinds {
		list, err := r.firstMoves(kind)
		if err != nil {
			return fmt.Errorf("%s tunnels: %w", kind, err)
		}
		pauses[i] = of(list, func(h handover) float64 { return h.pause })
		totals[i] = of(list, func(h handover) float64 { return h.trace.Total })
		table.Columns = append(table.Columns, kind+" tunnels")
		phase.Rows = append(phase.Rows,
			append([]any{kind, "PBA – RA"}, distribution(of(list, func(h handover) float64 { return h.trace.PBAToRA }))...),
			append([]any{kind, "Total"}, distribution(totals[i])...))
	}
	var axis []string
	for n := range r.count {
		axis = append(axis, fmt.Sprint(n+1))
		table.Rows = append(table.Rows, []any{n + 1, rounded(pauses[0][n], 2), rounded(pauses[1][n], 2)})
	}
	table.Rows = append(table.Rows, []any{"mean", rounded(mean(pauses[0]), 2), rounded(mean(pauses[1]), 2)})
	r.result.Tables = append(r.result.Tables, table, phase)
	err := r.bars("latency", "Figure 10: handover latency of UDP traffic with static and dynamic tunnels, run by run", chart{x: "run", y: "milliseconds"}, axis,
		[]string{"static tunnels", "dynamic tunnels"}, pauses[0], pauses[1])
	if err != nil {
		return err
	}
	r.markPicture(radioMark)
	extra := median(totals[1]) - median(totals[0])
	r.result.saysf("With static tunnels the host was without packets for %.1f ms on average, with dynamic ones for %.1f ms.", mean(pauses[0]), mean(pauses[1]))
	if extra < 2 {
		r.result.saysf("Of the gateway's own time from attachment to Router Advertisement the dynamic tunnel made a difference of %.1f ms at the median: nothing that a host would notice. So found the paper.", extra)
	} else {
		r.result.saysf("The gateway took %.1f ms longer at the median when it had to make the tunnel. The paper found the difference irrelevant.", extra)
	}
	if r.result.Environment.Forwarding == "seg6" {
		r.result.Marks = append(r.result.Marks, "This kernel has no ip6_tunnel: the tunnel is a pair of interfaces with an encapsulating route (seg6), and what it costs to make one is that, not ip6tnl's.")
	}
	return nil
}

// firstMoves are moves to a gateway where no mobile node has been yet.
func (r *run) firstMoves(kind string) (all []handover, err error) {
	for range r.count {
		err := r.inhabited(testbed.Options{MobileNodes: 1, Tunnels: kind}, func(d *testbed.Domain) error {
			list, err := r.travel(d, journey{count: 1, rate: flowRate, settle: 300 * time.Millisecond, before: r.tunnelsAre(kind == testbed.TunnelsStatic)})
			all = append(all, list...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// tunnelsAre makes sure before each move that the gateway there has a tunnel to the anchor already, or has none.
func (r *run) tunnelsAre(static bool) func(*testbed.Domain, string) error {
	return func(d *testbed.Domain, to string) error {
		var failed error
		ok, err := r.until(10*time.Second, func() bool {
			status, err := d.Status(to)
			failed = err
			return err == nil && hasTunnel(status, testbed.LMAAddress) == static
		})
		switch {
		case err != nil:
			return err
		case failed != nil:
			return failed
		case !ok && static:
			return fmt.Errorf("%s has no tunnel to the anchor, although they are static", to)
		case !ok:
			return fmt.Errorf("%s has a tunnel to the anchor, although no host was there", to)
		}
		return nil
	}
}

func hasTunnel(s testbed.DaemonStatus, peer netip.Addr) bool {
	for _, t := range s.Forwarding.Tunnels {
		if t.Peer == peer {
			return true
		}
	}
	return false
}
