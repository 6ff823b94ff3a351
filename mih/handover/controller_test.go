package handover

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

var (
	t0      = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	station = mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress([6]byte{2, 0, 0, 0, 0, 1})}
)

func poa(i byte) mih.LinkAddress { return mih.MACAddress([6]byte{2, 0xa, 0, 0, 0, i}) }

// network is one with its Controller: i has the point of attachment i.
type network struct {
	*Controller
	id   mih.MIHFID
	poa  mih.LinkAddress
	said []string
	last uint64 // Prepare
}

// ready answers the latest Prepare.
func (n *network) ready(ok bool) Ready { return Ready{n.last, station, ok} }

// campus is networks whose commands reach each other at once; what a network prepares is ready when the test says so.
type campus struct {
	t        *testing.T
	now      time.Time
	networks map[mih.MIHFID]*network
	order    []*network
	deaf     map[mih.MIHFID]bool
	speakers map[mih.MIHFID]*speaker
}

func candidate(i int) Candidate {
	return Candidate{PointOfAttachment: poa(byte(i)), LinkType: mih.LinkType80211, MIHFID: mih.MIHFID(fmt.Sprintf("n%d", i)), Load: -1}
}

func newCampus(t *testing.T, n int, change func(*Config)) *campus {
	c := &campus{t: t, now: t0, networks: map[mih.MIHFID]*network{}, deaf: map[mih.MIHFID]bool{}}
	for i := range n {
		one := &network{id: mih.MIHFID(fmt.Sprintf("n%d", i)), poa: poa(byte(i))}
		cfg := Config{
			MIHFID: one.id, Local: func(p mih.LinkAddress) bool { return p == one.poa }, OnLinkGoingDown: true,
			Weights: Weights{Signal: 70, Load: 20, Previous: 10},
			Target: func(p mih.LinkAddress) (Candidate, bool) {
				for j := range n {
					if p == poa(byte(j)) {
						return candidate(j), true
					}
				}
				return Candidate{}, false
			},
			Candidates: func(at mih.LinkAddress, _ time.Time) (list []Candidate) {
				for j := range n {
					if p := poa(byte(j)); p != at {
						list = append(list, candidate(j))
					}
				}
				return list
			},
		}
		if change != nil {
			change(&cfg)
		}
		one.Controller = New(cfg)
		c.networks[one.id] = one
		c.order = append(c.order, one)
	}
	return c
}

func (c *campus) event(n *network, ev Event) { c.do(n, n.Handle(c.now, ev)) }

func (c *campus) do(n *network, actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case Ask:
			c.carry(n, a)
		case Note:
			n.said = append(n.said, string(a.Reason))
		case Prepare:
			n.last = a.ID
			n.said = append(n.said, fmt.Sprintf("prepare %s", a.Target.MIHFID))
		case Undo:
			n.said = append(n.said, "undo "+string(a.Reason))
		case Steer:
			n.said = append(n.said, fmt.Sprintf("steer to %s within %v", a.Target.MIHFID, a.Within))
		case Answer:
			n.said = append(n.said, fmt.Sprintf("%T", a.Body))
		}
	}
}

// carry takes a command to another network and its answer back.
func (c *campus) carry(n *network, a Ask) {
	if s := c.speakers[a.Destination]; s != nil {
		s.asked = append(s.asked, a)
		if answer := s.answer(a.Body); !s.deaf {
			c.event(n, Confirmed{ID: a.ID, Body: answer})
		}
		return
	}
	other := c.networks[a.Destination]
	if other == nil || c.deaf[a.Destination] {
		return // no answer: the Controller's own timer
	}
	var answer wire.Body
	var extra []wire.TLV
	var rest []Action
	for _, back := range other.Handle(c.now, Requested{Handle: 1, Source: n.id, Body: a.Body}) {
		if x, ok := back.(Answer); ok && answer == nil {
			answer, extra = x.Body, x.Extra
		} else {
			rest = append(rest, back)
		}
	}
	c.do(other, rest)
	c.event(n, Confirmed{a.ID, answer, extra})
}

func (c *campus) pass(d time.Duration) {
	end := c.now.Add(d)
	for {
		var next *network
		at := end
		for _, n := range c.order {
			if deadline, ok := n.NextDeadline(); ok && deadline.Before(at) {
				next, at = n, deadline
			}
		}
		c.now = at
		if next == nil {
			return
		}
		c.do(next, next.Expire(c.now))
	}
}

