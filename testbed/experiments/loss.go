package experiments

import (
	"errors"
	"fmt"
	"time"

	"netlmm/testbed"
)

var firstUpdateLost = Experiment{
	Name: "first-pbu-lost", Title: "The first Proxy Binding Update is lost", Count: 5, run: (*run).firstUpdateLost,
	Question: "A gateway's request to the anchor gets lost on the way. What does the host see? At every second move the anchor's machine drops the first update, after IPsec, so that the gateway learns nothing of it; it has to ask again.",
}

func (r *run) firstUpdateLost() error {
	var with, without []handover
	err := r.inhabited(testbed.Options{MobileNodes: 1}, func(d *testbed.Domain) error {
		moves := 0
		var dropping *dropper
		list, err := r.travel(d, journey{count: 2 * r.count, rate: flowRate, settle: 500 * time.Millisecond, before: func(d *testbed.Domain, to string) (err error) {
			if moves++; moves%2 == 0 {
				dropping, err = r.drop(d, to)
				return err
			}
			return dropping.wait()
		}})
		err = errors.Join(err, dropping.wait())
		for i, h := range list {
			if i%2 == 1 {
				with = append(with, h)
			} else {
				without = append(without, h)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.tellLoss(without, with)
}

// dropper drops the first update that comes from a gateway, in the background.
type dropper struct{ done chan error }

// drop begins to drop. The gateway asks again after a second (INITIAL_BINDACK_TIMEOUT), so that there is time to let that one pass.
func (r *run) drop(d *testbed.Domain, mag string) (*dropper, error) {
	loss, err := d.LoseUpdates(mag)
	if err != nil {
		return nil, err
	}
	dropping := &dropper{make(chan error, 1)}
	go func() {
		var failed error
		ok, err := r.until(20*time.Second, func() bool {
			n, err := loss.Lost()
			failed = err
			return n > 0 || err != nil
		})
		if err == nil && !ok {
			err = fmt.Errorf("no update of %s came to be dropped", mag)
		}
		dropping.done <- errors.Join(err, failed, loss.Stop())
		close(dropping.done)
	}()
	return dropping, nil
}

// wait returns when it has been done; nil: there is nothing to wait for.
func (p *dropper) wait() error {
	if p == nil {
		return nil
	}
	return <-p.done
}

func (r *run) tellLoss(without, with []handover) error {
	table := Table{File: "loss", Caption: "Every move", Columns: []string{"first update", "run", "PBU – PBA, ms", "attempts", "pause, ms", "packets lost"}}
	var axis []string
	for n := range with {
		axis = append(axis, fmt.Sprint(n+1))
	}
	for i, list := range [][]handover{without, with} {
		for n, h := range list {
			table.Rows = append(table.Rows, []any{[]string{"arrives", "is lost"}[i], n + 1, rounded(h.trace.PBUToPBA, 2), h.trace.Attempts, rounded(h.pause, 1), h.lost})
		}
	}
	r.result.Tables = append(r.result.Tables, table)
	pause := func(h handover) float64 { return h.pause }
	err := r.bars("pause", "Pause of the traffic to the host at each move", chart{x: "run", y: "milliseconds"}, axis, []string{"first update arrives", "first update is lost"}, of(without, pause), of(with, pause))
	if err != nil {
		return err
	}
	for n, h := range with {
		if h.trace.Attempts < 2 {
			return fmt.Errorf("run %d: the gateway registered the host with %d attempt, although its first update was dropped", n+1, h.trace.Attempts)
		}
	}
	r.result.saysf("When the first update is lost the host is without packets for %.0f ms on average, and %.0f ms otherwise: the gateway asks again after INITIAL_BINDACK_TIMEOUT, one second by RFC 6275 (the key mag.initial_bindack_timeout).",
		mean(of(with, pause)), mean(of(without, pause)))
	r.result.saysf("Nothing else happens: all %d moves ended at the new gateway, and the host kept its address.", len(with))
	r.result.saysf("A wait of one second is long beside a handover of milliseconds; where the way to the anchor is short, a smaller timeout helps, at the price of repeated updates when the anchor is busy.")
	return nil
}
