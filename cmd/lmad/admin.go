package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/mobility"
	"netlmm/mobility/lma"
)

// remembered is how many handovers are kept for netlmmctl.
const remembered = 4096

// history holds the last moves of bindings.
type history struct {
	mu   sync.Mutex
	ring []api.Handover // the move with number n at (n-1) % remembered
	last mobility.CorrelationID
}

// add gives a move its number and keeps it.
func (h *history) add(move api.Handover) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := int(h.last % remembered)
	h.last++
	move.CorrelationID = h.last
	if at == len(h.ring) {
		h.ring = append(h.ring, move)
	} else {
		h.ring[at] = move
	}
}

// moved is a change of a binding as the history has it.
func moved(c lma.BindingChanged) api.Handover {
	return api.Handover{
		MobileNodeID: c.Entry.MobileNodeID, MobileNodeLinkLayerID: c.Entry.MobileNodeLinkLayerID,
		From: c.From, To: c.Entry.ProxyCareOfAddress, HomeNetworkPrefixes: c.Entry.HomeNetworkPrefixes,
		LinkUp: c.Entry.LastUpdate, Attempts: 1, Outcome: c.Change.String(),
	}
}

// newest returns the last n moves, oldest first; all that are remembered when n is 0.
func (h *history) newest(n int) []api.Handover {
	h.mu.Lock()
	defer h.mu.Unlock()
	oldest := 0
	if len(h.ring) == remembered {
		oldest = int(h.last % remembered)
	}
	list := append(append([]api.Handover{}, h.ring[oldest:]...), h.ring[:oldest]...)
	if n > 0 && n < len(list) {
		list = list[len(list)-n:]
	}
	return list
}

func (a *anchor) queries() map[string]daemon.Query {
	return map[string]daemon.Query{
		"GET " + api.PathStatus:       func(ctx context.Context, _ daemon.Parameters) (any, error) { return a.status(ctx) },
		"GET " + api.PathConfig:       daemon.Config(a.cfg.Settings),
		"GET " + api.PathBindings:     func(ctx context.Context, _ daemon.Parameters) (any, error) { return a.bindings(ctx) },
		"DELETE " + api.PathBindings:  a.deleteBinding,
		"POST " + api.PathRevocations: a.revoke,
		"POST " + api.PathRegistrations: func(context.Context, daemon.Parameters) (any, error) {
			return nil, errors.New("gateways register mobile nodes: ask a magd")
		},
		"GET " + api.PathPeers:     a.peers,
		"GET " + api.PathHandovers: func(_ context.Context, p daemon.Parameters) (any, error) { return a.history.newest(p.Int("last")), nil },
		"GET " + api.PathLinks: func(context.Context, daemon.Parameters) (any, error) {
			return nil, errors.New("an anchor has no access links: ask a magd")
		},
	}
}

func (a *anchor) bindings(ctx context.Context) (list []mobility.BindingCacheEntry, err error) {
	err = a.engine.Do(ctx, func() { list = a.core.Snapshot() })
	return list, err
}

// deleteBinding ends the bindings of one mobile node by the operator's order.
func (a *anchor) deleteBinding(ctx context.Context, p daemon.Parameters) (any, error) {
	id, err := mobility.ParseMobileNodeID(p.Text("mobile_node"))
	if err != nil {
		return nil, err
	}
	bindings, err := a.bindings(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(bindings, func(b mobility.BindingCacheEntry) bool { return b.MobileNodeID == id }) {
		return nil, fmt.Errorf("%v has no binding here: see netlmmctl bindings", id)
	}
	return struct{}{}, a.engine.Send(lma.Delete{MobileNodeID: id})
}

func (a *anchor) peers(ctx context.Context, _ daemon.Parameters) (any, error) {
	bindings, err := a.bindings(ctx)
	if err != nil {
		return nil, err
	}
	count := map[netip.Addr]int{}
	for _, b := range bindings {
		count[b.ProxyCareOfAddress]++
	}
	peers, err := a.guard.Peers(ctx, count)
	if err != nil {
		return nil, err
	}
	return peers, a.heartbeats.Annotate(ctx, peers)
}

func (a *anchor) status(ctx context.Context) (api.Status, error) {
	s := api.Status{Daemon: "lmad", Version: daemon.Version(), Kernel: daemon.Kernel(), Started: a.started, Address: a.cfg.LMAAddress, IPv4: a.cfg.IPv4Address, Counters: a.counters.Snapshot()}
	if !s.Address.IsValid() {
		s.Address, s.IPv4 = s.IPv4, s.Address
	}
	var warnings []string
	err := a.engine.Do(ctx, func() {
		s.Bindings = a.core.Counters().Bindings
		s.Forwarding, warnings = a.plane.Status()
	})
	if err != nil {
		return s, err
	}
	s.Warnings = append(s.Warnings, warnings...)
	s.Security, warnings = a.guard.Status(ctx)
	s.Warnings = append(s.Warnings, warnings...)
	s.Warnings = append(s.Warnings, a.heartbeats.Warnings(ctx)...)
	if a.store != nil {
		s.Warnings = append(s.Warnings, a.store.Status().Warnings()...)
	}
	return s, nil
}
