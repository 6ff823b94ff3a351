package main

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	apadapters "netlmm/ap-adapters"
	"netlmm/cmd/internal/api"
	"netlmm/mih"
	"netlmm/mih/handover"
	"netlmm/mih/mihf"
	"netlmm/mih/wire"
	"netlmm/mobility"
	"netlmm/mobility/engine"
	"netlmm/mobility/mag"
)

// Names of the counters of handovers between gateways.
const (
	prepared = "netlmm_mih_handovers_total" // what the 802.21 side decided and heard
	held     = "netlmm_mag_held_packets_total"
	between  = "netlmm_mag_handovers_total" // what the Proxy Mobile IPv6 side did, by side and outcome
)

const handoverQueue = 1024

// handovers prepares the handovers of mobile nodes that are about to leave, with the gateways that they go to: 802.21 decides and agrees with
// the other network (package handover), Proxy Mobile IPv6 moves the packets (RFC 5949).
type handovers struct {
	g           *gateway
	engine      *engine.Engine[handover.Event, handover.Action] // nil: none are prepared
	network     *network
	predictions predictions
	records     preparations
}

func (g *gateway) openHandovers() {
	cfg := g.cfg.Handover
	h := &g.handovers
	h.g = g
	core := handover.New(handover.Config{
		MIHFID: g.cfg.MIH.MIHFID, Candidates: h.network.candidates, Target: h.network.target, Local: h.network.local,
		OnLinkGoingDown: cfg.Predictive && cfg.OnLinkGoingDown,
		Weights:         handover.Weights(cfg.Weights), PreparationTimeout: cfg.PreparationTimeout,
		MaximumHandovers: g.cfg.MaximumMobileNodes, MaximumExpected: g.cfg.MaximumMobileNodes,
	})
	h.engine = engine.New[handover.Event, handover.Action](core, handoverQueue, h.execute)
}

// event gives the controller an event, after the network map has learnt from it.
func (h *handovers) event(e handover.Event) {
	switch e := e.(type) {
	case handover.Indicated:
		h.network.seen(e.Indication)
	case handover.Requested:
		if b, ok := e.Body.(wire.N2NHOCompleteRequest); ok {
			h.network.completed(b)
		}
	}
	h.informed(e)
}

// post gives the controller an event; one too many is counted.
func (h *handovers) post(e handover.Event) {
	if h.engine != nil && !h.engine.Post(e) {
		h.g.counters.Add(prepared, "queue_full")
	}
}

// execute carries out one action of the controller, in its goroutine.
func (h *handovers) execute(action handover.Action) {
	switch a := action.(type) {
	case handover.Ask:
		if !h.g.mih.Post(mihf.Request{User: mihUser, RequestID: a.ID, Destination: a.Destination, Body: a.Body}) {
			h.event(handover.Confirmed{ID: a.ID})
		}
	case handover.Answer:
		h.g.mih.Post(mihf.Respond{Handle: a.Handle, Body: a.Body})
	case handover.Prepare:
		h.prepare(a)
	case handover.Undo:
		h.g.counters.Add(prepared, "undone_"+string(a.Reason))
		if station, ok := a.Link.Address.MAC(); ok {
			h.g.send(mag.CancelHandover{Interface: a.Interface, MobileNodeLinkLayerID: mobility.LinkLayerID(station)}, time.Now())
		}
	case handover.Steer:
		h.steer(a)
	case handover.Note:
		if a.Reason == handover.Begun {
			h.records.begun(a.Link, time.Now())
		}
		h.g.counters.Add(prepared, string(a.Reason))
	}
}

// prepare has the MAG's machine hand the packets over.
func (h *handovers) prepare(a handover.Prepare) {
	gateway := h.network.gateway(a.Target)
	station, ok := a.Link.Address.MAC()
	if !ok || !gateway.IsValid() || !h.g.cfg.Handover.Predictive {
		h.event(handover.Ready{Link: a.Link})
		return
	}
	id := mobility.LinkLayerID(station)
	h.records.preparing(a.Link, id, a.Interface, gateway)
	h.g.send(mag.PrepareHandover{Interface: a.Interface, MobileNodeLinkLayerID: id, NewMAG: gateway}, time.Now())
}

// steer asks the station to go where it is expected. Most access points can; a station that is not asked goes when it likes.
func (h *handovers) steer(a handover.Steer) {
	targets := []apadapters.Target{{PointOfAttachment: a.Target.PointOfAttachment, Channel: uint8(a.Target.Channel)}}
	h.g.later(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		switch err := h.g.mih.Steer(ctx, a.Link, targets, a.Within); {
		case err == nil:
			h.g.counters.Add(prepared, "station_asked_to_move")
		case errors.Is(err, apadapters.ErrIncapable), errors.Is(err, apadapters.ErrNoSuchLink):
			h.g.counters.Add(prepared, "station_moves_by_itself")
		default:
			h.g.counters.Add(prepared, "station_not_asked")
		}
	})
}

