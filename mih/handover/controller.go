// Package handover decides and prepares handovers that the network controls (IEEE 802.21 section 7.4, the N2N, Net and MN primitives). When a link is about
// to go, it chooses a candidate from the network map, asks the network there for resources and commits them, has the packets of the station
// prepared for the move, and steers the station; the network that the station comes to says when it is complete. It knows 802.21
// and nothing of how packets move. It is a sans-IO core: events and the time go in, actions come out.
package handover

import (
	"cmp"
	"time"

	"netlmm/internal/timers"
	"netlmm/mih"
	"netlmm/mih/wire"
)

// State is how far a handover is.
type State uint8

// States of a handover.
const (
	Consulting State = iota // Net_HO_Candidate_Query is on its way to the mobile node
	Querying                // N2N_HO_Query_Resources is, to the best candidates
	Committing              // N2N_HO_Commit is, to the one that was chosen
	Committed               // the target expects the station; its packets still come here, for the link is to last for a while
	Preparing               // the packets are
	Complete                // the station may go
)

// String names the state for people and JSON.
func (s State) String() string {
	return [...]string{"consulting", "querying", "committing", "committed", "preparing", "prepared"}[s]
}

// MarshalText writes the form of String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Handover is one that this network serves: the station is here and is to leave.
type Handover struct {
	Link      mih.LinkID
	State     State
	Source    mih.MIHFID // whose link SAP has the link: the one that told that it came up, or else that it is going down
	Interface string
	Station   mih.MIHFID // by its identity; "": not known
	From      mih.LinkAddress
	Target    Candidate
	Begun     time.Time
	Gone      bool // the link went down

	asked     uint64
	prepare   uint64                     // Prepare that counts; 0: none
	open      map[uint64]mih.LinkAddress // candidates that have not answered yet
	until     time.Time                  // they have time
	others    []Candidate                // that may be asked when the target declines
	preferred []mih.LinkAddress          // by the mobile node, the best first
	tried     []mih.MIHFID               // networks that were asked, the target's the last
	leaves    time.Time                  // when the link is to be down
	steer     bool                       // the network decides; false: the station moves by itself
	steering  steering
	local     bool   // the target is of this network
	mobile    uint64 // handle of the station's own MN_HO_Commit, 0: none
	timer     timers.Timer
}

// expectation is a station that another network announced.
type expectation struct {
	link    mih.LinkID
	station mih.MIHFID
	from    mih.MIHFID
	target  mih.LinkAddress
	timer   timers.Timer
}

// Controller is not safe for concurrent use.
type Controller struct {
	cfg       Config
	actions   []Action
	handovers map[mih.LinkID]*Handover
	asked     map[uint64]*Handover
	steered   map[uint64]*Handover
	lastAsked uint64
	queries   map[uint64]*candidateQuery
	expected  map[mih.LinkID]*expectation
	seen      seen
	timers    timers.Heap
}

// New makes a Controller.
func New(cfg Config) *Controller {
	cfg.PreparationTimeout = cmp.Or(cfg.PreparationTimeout, 500*time.Millisecond)
	cfg.CandidateTimeout = cmp.Or(cfg.CandidateTimeout, 100*time.Millisecond)
	cfg.Lead = cmp.Or(cfg.Lead, 200*time.Millisecond)
	cfg.Grace = cmp.Or(cfg.Grace, 300*time.Millisecond)
	cfg.ExpectationTime = cmp.Or(cfg.ExpectationTime, 10*time.Second)
	cfg.MaximumHandovers = cmp.Or(cfg.MaximumHandovers, 1024)
	cfg.MaximumExpected = cmp.Or(cfg.MaximumExpected, 1024)
	cfg.MaximumSeen = cmp.Or(cfg.MaximumSeen, 4096)
	return &Controller{
		cfg: cfg, handovers: map[mih.LinkID]*Handover{}, asked: map[uint64]*Handover{}, steered: map[uint64]*Handover{}, queries: map[uint64]*candidateQuery{},
		expected: map[mih.LinkID]*expectation{}, seen: seen{limit: cfg.MaximumSeen, signals: map[sighting]signal{}, before: map[mih.LinkID]mih.LinkAddress{},
			present: map[mih.LinkID]mih.LinkAddress{}, named: map[mih.MIHFID]mih.LinkID{},
			here: map[mih.LinkID]spot{}, crowd: map[mih.LinkAddress]int{}},
	}
}

