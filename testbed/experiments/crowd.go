package experiments

import (
	"errors"
	"fmt"
	"time"

	"netlmm/testbed"
)

var crowd = Experiment{
	Name: "crowd", Title: "A hundred hosts move at once", run: (*run).crowd,
	Question: "A lecture ends, and everybody walks out of one cell into another. All hosts are moved right after each other, as fast as the testbed can, while each of them receives 50 packets a second. Each host is a namespace with a whole IPv6 host of the kernel in it, but without 802.1X: the access point's word comes as a syslog line.",
}

// crowdRate is what each host receives, packets a second.
const crowdRate = 50

// walked is what one host of the crowd saw of the move.
type walked struct {
	host                   string
	association            float64 // ms after the first one left
	total, pause           float64
	exchange, l2, afterPBA float64
	lost, attempts         int
}

func (r *run) crowd() error {
	var list []walked
	err := r.domain(testbed.Options{MobileNodes: 1, Trigger: testbed.TriggerSyslog}, func(d *testbed.Domain) (err error) {
		list, err = r.walk(d)
		return err
	})
	if err != nil {
		return err
	}
	table := Table{File: "crowd", Caption: fmt.Sprintf("%d hosts, ms", len(list)), Columns: append([]string{"figure"}, distributionColumns...)}
	total, pause := of(list, func(w walked) float64 { return w.total }), of(list, func(w walked) float64 { return w.pause })
	for _, row := range []struct {
		name   string
		values []float64
	}{
		{"Attachment – PBU", of(list, func(w walked) float64 { return w.l2 })}, {"PBU – PBA", of(list, func(w walked) float64 { return w.exchange })},
		{"PBA – RA", of(list, func(w walked) float64 { return w.afterPBA })}, {"access point's word – RA", total}, {"pause of its packets", pause},
		{"packets lost", of(list, func(w walked) float64 { return float64(w.lost) })},
	} {
		table.Rows = append(table.Rows, append([]any{row.name}, distribution(row.values)...))
	}
	every := Table{File: "hosts", Caption: "Every host", Long: true, Columns: []string{"host", "logged by the access point after ms", "total ms", "pause ms", "packets lost"}}
	for _, w := range list {
		every.Rows = append(every.Rows, []any{w.host, rounded(w.association, 3), rounded(w.total, 3), rounded(w.pause, 3), w.lost})
	}
	r.result.Tables = append(r.result.Tables, table, every)
	err = r.cumulative("crowd", fmt.Sprintf("Of %d hosts that moved at once: how many were served by the new gateway after so many milliseconds", len(list)), "milliseconds",
		[]string{"access point's word to Router Advertisement", "pause of packets"}, total, pause)
	if err != nil {
		return err
	}
	r.sayCrowd(list, total, pause)
	r.result.Marks = append(r.result.Marks,
		"All hosts, both gateways, the anchor and the traffic share the processors of one machine, so that these times are an upper bound. A real cell could not take a hundred stations so fast: the radio would spread them out.",
		"The hosts are lighter than those of the other experiments: no wpa_supplicant, no 802.1X; the new cell's bridge is told their link-layer addresses, as an access point knows its stations.")
	return nil
}

// walk moves the crowd once.
func (r *run) walk(d *testbed.Domain) ([]walked, error) {
	if err := d.StartDaemons(); err != nil {
		return nil, err
	}
	if err := r.environment(d); err != nil {
		return nil, err
	}
	d.Progressf("%d hosts come in", r.settings.Hosts)
	crowd, err := d.AddCrowd(r.settings.Hosts)
	if err != nil {
		return nil, err
	}
	if err := crowd.ComeIn(r.ctx); err != nil {
		return nil, err
	}
	defer crowd.StopTraffic()
	if err := crowd.StartTraffic(crowdRate); err != nil {
		return nil, err
	}
	if err := r.wait(2 * time.Second); err != nil {
		return nil, err
	}
	d.Progressf("they move")
	moves, missing := crowd.Move(r.ctx)
	if missing != nil {
		return nil, missing
	}
	if err := r.wait(2 * time.Second); err != nil {
		return nil, err
	}
	traces, err := d.Handovers(testbed.NodeMAG2)
	if err != nil {
		return nil, err
	}
	return crowdSaw(crowd, moves, traces)
}

// crowdSaw joins each host's move with its traffic and its trace.
func crowdSaw(crowd *testbed.Crowd, moves []testbed.Association, traces []testbed.Trace) (list []walked, err error) {
	end := time.Now()
	of := map[string]testbed.Trace{}
	for _, t := range traces {
		if t.Outcome == "complete" {
			of[t.Station] = t
		}
	}
	var errs []error
	for i, host := range crowd.Hosts {
		m := moves[i]
		t, known := of[host.MAC.String()]
		if !known {
			errs = append(errs, fmt.Errorf("%s: the gateway has no complete trace of its move", host.Node))
			continue
		}
		seen := host.Flow.Disturbance(m.Left, m.Associated, end)
		advertised := t.LinkUp.Add(time.Duration(t.Total * float64(time.Millisecond))) // from the access point's line on, a wait in the queue included
		list = append(list, walked{host: host.Node, association: milliseconds(m.Associated.Sub(moves[0].Left)), total: milliseconds(advertised.Sub(m.Associated)),
			pause: milliseconds(seen.Pause), lost: seen.Lost, attempts: t.Attempts, l2: t.L2AttachToPBU, exchange: t.PBUToPBA, afterPBA: t.PBAToRA})
	}
	return list, errors.Join(errs[:min(len(errs), 5)]...)
}

func (r *run) sayCrowd(list []walked, total, pause []float64) {
	lost, sent, again := 0.0, list[len(list)-1].association, 0
	for _, w := range list {
		lost += float64(w.lost)
		if w.attempts > 1 {
			again++
		}
	}
	r.result.saysf("%d hosts changed cells within %.0f ms. From an access point's word to the Router Advertisement it took %.1f ms at the median and %.1f ms for the slowest host.", len(list), sent, median(total), largest(total))
	r.result.saysf("The pause of a host's packets was %.0f ms at the median and %.0f ms at most, where one packet comes every 20 ms; %.1f packets were lost a host.", median(pause), largest(pause), lost/float64(len(list)))
	if again > 0 {
		r.result.saysf("%d of them were registered only when their gateway had asked more than once.", again)
	} else {
		r.result.saysf("Every host was registered at the first attempt: the rush queues, and nobody is left behind.")
	}
}
