package experiments

import (
	"fmt"
	"time"

	"gonum.org/v1/plot/plotter"

	"netlmm/testbed"
)

var tcp = Experiment{
	Name: "tcp", Title: "What a TCP connection sees of a handover", Paper: "Figures 8 and 9", run: (*run).tcp,
	Question: "Does a download go on when the host moves? RFC 5213 wants all gateways of a domain to have the same link-local and link-layer address on their access links, so that a host that moves finds the router that it knows. Here a host downloads by TCP and moves once: first with gateways that have addresses of their own, then with the same addresses. The host is a plain Linux kernel; at its interface the sequence number of each segment that arrives is noted.",
}

// transfer is a download with one move in it.
type transfer struct {
	scenario scenario
	left     time.Time
	resumed  bool
	stall    time.Duration // how long the download stood still
	again    int           // segments that arrived although they had been received before
	router   string        // whom the host sends to in the end
	points   plotter.XYs   // seconds after the move, octets
	acks     plotter.XYs
}

// streamRate is what the correspondent sends, octets a second.
const streamRate = 500_000

func (r *run) tcp() error {
	var list []transfer
	for _, s := range []scenario{ownAddresses, ownVisible, sameAddresses} {
		t := transfer{scenario: s}
		if err := r.inhabited(s.options(), func(d *testbed.Domain) error { return r.transfer(d, &t) }); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		list = append(list, t)
	}
	table := Table{File: "stall", Caption: "What the move did to the download", Columns: []string{"scenario", "stood still, s", "segments that came again", "the host now sends to", "paper"}}
	for i, t := range list {
		paper := any([]any{paperOwnStall, nil, paperSameStall}[i])
		table.Rows = append(table.Rows, []any{t.scenario.name, rounded(t.stall.Seconds(), 3), t.again, t.router, paper})
		figure := map[string]string{"own": "Figure 8: ", "same": "Figure 9: "}[t.scenario.file()]
		c := chart{x: "seconds after the move", y: "kilobytes", level: true, marks: []mark{{0, "the host moves"}}}
		err := r.plot("sequence-"+t.scenario.file(), figure+"TCP time-sequence, "+t.scenario.name, c,
			[]series{{name: "segments that arrive at the host", points: t.points, dots: true}, {name: "acknowledged by the host", points: t.acks, step: true}})
		if err != nil {
			return err
		}
	}
	r.result.Tables = append([]Table{table}, r.result.Tables...)
	r.sayTCP(list[0], list[1], list[2])
	return nil
}

// transfer does one download, and the move once the host is sure of its router.
func (r *run) transfer(d *testbed.Domain, t *transfer) error {
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
	sniffer, err := d.Sniff(mn)
	if err != nil {
		return err
	}
	defer sniffer.Stop()
	stream, err := d.StartStream(mn, address, streamRate)
	if err != nil {
		return err
	}
	defer stream.Stop()
	if err := r.moveUnderDownload(d, t, watch, stream); err != nil {
		return err
	}
	r.result.Tables = append(r.result.Tables, beliefs("routers-"+t.scenario.file(), t.scenario, d, watch.Stop(), t.left))
	t.stall = standstill(stream.Reads(), t.left, time.Now())
	segments, missed := sniffer.Segments(stream.Ports())
	if missed > 0 {
		return fmt.Errorf("the capture had no room for %d segments", missed)
	}
	t.sequence(d, segments)
	return nil
}

// moveUnderDownload moves the host once it is sure of its router, and waits for the download to go on.
func (r *run) moveUnderDownload(d *testbed.Domain, t *transfer, watch *testbed.RouterWatch, stream *testbed.Stream) error {
	association, err := r.moveWhenSure(d, t.scenario, watch)
	if err != nil {
		return err
	}
	t.left = association.Left
	if err := r.wait(3 * time.Second); err != nil {
		return err
	}
	t.resumed, err = r.until(r.settings.Patience, func() bool { return goesOn(stream.Reads()) })
	return err
}

// goesOn says whether a program has got something without a pause for two seconds.
func goesOn(reads []testbed.Read) bool {
	now := time.Now()
	later := now
	for i := len(reads) - 1; i >= 0; i-- {
		if later.Sub(reads[i].At) > stumble {
			return false
		}
		if later = reads[i].At; now.Sub(later) > 2*time.Second {
			return true
		}
	}
	return false
}

