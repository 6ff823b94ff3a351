package testbed

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Modes of a PredictiveExperiment.
const (
	ModePredictive = "predictive" // the link is said to go down before the station moves
	ModeReactive   = "reactive"   // nobody foretells the move; the new gateway asks the old one
	ModeMispredict = "mispredict" // the link is said to go down, and the station stays
)

// PredictiveExperiment moves one mobile node between two gateways that hand it over, each time with a while without radio.
type PredictiveExperiment struct {
	Count   int           // moves, or wrong predictions
	Rate    int           // packets a second from the correspondent
	Mode    string        // ModePredictive, ...
	Warning time.Duration // from the prediction to the loss of the link; 0: 100 ms
	Gap     time.Duration // without radio; 0: 50 ms
	Settle  time.Duration // between two moves; 0: 600 ms
	Capture string        // pcap file of the core link's signalling; "" for none
}

// withDefaults checks and completes the experiment.
func (x PredictiveExperiment) withDefaults() (PredictiveExperiment, error) {
	if x.Count < 1 {
		return x, fmt.Errorf("count %d: at least 1, please", x.Count)
	}
	switch x.Mode {
	case ModePredictive, ModeReactive, ModeMispredict:
	default:
		return x, fmt.Errorf("mode %q: %s, %s or %s, please", x.Mode, ModePredictive, ModeReactive, ModeMispredict)
	}
	if x.Warning == 0 {
		x.Warning = 100 * time.Millisecond
	}
	if x.Gap == 0 {
		x.Gap = 50 * time.Millisecond
	}
	if x.Settle == 0 {
		x.Settle = 600 * time.Millisecond
	}
	return x, nil
}

// HandoverMode is what the gateways of a domain must be told for the experiment (Options.Handover).
func (x PredictiveExperiment) HandoverMode() string {
	if x.Mode == ModeReactive {
		return HandoverReactive
	}
	return HandoverPredictive
}

// predicted is one move of the experiment, or one prediction that was wrong.
type predicted struct {
	moved
	foretold time.Time // zero: not at all
}

// RunPredictive does the experiment in a domain that Up built with Options.Handover.
func (d *Domain) RunPredictive(ctx context.Context, x PredictiveExperiment) (report *PredictiveReport, err error) {
	if x, err = x.withDefaults(); err != nil {
		return nil, err
	}
	if d.Options.WiFi && x.Mode != ModePredictive {
		return nil, fmt.Errorf("mode %q: with Wi-Fi there is %s only", x.Mode, ModePredictive)
	}
	capture, err := d.StartCapture(x.Capture)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, capture.close()) }()
	if err := d.ComeIn(ctx); err != nil {
		return nil, err
	}
	if err := d.gatewaysKnowEachOther(); err != nil {
		return nil, err
	}
	mn := d.MobileNodes[0]
	address, err := mn.WaitAddress(startPatience)
	if err != nil {
		return nil, err
	}
	flow, err := d.StartFlow(mn, address, x.Rate)
	if err != nil {
		return nil, err
	}
	defer flow.Stop()
	if d.Options.WiFi { // whoever sends nothing has no signal
		conversation, err := d.StartConversation(mn, address, 0, conversationInterval(x.Rate))
		if err != nil {
			return nil, err
		}
		defer func() { _ = conversation.Stop() }()
	}
	begun := time.Now()
	if err := poll(startPatience, "packets of the correspondent reach "+mn.Node, func() (bool, error) { return flow.Received(begun), nil }); err != nil {
		return nil, err
	}
	moves, err := d.predictAll(ctx, x, mn, flow)
	if err != nil {
		return nil, err
	}
	return d.reportPredictive(x, mn, address, moves, flow, capture)
}

// gatewaysKnowEachOther waits until the association between the two gateways stands and their MIH Functions speak with each other.
func (d *Domain) gatewaysKnowEachOther() error {
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		err := poll(startPatience, "the MIH Functions of "+other(mag)+" and of the radio are subscribed or up at "+mag, func() (bool, error) {
			return d.mihReady(mag)
		})
		if err != nil {
			return fmt.Errorf("%w\nmagd of %s says:\n%s", err, mag, d.tail(mag, "magd"))
		}
	}
	return nil
}

// mihReady says whether a gateway's associations stand and it gets the radio's events.
func (d *Domain) mihReady(mag string) (bool, error) {
	status, err := d.Status(mag)
	if err != nil {
		return false, err
	}
	if d.Options.WiFi {
		return status.Security.PeersUp >= 2, nil
	}
	subscribers, err := d.radio(mag, "SUBSCRIBERS")
	return status.Security.PeersUp >= 2 && subscribers == "1", err
}

// predictAll does the moves.
func (d *Domain) predictAll(ctx context.Context, x PredictiveExperiment, mn *MobileNode, flow *Flow) (moves []*predicted, err error) {
	for i := range x.Count {
		p := &predicted{moved: moved{mn: mn, from: mn.At()}}
		if d.Options.WiFi {
			p.Association, err = mn.Fade(other(mn.At()))
			p.foretold = p.Left
		} else {
			err = p.do(ctx, x)
		}
		if err != nil {
			return nil, err
		}
		if len(moves) > 0 {
			moves[len(moves)-1].end = p.start()
		}
		moves = append(moves, p)
		if err := wait(ctx, x.Settle); err != nil {
			return nil, err
		}
		_ = poll(resumePatience, "traffic", func() (bool, error) { return flow.Received(p.Associated), ctx.Err() })
		if (i+1)%10 == 0 || i+1 == x.Count {
			d.Progressf("%d of %d handovers", i+1, x.Count)
		}
	}
	moves[len(moves)-1].end = time.Now()
	return moves, nil
}

// do foretells one move and does it, as the mode has it.
func (p *predicted) do(ctx context.Context, x PredictiveExperiment) (err error) {
	if x.Mode != ModeReactive {
		p.foretold = time.Now()
		if err := p.mn.domain.GoingDown(p.mn, x.Warning); err != nil {
			return err
		}
		if err := wait(ctx, x.Warning); err != nil {
			return err
		}
	}
	if x.Mode == ModeMispredict {
		p.Association = Association{MAG: p.mn.At(), Left: p.foretold, Associated: p.foretold}
		return wait(ctx, mispredictedGrace)
	}
	p.Association, err = p.mn.MoveThrough(other(p.mn.At()), x.Gap)
	return err
}

// mispredictedGrace is how long after the announced loss of a link a gateway waits for it (package mih/handover), and some time for what
// follows.
const mispredictedGrace = 500 * time.Millisecond

// start is when the handover began to have effects.
func (p *predicted) start() time.Time {
	if p.foretold.IsZero() {
		return p.Left
	}
	return p.foretold
}
