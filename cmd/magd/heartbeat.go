package main

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility/mag"
	"netlmm/mobility/policy/decision"
	"netlmm/mobility/signaling"
	"netlmm/mobility/store"
)

// sessionsPatience is how long a question for the bindings with an anchor may wait for the gateway's machine.
const sessionsPatience = 5 * time.Second

// openHeartbeats makes the heartbeats (RFC 5847). A gateway begins without bindings, so that each run has a greater restart
// counter than the one before.
func (g *gateway) openHeartbeats() (err error) {
	var counter uint32
	if g.store, counter, err = openCounters(g.cfg.StatePath); err != nil {
		return err
	}
	if warning := g.store.Status().Warning; warning != "" {
		g.log.Warn("store", "warning", warning)
	}
	g.heartbeats, err = daemon.NewHeartbeats(daemon.HeartbeatConfig{
		Variables: g.cfg.Heartbeat, Security: g.cfg.Security, Peers: g.cfg.LMAs, Local: g.cfg.ProxyCareOfAddress, LocalIPv4: g.cfg.IPv4ProxyCareOfAddress,
		RestartCounter: counter, Known: g.store.Peers(), Store: g.store.PutPeer,
		Log: g.log, Counters: g.counters, Send: g.sockets.Send, Authorized: g.guard.Authorized(configs.Anchor), Sessions: g.sessions,
		// What the anchor lost is registered again, paced.
		Restarted: func(peer netip.Addr) { g.send(mag.PeerRestarted{LMAAddress: peer}, time.Now()) },
		Answers:   g.anchorAnswers,
	})
	return err
}

// anchorAnswers hears whether an anchor answers heartbeats, when that changes.
func (g *gateway) anchorAnswers(lma netip.Addr, answers bool) {
	sign := decision.HeartbeatFailed
	if answers {
		sign = decision.HeartbeatBack
	}
	g.decide(decision.AnchorChanged{LMA: lma, Sign: sign})
}

// openCounters opens the file of restart counters and counts this start.
func openCounters(path string) (*store.Store, uint32, error) {
	s, err := store.OpenCounters(path)
	if err != nil {
		return nil, 0, err
	}
	counter, err := s.NextRestartCounter()
	if err != nil {
		return nil, 0, errors.Join(err, s.Close())
	}
	return s, counter, nil
}

// Bounds of the wait for charon's word on who an anchor is: one that was started again says so with the first packet through
// the new security association, which may be faster than charon's event.
const (
	identityPatience = 200 * time.Millisecond
	mostEarly        = 64
)

// heartbeat gives a message to the heartbeat machine, once it is known who sent it.
func (g *gateway) heartbeat(m signaling.Message) {
	take := func() { g.heartbeats.Received(m.Source, m.Destination, m.Payload, g.guard.Identity(m.Source)) }
	if !g.guard.Awaits(m.Source) {
		take()
		return
	}
	if g.early.Add(1) > mostEarly {
		g.early.Add(-1)
		g.counters.Add(daemon.HeartbeatCount, "waiting_room_full")
		return
	}
	time.AfterFunc(identityPatience, func() {
		g.early.Add(-1)
		take()
	})
}

// sessions counts what is registered at each anchor.
func (g *gateway) sessions() (count map[netip.Addr]int) {
	ctx, cancel := context.WithTimeout(context.Background(), sessionsPatience)
	defer cancel()
	if g.engine.Do(ctx, func() { count = g.core.Forwarding().Peers() }) != nil {
		return nil // the machine has ended, or is swamped: no time for heartbeats either
	}
	return count
}