// stumble is a pause in what a program reads that is no more than the machine's.
const stumble = 500 * time.Millisecond

// standstill is how long a download stood still after an instant: from the begin of the first pause that is more than a stumble to the
// end of the last one, since a segment that comes through in between is no download; without such pauses, the longest one.
func standstill(reads []testbed.Read, after, end time.Time) (longest time.Duration) {
	previous := after
	var begun, over time.Time
	pause := func(until time.Time) {
		longest = max(longest, until.Sub(previous))
		if until.Sub(previous) > stumble {
			if begun.IsZero() {
				begun = previous
			}
			over = until
		}
	}
	for _, read := range reads {
		if read.At.After(after) {
			pause(read.At)
		}
		previous = read.At
	}
	pause(end)
	return max(longest, over.Sub(begun))
}

// window is how long before the move a picture begins, in seconds.
const window = 2.0

// sequence turns the segments around the move into what the picture shows. Of an undisturbed download a point for each 30 ms is enough.
func (t *transfer) sequence(d *testbed.Domain, segments []testbed.Segment) {
	var server uint16
	var first, highest uint32
	lastPoint, lastAck := -window, -window // seconds after the move
	for _, s := range segments {
		at := s.At.Sub(t.left).Seconds()
		if !s.Sent && s.Octets > 0 {
			if server == 0 {
				server, first, highest = s.Source, s.Sequence, s.Sequence
			}
			repeated := int32(s.Sequence-highest) < 0
			if repeated && at > 0 {
				t.again++
			}
			if !repeated {
				highest = s.Sequence
			}
			if at > -window && (repeated || at-lastPoint > 0.03) {
				t.points, lastPoint = append(t.points, plotter.XY{X: at, Y: float64(s.Sequence-first) / 1000}), at
			}
		}
		if s.Sent && server != 0 {
			t.router = routerName(d, s)
			if at > -window && at-lastAck > 0.03 {
				t.acks, lastAck = append(t.acks, plotter.XY{X: at, Y: float64(s.Acknowledge-first) / 1000}), at
			}
		}
	}
}

// routerName says to which router a segment went.
func routerName(d *testbed.Domain, s testbed.Segment) string {
	if !d.Options.OwnAddresses {
		return "the router of the domain"
	}
	for _, mag := range []string{testbed.NodeMAG1, testbed.NodeMAG2} {
		if s.Router.String() == d.RouterMAC(mag).String() {
			return mag
		}
	}
	return s.Router.String()
}

func (r *run) sayTCP(own, visible, same transfer) {
	if own.resumed {
		r.result.saysf("With gateways that have addresses of their own the download stood still for %.0f seconds (the paper: %s). Segments still reached the host, through the new gateway, but its acknowledgements went to a router that was no longer there, until its kernel noticed.", own.stall.Seconds(), paperOwnStall)
	} else {
		r.result.saysf("With gateways that have addresses of their own the download stood still and had not come back when the experiment ended, %.0f seconds after the move (the paper: %s).", own.stall.Seconds(), paperOwnStall)
	}
	if own.stall < 3*time.Second {
		r.result.saysf("That is shorter than expected: this run does not show the stall that the fixed address is to prevent.")
	}
	r.result.saysf("With the same addresses everywhere the longest pause was %.0f ms (the paper: %s).", milliseconds(same.stall), paperSameStall)
	if same.resumed && own.stall > 10*same.stall {
		r.result.saysf("So what the paper found holds: the fixed addresses are not an option, they are what makes the handover work for TCP.")
	} else {
		r.result.saysf("So this run does not show the difference that the paper found.")
	}
	r.result.saysf("How long the stall lasts is chance to some degree: the kernel trusts a router that it found reachable for 15 to 45 seconds, then waits 5 and asks for some seconds more, and TCP doubles its pauses meanwhile. These timers are the kernel's own, so that this says as much in emulation as anywhere.")
	if visible.stall < own.stall/2 {
		r.result.saysf("When the link is away for long enough for the kernel to see it (%.1f seconds in the run between the two) it forgets what it knew of the router and asks at once; then it was %.1f seconds.", linkAway.Seconds(), visible.stall.Seconds())
	} else {
		r.result.saysf("Nor does it help when the link is away for long enough for the kernel to see it (%.1f seconds in the run between the two): then it was %.1f seconds.", linkAway.Seconds(), visible.stall.Seconds())
	}
}
