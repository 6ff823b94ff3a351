package main

import (
	"context"
	"errors"
	"time"

	apadapters "netlmm/ap-adapters"
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

const (
	handoverQueue = 1024
	completed     = "completed" // outcome of a handover
)

// handovers prepares the handovers of mobile nodes that are about to leave, with the gateways that they go to: 802.21 decides and agrees with
// the other network (package handover), Proxy Mobile IPv6 moves the packets (RFC 5949).
type handovers struct {
	g           *gateway
	engine      *engine.Engine[handover.Event, handover.Action] // nil: none are prepared
	network     *network
	predictions predictions
	records     preparations
	departures  departures
	searches    searches
}

func (g *gateway) openHandovers() {
	cfg := g.cfg.Handover
	h := &g.handovers
	if h.g = g; !cfg.Predictive {
		return
	}
	core := handover.New(handover.Config{
		MIHFID: g.cfg.MIH.MIHFID, Candidates: h.network.candidates, Target: h.network.target, Local: h.network.local,
		Speaks:          func(id mih.MIHFID) bool { return g.mih.Takes(id, mih.CommandNetworkHandover) },
		OnLinkGoingDown: cfg.OnLinkGoingDown,
		Weights:         handover.Weights(cfg.Weights), PreparationTimeout: cfg.PreparationTimeout, CandidateTimeout: cfg.CandidateTimeout, Grace: cfg.DepartureGrace,
		MaximumStations: cfg.MaximumStations, MaximumSeen: g.cfg.MaximumMobileNodes, MaximumHandovers: g.cfg.MaximumMobileNodes, MaximumExpected: g.cfg.MaximumMobileNodes,
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
		if !h.g.mih.Post(mihf.Request{User: mihUser, RequestID: a.ID, Destination: a.Destination, Body: a.Body, Extra: a.Extra}) {
			h.event(handover.Confirmed{ID: a.ID})
		}
	case handover.Answer:
		h.g.mih.Post(mihf.Respond{Handle: a.Handle, Body: a.Body, Extra: a.Extra})
	case handover.Prepare:
		h.prepare(a)
	case handover.Undo:
		h.g.counters.Add(prepared, "undone_"+string(a.Reason))
		if station, ok := a.Link.Address.MAC(); ok {
			id := mobility.LinkLayerID(station)
			h.g.send(mag.CancelHandover{CorrelationID: h.records.named(id, a.ID), Interface: a.Interface, MobileNodeLinkLayerID: id}, time.Now())
		}
	case handover.Steer:
		h.steer(a)
	case handover.Note:
		h.record(a)
		h.g.counters.Add(prepared, string(a.Reason))
	}
}

// record follows what the controller says of the handovers that begin here.
func (h *handovers) record(n handover.Note) {
	station, ok := n.Link.Address.MAC()
	if !ok {
		return
	}
	switch id := mobility.LinkLayerID(station); n.Reason {
	case handover.Begun:
		h.records.begun(n.Link, time.Now())
	case handover.Completed:
		h.records.ended(id, completed)
	case handover.LocalTarget, handover.NotPrepared, handover.NoCandidate, handover.NeverCame, handover.Mispredicted, handover.Withdrawn:
		h.records.ended(id, string(n.Reason))
	}
}

// prepare has the MAG's machine hand the packets over.
func (h *handovers) prepare(a handover.Prepare) {
	gateway := h.network.gateway(a.Target)
	address, ok := a.Link.Address.MAC()
	if !ok || !gateway.IsValid() || !h.g.cfg.Handover.Predictive {
		h.event(handover.Ready{ID: a.ID, Link: a.Link})
		return
	}
	id, correlation := mobility.LinkLayerID(address), h.g.traces.name()
	h.records.preparing(a, id, gateway, correlation, time.Now())
	h.g.send(mag.PrepareHandover{CorrelationID: correlation, Interface: a.Interface, MobileNodeLinkLayerID: id, NewMAG: gateway}, time.Now())
	h.records.prepareSent(id)
	h.g.leaves(station{a.Interface, address})
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
		h.searchOn(a.Handover)
		if a.Reactive && a.Reason == mag.HandoverRefused { // a new station, and the other gateway does not know it either
			return
		}
		h.g.limited.Warn("handover between gateways failed; the mobile node is served as without one", "side", a.Side, "mobile_node", a.MobileNodeID,
			"other_gateway", a.OtherGateway, "reason", a.Reason)
	case mag.HandoverExpected:
		count(a.Handover, "expected")
	case mag.HandoverArrived:
		count(a.Handover, "arrived")
		if who, ok := stationOf(a.Handover); ok {
			h.searches.end(who)
		}
		h.g.traces.arrived(a.Handover)
	case mag.HandoverCompleted:
		count(a.Handover, completed)
		h.ended(a.Handover, completed)
	case mag.HandoverUndone:
		count(a.Handover, "undone_"+string(a.Reason))
		h.answer(a.Handover, false, string(a.Reason))
		if a.Reason != mag.HandoverCancelled { // by the controller, which goes on or says itself how it ended
			h.ended(a.Handover, string(a.Reason))
		}
	}
}

// answer tells the controller how the preparation that it asked for went.
func (h *handovers) answer(of mag.Handover, ok bool, outcome string) {
	if of.Side != mag.PreviousMAG || of.Reactive {
		return
	}
	if asked, known := h.records.answered(of, ok, outcome, time.Now()); known {
		h.event(handover.Ready{ID: asked.ID, Link: asked.Link, OK: ok})
	}
}

// ended notes that nothing follows of a handover that left from here.
func (h *handovers) ended(of mag.Handover, outcome string) {
	if of.Side == mag.PreviousMAG {
		h.records.endedBy(of, outcome)
	}
}
