package domaintest

import (
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility/heartbeat"
	"netlmm/mobility/mag"
)

// heartbeatInterval is short enough that an LMA which lost its store is found out in the time that checkQuiet waits.
const heartbeatInterval = 30 * time.Second

// startHeartbeat begins a run of a node with a machine that knows of its peers what the run before knew.
func (d *domain) startHeartbeat(local netip.Addr, counter uint32, kept bool, known map[netip.Addr]uint32, peers []netip.Addr, sessions func(netip.Addr) bool) *heartbeat.Machine {
	if !d.heartbeats {
		return nil
	}
	cfg := heartbeat.Config{
		Local: local, RestartCounter: counter, StateKept: kept, HeartbeatInterval: heartbeatInterval, Sessions: sessions,
	}
	for _, p := range peers {
		last, ok := known[p]
		cfg.Peers = append(cfg.Peers, heartbeat.Peer{Address: p, RestartCounter: last, Known: ok})
	}
	m, err := heartbeat.New(cfg)
	if err != nil {
		panic(err)
	}
	return m
}

func (d *domain) startMAGHeartbeat(g *gateway) {
	g.counter++
	g.heartbeat = d.startHeartbeat(g.address, g.counter, false, g.known, []netip.Addr{lmaAddress},
		func(lma netip.Addr) bool { return g.mag.Forwarding().Peers()[lma] > 0 })
	d.beat(g, heartbeat.AssociationChanged{Peer: lmaAddress, Up: true})
}

// startAnchorHeartbeat: one that has its bindings back keeps its counter.
func (d *domain) startAnchorHeartbeat(kept bool) {
	var peers []netip.Addr
	for _, g := range d.gateways {
		peers = append(peers, g.address)
	}
	d.heartbeat = d.startHeartbeat(lmaAddress, d.counter, kept, d.known, peers,
		func(mag netip.Addr) bool { return d.anchor.Forwarding().Peers()[mag] > 0 })
	for _, p := range peers {
		d.beatAnchor(heartbeat.AssociationChanged{Peer: p, Up: true})
	}
}

// beat hands an event to the heartbeat machine of a MAG, and what it finds out to the MAG.
func (d *domain) beat(g *gateway, ev heartbeat.Event) {
	if g.heartbeat != nil {
		d.performBeat(g, g.heartbeat.Handle(d.clock(g.off), ev))
	}
}

func (d *domain) performBeat(g *gateway, actions []heartbeat.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case heartbeat.SendMessage:
			d.send(a.Source, a.Destination, a.Payload)
		case heartbeat.PeerSeen:
			g.known[a.Peer] = a.RestartCounter
		case heartbeat.PeerRestarted:
			d.note("%s learns that %s restarted", g.name, d.nameOf(a.Peer))
			d.event(g, mag.PeerRestarted{LMAAddress: a.Peer})
			g.known[a.Peer] = a.RestartCounter
		}
	}
}

// beatAnchor does so for the LMA, which has nothing to do about a MAG that restarted.
func (d *domain) beatAnchor(ev heartbeat.Event) {
	if d.heartbeat != nil {
		d.performAnchorBeat(d.heartbeat.Handle(d.clock(d.off), ev))
	}
}

func (d *domain) performAnchorBeat(actions []heartbeat.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case heartbeat.SendMessage:
			d.send(a.Source, a.Destination, a.Payload)
		case heartbeat.PeerSeen:
			d.known[a.Peer] = a.RestartCounter
		case heartbeat.PeerRestarted:
			d.note("lma learns that %s restarted", d.nameOf(a.Peer))
			d.known[a.Peer] = a.RestartCounter
		}
	}
}

// nextBeat is the earliest deadline of the heartbeat machines that is before end.
func (d *domain) nextBeat(end time.Time) time.Time {
	machines := []*heartbeat.Machine{d.heartbeat}
	for _, g := range d.gateways {
		machines = append(machines, g.heartbeat)
	}
	for _, m := range slices.DeleteFunc(machines, func(m *heartbeat.Machine) bool { return m == nil }) {
		if at, ok := m.NextDeadline(); ok && d.until(at).Before(end) {
			end = d.until(at)
		}
	}
	return end
}

func (d *domain) expireBeats() {
	if d.heartbeat != nil {
		d.performAnchorBeat(d.heartbeat.Expire(d.clock(d.off)))
	}
	for _, g := range d.gateways {
		if g.heartbeat != nil {
			d.performBeat(g, g.heartbeat.Expire(d.clock(g.off)))
		}
	}
}
