// Package lma is the Local Mobility Anchor of RFC 5213 section 5, with IPv4 (RFC 5844), its offload at the gateways (RFC 6909) and
// binding revocation (RFC 5846), as a plain machine: events and a clock reading in, actions out. It owns the binding cache, the pools
// of home network prefixes and IPv4 home addresses and the desired forwarding state, and does no I/O, holds no lock and starts no
// goroutine. The cost of one event does not grow with the number of bindings, but for the revocation of all of a MAG's, which grows with these.
package lma

import (
	"container/list"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mh"
)

// Defaults of RFC 5213 section 9.1, and of the bounds that are this implementation's own.
const (
	DefaultMinDelayBeforeBCEDelete    = 10 * time.Second
	DefaultMaxDelayBeforeNewBCEAssign = 1500 * time.Millisecond
	DefaultTimestampValidityWindow    = 300 * time.Millisecond
	DefaultPrefixLength               = 64
	DefaultMaximumBindings            = 65536

	DefaultBRIMaxRetriesNumber = 1 // RFC 5846 section 11
	DefaultInitMINDelayBRIs    = time.Second
	DefaultMaxBRAckTimeout     = 2 * time.Second
	leastInitMINDelayBRIs      = 500 * time.Millisecond

	maximumLifetime = 0xffff * mh.LifetimeUnit

	maximumPrefixesPerSession = 8  // Home Network Prefix options in one PBU; beyond it status 130
	maximumSessionsPerNode    = 16 // interfaces of one mobile node; beyond it status 130
)

// LMA is a Local Mobility Anchor. One goroutine owns it.
type LMA struct {
	cfg       Config
	addresses map[netip.Addr]bool

	nodes    map[string]*mobileNode // with a session, or remembered, by mobileNode.key
	departed *list.List             // of *mobileNode without a session, oldest first
	owners   map[[16]byte]*entry    // BCE by home network prefix or IPv4-mapped home address: never two
	paths    map[pathKey]*path      // to the MAGs that have sessions
	bindings int
	waiting  map[*mobileNode]*waiting // registrations that wait for a de-registration
	revoking map[*entry]*revocation   // what is being revoked
	asked    map[*entry]*revocation   // whose MAG is asked for the mobile node, see askFormer
	pool     *prefixPool
	ipv4Pool *ipv4Pool
	offloads offloadPolicies

	base, now   time.Time // the first and the last reading of the clock
	nowAt       instant
	timers      timerHeap
	revocations map[uint16]*revocation // outstanding, by sequence number
	revoked     uint16                 // last sequence number of these
	fanOut      fanOut                 // those whose first indication is still to go out
	indicated   map[netip.Addr]answeredIndication

	forwarding *forwarding.State
	unapplied  bool // forwarding changed since the last ApplyForwarding

	update              mh.BindingUpdate // scratch of Handle, as are the next five
	request             request
	key                 []byte
	indication          mh.BindingRevocationIndication
	assigned, shortened []netip.Prefix
	nextBindingError    time.Time
	nextRefusal         time.Time
	actions             []Action // of the Handle or Expire under way
}

// New returns an LMA without bindings. It fails with every problem of cfg at once, each with its remedy.
func New(cfg Config) (*LMA, error) {
	cfg = withDefaults(cfg)
	pool, err := newPrefixPool(cfg.Pools, cfg.PrefixLength, cfg.MaximumBindings)
	ipv4Pool, err4 := newIPv4Pool(cfg.IPv4Pools, cfg.MaximumBindings)
	if err := errors.Join(validate(cfg), err, err4); err != nil {
		return nil, err
	}
	l := &LMA{
		cfg:         cfg,
		addresses:   make(map[netip.Addr]bool, len(cfg.LMAAddresses)),
		nodes:       map[string]*mobileNode{},
		waiting:     map[*mobileNode]*waiting{},
		revoking:    map[*entry]*revocation{},
		asked:       map[*entry]*revocation{},
		departed:    list.New(),
		owners:      map[[16]byte]*entry{},
		paths:       map[pathKey]*path{},
		pool:        pool,
		ipv4Pool:    ipv4Pool,
		offloads:    newOffloadPolicies(),
		revocations: map[uint16]*revocation{},
		forwarding:  forwarding.NewState(),
		indicated:   map[netip.Addr]answeredIndication{},
	}
	for _, a := range cfg.LMAAddresses {
		l.addresses[a] = true
	}
	return l, nil
}

