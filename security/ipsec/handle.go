package ipsec

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/security"
)

// Handle takes one event.
func (a *Associations) Handle(now time.Time, ev security.Event) []Action {
	switch ev := ev.(type) {
	case security.CharonSnapshot:
		a.snapshot(now, ev)
	case security.CharonLost:
		a.charonLost(now, ev.Err)
	case security.ChildUp:
		a.childUp(now, ev.SA, ev.SA.UniqueID)
	case security.ChildDown:
		a.remove(now, ev.UniqueID)
	case security.IKEDown:
		a.ikeDown(now, ev.IKEUniqueID)
	case security.ChildRekeyed:
		if p := a.byAddress[ev.SA.Remote]; p != nil && p.matches(ev.SA) {
			p.rekeys++
		}
		a.childUp(now, ev.SA, ev.Old) // charon keeps the old one for packets under way; its ChildDown may not come at all
	case security.Loaded:
		if p := a.byAddress[ev.Peer]; p != nil {
			p.loaded = true
			if !p.wantsSA(now) {
				p.inFlightUntil, p.lastError = time.Time{}, ""
			}
		}
	case security.Initiated:
		a.initiated(now, ev.Peer)
	case security.Failed:
		a.failed(now, ev.Peer, ev.Err)
	case security.Required:
		a.require(ev.Peer)
	case security.Suspect:
		a.suspect(now, ev.Peer)
	}
	return a.advance(now)
}

// Expire does what is due at now.
func (a *Associations) Expire(now time.Time) []Action {
	for _, p := range a.peers {
		if !p.inFlightUntil.IsZero() && !now.Before(p.inFlightUntil) {
			a.failed(now, p.Address, fmt.Errorf("charon installed no SA for %s between %s and %s: correct the traffic selectors of its connection",
				p.Traffic, p.Local, p.Address))
			a.coverage(p)
		}
	}
	return a.advance(now)
}

// snapshot replaces what was known. Peers whose SA it lacks after charon was away are brought back even by an end that
// does not initiate: only it knows that the SA is gone.
func (a *Associations) snapshot(now time.Time, ev security.CharonSnapshot) {
	returned := !a.connected
	a.connected, a.connections, a.esp = true, ev.Connections, ev.DataPathInCharon
	clear(a.sas)
	for _, sa := range ev.SAs {
		a.sas[sa.UniqueID] = sa
	}
	for _, p := range a.peers {
		if p.ManagedBy == security.ByNetlmm && p.inFlightUntil.IsZero() {
			p.loaded = p.loaded && !returned && a.isLoaded(p)
		}
		a.reassess(now, p)
		if _, _, err := a.resolve(p); p.unresolved && err == nil {
			p.unresolved = false
			p.hurry(&a.cfg)
		}
		if returned && !p.up {
			p.hurry(&a.cfg)
			if !p.Initiate {
				p.recover, p.recoverFrom = a.cfg.RecoverAttempts, now.Add(a.cfg.RecoverDelay)
			}
		}
	}
	a.actions = append(a.actions, Told{})
}

func (a *Associations) isLoaded(p *peer) bool {
	for _, c := range a.connections {
		if c.Name == p.Connection {
			return true
		}
	}
	return false
}

// charonLost leaves the SAs of the kernel standing: they outlive charon until a snapshot says otherwise.
func (a *Associations) charonLost(now time.Time, err error) {
	a.connected = false
	a.charonError = fmt.Sprintf("charon is unreachable: %v", err)
	if a.esp {
		clear(a.sas)
	}
	for _, p := range a.peers {
		p.inFlightUntil, p.loaded = time.Time{}, false
		a.reassess(now, p)
	}
}

// childUp installs sa in the place of the one with the UniqueID old. The peer is looked at only then, so that a rekey
// does not take it down and up; old may have been another peer's, when charon counts anew.
func (a *Associations) childUp(now time.Time, sa security.ChildSA, old string) {
	replaced := []security.ChildSA{a.sas[old], a.sas[sa.UniqueID]}
	delete(a.sas, old)
	a.sas[sa.UniqueID] = sa
	p := a.byAddress[sa.Remote]
	if p != nil && p.matches(sa) {
		p.inFlightUntil, p.lastError = time.Time{}, ""
	}
	a.reassess(now, p)
	for _, r := range replaced {
		if r.Remote != sa.Remote {
			a.reassess(now, a.byAddress[r.Remote])
		}
	}
}

