package experiments

import (
	"fmt"
	"time"

	"gonum.org/v1/plot/plotter"

	"netlmm/testbed"
)

var udpThroughput = Experiment{
	Name: "udp-throughput", Title: "UDP throughput during a handover", Paper: "Figures 5 and 6", run: (*run).udpThroughput,
	Question: "What does a host that streams 8 Mbit/s in each direction lose when it moves once, with gateways that have addresses of their own, and with the same addresses everywhere? The paper shows one direction only and found the second slightly better.",
}

var latency = Experiment{
	Name: "latency", Title: "Handover latency with own and with the same addresses", Paper: "Figure 7", Count: 10, run: (*run).latency,
	Question: "How long does a host get no packets when it moves? 1,000 packets a second from the correspondent, several moves in each scenario; the latency is the longest silence that has a part between the move and the association in the new cell.",
}

// The flows: 1,000 packets a second of 1,000 octets.
const (
	flowRate = 1000
	flowSize = 1000
	bin      = 100 * time.Millisecond
)

// crossing is one move with traffic in both directions.
type crossing struct {
	scenario               scenario
	left, associated, end  time.Time
	resumed                bool // uplink
	down, up               testbed.Disturbance
	throughDown, throughUp plotter.XYs // seconds after the move, Mbit/s
}

func (r *run) udpThroughput() error {
	table := Table{File: "throughput", Caption: "What one move cost each direction", Columns: []string{"scenario", "direction", "pause, ms", "packets lost"}}
	var list []crossing
	for i, s := range []scenario{ownAddresses, sameAddresses} {
		c := crossing{scenario: s}
		if err := r.inhabited(s.options(), func(d *testbed.Domain) error { return r.cross(d, &c) }); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		list = append(list, c)
		table.Rows = append(table.Rows,
			[]any{s.name, "to the host", rounded(milliseconds(c.down.Pause), 1), c.down.Lost},
			[]any{s.name, "from the host", rounded(milliseconds(c.up.Pause), 1), c.up.Lost})
		err := r.plot("throughput-"+s.file(), fmt.Sprintf("Figure %d: UDP throughput, %s: what arrived of the packets, by the time when they were due", 5+i, s.name), chart{x: "seconds after the move", y: "Mbit/s", marks: []mark{{0, "the host moves"}}},
			[]series{{name: "to the host", points: c.throughDown, step: true}, {name: "from the host", points: c.throughUp, step: true}})
		if err != nil {
			return err
		}
	}
	r.result.Tables = append([]Table{table}, r.result.Tables...)
	r.sayThroughput(list[0], list[1])
	r.result.Marks = append(r.result.Marks, radioMark)
	return nil
}

// cross does one move and waits until both directions are back.
func (r *run) cross(d *testbed.Domain, c *crossing) (err error) {
	mn := d.MobileNodes[0]
	address, err := mn.WaitAddress(5 * time.Second)
	if err != nil {
		return err
	}
	watch, err := d.WatchRouters(mn)
	if err != nil {
		return err
	}
	defer watch.Stop()
	var flows [2]*testbed.Flow
	for i, uplink := range []bool{false, true} {
		if flows[i], err = d.StartFlowOf(mn, address, testbed.FlowOptions{Rate: flowRate, Size: flowSize, Uplink: uplink}); err != nil {
			return err
		}
		defer flows[i].Stop()
	}
	if err := r.moveUnderTraffic(d, c, watch, flows[1]); err != nil {
		return err
	}
	r.result.Tables = append(r.result.Tables, beliefs("routers-"+c.scenario.file(), c.scenario, d, watch.Stop(), c.left))
	for i, to := range []struct {
		seen    *testbed.Disturbance
		through *plotter.XYs
	}{{&c.down, &c.throughDown}, {&c.up, &c.throughUp}} {
		*to.seen = flows[i].Disturbance(c.left, c.associated, c.end)
		*to.through = throughput(flows[i].Packets(), c.left, c.end)
	}
	return nil
}

// moveUnderTraffic moves the host once it is sure of its router, and waits for what it sends to arrive again.
func (r *run) moveUnderTraffic(d *testbed.Domain, c *crossing, watch *testbed.RouterWatch, uplink *testbed.Flow) error {
	association, err := r.moveWhenSure(d, c.scenario, watch)
	if err != nil {
		return err
	}
	c.left, c.associated = association.Left, association.Associated
	if c.resumed, err = r.until(r.settings.Patience, func() bool { return uplink.Received(association.Associated) }); err != nil {
		return err
	}
	err = r.wait(2 * time.Second)
	c.end = time.Now()
	return err
}

