package adaptertest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

// CommandBench is a Bench of an adapter that takes commands.
type CommandBench struct {
	Bench
	LinkType          mih.LinkType
	PointOfAttachment mih.LinkAddress
}

// commanding is a CommandBench at work, with station 0 attached.
type commanding struct {
	*running
	apadapters.Commander
	link, stranger mih.LinkID
	accessPoint    mih.LinkTupleID
}

// TestCommander runs the tests of apadapters.Commander. open makes a bench anew.
func TestCommander(t *testing.T, open func(t *testing.T) CommandBench) {
	for name, test := range map[string]func(*testing.T, commanding){
		"knows its links": knowsLinks, "answers what is asked": answersAsked, "thresholds are bounded": thresholdsBounded,
		"sends a station away": sendsAway, "refuses what it cannot do": refuses, "gives up with its caller": givesUp,
		"says when nobody answers": nobodyAnswers, "bears many callers": manyCallers,
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			c := commanding{running: start(t, b.Bench), Commander: b.Adapter.(apadapters.Commander),
				link: mih.LinkID{Type: b.LinkType, Address: Station(0)}, stranger: mih.LinkID{Type: b.LinkType, Address: Station(99)},
				accessPoint: mih.LinkTupleID{Link: mih.LinkID{Type: b.LinkType, Address: b.PointOfAttachment}, PointOfAttachment: b.PointOfAttachment},
			}
			c.AccessPoint.Attach(Station(0))
			c.wait("the station", func() bool { return c.hasAddress(Station(0)) })
			test(t, c)
		})
	}
}

func knowsLinks(t *testing.T, c commanding) {
	for link, want := range map[mih.LinkID]bool{c.link: true, c.accessPoint.Link: true, c.stranger: false, {}: false, {Type: mih.LinkTypeGSM, Address: c.link.Address}: false} {
		if c.Has(link) != want {
			t.Errorf("Has(%v): %t, want %t", link, !want, want)
		}
	}
	ctx := context.Background()
	_, parameters := c.Parameters(ctx, c.stranger, mih.LinkStatusRequest{})
	_, thresholds := c.ConfigureThresholds(ctx, mih.LinkTupleID{Link: c.stranger}, nil)
	steer := c.Steer(ctx, c.stranger, []apadapters.Target{{PointOfAttachment: Station(1000)}}, time.Second)
	for what, err := range map[string]error{"Parameters": parameters, "ConfigureThresholds": thresholds, "Steer": steer} {
		if !errors.Is(err, apadapters.ErrNoSuchLink) {
			t.Errorf("%s of a stranger: %v, want that there is no such link", what, err)
		}
	}
	if r := c.Act(ctx, mih.LinkActionRequest{Link: c.stranger, Action: mih.LinkAction{Type: mih.ActionDisconnect}}); r.Outcome == mih.ActionSucceeded || r.Link != c.stranger {
		t.Errorf("a stranger sent away: %+v", r)
	}
	c.AccessPoint.Detach(Station(0))
	c.wait("the station has left", func() bool { return !c.hasAddress(Station(0)) })
	c.wait("its link is none", func() bool { return !c.Has(c.link) })
}

func answersAsked(t *testing.T, c commanding) {
	want := mih.LinkStatusRequest{States: mih.AskOperationMode}
	for range 1000 {
		want.Parameters = append(want.Parameters, mih.ParameterSignalStrength, mih.LinkParameterType(0xffff))
	}
	for _, link := range []mih.LinkID{c.link, c.accessPoint.Link} {
		status, err := c.Parameters(context.Background(), link, want)
		if err != nil || len(status.States) != 1 || status.States[0].Channel != nil || status.States[0].Mode != mih.ModeNormal || len(status.Descriptors) != 0 {
			t.Errorf("%v: %+v, %v; want the mode of operation", link, status, err)
		}
		if len(status.Parameters) > 1 || len(status.Parameters) == 1 && status.Parameters[0].Type != mih.ParameterSignalStrength {
			t.Errorf("%v: %+v, want the one parameter at most", link, status.Parameters)
		}
	}
	if status, err := c.Parameters(context.Background(), c.link, mih.LinkStatusRequest{}); err != nil || len(status.States)+len(status.Parameters)+len(status.Descriptors) != 0 {
		t.Errorf("nothing was asked: %+v, %v", status, err)
	}
}

