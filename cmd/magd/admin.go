package main

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/mobility"
	"netlmm/mobility/mag"
)

func (g *gateway) queries() map[string]daemon.Query {
	queries := map[string]daemon.Query{
		"GET " + api.PathStatus:   func(ctx context.Context, _ daemon.Parameters) (any, error) { return g.status(ctx) },
		"GET " + api.PathBindings: func(ctx context.Context, _ daemon.Parameters) (any, error) { return g.bindings(ctx) },
		"DELETE " + api.PathBindings: func(context.Context, daemon.Parameters) (any, error) {
			return nil, errors.New("a gateway's bindings are its anchor's: ask the lmad")
		},
		"POST " + api.PathRegistrations: g.registerAgain,
		"POST " + api.PathRevocations: func(context.Context, daemon.Parameters) (any, error) {
			return nil, errors.New("an anchor revokes bindings: ask the lmad")
		},
		"GET " + api.PathPeers:        g.peers,
		"GET " + api.PathHandovers:    func(_ context.Context, p daemon.Parameters) (any, error) { return g.traces.newest(p.Int("last")), nil },
		"GET " + api.PathPreparations: func(context.Context, daemon.Parameters) (any, error) { return g.handovers.records.list(), nil },
		"GET " + api.PathConfig:       daemon.Config(g.cfg.Settings),
	}
	maps.Copy(queries, g.mih.Queries())
	return queries
}

// registerAgain is the administrative action that ends a refusal (RFC 5213 section 6.9.1.2, 6 and 7): of one mobile node, or of
// all, and then of those too who wait for this gateway's clock.
func (g *gateway) registerAgain(ctx context.Context, p daemon.Parameters) (any, error) {
	var id mobility.MobileNodeID
	if text := p.Text("mobile_node"); text != "" {
		var err error
		if id, err = mobility.ParseMobileNodeID(text); err != nil {
			return nil, err
		}
	}
	action := mag.AdministrativeAction{MobileNodeID: id}
	var begun api.Registrations
	if err := g.engine.Do(ctx, func() { begun.Sessions = g.core.Awaiting(action) }); err != nil {
		return nil, err
	}
	g.send(action, time.Now())
	if id.IsZero() {
		g.send(mag.ClockSynchronized{}, time.Now())
	}
	return begun, nil
}

func (g *gateway) bindings(ctx context.Context) (list []mobility.BindingUpdateListEntry, err error) {
	err = g.engine.Do(ctx, func() { list = g.core.Snapshot() })
	return list, err
}

func (g *gateway) peers(ctx context.Context, _ daemon.Parameters) (any, error) {
	bindings, err := g.bindings(ctx)
	if err != nil {
		return nil, err
	}
	count := map[netip.Addr]int{}
	for _, b := range bindings {
		count[b.LMAAddress]++
	}
	peers, err := g.guard.Peers(ctx, count)
	if err != nil {
		return nil, err
	}
	return peers, g.heartbeats.Annotate(ctx, peers)
}

func (g *gateway) status(ctx context.Context) (api.Status, error) {
	s := api.Status{Daemon: "magd", Version: daemon.Version(), Kernel: daemon.Kernel(), Started: g.started, Address: g.cfg.ProxyCareOfAddress, IPv4: g.cfg.IPv4ProxyCareOfAddress, Counters: g.counters.Snapshot()}
	if !s.Address.IsValid() {
		s.Address, s.IPv4 = s.IPv4, s.Address
	}
	var warnings []string
	err := g.engine.Do(ctx, func() {
		s.Bindings = g.core.Len()
		s.Forwarding, warnings = g.plane.Status()
	})
	if err != nil {
		return s, err
	}
	s.Warnings = append(s.Warnings, warnings...)
	s.Security, warnings = g.guard.Status(ctx)
	s.Warnings = append(s.Warnings, warnings...)
	s.Warnings = append(s.Warnings, g.heartbeats.Warnings(ctx)...)
	s.Warnings = append(s.Warnings, g.store.Status().Warnings()...)
	for _, link := range g.access {
		if err := link.Err(); err != nil {
			s.Warnings = append(s.Warnings, err.Error())
		}
	}
	if s.Policy, warnings, err = g.policyStatus(ctx); err != nil {
		return s, err
	}
	s.Warnings = append(s.Warnings, warnings...)
	status, warnings, err := g.mih.Status(ctx)
	s.MIH, s.Warnings = &status, append(s.Warnings, warnings...)
	return s, err
}
