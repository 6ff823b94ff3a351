package handover

import (
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

func other(i int) mih.LinkID {
	return mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress([6]byte{2, 2, 0, 0, byte(i >> 8), byte(i)})}
}

// crowd has so many stations come to a network.
func (c *campus) crowd(i, stations int) {
	n := c.order[i]
	for s := range stations {
		c.event(n, n.ind(mih.LinkUp{Link: mih.LinkTupleID{Link: other(s), PointOfAttachment: n.poa}}))
	}
}

func full(cfg *Config) { cfg.MaximumStations = 10 }

// TestTheLessCrowdedNetworkIsChosen, by what the candidates say of themselves, and by the weights.
func TestTheLessCrowdedNetworkIsChosen(t *testing.T) {
	for name, w := range map[string]struct {
		weights  Weights
		stations [3]int // at n1 to n3
		signal   int    // of n1; the others are not heard
		want     string
	}{
		"all alike":                          {Weights{Load: 20}, [3]int{}, 0, "prepare n1"},
		"one is emptier":                     {Weights{Load: 20}, [3]int{5, 5, 2}, 0, "prepare n3"},
		"one is full":                        {Weights{Load: 20}, [3]int{10, 15, 9}, 0, "prepare n3"},
		"a little emptier is not emptier":    {Weights{Load: 20}, [3]int{1, 0, 0}, 0, "prepare n1"},
		"a good signal counts more":          {Weights{Signal: 70, Load: 20}, [3]int{8, 0, 0}, -50, "prepare n1"},
		"a good signal counts less":          {Weights{Signal: 10, Load: 90}, [3]int{8, 0, 0}, -50, "prepare n2"},
		"how full they are is of no concern": {Weights{Signal: 70}, [3]int{10, 0, 0}, 0, "prepare n1"},
	} {
		t.Run(name, func(t *testing.T) {
			c := attached(t, 4, func(cfg *Config) { full(cfg); cfg.Weights = w.weights })
			for i, stations := range w.stations {
				c.crowd(1+i, stations)
			}
			if w.signal != 0 {
				c.event(c.order[0], c.order[0].ind(mih.LinkDetected{Link: mih.LinkTupleID{Link: station, PointOfAttachment: poa(1)}, SignalStrength: mih.SignalStrength{Value: w.signal}}))
			}
			c.goingDown()
			c.want(0, "handover_begun", w.want)
		})
	}
}

// TestLoads: who is there or announced counts, once, and until it leaves.
func TestLoads(t *testing.T) {
	c := newCampus(t, 2, full)
	n := c.order[0]
	load := func(want int) {
		t.Helper()
		if got := n.load(n.poa); got != want {
			t.Errorf("load %d, want %d", got, want)
		}
	}
	c.crowd(0, 3)
	c.crowd(0, 3)
	load(30)
	announce := Requested{Handle: 1, Source: "n1", Body: wire.N2NHOCommitRequest{Link: other(3), PointOfAttachment: n.poa}}
	c.event(n, announce)
	c.event(n, announce)
	load(40)
	c.event(n, n.ind(mih.LinkUp{Link: mih.LinkTupleID{Link: other(3), PointOfAttachment: n.poa}}))
	load(40)
	c.event(n, n.ind(mih.LinkDown{Link: mih.LinkTupleID{Link: other(0), PointOfAttachment: poa(7)}})) // a late word of where it was
	load(40)
	c.event(n, n.ind(mih.LinkDown{Link: mih.LinkTupleID{Link: other(0), PointOfAttachment: n.poa}}))
	c.event(n, n.ind(mih.LinkUp{Link: mih.LinkTupleID{Link: other(1), PointOfAttachment: poa(7)}}))
	load(20)
	c.event(n, Requested{Handle: 1, Source: "n1", Body: wire.N2NHOCommitRequest{Link: other(4), PointOfAttachment: n.poa}})
	load(30)
	c.pass(time.Minute)
	load(20)
	if n.load(poa(7)) != -1 || c.order[1].cfg.MaximumStations == 0 {
		t.Error("a load of elsewhere")
	}
	n.cfg.MaximumStations = 0
	load(-1)
}

// TestLoadsThatAreNone do not count.
func TestLoadsThatAreNone(t *testing.T) {
	for name, value := range map[string]string{"nothing": "", "unknown": "\xff", "too much": "\x65", "too many": "\x01\x01"} {
		t.Run(name, func(t *testing.T) {
			c := attached(t, 1, nil)
			n := c.order[0]
			n.cfg.Candidates = func(mih.LinkAddress, time.Time) []Candidate { return []Candidate{candidate(8), candidate(9)} }
			for i, a := range n.Handle(c.now, n.ind(mih.LinkGoingDown{Link: n.tuple(), TimeInterval: time.Hour})) {
				if ask, ok := a.(Ask); ok && i > 0 {
					n.Handle(c.now, Confirmed{ask.ID, wire.N2NHOQueryResourcesResponse{}, []wire.TLV{{Type: wire.TLVLoad, Value: value}}})
				}
			}
			if h := n.handovers[station]; h.State != Committing || h.Target.Load != -1 || h.Target.MIHFID != "n8" {
				t.Errorf("%+v", h)
			}
		})
	}
}

