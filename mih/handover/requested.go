package handover

import (
	"slices"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// requested takes a handover command of another network, or of a mobile node that speaks 802.21 itself.
func (c *Controller) requested(now time.Time, ev Requested) {
	switch b := ev.Body.(type) {
	case wire.N2NHOQueryResourcesRequest:
		c.queried(ev, b)
	case wire.N2NHOCommitRequest:
		c.committed(now, ev, b)
	case wire.N2NHOCompleteRequest:
		c.completed(ev, b)
	case wire.MNHOCandidateQueryRequest:
		c.candidateQueried(now, ev, b)
	case wire.MNHOCommitRequest:
		c.mobileCommitted(now, ev, b)
	case wire.MNHOCompleteRequest:
		c.mobileCompleted(ev, b)
	}
}

// queried says whether a station of another network may come: where it would attach is of this network, and there is room.
func (c *Controller) queried(ev Requested, b wire.N2NHOQueryResourcesRequest) {
	available := len(c.expected) < c.cfg.MaximumExpected
	for _, candidate := range b.Candidates {
		for _, poa := range candidate.PointsOfAttachment {
			if !c.cfg.Local(poa) {
				available = false
				c.note(RefusedForeign, candidate.Link, ev.Source)
			}
		}
	}
	answer, loads := wire.N2NHOQueryResourcesResponse{Status: mih.StatusSuccess, Available: &available}, []byte(nil)
	for _, candidate := range b.Candidates {
		answer.Preferred = append(answer.Preferred, mih.QueriedResources{Candidates: candidate})
		for _, poa := range candidate.PointsOfAttachment {
			loads = append(loads, byte(c.load(poa))) // -1 is 255: not known
		}
	}
	c.act(Answer{ev.Handle, answer, []wire.TLV{{Type: wire.TLVLoad, Value: string(loads)}}})
}

// committed expects a station.
func (c *Controller) committed(now time.Time, ev Requested, b wire.N2NHOCommitRequest) {
	refuse := func(reason Reason) {
		c.note(reason, b.Link, ev.Source)
		c.act(Answer{Handle: ev.Handle, Body: wire.N2NHOCommitResponse{Status: mih.StatusRejected, MobileNode: b.MobileNode}})
	}
	e := c.expected[b.Link]
	switch {
	case !c.cfg.Local(b.PointOfAttachment):
		refuse(RefusedForeign)
		return
	case e == nil && len(c.expected) >= c.cfg.MaximumExpected:
		refuse(RefusedFull)
		return
	case e == nil:
		e = &expectation{link: b.Link}
		e.timer.Due = func(time.Time) {
			c.forgetExpected(e)
			c.note(NeverCame, e.link, e.from)
		}
		c.expected[b.Link] = e
	}
	c.seen.count(e.target, -1)
	e.station, e.from, e.target = b.MobileNode, ev.Source, b.PointOfAttachment
	c.seen.count(e.target, 1)
	c.timers.Set(&e.timer, now.Add(c.cfg.ExpectationTime))
	c.note(Expected, b.Link, ev.Source)
	tuple := mih.LinkTupleID{Link: b.Link, PointOfAttachment: b.PointOfAttachment}
	c.act(Answer{Handle: ev.Handle, Body: wire.N2NHOCommitResponse{
		Status: mih.StatusSuccess, MobileNode: b.MobileNode, Target: &tuple,
		Assigned: &mih.AssignedResources{QoS: b.Requested.QoS, Container: b.Requested.Container},
	}})
}

func (c *Controller) forgetExpected(e *expectation) {
	c.timers.Stop(&e.timer)
	c.seen.count(e.target, -1)
	delete(c.expected, e.link)
}

// completed ends a handover of this network: the station arrived where it was expected, or at another network that was asked for it.
func (c *Controller) completed(ev Requested, b wire.N2NHOCompleteRequest) {
	answer := wire.N2NHOCompleteResponse{Status: mih.StatusSuccess, MobileNode: b.MobileNode, Link: b.Link, NewLink: b.NewLink}
	h := c.handovers[b.NewLink.Link]
	switch {
	case h == nil || !slices.Contains(h.tried, ev.Source):
		answer.Status = mih.StatusRejected
		c.note(UnknownHandover, b.NewLink.Link, ev.Source)
	case h.Target.MIHFID != ev.Source:
		c.seen.moved(b.NewLink)
		c.undo(h, UndoneElsewhere)
	case b.Result == mih.HandoverSucceeded:
		c.seen.moved(b.NewLink)
		retained := false
		answer.Retained = &retained
		c.note(Completed, h.Link, ev.Source)
		c.forget(h)
	default:
		c.undo(h, UndoneStayed)
	}
	c.act(Answer{Handle: ev.Handle, Body: answer})
}