func (c *campus) want(i int, want ...string) {
	c.t.Helper()
	n := c.order[i]
	if !slices.Equal(n.said, want) {
		c.t.Errorf("%s says\n  %s\nwant\n  %s", n.id, strings.Join(n.said, "; "), strings.Join(want, "; "))
	}
	n.said = nil
}

func (c *campus) empty() {
	c.t.Helper()
	for _, n := range c.order {
		if len(n.handovers)+len(n.expected)+len(n.asked)+len(n.steered)+len(n.queries)+n.timers.Len() != 0 {
			c.t.Errorf("%s has %d handovers, %d expected, %d asked, %d queries, %d timers left", n.id, len(n.handovers), len(n.expected), len(n.asked), len(n.queries), n.timers.Len())
		}
	}
}

func (n *network) ind(ev mih.LinkEvent) Indicated {
	return Indicated{mih.Indication{Source: n.id, Interface: "acc0", Identity: "mn1@example.net", Event: ev}}
}

func (n *network) tuple() mih.LinkTupleID {
	return mih.LinkTupleID{Link: station, PointOfAttachment: n.poa}
}

// attached is a campus where the station is at the first network.
func attached(t *testing.T, n int, change func(*Config)) *campus {
	c := newCampus(t, n, change)
	c.event(c.order[0], c.order[0].ind(mih.LinkUp{Link: c.order[0].tuple()}))
	return c
}

func (c *campus) goingDown() {
	n := c.order[0]
	c.event(n, n.ind(mih.LinkGoingDown{Link: n.tuple(), TimeInterval: 100 * time.Millisecond}))
}

func TestPreparedHandover(t *testing.T) {
	c := attached(t, 2, nil)
	c.goingDown()
	c.want(0, "handover_begun", "prepare n1")
	c.want(1, "station_expected")
	c.event(c.order[0], c.order[0].ready(true))
	c.want(0, "handover_prepared", "steer to n1 within 100ms")
	c.pass(50 * time.Millisecond)
	c.event(c.order[1], c.order[1].ind(mih.LinkUp{Link: c.order[1].tuple()}))
	c.want(1, "station_came")
	c.want(0, "handover_completed")
	c.empty()
}

func TestPredictionThatWasWrong(t *testing.T) {
	for name, wrong := range map[string]struct {
		happens func(c *campus)
		want    string
	}{
		"stays": {func(c *campus) { c.pass(2 * time.Second) }, "undo stayed"},
		"recovers": {func(c *campus) {
			n := c.order[0]
			c.event(n, n.ind(mih.LinkParametersReport{Link: n.tuple(), Parameters: []mih.LinkParameterReport{{
				LinkParameter: mih.LinkParameter{Type: mih.Parameter80211RSSI, Value: -60}, Crossed: &mih.Threshold{Value: -70, Direction: mih.ThresholdAbove}}}}))
		}, "undo recovered"},
		"comes up here again": {func(c *campus) { c.event(c.order[0], c.order[0].ind(mih.LinkUp{Link: c.order[0].tuple()})) }, "undo recovered"},
	} {
		t.Run(name, func(t *testing.T) {
			c := attached(t, 2, nil)
			c.goingDown()
			c.event(c.order[0], c.order[0].ready(true))
			c.order[0].said, c.order[1].said = nil, nil
			wrong.happens(c)
			c.want(0, wrong.want, "handover_mispredicted")
			c.pass(time.Minute)
			c.want(1, "station_never_came")
			c.empty()
		})
	}
}

func TestTheNextCandidateIsAsked(t *testing.T) {
	c := attached(t, 4, nil)
	c.deaf["n2"] = true
	c.order[1].cfg.MaximumExpected = -1 // declines
	for i, dBm := range []int{0, -50, -60, -70} {
		if i > 0 {
			c.event(c.order[0], c.order[0].ind(mih.LinkDetected{Link: mih.LinkTupleID{Link: station, PointOfAttachment: poa(byte(i))}, SignalStrength: mih.SignalStrength{Value: dBm}}))
		}
	}
	c.goingDown()
	c.want(0, "handover_begun", "candidate_declined")
	c.pass(150 * time.Millisecond) // the others have less time once one has agreed
	c.want(0, "candidate_did_not_answer", "prepare n3")
	c.event(c.order[0], c.order[0].ready(false))
	c.want(0, "candidate_not_prepared", "preparation_failed")
	c.pass(time.Minute)
	c.empty()
}