// local has a second access point, 9, at the first network.
func local(cfg *Config) {
	if cfg.MIHFID != "n0" {
		return
	}
	candidates, target := cfg.Candidates, cfg.Target
	here := Candidate{PointOfAttachment: poa(9), LinkType: mih.LinkType80211, MIHFID: "n0", Load: -1}
	cfg.Local = func(p mih.LinkAddress) bool { return p == poa(0) || p == poa(9) }
	cfg.Candidates = func(at mih.LinkAddress, now time.Time) []Candidate { return append(candidates(at, now), here) }
	cfg.Target = func(p mih.LinkAddress) (Candidate, bool) {
		if p == poa(9) {
			return here, true
		}
		return target(p)
	}
}

// atNine has the station heard well at the second access point.
func (c *campus) atNine() {
	c.event(c.order[0], c.order[0].ind(mih.LinkDetected{Link: mih.LinkTupleID{Link: station, PointOfAttachment: poa(9)}, SignalStrength: mih.SignalStrength{Value: -45}}))
}

// TestATargetOfTheSameNetwork: nothing is prepared with anybody, and the station is steered.
func TestATargetOfTheSameNetwork(t *testing.T) {
	for name, then := range map[string]struct {
		happens func(c *campus, n *network)
		want    []string
	}{
		"comes": {func(c *campus, n *network) {
			c.event(n, n.ind(mih.LinkDown{Link: n.tuple()}))
			c.event(n, n.ind(mih.LinkUp{Link: mih.LinkTupleID{Link: station, PointOfAttachment: poa(9)}}))
		}, []string{"handover_completed"}},
		"comes up here again": {func(c *campus, n *network) { c.event(n, n.ind(mih.LinkUp{Link: n.tuple()})) }, []string{"handover_withdrawn"}},
		"stays":               {func(c *campus, n *network) { c.pass(time.Second) }, []string{"handover_withdrawn"}},
		"goes and does not come": {func(c *campus, n *network) {
			c.event(n, n.ind(mih.LinkDown{Link: n.tuple()}))
			c.pass(time.Minute)
		}, []string{"station_never_came"}},
		"is of no concern to an old preparation": {func(c *campus, n *network) {
			c.event(n, c.order[0].ready(false))
			c.event(n, n.ind(mih.LinkUp{Link: mih.LinkTupleID{Link: station, PointOfAttachment: poa(9)}}))
		}, []string{"handover_completed"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := attached(t, 2, local)
			c.atNine()
			c.goingDown()
			c.want(0, "handover_begun", "target_is_local", "steer to n0 within 100ms")
			c.want(1)
			then.happens(c, c.order[0])
			c.want(0, then.want...)
			c.empty()
		})
	}
}

// TestTheStationChoosesTheSameNetwork: it is not steered, and nobody is asked.
func TestTheStationChoosesTheSameNetwork(t *testing.T) {
	c := attached(t, 2, local)
	n := c.order[0]
	c.event(n, n.ind(mih.LinkHandoverImminent{Link: n.tuple(), NewLink: mih.LinkTupleID{Link: station, PointOfAttachment: poa(9)}}))
	c.want(0, "handover_begun", "target_is_local")
	c.event(n, Requested{Handle: 2, Source: "mn1@example.net", Body: wire.MNHOCommitRequest{LinkType: mih.LinkType80211, Target: mih.TargetNetwork{PointOfAttachment: poa(9)}}})
	c.want(0, "wire.MNHOCommitResponse")
	c.event(n, n.ind(mih.LinkUp{Link: mih.LinkTupleID{Link: station, PointOfAttachment: poa(9)}}))
	c.want(0, "handover_completed")
	c.empty()
}

// TestTheSameNetworkIsThereWhenTheOthersAreNot, and they are not waited for long.
func TestTheSameNetworkIsThereWhenTheOthersAreNot(t *testing.T) {
	c := attached(t, 2, local)
	c.deaf["n1"] = true
	c.event(c.order[0], c.order[0].ind(mih.LinkDetected{Link: mih.LinkTupleID{Link: station, PointOfAttachment: poa(1)}, SignalStrength: mih.SignalStrength{Value: -45}}))
	c.goingDown()
	c.want(0, "handover_begun")
	c.pass(101 * time.Millisecond)
	c.want(0, "candidate_did_not_answer", "target_is_local", "steer to n0 within 50ms")
	c.pass(time.Second)
	c.want(0, "handover_withdrawn")
	c.empty()
}

// TestAnAnswerToAFormerPreparation, for the same station and the same target, is none to the latter.
func TestAnAnswerToAFormerPreparation(t *testing.T) {
	c := attached(t, 2, nil)
	n := c.order[0]
	c.goingDown()
	former := n.ready(false)
	c.event(n, n.ind(mih.LinkUp{Link: n.tuple()})) // it stays
	c.goingDown()
	n.said = nil
	c.event(n, former)
	c.want(0)
	c.event(n, n.ready(true))
	c.want(0, "handover_prepared", "steer to n1 within 100ms")
	c.event(n, former)
	if len(n.handovers) != 1 {
		t.Error("the handover has ended")
	}
}