func (a *Associations) remove(now time.Time, unique string) {
	if sa, known := a.sas[unique]; known {
		delete(a.sas, unique)
		a.reassess(now, a.byAddress[sa.Remote])
	}
}

func (a *Associations) ikeDown(now time.Time, id string) {
	var gone []string
	for unique, sa := range a.sas {
		if sa.IKEUniqueID == id {
			gone = append(gone, unique)
		}
	}
	slices.Sort(gone)
	for _, unique := range gone {
		a.remove(now, unique)
	}
}

func (a *Associations) require(address netip.Addr) {
	p := a.byAddress[address]
	switch {
	case p == nil:
	case p.up:
		a.tellUp(p)
	default:
		p.required = true
		p.hurry(&a.cfg)
	}
}

// reassess finds whether the peer's SA stands, and reports a change.
func (a *Associations) reassess(now time.Time, p *peer) {
	if p == nil {
		return
	}
	best, found := a.newest(p)
	own, others := a.coverage(p)
	p.contested = found && others&p.Traffic != 0
	found = found && !p.contested
	covers := own &^ others
	switch {
	case found && (!p.up || p.sa.RemoteIdentity != best.RemoteIdentity || p.covers != covers):
		a.becomeUp(now, p, best, covers)
	case found:
		p.sa = best
	case p.up:
		a.becomeDown(now, p)
	}
}

// coverage is what the SAs between the two addresses cover, the peer's own and those of other identities; of the latter it says so.
func (a *Associations) coverage(p *peer) (own, others security.Traffic) {
	for _, sa := range a.sas {
		switch {
		case !p.reaches(sa):
		case p.proved(sa):
			own |= sa.Covers
		case sa.Covers != 0:
			others |= sa.Covers
			p.lastError = fmt.Sprintf("the SA to %s is authenticated as %q, expected is %q: correct the identity here or the connection's remote id",
				p.Address, sa.RemoteIdentity, p.Identity)
		}
	}
	return own, others
}

// newest of the installed SAs that match the peer: several stand during a rekey or after both ends initiated.
func (a *Associations) newest(p *peer) (best security.ChildSA, found bool) {
	for _, sa := range a.sas {
		if !p.matches(sa) {
			continue
		}
		if !found || sa.Installed.After(best.Installed) || sa.Installed.Equal(best.Installed) && sa.UniqueID > best.UniqueID {
			best, found = sa, true
		}
	}
	return best, found
}

func (a *Associations) becomeUp(now time.Time, p *peer, sa security.ChildSA, covers security.Traffic) {
	if !p.up {
		p.since = now
	}
	p.up, p.sa, p.covers = true, sa, covers
	p.required, p.recover, p.inFlightUntil, p.lastError = false, 0, time.Time{}, ""
	a.tellUp(p)
}

func (a *Associations) tellUp(p *peer) {
	a.actions = append(a.actions, Changed{Peer: p.Address, Up: true, Identity: p.identity(), Covers: p.covers})
}

// becomeDown forgets the back-off only when the SA stood for long enough, so that two ends that keep replacing each
// other's SA come to rest.
func (a *Associations) becomeDown(now time.Time, p *peer) {
	if now.Sub(p.since) >= a.cfg.RetryMax {
		p.hurry(&a.cfg)
	}
	p.up, p.sa, p.covers, p.since = false, security.ChildSA{}, 0, now
	a.actions = append(a.actions, Changed{Peer: p.Address})
}

// initiated: the CHILD_SA is told on another way; give it a moment before the attempt counts as failed.
func (a *Associations) initiated(now time.Time, address netip.Addr) {
	if p := a.byAddress[address]; p != nil && !p.up && !p.inFlightUntil.IsZero() {
		p.inFlightUntil = now.Add(min(a.cfg.AttemptTimeout, time.Second))
	}
}

func (a *Associations) failed(now time.Time, address netip.Addr, err error) {
	p := a.byAddress[address]
	if p == nil || p.inFlightUntil.IsZero() {
		return
	}
	p.inFlightUntil = time.Time{}
	p.lastError = err.Error()
	if p.nextAttempt.Before(now) {
		p.nextAttempt = now.Add(p.backoff / 2) // the attempt itself took long; still rest between two
	}
}