// TestAnEarlyPredictionLeavesTheStationServedHere until shortly before its link is to go.
func TestAnEarlyPredictionLeavesTheStationServedHere(t *testing.T) {
	c := attached(t, 2, nil)
	n := c.order[0]
	soon := func() { c.event(n, n.ind(mih.LinkGoingDown{Link: n.tuple(), TimeInterval: 5 * time.Second})) }
	soon()
	c.want(0, "handover_begun")
	c.want(1, "station_expected")
	c.pass(time.Second)
	soon() // the same again, from now on
	c.pass(4 * time.Second)
	c.want(0)
	c.pass(time.Second)
	c.want(0, "prepare n1")
	c.event(n, c.order[0].ready(true))
	c.want(0, "handover_prepared", "steer to n1 within 0s")
	c.pass(time.Minute)
	c.want(0, "undo stayed", "handover_mispredicted")
	c.empty()
}

// TestALinkThatGoesBeforeItsTime: packets are handed over at once, or as soon as a candidate has agreed, which has its full time for that while no other has.
func TestALinkThatGoesBeforeItsTime(t *testing.T) {
	t.Run("committed", func(t *testing.T) {
		c := attached(t, 2, nil)
		n := c.order[0]
		c.event(n, n.ind(mih.LinkGoingDown{Link: n.tuple(), TimeInterval: 5 * time.Second}))
		c.pass(time.Second)
		c.event(n, n.ind(mih.LinkDown{Link: n.tuple()}))
		c.want(0, "handover_begun", "prepare n1")
		c.event(n, c.order[0].ready(true))
		c.want(0, "handover_prepared") // there is nobody to be steered
		c.pass(6 * time.Second)        // longer than the prediction said
		c.event(c.order[1], c.order[1].ind(mih.LinkUp{Link: c.order[1].tuple()}))
		c.want(0, "handover_completed")
		c.empty()
	})
	t.Run("querying", func(t *testing.T) {
		c := attached(t, 3, nil)
		c.deaf["n1"] = true
		n := c.order[0]
		c.event(n, n.ind(mih.LinkGoingDown{Link: n.tuple(), TimeInterval: 5 * time.Second}))
		c.event(n, n.ind(mih.LinkDown{Link: n.tuple()}))
		c.want(0, "handover_begun", "candidate_did_not_answer", "prepare n2")
		c.pass(time.Minute)
		c.want(0, "undo replaced", "candidate_not_prepared", "preparation_failed")
		c.empty()
	})
}

func TestNobodyToGoTo(t *testing.T) {
	c := attached(t, 1, nil)
	c.goingDown()
	c.want(0, "no_candidate")
	c.empty()
}

// TestImminentHandover goes where the station goes, and the network does not steer it.
func TestImminentHandover(t *testing.T) {
	c := attached(t, 3, nil)
	n := c.order[0]
	c.event(n, n.ind(mih.LinkHandoverImminent{Link: n.tuple(), NewLink: mih.LinkTupleID{Link: station, PointOfAttachment: poa(2)}}))
	c.event(n, c.order[0].ready(true))
	c.want(0, "handover_begun", "prepare n2", "handover_prepared")
	c.event(n, n.ind(mih.LinkDown{Link: n.tuple()}))
	c.event(c.order[1], c.order[1].ind(mih.LinkUp{Link: c.order[1].tuple()})) // somewhere else
	c.want(1)
	c.pass(time.Minute)
	c.want(0, "station_never_came")
	c.empty()
}

func TestStrangePointOfAttachment(t *testing.T) {
	c := newCampus(t, 2, nil)
	c.event(c.order[0], Requested{Handle: 3, Source: "n1", Body: wire.N2NHOCommitRequest{Link: station, PointOfAttachment: poa(9)}})
	c.event(c.order[0], Requested{Handle: 4, Source: "n1", Body: wire.N2NHOCompleteRequest{NewLink: mih.LinkTupleID{Link: station}}})
	c.want(0, "refused_foreign_point_of_attachment", "wire.N2NHOCommitResponse", "unknown_handover", "wire.N2NHOCompleteResponse")
	c.empty()
}