func (c *Controller) act(a Action) { c.actions = append(c.actions, a) }

func (c *Controller) note(reason Reason, link mih.LinkID, peer mih.MIHFID) {
	c.act(Note{reason, link, peer})
}

func (c *Controller) done() []Action {
	actions := c.actions
	c.actions = nil
	return actions
}

// Handle takes one event and returns what is to be done.
func (c *Controller) Handle(now time.Time, ev Event) []Action {
	switch ev := ev.(type) {
	case Indicated:
		c.indicated(now, ev.Indication)
	case Confirmed:
		c.confirmed(now, ev)
	case Requested:
		c.requested(now, ev)
	case Ready:
		c.ready(now, ev)
	}
	return c.done()
}

// Expire runs what is due.
func (c *Controller) Expire(now time.Time) []Action {
	c.timers.Expire(now)
	return c.done()
}

// NextDeadline is when Expire has something to do.
func (c *Controller) NextDeadline() (time.Time, bool) { return c.timers.Next() }

// Handovers are those that this network serves.
func (c *Controller) Handovers() (list []Handover) {
	for _, h := range c.handovers {
		list = append(list, *h)
	}
	return list
}

// indicated takes a link event.
func (c *Controller) indicated(now time.Time, ind mih.Indication) {
	tuple := ind.Event.LinkTuple()
	switch ev := ind.Event.(type) {
	case mih.LinkGoingDown:
		if c.cfg.OnLinkGoingDown {
			c.begin(now, ind, now.Add(ev.TimeInterval), mih.LinkAddress{})
		}
	case mih.LinkHandoverImminent:
		c.begin(now, ind, now.Add(c.cfg.Lead), ev.NewLink.PointOfAttachment)
	case mih.LinkUp:
		c.seen.attached(ind, tuple)
		c.linkUp(now, ind, tuple)
	case mih.LinkDown:
		c.seen.left(tuple)
		if h := c.handovers[tuple.Link]; h != nil && h.Interface == ind.Interface {
			h.gone(c, now)
		}
	case mih.LinkParametersReport:
		c.recovered(now, ind, ev)
	case mih.LinkDetected:
		c.seen.detected(now, ev)
	}
}

// linkUp: a station that was announced has come, and one whose handover was prepared has gone, or is here again.
func (c *Controller) linkUp(now time.Time, ind mih.Indication, tuple mih.LinkTupleID) {
	if h := c.handovers[tuple.Link]; h != nil && !ind.Resync && (c.cfg.Local(tuple.PointOfAttachment) || ind.Source == c.cfg.MIHFID) {
		if h.local && tuple.PointOfAttachment == h.Target.PointOfAttachment {
			c.note(Completed, h.Link, "")
			c.forget(h)
		} else {
			c.undo(h, UndoneRecovered)
		}
	}
	e := c.expected[tuple.Link]
	if e == nil || ind.Interface == "" {
		return
	}
	c.forgetExpected(e)
	c.note(Came, tuple.Link, e.from)
	old := mih.LinkTupleID{Link: tuple.Link}
	c.act(Ask{ID: c.nextID(), Destination: e.from, Body: wire.N2NHOCompleteRequest{MobileNode: e.station, Link: old, NewLink: tuple, Result: mih.HandoverSucceeded}})
}

func (c *Controller) nextID() uint64 {
	c.lastAsked++
	return c.lastAsked
}

// recovered takes a prediction back when the link's signal is good again: the adapter reports that it crossed the threshold upwards.
func (c *Controller) recovered(now time.Time, ind mih.Indication, ev mih.LinkParametersReport) {
	h := c.handovers[ev.Link.Link]
	if h == nil || h.Gone || ind.Interface != h.Interface {
		return
	}
	for _, p := range ev.Parameters {
		if p.Crossed != nil && p.Crossed.Direction == mih.ThresholdAbove {
			c.undo(h, UndoneRecovered)
			return
		}
	}
}
