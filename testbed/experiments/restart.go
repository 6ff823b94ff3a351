package experiments

import (
	"fmt"
	"time"

	"netlmm/testbed"
)

var anchorRestart = Experiment{
	Name: "lma-restart", Title: "The anchor is killed in mid-traffic", run: (*run).anchorRestart,
	Question: "The anchor's daemon is killed (kill -9) while it forwards to two hosts, and started again some seconds later. One host stays where it is; the other moves while there is no anchor.",
}

// The timetable of the experiment, from the kill on.
const (
	moveAfterKill    = 2 * time.Second
	restartAfterKill = 4 * time.Second
)

// anchorGone is what happened when.
type anchorGone struct {
	flows                              [2]*testbed.Flow
	killed, moved, associated, started time.Time
	end                                time.Time
	trace                              testbed.Trace
}

func (r *run) anchorRestart() error {
	var x anchorGone
	if err := r.inhabited(testbed.Options{}, func(d *testbed.Domain) error { return r.killAnchor(d, &x) }); err != nil {
		return err
	}
	stayed := x.flows[0].Disturbance(x.killed, x.killed, x.end)
	moved := x.flows[1].Disturbance(x.moved, x.associated, x.end)
	since := func(at time.Time) float64 { return at.Sub(x.killed).Seconds() }
	r.result.Tables = append(r.result.Tables, Table{File: "restart", Caption: "What each host missed", Columns: []string{"host", "pause, ms", "packets lost"}, Rows: [][]any{
		{"stays", nil, stayed.Lost}, {"moves meanwhile", rounded(milliseconds(moved.Pause), 1), moved.Lost},
	}})
	c := chart{x: "seconds after the kill", y: "Mbit/s", marks: []mark{{0, "lmad is killed"}, {since(x.moved), "a host moves"}, {since(x.started), "lmad is started"}}}
	err := r.plot("throughput", "UDP throughput to two hosts around the death of the anchor's daemon: what arrived of the packets, by the time when they were due", c, []series{
		{name: "host that stays", points: throughput(x.flows[0].Packets(), x.killed, x.end), step: true},
		{name: "host that moves", points: throughput(x.flows[1].Packets(), x.killed, x.end), step: true},
	})
	if err != nil {
		return err
	}
	if stayed.Lost == 0 {
		r.result.saysf("The host that stayed lost nothing: what the anchor's daemon had put into the kernel goes on without it, and the one that starts again finds its bindings on disk and leaves them in place.")
	} else {
		r.result.saysf("The host that stayed lost %d packets, although the kernel was to go on forwarding without the daemon.", stayed.Lost)
	}
	r.result.saysf("The host that moved while there was no anchor was without packets for %.1f seconds: its new gateway asked %d times, and was answered %.1f seconds after the daemon was started. There was no anchor for %.1f seconds, %.1f of them before the move.",
		moved.Pause.Seconds(), x.trace.Attempts, x.trace.LinkUp.Add(time.Duration(x.trace.Total*float64(time.Millisecond))).Sub(x.started).Seconds(), since(x.started), since(x.moved))
	r.result.saysf("Both kept their addresses.")
	r.result.Marks = append(r.result.Marks, "When the daemon was started again, the testbed chose: how long an anchor is away is for its supervisor to say. A gateway's attempts are real: it asks again after one second, and then after pauses that double (RFC 6275). What ends the wait is mostly not the next of them: the anchor that was killed announces its restart with a new counter in a heartbeat that nobody asked for (RFC 5847), and a gateway that sees it registers at once what it was waiting for.")
	return nil
}

// killAnchor goes through the timetable.
func (r *run) killAnchor(d *testbed.Domain, x *anchorGone) (err error) {
	before := [2]string{}
	for i, mn := range d.MobileNodes {
		address, err := mn.WaitAddress(5 * time.Second)
		if err != nil {
			return err
		}
		before[i] = address.String()
		if x.flows[i], err = d.StartFlowOf(mn, address, testbed.FlowOptions{Rate: flowRate / 2, Size: flowSize}); err != nil {
			return err
		}
		defer x.flows[i].Stop()
	}
	if err := r.wait(3 * time.Second); err != nil {
		return err
	}
	mover := d.MobileNodes[1]
	x.killed = time.Now()
	if err := d.Kill9(testbed.NodeLMA, testbed.ProgramLMAD); err != nil {
		return err
	}
	if err := r.wait(moveAfterKill); err != nil {
		return err
	}
	association, err := mover.Move(testbed.NodeMAG2)
	if err != nil {
		return err
	}
	x.moved, x.associated = association.Left, association.Associated
	if err := r.wait(time.Until(x.killed.Add(restartAfterKill))); err != nil {
		return err
	}
	x.started = time.Now()
	if err := d.Restart(testbed.NodeLMA, testbed.ProgramLMAD); err != nil {
		return err
	}
	ok, err := r.until(60*time.Second, func() bool { return x.flows[1].Received(x.associated) })
	if err == nil && !ok {
		err = fmt.Errorf("no packet reaches %s after the anchor was started again", mover.ID)
	}
	if err != nil {
		return err
	}
	if err := r.wait(3 * time.Second); err != nil {
		return err
	}
	x.end = time.Now()
	return x.after(d, before)
}

// after checks the addresses and finds the trace of the move.
func (x *anchorGone) after(d *testbed.Domain, before [2]string) error {
	for i, mn := range d.MobileNodes {
		if now, ok, err := mn.GlobalAddress(); err != nil || !ok || now.String() != before[i] {
			return fmt.Errorf("%s had %s and now has %v (%v)", mn.ID, before[i], now, err)
		}
	}
	traces, err := d.Handovers(testbed.NodeMAG2)
	if err != nil {
		return err
	}
	for _, t := range traces {
		if t.Station == d.MobileNodes[1].MAC.String() && t.LinkUp.After(x.moved) && t.Outcome == "complete" {
			x.trace = t
			return nil
		}
	}
	return fmt.Errorf("%s has no complete trace of the handover", testbed.NodeMAG2)
}
