package main

import (
	"context"
	"net/netip"
	"time"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/guard"
	"netlmm/configs"
)

// sessionsPatience is how long a question for the sessions of a gateway may wait for the anchor's machine.
const sessionsPatience = 5 * time.Second

// openHeartbeats makes the heartbeats (RFC 5847). An anchor that has its bindings back has not lost its state, and keeps its
// restart counter.
func (a *anchor) openHeartbeats() error {
	c := daemon.HeartbeatConfig{
		Variables: a.cfg.Heartbeat, Security: a.cfg.Security, Peers: a.cfg.MAGs, Local: a.cfg.LMAAddress, LocalIPv4: a.cfg.IPv4Address,
		Log: a.log, Counters: a.counters, Send: a.sockets.Send, Authorized: a.guard.Authorized(configs.Gateway), Sessions: a.sessions,
		// A gateway that lost its bindings registers its mobile nodes anew; until then their packets go where they went.
		Restarted: func(netip.Addr) {},
		Store:     func(netip.Addr, uint32) {},
	}
	if a.store == nil {
		c.RestartCounter = uint32(time.Now().Unix()) // greater than before, as far as one can tell without a memory
	} else if err := a.restartCounter(&c); err != nil {
		return err
	}
	var err error
	a.heartbeats, err = daemon.NewHeartbeats(c)
	return err
}

// restartCounter takes the counters out of the store. A binding that did not come back - the configuration is another one, or
// its lifetime cannot be by the clock - is lost to its gateway too. One whose lifetime ended meanwhile (ranOut) is not. Only then
// are they deleted: a start that fails before it has its counter leaves them for the next one to find.
func (a *anchor) restartCounter(c *daemon.HeartbeatConfig) (err error) {
	c.Known, c.Store = a.store.Peers(), a.store.PutPeer
	if c.StateKept = a.store.ClosedCleanly() && !a.lost; c.StateKept {
		c.RestartCounter, err = a.store.RestartCounter()
	} else {
		c.RestartCounter, err = a.store.NextRestartCounter()
	}
	if err != nil {
		return err
	}
	for _, entry := range a.dead {
		a.store.Delete(entry)
	}
	a.dead = nil
	return nil
}

// sessions counts what is registered through each gateway.
func (a *anchor) sessions() (count map[netip.Addr]int) {
	ctx, cancel := context.WithTimeout(context.Background(), sessionsPatience)
	defer cancel()
	if a.engine.Do(ctx, func() { count = a.core.Forwarding().Peers() }) != nil {
		return nil // the machine has ended, or is swamped: no time for heartbeats either
	}
	return count
}

// associationChanged hears of every security association that comes to stand or goes. Those that are not with a gateway are there for
// MIH, which others on this host speak.
func (a *anchor) associationChanged(c guard.Change) {
	if c.Kind == configs.Gateway {
		a.admission.changed(c.Peer, c.Up)
		a.heartbeats.AssociationChanged(c.Peer, c.Up)
	}
}
