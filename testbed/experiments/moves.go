package experiments

import (
	"errors"
	"fmt"
	"time"

	"netlmm/testbed"
)

// handover is one move of a mobile node under traffic, times in milliseconds.
type handover struct {
	to         string
	pause, gap float64 // see testbed.Disturbance
	lost       int
	trace      testbed.Trace
	left       time.Time
	associated time.Time
}

// journey is how a mobile node moves there and back.
type journey struct {
	count  int
	rate   int           // packets a second from the correspondent
	gap    time.Duration // without radio at each move
	settle time.Duration // between two moves
	before func(d *testbed.Domain, to string) error
}

// travel moves the first mobile node count times and measures what each move costs.
func (r *run) travel(d *testbed.Domain, j journey) (list []handover, err error) {
	mn := d.MobileNodes[0]
	address, err := mn.WaitAddress(5 * time.Second)
	if err != nil {
		return nil, err
	}
	flow, err := d.StartFlow(mn, address, j.rate)
	if err != nil {
		return nil, err
	}
	defer flow.Stop()
	if err := r.flows(flow, time.Now(), "before the first move"); err != nil {
		return nil, err
	}
	for range j.count {
		h, err := r.step(d, mn, flow, j)
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	if now, ok, err := mn.GlobalAddress(); err != nil || !ok || now != address {
		return nil, errors.Join(err, fmt.Errorf("%s had %v and now has %v", mn.ID, address, now))
	}
	return list, r.measure(d, mn, flow, list)
}

// step is one move, and the time that the network is left alone.
func (r *run) step(d *testbed.Domain, mn *testbed.MobileNode, flow *testbed.Flow, j journey) (h handover, err error) {
	h.to = testbed.OtherMAG(mn.At())
	if j.before != nil {
		if err := j.before(d, h.to); err != nil {
			return h, err
		}
	}
	association, err := mn.MoveThrough(h.to, j.gap)
	if err != nil {
		return h, err
	}
	h.left, h.associated = association.Left, association.Associated
	if err := r.flows(flow, association.Associated, "after the move to "+h.to); err != nil {
		return h, err
	}
	return h, r.wait(j.settle)
}

// flows waits until a packet arrives that was received after an instant.
func (r *run) flows(flow *testbed.Flow, after time.Time, when string) error {
	ok, err := r.until(20*time.Second, func() bool { return flow.Received(after) })
	if err == nil && !ok {
		err = fmt.Errorf("no packet of the correspondent arrives %s", when)
	}
	return err
}

// measure joins each move with what the traffic says of it, and with the new MAG's trace.
func (r *run) measure(d *testbed.Domain, mn *testbed.MobileNode, flow *testbed.Flow, list []handover) error {
	traces := map[string][]testbed.Trace{}
	for _, mag := range []string{testbed.NodeMAG1, testbed.NodeMAG2} {
		var err error
		if traces[mag], err = d.Handovers(mag); err != nil {
			return err
		}
	}
	for i := range list {
		h, end := &list[i], time.Now()
		if i+1 < len(list) {
			end = list[i+1].left
		}
		seen := flow.Disturbance(h.left, h.associated, end)
		h.pause, h.gap, h.lost = milliseconds(seen.Pause), milliseconds(seen.Gap), seen.Lost
		for _, t := range traces[h.to] {
			if t.Station == mn.MAC.String() && t.LinkUp.After(h.left) && t.LinkUp.Before(end) && t.Outcome == "complete" {
				h.trace = t
			}
		}
		if h.trace.Outcome == "" {
			return fmt.Errorf("handover %d: %s has no complete trace of it", i+1, h.to)
		}
	}
	return nil
}
