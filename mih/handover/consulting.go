package handover

import (
	"cmp"
	"slices"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// consult asks a mobile node that speaks 802.21 which of the candidates it prefers (Net_HO_Candidate_Query), before one is chosen. It has no
// more than half of the time that is left. false: it is not asked.
func (h *Handover) consult(c *Controller, now time.Time) bool {
	patience := min(c.cfg.CandidateTimeout, h.leaves.Sub(now)/2)
	if !h.steer || patience <= 0 || len(h.others) < 2 || !c.speaks(h.Station) {
		return false
	}
	h.State = Consulting
	h.ask(c, now, h.Station, wire.NetHOCandidateQueryRequest{Suggested: suggested(h.Link, h.others)}, patience)
	return true
}

// suggested are candidates by their type, in their order.
func suggested(link mih.LinkID, candidates []Candidate) (list []mih.LinkPointsOfAttachment) {
	for _, o := range candidates {
		of := mih.LinkID{Type: cmp.Or(o.LinkType, link.Type), Address: link.Address}
		i := slices.IndexFunc(list, func(p mih.LinkPointsOfAttachment) bool { return p.Link == of })
		if i < 0 {
			i, list = len(list), append(list, mih.LinkPointsOfAttachment{Link: of})
		}
		list[i].PointsOfAttachment = append(list[i].PointsOfAttachment, o.PointOfAttachment)
	}
	return list
}

// consulted takes what the mobile node says; whatever that is, the handover goes on. One that declines is not asked to move, but prepared
// for: its link goes down all the same.
func (c *Controller) consulted(now time.Time, h *Handover, body wire.Body) {
	answer, ok := body.(wire.NetHOCandidateQueryResponse)
	switch {
	case body == nil:
		c.note(MobileSilent, h.Link, h.Station)
	case !ok || answer.Status != mih.StatusSuccess:
		c.note(MobileRefused, h.Link, h.Station)
	case answer.Handover != nil && *answer.Handover != mih.HandoverPermitted:
		c.note(MobileDeclined, h.Link, h.Station)
		h.steer = false
	case !h.prefers(answer.Preferred):
		c.note(MobileStrange, h.Link, h.Station)
	default:
		c.note(MobileConsulted, h.Link, h.Station)
	}
	c.choice(now, h)
}

// prefers notes the order of the mobile node; false: it names none of the candidates.
func (h *Handover) prefers(list []mih.QueriedResources) bool {
	for _, one := range list {
		for _, poa := range one.Candidates.PointsOfAttachment {
			known := slices.ContainsFunc(h.others, func(o Candidate) bool { return o.PointOfAttachment == poa })
			if known && !slices.Contains(h.preferred, poa) {
				h.preferred = append(h.preferred, poa)
			}
		}
	}
	return len(h.preferred) > 0
}
