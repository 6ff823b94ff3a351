package handover

import (
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// candidateQuery is an MIH_MN_HO_Candidate_Query in work: each network that has candidates is asked for its resources.
type candidateQuery struct {
	handle uint64
	link   mih.LinkTupleID
	open   map[uint64]mih.LinkPointsOfAttachment
	good   []mih.QueriedResources
}

// maximumQueried is how many networks one query of a mobile node goes to.
const maximumQueried = 8

// candidateQueried asks the networks of a mobile node's candidates, or of all that the map knows when it names none.
func (c *Controller) candidateQueried(now time.Time, ev Requested, b wire.MNHOCandidateQueryRequest) {
	at := b.Link.PointOfAttachment
	wanted := map[mih.LinkAddress]bool{}
	for _, candidate := range b.Candidates {
		for _, poa := range candidate.PointsOfAttachment {
			wanted[poa] = true
		}
	}
	var resources mih.QoSList
	if b.Resources != nil {
		resources = *b.Resources
	}
	q := &candidateQuery{handle: ev.Handle, link: b.Link, open: map[uint64]mih.LinkPointsOfAttachment{}}
	for _, candidate := range c.cfg.Candidates(at, now) {
		if len(wanted) > 0 && !wanted[candidate.PointOfAttachment] || len(q.open) >= maximumQueried {
			continue
		}
		points := mih.LinkPointsOfAttachment{Link: b.Link.Link, PointsOfAttachment: []mih.LinkAddress{candidate.PointOfAttachment}}
		if candidate.MIHFID == c.cfg.MIHFID {
			q.good = append(q.good, mih.QueriedResources{Candidates: points})
			continue
		}
		id := c.nextID()
		q.open[id], c.queries[id] = points, q
		c.act(Ask{ID: id, Destination: candidate.MIHFID, Body: wire.N2NHOQueryResourcesRequest{Resources: resources, IPQuery: b.IPQuery, Candidates: []mih.LinkPointsOfAttachment{points}}})
	}
	q.finish(c)
}

// answered takes one network's answer.
func (q *candidateQuery) answered(c *Controller, id uint64, body wire.Body) {
	points := q.open[id]
	delete(q.open, id)
	if b, ok := body.(wire.N2NHOQueryResourcesResponse); ok && b.Status == mih.StatusSuccess && (b.Available == nil || *b.Available) {
		if len(b.Preferred) > 0 {
			q.good = append(q.good, b.Preferred...)
		} else {
			q.good = append(q.good, mih.QueriedResources{Candidates: points})
		}
	}
	q.finish(c)
}

// finish answers the mobile node once all networks have.
func (q *candidateQuery) finish(c *Controller) {
	if len(q.open) == 0 {
		c.act(Answer{Handle: q.handle, Body: wire.MNHOCandidateQueryResponse{Status: mih.StatusSuccess, Link: q.link, Preferred: q.good}})
	}
}

// mobileCommitted: a mobile node says where it will go. It is answered when its packets are prepared.
func (c *Controller) mobileCommitted(now time.Time, ev Requested, b wire.MNHOCommitRequest) {
	link, iface := c.seen.linkOf(ev.Source)
	ind := mih.Indication{Source: c.cfg.MIHFID, Interface: iface, Identity: string(ev.Source), Event: mih.LinkHandoverImminent{
		Link: link, NewLink: mih.LinkTupleID{Link: link.Link, PointOfAttachment: b.Target.PointOfAttachment},
	}}
	refuse := wire.MNHOCommitResponse{Status: mih.StatusRejected, LinkType: b.LinkType, Target: b.Target}
	if link.Link.Address.IsZero() || b.Target.PointOfAttachment.IsZero() {
		c.act(Answer{Handle: ev.Handle, Body: refuse})
		return
	}
	c.begin(now, ind, now.Add(c.cfg.Lead), b.Target.PointOfAttachment)
	h := c.handovers[link.Link]
	switch {
	case h == nil || h.mobile != 0:
		c.act(Answer{Handle: ev.Handle, Body: refuse})
	case h.State == Complete:
		refuse.Status = mih.StatusSuccess
		c.act(Answer{Handle: ev.Handle, Body: refuse})
	default:
		h.mobile = ev.Handle
	}
}

// mobileCompleted: a mobile node says that it is where it wanted to go. Where it is the network has seen by itself. Nobody speaks for
// another one.
func (c *Controller) mobileCompleted(ev Requested, b wire.MNHOCompleteRequest) {
	answer := wire.MNHOCompleteResponse{Status: mih.StatusSuccess, Link: b.Link, NewLink: b.NewLink}
	switch h := c.handovers[b.Link.Link]; {
	case h == nil:
	case h.Station != ev.Source:
		answer.Status = mih.StatusRejected
	case b.Result != mih.HandoverSucceeded:
		c.undo(h, UndoneStayed)
	}
	c.act(Answer{Handle: ev.Handle, Body: answer})
}