func withDefaults(cfg Config) Config {
	setDefault(&cfg.MinDelayBeforeBCEDelete, DefaultMinDelayBeforeBCEDelete)
	setDefault(&cfg.MaxDelayBeforeNewBCEAssign, DefaultMaxDelayBeforeNewBCEAssign)
	setDefault(&cfg.TimestampValidityWindow, DefaultTimestampValidityWindow)
	setDefault(&cfg.PrefixLength, DefaultPrefixLength)
	setDefault(&cfg.MaximumLifetime, maximumLifetime)
	setDefault(&cfg.MaximumBindings, DefaultMaximumBindings)
	setDefault(&cfg.BRIMaxRetriesNumber, DefaultBRIMaxRetriesNumber)
	setDefault(&cfg.InitMINDelayBRIs, DefaultInitMINDelayBRIs)
	setDefault(&cfg.MaxBRAckTimeout, max(DefaultMaxBRAckTimeout, cfg.InitMINDelayBRIs))
	cfg.MaximumLifetime = min(cfg.MaximumLifetime, maximumLifetime)
	return cfg
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func validate(cfg Config) error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf("lma: "+format, args...)) }
	if len(cfg.LMAAddresses) == 0 {
		problem("no LMA address: name at least one address of this anchor")
	}
	for _, a := range cfg.LMAAddresses {
		if !routable(a) {
			problem("LMA address %s: want a routable unicast address", a)
		}
	}
	if cfg.MinDelayBeforeBCEDelete < 0 || cfg.MaxDelayBeforeNewBCEAssign < 0 || cfg.TimestampValidityWindow < 0 {
		problem("a delay of RFC 5213 section 9.1 is negative: want zero for its default, or more")
	}
	if cfg.MaximumLifetime < mh.LifetimeUnit {
		problem("maximum lifetime %s: want at least %s, the unit of the Lifetime field", cfg.MaximumLifetime, mh.LifetimeUnit)
	}
	if cfg.MaximumBindings < 0 {
		problem("maximum bindings %d: want a positive number", cfg.MaximumBindings)
	}
	if cfg.BRIMaxRetriesNumber < 0 || cfg.InitMINDelayBRIs < leastInitMINDelayBRIs || cfg.MaxBRAckTimeout < cfg.InitMINDelayBRIs {
		problem("binding revocation with %d retries, first after %s and at most %s: want no negative number, at least %s (RFC 5846 section 11), and a maximum not below the first",
			cfg.BRIMaxRetriesNumber, cfg.InitMINDelayBRIs, cfg.MaxBRAckTimeout, leastInitMINDelayBRIs)
	}
	if cfg.Authorized == nil || cfg.Profile == nil || cfg.Random == nil {
		problem("Authorized, Profile and Random are all needed")
	}
	return errors.Join(problems...)
}

// Handle takes one event at the instant now and returns what to do about it, in order.
func (l *LMA) Handle(now time.Time, ev Event) []Action {
	l.read(now)
	switch ev := ev.(type) {
	case MessageReceived:
		l.receive(now, ev)
	case Delete:
		l.delete(ev.MobileNodeID)
	case Revoke:
		l.revoke(now, ev)
	}
	return l.takeActions()
}

// Expire ends everything whose deadline is not after now: lifetimes, delays before a BCE is deleted, waits for a
// de-registration, and revocations without an answer. Call it when NextDeadline has come.
func (l *LMA) Expire(now time.Time) []Action {
	l.read(now)
	for len(l.timers) > 0 && l.timers[0].at <= l.nowAt {
		first := l.timers[0].of
		l.timers.stop(first)
		first.due(l, now)
	}
	l.emitForwarding()
	return l.takeActions()
}

// NextDeadline is the instant of the earliest deadline; false: there is none.
func (l *LMA) NextDeadline() (time.Time, bool) {
	if len(l.timers) == 0 {
		return time.Time{}, false
	}
	return l.timeOf(l.timers[0].at), true
}

// Forwarding is what the kernel should hold: one entry for each home network prefix and each IPv4 home address of each
// binding. It is the LMA's own;
// read it between events.
func (l *LMA) Forwarding() *forwarding.State { return l.forwarding }

// Len is the number of binding cache entries, those waiting for their deletion included.
func (l *LMA) Len() int { return l.bindings }

// Counters are the sizes of what an LMA holds.
type Counters struct {
	Bindings          int    `json:"bindings"`            // binding cache entries
	Waiting           int    `json:"waiting"`             // registrations that wait for a de-registration
	Departed          int    `json:"departed"`            // mobile nodes without a binding whose prefixes are remembered
	Revocations       int    `json:"revocations"`         // that no MAG has answered yet
	PrefixesFree      uint64 `json:"prefixes_free"`       // in the pools
	IPv4AddressesFree uint64 `json:"ipv4_addresses_free"` // in the IPv4 pools
}

// Counters returns the sizes as they are now.
func (l *LMA) Counters() Counters {
	return Counters{
		Bindings: l.bindings, Waiting: len(l.waiting), Departed: l.departed.Len(), Revocations: len(l.revocations) + len(l.fanOut.queue),
		PrefixesFree: l.pool.free(), IPv4AddressesFree: l.ipv4Pool.free(),
	}
}

// Snapshot returns every binding cache entry, ordered by mobile node and prefix. The prefix slices are shared with the
// cache: read only.
func (l *LMA) Snapshot() []mobility.BindingCacheEntry {
	records := make([]mobility.BindingCacheEntry, 0, l.bindings)
	for _, node := range l.nodes {
		for _, e := range node.sessions {
			records = append(records, l.record(e))
		}
	}
	slices.SortFunc(records, compareRecords)
	return records
}

func (l *LMA) emit(a Action) {
	if l.actions == nil {
		l.actions = make([]Action, 0, 4) // a registration has three
	}
	l.actions = append(l.actions, a)
}

// emitForwarding asks for the forwarding state to be applied if it changed.
func (l *LMA) emitForwarding() {
	if l.unapplied {
		l.emit(ApplyForwarding{})
		l.unapplied = false
	}
}

func (l *LMA) takeActions() []Action {
	actions := l.actions
	l.actions = nil
	return actions
}

// routable says whether a may be one end of a tunnel: a unicast address of more than link scope.
func routable(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && a.Zone() == "" && a.IsGlobalUnicast()
}
