package ipsec

import (
	"strings"
	"time"

	"netlmm/security"
)

// peer is what is known and wanted of one peer's SA.
type peer struct {
	security.Peer
	up     bool
	sa     security.ChildSA // the one that makes it up
	covers security.Traffic // what may be believed to come from the peer, when up
	since  time.Time        // of the last change of up

	// contested: the peer's SA is installed, and so is one of the same selectors under another identity. A packet does not
	// say which of them it came through, so the peer does not stand; another attempt would not help.
	contested bool

	required bool // a message waits for the SA
	loaded   bool // charon has the connection (ByNetlmm)

	unresolved bool // the last attempt found no connection in charon

	recover     int       // attempts left to bring back an SA that charon's restart lost; the peer cannot know that it is gone
	recoverFrom time.Time // not before this

	backoff       time.Duration
	lastAttempt   time.Time
	nextAttempt   time.Time // not before this
	inFlightUntil time.Time // charon works on it; zero when not
	suspectAfter  time.Time // a further Suspect counts from then on

	rekeys, attempts uint64
	lastError        string
}

// eager: this end brings the SA up whenever it does not stand.
func (p *peer) eager() bool { return p.Initiate || p.required }

// wantsSA: this end is to bring the SA up now.
func (p *peer) wantsSA(now time.Time) bool {
	return p.lacksSA() && (p.eager() || p.recover > 0 && !now.Before(p.recoverFrom))
}

// lacksSA: none of the peer's is installed.
func (p *peer) lacksSA() bool { return !p.up && !p.contested }

// wantsLoad: a responder too needs its connection in charon.
func (p *peer) wantsLoad() bool { return p.ManagedBy == security.ByNetlmm && !p.loaded }

// due is the time of the next attempt; false when nothing is wanted.
func (p *peer) due() (time.Time, bool) {
	switch {
	case p.wantsLoad(), p.lacksSA() && p.eager():
		return p.nextAttempt, true
	case p.lacksSA() && p.recover > 0 && p.recoverFrom.After(p.nextAttempt):
		return p.recoverFrom, true
	default:
		return p.nextAttempt, p.lacksSA() && p.recover > 0
	}
}

// deadline is when the peer needs attention; false for not without an event. While charon is away, the next snapshot
// wakes it.
func (p *peer) deadline(connected bool) (time.Time, bool) {
	switch {
	case !connected:
		return time.Time{}, false
	case !p.inFlightUntil.IsZero():
		return p.inFlightUntil, true
	default:
		return p.due()
	}
}

// matches: the SA is between exactly these two addresses, covers the peer's traffic and is authenticated as the peer.
func (p *peer) matches(sa security.ChildSA) bool {
	return p.reaches(sa) && p.proved(sa) && sa.Covers.Has(p.Traffic)
}

// reaches: the SA is between exactly these two addresses.
func (p *peer) reaches(sa security.ChildSA) bool {
	return sa.Local == p.Local && sa.Remote == p.Address
}

// proved: the SA is authenticated as the peer.
func (p *peer) proved(sa security.ChildSA) bool {
	return p.Identity == "" || sameIdentity(p.Identity, sa.RemoteIdentity)
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
