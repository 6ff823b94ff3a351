// Package ipsec decides, without any I/O, which security association each peer needs, when charon is asked for it, and
// whether it stands. RFC 5213 section 4: signalling between MAG and LMA MUST be protected; so what is not known to stand
// does not stand.
package ipsec

import (
	"fmt"
	"net/netip"
	"time"

	"netlmm/security"
)

// Config of the associations. Durations that are zero take the defaults named here.
type Config struct {
	Peers []security.Peer // one per peer address

	RetryInitial    time.Duration  // 200ms; least time between two attempts at one peer
	RetryMax        time.Duration  // 2s; the back-off doubles up to this
	AttemptTimeout  time.Duration  // 30s; an attempt that charon never reports on has failed
	SuspectInterval time.Duration  // 5s; least time between two replacements of an SA that stands but is suspect
	RecoverAttempts int            // 5; what a peer with Initiate=false is granted after charon came (back) without its SA
	RecoverDelay    time.Duration  // 500ms; before the first of them, for a peer that initiates itself is to win
	Jitter          func() float64 // in [0, 1); none when nil
}

// Action is what the caller does, in the order given.
type Action interface{ isAction() }

// Load: load the peer's connection into charon; report security.Loaded or security.Failed.
type Load struct{ Peer security.Peer }

// Initiate: bring the child of the connection up; report security.Initiated or security.Failed. The connection of a
// Load before it must have been loaded first. It must not block the owner of the core.
type Initiate struct {
	Peer              netip.Addr
	Connection, Child string
}

// Terminate: close this IKE_SA at once, without waiting for the peer; before the Initiate that follows it.
type Terminate struct {
	Peer        netip.Addr
	IKEUniqueID string
}

// Resync: ask charon for a snapshot now; the peer's connection was missing in the last one.
type Resync struct{}

// Changed: the SA to the peer stands, or no longer, or covers something else. Identity is the authenticated IKE identity, "" when
// not Up, and Covers is what may be believed to come from it: the peer's Traffic at least, and what else the SAs of that identity
// cover and those of no other. An Up is repeated for a security.Required that finds the SA standing: whoever requires it has missed
// the first.
type Changed struct {
	Peer     netip.Addr
	Up       bool
	Identity string
	Covers   security.Traffic
}

// Told: every Changed that the latest snapshot leads to has been given. A peer not Up by now has no SA in charon.
type Told struct{}

func (Load) isAction()      {}
func (Initiate) isAction()  {}
func (Terminate) isAction() {}
func (Resync) isAction()    {}
func (Changed) isAction()   {}
func (Told) isAction()      {}

// Associations is the state of the SAs to all configured peers. It is owned by one goroutine.
type Associations struct {
	cfg         Config
	peers       []*peer // in configured order
	byAddress   map[netip.Addr]*peer
	connected   bool
	charonError string
	esp         bool // charon does ESP itself, says the latest snapshot: without charon no SA stands
	connections []security.Connection
	sas         map[string]security.ChildSA // installed, by UniqueID, for any peer
	actions     []Action
}

// New returns the associations of cfg.Peers, none of which stands. Two peers with one
// address, one of another family than our end, or names missing where netlmm loads the connection, are an error.
func New(cfg Config) (*Associations, error) {
	setDefault(&cfg.RetryInitial, 200*time.Millisecond)
	setDefault(&cfg.RetryMax, 2*time.Second)
	setDefault(&cfg.AttemptTimeout, 30*time.Second)
	setDefault(&cfg.SuspectInterval, 5*time.Second)
	setDefault(&cfg.RecoverDelay, 500*time.Millisecond)
	if cfg.RecoverAttempts == 0 {
		cfg.RecoverAttempts = 5
	}
	if cfg.Jitter == nil {
		cfg.Jitter = func() float64 { return 0 }
	}
	a := &Associations{
		cfg: cfg, byAddress: make(map[netip.Addr]*peer), sas: make(map[string]security.ChildSA),
		charonError: "charon has not been reached yet",
	}
	for _, p := range cfg.Peers {
		if _, twice := a.byAddress[p.Address]; twice {
			return nil, fmt.Errorf("ipsec: peer %s is configured twice; keep one", p.Address)
		}
		if p.Local.Is4() != p.Address.Is4() {
			return nil, fmt.Errorf("ipsec: peer %s cannot be reached from %s: configure this end's address of the same family", p.Address, p.Local)
		}
		if p.ManagedBy == security.ByNetlmm && (p.Connection == "" || p.Child == "") {
			return nil, fmt.Errorf("ipsec: peer %s is managed by netlmm and needs a connection and a child name", p.Address)
		}
		if p.Traffic == 0 {
			p.Traffic = security.MobilityHeaders
		}
		entry := &peer{Peer: p}
		a.byAddress[p.Address] = entry
		a.peers = append(a.peers, entry)
	}
	return a, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// Stands says whether the SA to this peer is installed, authenticated as the peer and covers its Traffic.
func (a *Associations) Stands(address netip.Addr) bool {
	p := a.byAddress[address]
	return p != nil && p.up
}

// Identity is the authenticated IKE identity behind the SA to this peer, "" when none stands. It is spelled as
// configured, where one is.
func (a *Associations) Identity(address netip.Addr) string {
	if p := a.byAddress[address]; p != nil && p.up {
		return p.identity()
	}
	return ""
}

// NextDeadline is when Expire must be called at the latest; false when nothing is due without an event.
func (a *Associations) NextDeadline() (time.Time, bool) {
	var next time.Time
	found := false
	for _, p := range a.peers {
		if at, due := p.deadline(a.connected); due && (!found || at.Before(next)) {
			next, found = at, true
		}
	}
	return next, found
}

// Status of every peer, in configured order.
func (a *Associations) Status() []security.PeerStatus {
	all := make([]security.PeerStatus, 0, len(a.peers))
	for _, p := range a.peers {
		all = append(all, a.status(p))
	}
	return all
}

func (a *Associations) status(p *peer) security.PeerStatus {
	s := security.PeerStatus{
		Address: p.Address, Identity: p.Identity, State: "down", Since: p.since,
		Rekeys: p.rekeys, Attempts: p.attempts, LastError: p.lastError,
	}
	switch {
	case p.up:
		s.State, s.Identity, s.Covers, s.Mode, s.Algorithm = "up", p.identity(), p.covers.String(), p.sa.Mode, p.sa.Algorithm
	case !a.connected:
		s.State = "charon unreachable"
	case !p.inFlightUntil.IsZero():
		s.State = "connecting"
	default:
		if _, due := p.due(); due {
			s.State = "waiting"
		}
	}
	if !a.connected {
		s.LastError = a.charonError
	}
	return s
}
