package ipsec

import (
	"strings"
	"time"

	"netlmm/security"
)

// peer is what is known and wanted of one peer's SA.
type peer struct {
	security.Peer
	up    bool
	sa    security.ChildSA // the one that makes it up
	since time.Time        // of the last change of up

	required bool // a message waits for the SA
	recover  int  // attempts left to bring back an SA that charon's restart lost; the peer cannot know that it is gone
	loaded   bool // charon has the connection (ByNetlmm)

	backoff       time.Duration
	lastAttempt   time.Time
	nextAttempt   time.Time // not before this
	inFlightUntil time.Time // charon works on it; zero when not
	suspectAfter  time.Time // a further Suspect counts from then on

	rekeys, attempts uint64
	lastError        string
}

// wantsSA: this end is to bring the SA up.
func (p *peer) wantsSA() bool {
	return !p.up && (p.Initiate || p.required || p.recover > 0)
}

// wantsLoad: a responder too needs its connection in charon.
func (p *peer) wantsLoad() bool { return p.ManagedBy == security.ByNetlmm && !p.loaded }

func (p *peer) idle() bool { return !p.wantsSA() && !p.wantsLoad() }

// deadline is when the peer needs attention, zero for never.
func (p *peer) deadline(connected bool) time.Time {
	switch {
	case !connected:
		return time.Time{} // the next snapshot wakes it
	case !p.inFlightUntil.IsZero():
		return p.inFlightUntil
	case p.idle():
		return time.Time{}
	default:
		return p.nextAttempt
	}
}

// matches: the SA is between exactly these two addresses, covers Mobility Headers and is authenticated as the peer.
func (p *peer) matches(sa security.ChildSA) bool {
	return p.addressesMatch(sa) && (p.Identity == "" || sameIdentity(p.Identity, sa.RemoteIdentity))
}

func (p *peer) addressesMatch(sa security.ChildSA) bool {
	return sa.MobilityHeaders && sa.Local == p.Local && sa.Remote == p.Address
}

// identity that was authenticated. It equals the configured one, if there is one, which may be spelled differently.
func (p *peer) identity() string {
	if p.Identity != "" {
		return p.Identity
	}
	return p.sa.RemoteIdentity
}

// sameIdentity compares IKE identities as charon prints them; distinguished names may be written with or without
// spaces after their commas.
func sameIdentity(a, b string) bool {
	return a == b || strings.ContainsRune(a, '=') && strings.ReplaceAll(a, ", ", ",") == strings.ReplaceAll(b, ", ", ",")
}

// delay lets the next attempt wait for the back-off plus up to a quarter of jitter, and doubles the back-off.
func (p *peer) delay(cfg *Config) {
	p.backoff = min(max(2*p.backoff, cfg.RetryInitial), cfg.RetryMax)
	p.nextAttempt = p.lastAttempt.Add(p.backoff + time.Duration(cfg.Jitter()*float64(p.backoff)/4))
}

// hurry forgets the back-off, but keeps the least distance to the attempt before.
func (p *peer) hurry(cfg *Config) {
	p.backoff = 0
	if soonest := p.lastAttempt.Add(cfg.RetryInitial); soonest.Before(p.nextAttempt) {
		p.nextAttempt = soonest
	}
}