// throughput counts what arrived of the packets that were due in each bin, from two seconds before the move on. That the generator is
// held up by the machine, and then catches up, does not show in it.
func throughput(packets []testbed.Packet, moved, end time.Time) (points plotter.XYs) {
	from := moved.Add(-2 * time.Second)
	counts := make([]int, max(int(end.Sub(from)/bin), 1))
	for _, p := range packets {
		if at := p.Due.Sub(from); at >= 0 && int(at/bin) < len(counts) && !p.Arrived.IsZero() {
			counts[at/bin]++
		}
	}
	for i, n := range counts {
		points = append(points, plotter.XY{X: -2 + float64(i)*bin.Seconds(), Y: float64(n) * flowSize * 8 / bin.Seconds() / 1e6})
	}
	return points
}

func (r *run) sayThroughput(own, same crossing) {
	r.result.saysf("To the host, the pause was %.0f ms with own addresses and %.0f ms with the same ones (%d and %d packets lost): both gateways know the host's link-layer address and need nothing from it.",
		milliseconds(own.down.Pause), milliseconds(same.down.Pause), own.down.Lost, same.down.Lost)
	if same.down.Pause <= own.down.Pause {
		r.result.saysf("The paper, too, found the second slightly better; one move of each kind says little about so small a difference.")
	} else {
		r.result.saysf("The paper found the second slightly better; this one run does not show that.")
	}
	back := "and had not come back when the experiment ended"
	if own.resumed {
		back = "until its kernel gave the old router up"
	}
	r.result.saysf("From the host it is another matter: with own addresses what it sent was lost for %.1f seconds (%d packets), %s; with the same addresses for %.0f ms (%d packets). The paper does not show this direction; TCP needs both, which is why it stalls, in the experiment below and in the paper.",
		own.up.Pause.Seconds(), own.up.Lost, back, milliseconds(same.up.Pause), same.up.Lost)
	if own.up.Pause < 10*same.up.Pause {
		r.result.saysf("In this run the difference between the two is small, which is not what was expected.")
	}
}

func (r *run) latency() error {
	table := Table{File: "latency", Caption: "Handover latency of UDP traffic to the host, ms", Columns: []string{"run", ownAddresses.name, sameAddresses.name}}
	var all [2][]float64
	for i, s := range []scenario{ownAddresses, sameAddresses} {
		var list []handover
		err := r.inhabited(s.options(), func(d *testbed.Domain) (err error) {
			list, err = r.travel(d, journey{count: r.count, rate: flowRate, settle: 400 * time.Millisecond})
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		all[i] = of(list, func(h handover) float64 { return h.pause })
	}
	var axis []string
	for n := range r.count {
		axis = append(axis, fmt.Sprint(n+1))
		table.Rows = append(table.Rows, []any{n + 1, rounded(all[0][n], 2), rounded(all[1][n], 2)})
	}
	table.Rows = append(table.Rows, []any{"mean", rounded(mean(all[0]), 2), rounded(mean(all[1]), 2)}, []any{"paper", paperOwnLatency, paperSameLatency})
	r.result.Tables = append(r.result.Tables, table)
	err := r.bars("latency", "Figure 7: handover latency of UDP traffic, run by run", chart{x: "run", y: "milliseconds"}, axis, []string{ownAddresses.name, sameAddresses.name}, all[0], all[1])
	if err != nil {
		return err
	}
	r.markPicture(radioMark)
	r.result.saysf("The pause was %.1f ms at the median (%.1f on average, %.1f at most) with own addresses, and %.1f ms (%.1f, %.1f) with the same ones. The paper: %s, and %s.",
		median(all[0]), mean(all[0]), largest(all[0]), median(all[1]), mean(all[1]), largest(all[1]), paperOwnLatency, paperSameLatency)
	switch own, same := median(all[0]), median(all[1]); {
	case own > 2*same:
		r.result.saysf("As in the paper, the same addresses are the faster ones for traffic to the host.")
	case same > 2*own:
		r.result.saysf("Unlike in the paper, own addresses were the faster ones in this run; with so few moves on a machine that does other things as well, that can be chance.")
	default:
		r.result.saysf("For traffic to the host the addresses make little difference here: the gateway sends to the link-layer address that the access point named, and does not wait for the host. What they do to traffic from the host, the experiments before and after this one show.")
	}
	return nil
}
