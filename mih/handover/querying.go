package handover

import (
	"slices"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// hurry divides the time that candidates have when one of them has agreed, or is of this network and something speaks for it: a good one that is known is worth more than a better one that is
// not.
const hurry = 5

// patience is how long the others are waited for then, and for a last resort, and no more than half of what is left of the link.
func (h *Handover) patience(c *Controller, now time.Time, lastResort bool) time.Duration {
	most, left := c.cfg.PreparationTimeout/hurry, max(h.leaves.Sub(now), 0)/2
	switch {
	case h.Gone && !lastResort:
		return 0
	case lastResort:
		most = c.cfg.PreparationTimeout
	}
	return min(most, left)
}

// agreed says whether there is a good candidate that needs no answer any more.
func (h *Handover) agreed(c *Controller, now time.Time) bool {
	good := 0
	for _, o := range h.others {
		if !c.lastResort(h, o, now) {
			good++
		}
	}
	return good > len(h.open)
}

// becomeQuerying asks the networks of the candidates for resources, all at once: how full they are is a part of the choice. Of its own points of
// attachment this one knows it.
func (h *Handover) becomeQuerying(c *Controller, now time.Time) {
	h.State, h.open, h.until = Querying, map[uint64]mih.LinkAddress{}, now.Add(c.cfg.PreparationTimeout)
	for i := range h.others {
		o := &h.others[i]
		if c.own(*o) {
			o.Load = c.load(o.PointOfAttachment)
			h.until = now.Add(h.patience(c, now, c.lastResort(h, *o, now)))
			continue
		}
		id, points := c.nextID(), []mih.LinkAddress{o.PointOfAttachment}
		h.open[id], c.asked[id] = o.PointOfAttachment, h
		h.tried = append(h.tried, o.MIHFID)
		c.act(Ask{ID: id, Destination: o.MIHFID, Body: wire.N2NHOQueryResourcesRequest{Candidates: []mih.LinkPointsOfAttachment{{Link: h.Link, PointsOfAttachment: points}}}})
	}
	if len(h.open) == 0 {
		c.decide(now, h)
		return
	}
	c.timers.Set(&h.timer, h.until)
}

// candidateAnswered takes the answer of one of the networks.
func (c *Controller) candidateAnswered(now time.Time, h *Handover, ev Confirmed) {
	poa, waited := h.open[ev.ID]
	if !waited {
		return
	}
	delete(h.open, ev.ID)
	at := slices.IndexFunc(h.others, func(o Candidate) bool { return o.PointOfAttachment == poa })
	body, ok := ev.Body.(wire.N2NHOQueryResourcesResponse)
	good := ok && body.Status == mih.StatusSuccess && (body.Available == nil || *body.Available)
	if good {
		if octets, told := wire.Octets(ev.Extra, wire.TLVLoad, 1); told && octets[0] <= 100 {
			h.others[at].Load = int(octets[0])
		}
	} else {
		c.note(whyNot(ev.Body), h.Link, h.others[at].MIHFID)
		h.others = slices.Delete(h.others, at, at+1)
	}
	if len(h.open) == 0 {
		c.decide(now, h)
	} else if soon := now.Add(h.patience(c, now, false)); good && soon.Before(h.until) {
		h.until = soon
		c.timers.Set(&h.timer, soon)
	}
}

// decide goes on with the best of those that agreed; who has not answered is none of them.
func (c *Controller) decide(now time.Time, h *Handover) {
	h.others = slices.DeleteFunc(h.others, func(o Candidate) bool {
		for id, poa := range h.open {
			if poa == o.PointOfAttachment {
				delete(c.asked, id)
				c.note(NoAnswer, h.Link, o.MIHFID)
				return true
			}
		}
		return false
	})
	h.open = nil
	c.rank(h, now)
	c.next(now, h)
}
