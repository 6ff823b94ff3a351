package main

import (
	"sync"

	"netlmm/cmd/internal/mihnode"
	"netlmm/mih"
	"netlmm/mih/handover"
	"netlmm/mih/wire"
)

// question is what an information server has to be asked before an event is acted upon; ok is false when the map knows enough.
func (n *network) question(e handover.Event) (q mihnode.Question, ok bool) {
	switch e := e.(type) {
	case handover.Indicated:
		switch ev := e.Indication.Event.(type) {
		case mih.LinkHandoverImminent:
			return n.aboutTarget(ev.Link.PointOfAttachment, ev.NewLink.PointOfAttachment)
		case mih.LinkGoingDown:
			if n.cfg.Handover.OnLinkGoingDown {
				return n.aboutCandidates(ev.Link.PointOfAttachment)
			}
		}
	case handover.Requested:
		switch b := e.Body.(type) {
		case wire.MNHOCommitRequest:
			if poa := b.Target.PointOfAttachment; !poa.IsZero() {
				return n.aboutTarget(mih.LinkAddress{}, poa)
			}
		case wire.MNHOCandidateQueryRequest:
			return n.aboutCandidates(b.Link.PointOfAttachment)
		}
	}
	return q, false
}

// aboutTarget asks for the gateway of where a station will go; nobody named it: for candidates.
func (n *network) aboutTarget(from, to mih.LinkAddress) (mihnode.Question, bool) {
	if to.IsZero() {
		return n.aboutCandidates(from)
	}
	_, known := n.target(to)
	return mihnode.Question{About: to}, !known
}

func (n *network) aboutCandidates(at mih.LinkAddress) (mihnode.Question, bool) {
	return mihnode.Question{About: at, Candidates: true}, !at.IsZero() && len(n.someCandidates(at, 1, false)) == 0
}

// predictions are those that wait for an information server, one for each station.
type predictions struct {
	mu    sync.Mutex
	links map[mih.LinkID]*mih.Indication
}

// hold keeps a prediction; false: one waits already.
func (h *predictions) hold(ind *mih.Indication) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	link := ind.Event.LinkTuple().Link
	if h.links[link] != nil {
		return false
	}
	if h.links == nil {
		h.links = map[mih.LinkID]*mih.Indication{}
	}
	h.links[link] = ind
	return true
}

// release says whether the prediction still counts.
func (h *predictions) release(ind *mih.Indication) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	link := ind.Event.LinkTuple().Link
	if h.links[link] != ind {
		return false
	}
	delete(h.links, link)
	return true
}

// overtaken forgets what was predicted of a station that has left or come since.
func (h *predictions) overtaken(ind mih.Indication) {
	switch ind.Event.(type) {
	case mih.LinkUp, mih.LinkDown:
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.links, ind.Event.LinkTuple().Link)
	}
}

// informed gives the controller an event once the map knows what it takes to act on it, or nobody answers in time.
func (h *handovers) informed(e handover.Event) {
	if ind, ok := e.(handover.Indicated); ok {
		h.predictions.overtaken(ind.Indication)
		h.prefetch(ind.Indication)
	}
	q, unknown := h.network.question(e)
	if !unknown || !h.g.cfg.Handover.Predictive {
		h.post(e)
		return
	}
	wait := func() { h.post(e) }
	if ind, ok := e.(handover.Indicated); ok {
		if !h.predictions.hold(&ind.Indication) {
			return
		}
		wait = func() {
			if h.predictions.release(&ind.Indication) {
				h.post(e)
			} else {
				h.g.counters.Add(prepared, "prediction_overtaken")
			}
		}
	}
	h.g.mih.Inquire(q, h.g.cfg.Handover.PreparationTimeout, wait)
}

// prefetch asks where stations may go from a point of attachment when one has come there, so that the answer is here when it leaves.
func (h *handovers) prefetch(ind mih.Indication) {
	if ev, up := ind.Event.(mih.LinkUp); up && h.g.cfg.Handover.Predictive {
		if q, unknown := h.network.aboutCandidates(ev.Link.PointOfAttachment); unknown {
			h.g.mih.Inquire(q, h.g.cfg.Handover.PreparationTimeout, func() {})
		}
	}
}