// TestMobileNodeDecides: one that speaks 802.21 asks for candidates, says where it goes, and is answered when its packets are prepared.
func TestMobileNodeDecides(t *testing.T) {
	c := attached(t, 3, nil)
	n := c.order[0]
	c.event(n, Requested{Handle: 1, Source: "mn1@example.net", Body: wire.MNHOCandidateQueryRequest{Link: n.tuple()}})
	c.want(0, "wire.MNHOCandidateQueryResponse")
	commit := wire.MNHOCommitRequest{LinkType: mih.LinkType80211, Target: mih.TargetNetwork{PointOfAttachment: poa(2)}}
	c.event(n, Requested{Handle: 2, Source: "mn1@example.net", Body: commit})
	c.want(0, "handover_begun", "prepare n2")
	c.event(n, c.order[0].ready(true))
	c.want(0, "handover_prepared", "wire.MNHOCommitResponse")
	c.event(n, Requested{Handle: 3, Source: "somebody@example.net", Body: commit})
	c.want(0, "wire.MNHOCommitResponse")
	c.event(c.order[2], c.order[2].ind(mih.LinkUp{Link: c.order[2].tuple()}))
	c.want(0, "handover_completed")
	c.empty()
}

// TestNobodyElseEndsAHandover: neither a network that was not asked nor a mobile node that it is not about.
func TestNobodyElseEndsAHandover(t *testing.T) {
	c := attached(t, 3, nil)
	c.deaf["n1"] = true
	n := c.order[0]
	c.goingDown()
	c.pass(150 * time.Millisecond) // n1 says nothing; n2 does
	c.event(n, c.order[0].ready(true))
	n.said = nil
	complete := wire.N2NHOCompleteRequest{NewLink: mih.LinkTupleID{Link: station}, Result: mih.HandoverSucceeded}
	stayed := wire.MNHOCompleteRequest{Link: n.tuple(), Result: mih.HandoverFailed}
	c.event(n, Requested{Handle: 1, Source: "n9", Body: complete})
	c.event(n, Requested{Handle: 2, Source: "mn2@example.net", Body: stayed})
	c.want(0, "unknown_handover", "wire.N2NHOCompleteResponse", "wire.MNHOCompleteResponse")
	if len(n.handovers) != 1 {
		t.Error("the handover has ended")
	}
	c.event(n, Requested{Handle: 3, Source: "n1", Body: complete}) // late, but it has the station
	c.want(0, "undo attached_elsewhere", "handover_mispredicted", "wire.N2NHOCompleteResponse")
	c.goingDown()
	c.pass(150 * time.Millisecond)
	n.said = nil
	c.event(n, Requested{Handle: 4, Source: "mn1@example.net", Body: stayed})
	c.want(0, "undo stayed", "handover_mispredicted", "wire.MNHOCompleteResponse")
	c.pass(time.Minute)
	c.empty()
}

// TestBounds: what strangers and many stations can cost.
func TestBounds(t *testing.T) {
	c := newCampus(t, 2, func(cfg *Config) { cfg.MaximumExpected, cfg.MaximumHandovers, cfg.MaximumSeen = 10, 10, 10 })
	n := c.order[0]
	for i := range 1000 {
		link := mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress([6]byte{2, 1, 0, 0, byte(i >> 8), byte(i)})}
		tuple := mih.LinkTupleID{Link: link, PointOfAttachment: n.poa}
		c.event(n, n.ind(mih.LinkUp{Link: tuple}))
		c.event(n, n.ind(mih.LinkDetected{Link: mih.LinkTupleID{Link: link, PointOfAttachment: poa(1)}, SignalStrength: mih.SignalStrength{Value: -50}}))
		c.event(n, n.ind(mih.LinkGoingDown{Link: tuple, TimeInterval: time.Second}))
		c.event(n, Requested{Handle: 1, Source: "n1", Body: wire.N2NHOCommitRequest{Link: link, PointOfAttachment: n.poa}})
	}
	if len(n.handovers) != 10 || len(n.expected) != 10 || len(n.seen.signals) > 10 || len(n.seen.present) > 10 {
		t.Errorf("%d handovers, %d expected, %d signals, %d places", len(n.handovers), len(n.expected), len(n.seen.signals), len(n.seen.present))
	}
	c.pass(time.Minute)
	c.empty()
}
