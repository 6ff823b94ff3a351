package main

import (
	"net/netip"
	"sync"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/mih"
	"netlmm/mih/handover"
	"netlmm/mobility"
	"netlmm/mobility/mag"
)

// preparations remembers the last handovers that were prepared, and which link a MAG's answer is about.
type preparations struct {
	mu   sync.Mutex
	of   map[mobility.MobileNodeLinkLayerID]*preparation // the newest of each station; all are in ring
	ring []*preparation
}

// preparation is one handover: of each gateway that it asks for, one after the other, the MAG's machine says how it went.
type preparation struct {
	api.Preparation
	asked handover.Prepare // latest attempt of the controller
	sent  bool             // the machine was told to prepare it
	over  bool
}

// begun notes a handover; when there are too many the oldest is forgotten.
func (p *preparations) begun(link mih.LinkID, at time.Time) {
	id, ok := link.Address.MAC()
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(mobility.LinkLayerID(id), at)
}

func (p *preparations) add(id mobility.MobileNodeLinkLayerID, at time.Time) *preparation {
	one := &preparation{Preparation: api.Preparation{MobileNodeLinkLayerID: id, Begun: at, Outcome: waiting}}
	if p.of == nil {
		p.of = map[mobility.MobileNodeLinkLayerID]*preparation{}
	}
	p.of[id] = one
	if p.ring = append(p.ring, one); len(p.ring) > remembered {
		oldest := p.ring[0]
		if p.ring = p.ring[1:]; p.of[oldest.MobileNodeLinkLayerID] == oldest {
			delete(p.of, oldest.MobileNodeLinkLayerID)
		}
	}
	return one
}

// unprepared says whether a handover of the station is under way that the machine has not been told to prepare.
func (p *preparations) unprepared(id mobility.MobileNodeLinkLayerID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of[id]
	return one != nil && !one.over && !one.sent
}

// preparing: the machine is about to be told, under this correlation id, to prepare the handover with this gateway.
func (p *preparations) preparing(asked handover.Prepare, id mobility.MobileNodeLinkLayerID, to netip.Addr, correlation mobility.CorrelationID, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of[id]
	if one == nil || one.over {
		one = p.add(id, at)
	}
	one.asked, one.CorrelationID, one.Interface, one.To, one.Outcome = asked, correlation, asked.Interface, to, waiting
}

// named is the correlation id of an attempt of the controller; 0: it is not known any more.
func (p *preparations) named(id mobility.MobileNodeLinkLayerID, asked uint64) mobility.CorrelationID {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.of[id]; one != nil && one.asked.ID == asked {
		return one.CorrelationID
	}
	return 0
}

// prepareSent: it was told.
func (p *preparations) prepareSent(id mobility.MobileNodeLinkLayerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.of[id]; one != nil {
		one.sent = true
	}
}

// is says whether the machine speaks of the latest attempt.
func (p *preparation) is(of mag.Handover) bool {
	return of.CorrelationID != 0 && of.CorrelationID == p.CorrelationID
}

// answered notes how the machine's preparation went, and returns whose answer that is. What is said of an attempt before it does not
// count.
func (p *preparations) answered(of mag.Handover, ok bool, outcome string, at time.Time) (handover.Prepare, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of[of.MobileNodeLinkLayerID]
	if one == nil || one.over || !one.is(of) {
		return handover.Prepare{}, false
	}
	one.Outcome, one.MobileNodeID = outcome, of.MobileNodeID
	if one.sent = ok; ok {
		one.Prepared = milliseconds(at.Sub(one.Begun))
	}
	return one.asked, true
}

// ended: nothing follows of the station's handover. Why the machine could not prepare it says more than that it could not.
func (p *preparations) ended(id mobility.MobileNodeLinkLayerID, outcome string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(p.of[id], outcome)
}

// endedBy is ended by the machine, when it speaks of the latest attempt.
func (p *preparations) endedBy(of mag.Handover, outcome string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.of[of.MobileNodeLinkLayerID]; one != nil && one.is(of) {
		p.end(one, outcome)
	}
}

func (p *preparations) end(one *preparation, outcome string) {
	if one == nil || one.over {
		return
	}
	one.over = true
	if outcome != string(handover.NotPrepared) || one.Outcome == waiting {
		one.Outcome = outcome
	}
}

// list is what is remembered, oldest first.
func (p *preparations) list() []api.Preparation {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]api.Preparation, 0, len(p.ring))
	for _, one := range p.ring {
		list = append(list, one.Preparation)
	}
	return list
}