// outcome takes what the MAG's machine says of a handover between gateways, in that machine's goroutine.
func (h *handovers) outcome(action mag.Action) {
	count := func(of mag.Handover, what string) {
		side := string(of.Side)
		if of.Reactive {
			side += "_reactive"
		}
		h.g.counters.Add(between, side+"_"+what)
	}
	switch a := action.(type) {
	case mag.HandoverPrepared:
		count(a.Handover, "prepared")
		h.answer(a.Handover, true, "prepared")
	case mag.HandoverFailed:
		count(a.Handover, "failed_"+string(a.Reason))
		h.answer(a.Handover, false, string(a.Reason))
		if a.Reactive && a.Reason == mag.HandoverRefused { // a new station, and the other gateway does not know it either
			return
		}
		h.g.limited.Warn("handover between gateways failed; the mobile node is served as without one", "side", a.Side, "mobile_node", a.MobileNodeID,
			"other_gateway", a.OtherGateway, "reason", a.Reason)
	case mag.HandoverExpected:
		count(a.Handover, "expected")
	case mag.HandoverArrived:
		count(a.Handover, "arrived")
		h.g.traces.arrived(a.Handover)
	case mag.HandoverCompleted:
		count(a.Handover, "completed")
		h.records.ended(a.Handover, "completed")
	case mag.HandoverUndone:
		count(a.Handover, "undone_"+string(a.Reason))
		h.answer(a.Handover, false, string(a.Reason))
	}
}

// answer tells the controller how the preparation that it asked for went.
func (h *handovers) answer(of mag.Handover, ok bool, outcome string) {
	if of.Side != mag.PreviousMAG || of.Reactive {
		return
	}
	if link, known := h.records.answered(of, ok, outcome, time.Now()); known {
		h.event(handover.Ready{Link: link, OK: ok})
	}
}

// previous is the gateway that a station comes from, for the reactive mode: that of the old access router which the link event names,
// or the only other gateway there is. Nobody is asked about a station that was here all the time.
func (h *handovers) previous(ind mih.Indication, ev mih.LinkUp) netip.Addr {
	if !h.g.cfg.Handover.Reactive || ind.Resync {
		return netip.Addr{}
	}
	if gateway := h.network.gatewayOf(ev.OldAccessRouter); gateway.IsValid() {
		return gateway
	}
	if gateways := h.g.cfg.Gateways; len(gateways) == 1 {
		return gateways[0].Address
	}
	return netip.Addr{}
}

// preparations remembers the last handovers that were prepared, and which link a MAG's answer is about.
type preparations struct {
	mu   sync.Mutex
	open map[mobility.MobileNodeLinkLayerID]*preparation
	ring []*api.Preparation
}

type preparation struct {
	link   mih.LinkID
	record *api.Preparation
	begun  time.Time
}

func (p *preparations) begun(link mih.LinkID, at time.Time) {
	station, ok := link.Address.MAC()
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[mobility.MobileNodeLinkLayerID]*preparation{}
	}
	id := mobility.LinkLayerID(station)
	record := &api.Preparation{MobileNodeLinkLayerID: id, Begun: at, Outcome: waiting}
	p.open[id] = &preparation{link, record, at}
	if p.ring = append(p.ring, record); len(p.ring) > remembered {
		p.ring = p.ring[1:]
	}
	if len(p.open) > remembered {
		clear(p.open)
	}
}

func (p *preparations) preparing(link mih.LinkID, id mobility.MobileNodeLinkLayerID, iface string, to netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.open[id]; one != nil {
		one.link, one.record.Interface, one.record.To = link, iface, to
	}
}

// answered notes the outcome and returns the link that it is about.
func (p *preparations) answered(of mag.Handover, ok bool, outcome string, at time.Time) (mih.LinkID, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.open[of.MobileNodeLinkLayerID]
	if one == nil {
		return mih.LinkID{}, false
	}
	one.record.Outcome, one.record.MobileNodeID = outcome, of.MobileNodeID
	if ok {
		one.record.Prepared = milliseconds(at.Sub(one.begun))
	} else {
		delete(p.open, of.MobileNodeLinkLayerID)
	}
	return one.link, true
}

func (p *preparations) ended(of mag.Handover, outcome string) {
	if of.Side != mag.PreviousMAG {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.open[of.MobileNodeLinkLayerID]; one != nil {
		one.record.Outcome = outcome
		delete(p.open, of.MobileNodeLinkLayerID)
	}
}

// list is what is remembered, oldest first.
func (p *preparations) list() []api.Preparation {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]api.Preparation, 0, len(p.ring))
	for _, one := range p.ring {
		list = append(list, *one)
	}
	return list
}
