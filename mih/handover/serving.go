package handover

import (
	"cmp"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// begin prepares a handover of a station here, unless one to the same place is on its way. to is where it will go; zero: the best
// candidate.
func (c *Controller) begin(now time.Time, ind mih.Indication, leaves time.Time, to mih.LinkAddress) {
	tuple := ind.Event.LinkTuple()
	candidates := c.choose(tuple, to, now)
	if h := c.handovers[tuple.Link]; h != nil {
		if len(candidates) == 0 || h.Target.PointOfAttachment == candidates[0].PointOfAttachment || to.IsZero() {
			h.leaves = leaves // the same prediction, again
			switch h.State {
			case Committed:
				h.becomeCommitted(c, now)
			case Complete:
				if !h.Gone {
					c.timers.Set(&h.timer, leaves.Add(c.cfg.Grace))
				}
			}
			return
		}
		c.undo(h, UndoneReplaced)
	}
	switch {
	case len(candidates) == 0:
		c.note(NoCandidate, tuple.Link, "")
		return
	case len(c.handovers) >= c.cfg.MaximumHandovers:
		c.note(HandoversFull, tuple.Link, "")
		return
	}
	h := &Handover{
		Link: tuple.Link, Source: cmp.Or(c.seen.here[tuple.Link].source, ind.Source), Interface: ind.Interface, Station: mih.MIHFID(ind.Identity), From: tuple.PointOfAttachment, Begun: now,
		others: candidates, leaves: leaves, steer: to.IsZero(),
	}
	h.timer.Due = func(now time.Time) { c.handoverDue(now, h) }
	c.handovers[tuple.Link] = h
	c.note(Begun, tuple.Link, "")
	if !h.consult(c, now) {
		c.choice(now, h)
	}
}

// choice orders the candidates for good, and begins with the best.
func (c *Controller) choice(now time.Time, h *Handover) {
	c.rank(h, now)
	c.shortlist(h)
	h.becomeQuerying(c, now)
}

// next takes the best of the candidates that are left.
func (c *Controller) next(now time.Time, h *Handover) {
	if len(h.others) == 0 {
		c.note(NotPrepared, h.Link, h.Target.MIHFID)
		c.forget(h)
		return
	}
	h.Target, h.others, h.prepare = h.others[0], h.others[1:], 0
	if h.local = c.own(h.Target); h.local {
		c.note(LocalTarget, h.Link, "")
		h.becomeComplete(c, now)
		return
	}
	h.becomeCommitting(c, now)
}

// ask sends the handover's next command.
func (h *Handover) ask(c *Controller, now time.Time, whom mih.MIHFID, body wire.Body, patience time.Duration) {
	h.asked = c.nextID()
	c.asked[h.asked] = h
	c.act(Ask{ID: h.asked, Destination: whom, Body: body})
	c.timers.Set(&h.timer, now.Add(patience))
}

func (h *Handover) becomeCommitting(c *Controller, now time.Time) {
	h.State = Committing
	body := wire.N2NHOCommitRequest{MobileNode: h.Station, Link: h.Link, PointOfAttachment: h.Target.PointOfAttachment}
	h.ask(c, now, h.Target.MIHFID, body, c.cfg.PreparationTimeout)
}

func (h *Handover) becomeCommitted(c *Controller, now time.Time) {
	start := h.leaves.Add(-c.cfg.Lead)
	if h.Gone || !now.Before(start) {
		h.becomePreparing(c, now)
		return
	}
	h.State = Committed
	c.timers.Set(&h.timer, start)
}

func (h *Handover) becomePreparing(c *Controller, now time.Time) {
	h.State = Preparing
	h.prepare = c.nextID()
	c.act(Prepare{h.prepare, h.Link, h.Interface, h.Target})
	c.timers.Set(&h.timer, now.Add(c.cfg.PreparationTimeout))
}

func (h *Handover) becomeComplete(c *Controller, now time.Time) {
	h.State = Complete
	if !h.local {
		c.note(Prepared, h.Link, h.Target.MIHFID)
	}
	if h.steer && !h.Gone {
		h.steerNow(c, now)
	}
	if h.mobile != 0 {
		c.act(Answer{Handle: h.mobile, Body: wire.MNHOCommitResponse{Status: mih.StatusSuccess, LinkType: h.Target.LinkType, Target: mih.TargetNetwork{PointOfAttachment: h.Target.PointOfAttachment}}})
		h.mobile = 0
	}
	if h.Gone {
		c.timers.Set(&h.timer, now.Add(c.cfg.ExpectationTime))
	} else {
		c.timers.Set(&h.timer, h.leaves.Add(c.cfg.Grace))
	}
}

// gone: the prediction was right. Packets that waited for the end of the link are handed over at once; whoever is being asked keeps
// the time that it has for its answer; and the network that the station comes to says so, or nobody does.
func (h *Handover) gone(c *Controller, now time.Time) {
	h.Gone = true
	switch h.State {
	case Consulting: // it is not reached any more
		delete(c.asked, h.asked)
		c.choice(now, h)
	case Querying:
		if h.agreed(c, now) {
			c.decide(now, h)
		}
	case Committed:
		h.becomePreparing(c, now)
	case Complete:
		c.stopSteering(h)
		c.timers.Set(&h.timer, now.Add(c.cfg.ExpectationTime))
	}
}

// confirmed takes the answer of a candidate network, of a mobile node or of an access point.
func (c *Controller) confirmed(now time.Time, ev Confirmed) {
	if q := c.queries[ev.ID]; q != nil {
		delete(c.queries, ev.ID)
		q.answered(c, ev.ID, ev.Body)
		return
	}
	if h := c.steered[ev.ID]; h != nil {
		c.steerAnswered(now, h, ev.Body)
		return
	}
	h := c.asked[ev.ID]
	delete(c.asked, ev.ID)
	switch {
	case h == nil: // an answer that came too late, or that of a completion
	case h.State == Querying:
		c.candidateAnswered(now, h, ev)
	case h.asked == ev.ID && h.State == Consulting:
		c.consulted(now, h, ev.Body)
	case h.asked == ev.ID && h.State == Committing:
		c.commitAnswered(now, h, ev.Body)
	}
}

func (c *Controller) commitAnswered(now time.Time, h *Handover, body wire.Body) {
	if answer, ok := body.(wire.N2NHOCommitResponse); ok && answer.Status == mih.StatusSuccess {
		h.becomeCommitted(c, now)
		return
	}
	c.note(whyNot(body), h.Link, h.Target.MIHFID)
	c.next(now, h)
}

// whyNot is why a candidate is none: it said so, or nothing.
func whyNot(body wire.Body) Reason {
	if body == nil {
		return NoAnswer
	}
	return Declined
}

// ready takes how the preparation of the packets ended.
func (c *Controller) ready(now time.Time, ev Ready) {
	h := c.handovers[ev.Link]
	switch {
	case h == nil || h.prepare == 0 || h.prepare != ev.ID || h.State != Preparing && h.State != Complete:
	case h.State == Complete && !ev.OK: // it was undone elsewhere
		c.forget(h)
	case h.State == Complete:
	case ev.OK:
		h.becomeComplete(c, now)
	default:
		c.note(Unprepared, h.Link, h.Target.MIHFID)
		c.next(now, h)
	}
}

// handoverDue is the end of a candidate's time to answer, or that of the prediction.
func (c *Controller) handoverDue(now time.Time, h *Handover) {
	switch {
	case h.State == Consulting:
		delete(c.asked, h.asked)
		c.consulted(now, h, nil)
	case h.State == Querying:
		c.decide(now, h)
	case h.State == Committing:
		delete(c.asked, h.asked)
		c.note(NoAnswer, h.Link, h.Target.MIHFID)
		c.next(now, h)
	case h.State == Committed:
		h.becomePreparing(c, now)
	case h.State == Preparing:
		c.act(Undo{h.prepare, h.Link, h.Interface, UndoneReplaced})
		c.note(Unprepared, h.Link, h.Target.MIHFID)
		c.next(now, h)
	case h.Gone: // nobody said that it arrived
		c.note(NeverCame, h.Link, h.Target.MIHFID)
		c.forget(h)
	default:
		c.undo(h, UndoneStayed)
	}
}

// undo takes a handover back.
func (c *Controller) undo(h *Handover, reason UndoReason) {
	if h.State >= Preparing && !h.local {
		c.act(Undo{h.prepare, h.Link, h.Interface, reason})
		c.note(Mispredicted, h.Link, h.Target.MIHFID)
	} else {
		c.note(Withdrawn, h.Link, h.Target.MIHFID)
	}
	c.forget(h)
}

// forget ends a handover. A mobile node that asked for it is told when it did not come to be.
func (c *Controller) forget(h *Handover) {
	if h.mobile != 0 {
		c.act(Answer{Handle: h.mobile, Body: wire.MNHOCommitResponse{Status: mih.StatusRejected, LinkType: h.Link.Type, Target: mih.TargetNetwork{PointOfAttachment: h.Target.PointOfAttachment}}})
	}
	c.timers.Stop(&h.timer)
	delete(c.asked, h.asked)
	for id := range h.open {
		delete(c.asked, id)
	}
	c.stopSteering(h)
	if c.handovers[h.Link] == h {
		delete(c.handovers, h.Link)
	}
}