func thresholdsBounded(t *testing.T, c commanding) {
	configure := func(link mih.LinkTupleID, config mih.LinkParameterConfiguration) (succeeded int) {
		t.Helper()
		done, err := c.ConfigureThresholds(context.Background(), link, []mih.LinkParameterConfiguration{config})
		if err != nil || len(config.Thresholds) > 0 && len(done) != len(config.Thresholds) {
			t.Fatalf("%d answers to %d thresholds, %v", len(done), len(config.Thresholds), err)
		}
		for i, d := range done {
			if i < len(config.Thresholds) && d.Threshold != config.Thresholds[i] || d.Type != config.Type {
				t.Fatalf("answer %+v to %+v", d, config.Thresholds[i])
			}
			if d.Success {
				succeeded++
			}
		}
		return succeeded
	}
	many := mih.LinkParameterConfiguration{Type: mih.ParameterSignalStrength}
	for i := range 2000 {
		many.Thresholds = append(many.Thresholds, mih.Threshold{Value: -2000 - i, Direction: mih.ThresholdBelow})
	}
	one := mih.LinkParameterConfiguration{Type: mih.ParameterSignalStrength, Thresholds: many.Thresholds[:1]}
	cancel := mih.LinkParameterConfiguration{Type: mih.ParameterSignalStrength, Action: mih.ThresholdCancel}
	unknown := mih.LinkParameterConfiguration{Type: 0xffff, Thresholds: many.Thresholds[:1]}
	for _, link := range []mih.LinkTupleID{{Link: c.link}, c.accessPoint} {
		if n := configure(link, unknown); n != 0 {
			t.Errorf("%v: a threshold of an unknown parameter is set", link)
		}
		can := configure(link, one)
		n := configure(link, many)
		if n == len(many.Thresholds) || (n > 0) != (can > 0) {
			t.Errorf("%v: %d of %d thresholds are set", link, n, len(many.Thresholds))
		}
		configure(link, cancel)
		if again := configure(link, one); again != can {
			t.Errorf("%v: after all were cancelled %d thresholds are set, want %d", link, again, can)
		}
	}
}

func sendsAway(t *testing.T, c commanding) {
	away := mih.LinkActionRequest{Link: c.link, Action: mih.LinkAction{Type: mih.ActionDisconnect}}
	if r := c.Act(context.Background(), away); r.Outcome != mih.ActionSucceeded || r.Link != c.link {
		t.Fatalf("result %+v", r)
	}
	c.wait("Link_Down", func() bool { return !c.hasAddress(Station(0)) })
	if r := c.Act(context.Background(), away); r.Outcome == mih.ActionSucceeded {
		t.Error("a station that has gone is sent away")
	}
}

func refuses(t *testing.T, c commanding) {
	for _, action := range []mih.LinkAction{{Type: mih.ActionPowerUp}, {Type: mih.ActionPowerDown}, {Type: 77}, {Attributes: mih.ActionScan}} {
		if r := c.Act(context.Background(), mih.LinkActionRequest{Link: c.link, Action: action}); r.Outcome != mih.ActionIncapable || r.Scan != nil {
			t.Errorf("%+v: %+v, want incapable", action, r)
		}
	}
	elsewhere := mih.LinkActionRequest{Link: c.link, PointOfAttachment: Station(5000), Action: mih.LinkAction{Type: mih.ActionDisconnect}}
	if r := c.Act(context.Background(), elsewhere); r.Outcome == mih.ActionSucceeded {
		t.Error("a station is sent away from a point of attachment where it is not")
	}
	if err := c.Steer(context.Background(), c.link, nil, time.Second); err == nil {
		t.Error("a station is steered to nowhere")
	}
	if !c.hasAddress(Station(0)) {
		t.Error("the station is gone")
	}
}

func givesUp(t *testing.T, c commanding) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Parameters(ended, c.link, mih.LinkStatusRequest{States: mih.AskOperationMode}); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if _, err := c.Parameters(context.Background(), c.link, mih.LinkStatusRequest{States: mih.AskOperationMode}); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func nobodyAnswers(t *testing.T, c commanding) {
	ask := func() error {
		_, err := c.Parameters(context.Background(), c.link, mih.LinkStatusRequest{States: mih.AskOperationMode})
		return err
	}
	c.AccessPoint.Stop()
	c.wait("an error", func() bool { return ask() != nil })
	if err := ask(); !errors.Is(err, apadapters.ErrNoAnswer) && !errors.Is(err, apadapters.ErrNoSuchLink) {
		t.Errorf("error %v", err)
	}
	c.AccessPoint.Start()
	c.AccessPoint.Attach(Station(0))
	c.wait("an answer", func() bool { return ask() == nil })
}

func manyCallers(t *testing.T, c commanding) {
	var callers sync.WaitGroup
	for i := range 50 {
		callers.Go(func() {
			ctx := context.Background()
			for range 20 {
				_, err := c.Parameters(ctx, c.link, mih.LinkStatusRequest{States: mih.AskOperationMode | mih.AskChannel})
				if err != nil && !errors.Is(err, apadapters.ErrBusy) && !errors.Is(err, apadapters.ErrNoAnswer) {
					t.Errorf("Parameters: %v", err)
				}
				_, _ = c.ConfigureThresholds(ctx, c.accessPoint, []mih.LinkParameterConfiguration{{Type: mih.ParameterSignalStrength,
					Thresholds: []mih.Threshold{{Value: -1000 - i, Direction: mih.ThresholdBelow}}}})
				c.Has(c.link)
			}
		})
	}
	for i := range 200 {
		c.AccessPoint.Attach(Station(1 + i))
	}
	callers.Wait()
	c.wait("all stations", func() bool { return c.size() == 201 })
}
