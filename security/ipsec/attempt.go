package ipsec

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/security"
)

// advance starts what is due and hands out the actions gathered since the last call.
func (a *Associations) advance(now time.Time) []Action {
	if a.connected {
		resync := false
		for _, p := range a.peers {
			if at, due := p.due(); due && p.inFlightUntil.IsZero() && !now.Before(at) {
				resync = a.attempt(now, p) || resync
			}
		}
		if resync {
			a.actions = append(a.actions, Resync{})
		}
	}
	out := a.actions
	a.actions = nil
	return out
}

// attempt loads and initiates what the peer lacks; true when only a fresh snapshot can help.
func (a *Associations) attempt(now time.Time, p *peer) (resync bool) {
	p.lastAttempt = now
	p.delay(&a.cfg)
	if p.wantsLoad() {
		a.actions = append(a.actions, Load{Peer: p.Peer})
		p.inFlightUntil = now.Add(a.cfg.AttemptTimeout)
	}
	if !p.wantsSA(now) {
		return false
	}
	connection, child, err := a.resolve(p)
	p.unresolved = err != nil
	if p.unresolved {
		p.lastError = err.Error()
		return true
	}
	a.initiate(now, p, connection, child)
	return false
}

func (a *Associations) initiate(now time.Time, p *peer, connection, child string) {
	p.attempts++
	p.recover = max(0, p.recover-1)
	p.inFlightUntil = now.Add(a.cfg.AttemptTimeout)
	a.actions = append(a.actions, Initiate{Peer: p.Address, Connection: connection, Child: child})
}

// resolve names the connection and child that bring the peer's SA up. Those of swanctl must be loaded, and are found by
// their traffic selectors where they are not named.
func (a *Associations) resolve(p *peer) (connection, child string, err error) {
	if p.ManagedBy == security.ByNetlmm {
		return p.Connection, p.Child, nil
	}
	for _, c := range a.connections {
		named := p.Connection == "" || p.Connection == c.Name
		if !named || p.Child != "" && p.Child != c.Child {
			continue
		}
		if p.Connection != "" && p.Child != "" || c.Local == p.Local && c.Remote == p.Address && c.Covers.Has(p.Traffic) {
			return c.Name, c.Child, nil
		}
	}
	return "", "", a.notLoaded(p)
}

func (a *Associations) notLoaded(p *peer) error {
	if p.Connection == "" {
		return fmt.Errorf("charon has no connection with the traffic selectors %s and %s for %s: add it to swanctl.conf and run swanctl --load-all, or name it",
			p.Local, p.Address, p.Traffic)
	}
	for _, c := range a.connections {
		if c.Name == p.Connection {
			return fmt.Errorf("connection %s in charon has no child %s from %s to %s for %s: correct swanctl.conf and run swanctl --load-all",
				p.Connection, p.Child, p.Local, p.Address, p.Traffic)
		}
	}
	return fmt.Errorf("connection %s is not loaded in charon: run swanctl --load-all", p.Connection)
}

// suspect replaces an SA that stands here but perhaps no longer at the peer (its charon was restarted): the IKE_SA is
// closed at once and made anew. Paced, because a peer may be silent for other reasons.
func (a *Associations) suspect(now time.Time, address netip.Addr) {
	p := a.byAddress[address]
	if p == nil {
		return
	}
	p.required = p.required || !p.up
	if !p.up {
		p.hurry(&a.cfg)
		return
	}
	if !a.connected || !p.inFlightUntil.IsZero() || now.Before(p.suspectAfter) || now.Sub(p.since) < a.cfg.RetryInitial {
		return
	}
	connection, child, err := a.resolve(p)
	if err != nil {
		p.lastError = err.Error()
		return
	}
	p.suspectAfter = now.Add(a.cfg.SuspectInterval)
	for _, id := range a.ikeSAs(p) {
		a.actions = append(a.actions, Terminate{Peer: p.Address, IKEUniqueID: id})
	}
	p.lastAttempt = now
	p.delay(&a.cfg)
	a.initiate(now, p, connection, child)
}

// ikeSAs are the distinct IKE_SAs behind the peer's CHILD_SAs, in a stable order.
func (a *Associations) ikeSAs(p *peer) []string {
	var ids []string
	for _, sa := range a.sas {
		if p.matches(sa) && !slices.Contains(ids, sa.IKEUniqueID) {
			ids = append(ids, sa.IKEUniqueID)
		}
	}
	slices.Sort(ids)
	return ids
}
