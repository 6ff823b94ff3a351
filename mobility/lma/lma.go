// Package lma is the Local Mobility Anchor of RFC 5213 section 5 as a plain machine: events and a clock reading in,
// actions out. It owns the binding cache, the home network prefix pools and the desired forwarding state, and does no
// I/O, holds no lock and starts no goroutine. The cost of one event does not grow with the number of bindings.
package lma

import (
	"container/heap"
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
	maximumLifetime                   = 0xffff * mh.LifetimeUnit

	maximumPrefixesPerSession = 8  // Home Network Prefix options in one PBU; beyond it status 130
	maximumSessionsPerNode    = 16 // interfaces of one mobile node; beyond it status 130
)

// LMA is a Local Mobility Anchor. One goroutine owns it.
type LMA struct {
	cfg       Config
	addresses map[netip.Addr]bool

	nodes    map[mobility.MobileNodeID]*mobileNode // with a session, or remembered
	departed *list.List                            // of *mobileNode without a session, oldest first
	owners   map[netip.Prefix]*entry               // BCE by home network prefix: never two
	bindings int
	waiting  int
	pool     *prefixPool

	timers     timerHeap
	forwarding *forwarding.State
	unapplied  bool // forwarding changed since the last ApplyForwarding

	update           mh.BindingUpdate // scratch of Handle
	nextBindingError time.Time
	actions          []Action // of the Handle or Expire under way
}

// New returns an LMA without bindings. It fails with every problem of cfg at once, each with its remedy.
func New(cfg Config) (*LMA, error) {
	cfg = withDefaults(cfg)
	pool, err := newPrefixPool(cfg.Pools, cfg.PrefixLength)
	if err := errors.Join(validate(cfg), err); err != nil {
		return nil, err
	}
	l := &LMA{
		cfg:        cfg,
		addresses:  make(map[netip.Addr]bool, len(cfg.LMAAddresses)),
		nodes:      map[mobility.MobileNodeID]*mobileNode{},
		departed:   list.New(),
		owners:     map[netip.Prefix]*entry{},
		pool:       pool,
		forwarding: forwarding.NewState(),
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
		problem("no LMA address: name at least one IPv6 address of this anchor")
	}
	for _, a := range cfg.LMAAddresses {
		if !routable(a) {
			problem("LMA address %s: want a routable unicast IPv6 address", a)
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
	if cfg.Authorized == nil || cfg.Profile == nil || cfg.Random == nil {
		problem("Authorized, Profile and Random are all needed")
	}
	return errors.Join(problems...)
}

// Handle takes one event at the instant now and returns what to do about it, in order.
func (l *LMA) Handle(now time.Time, ev Event) []Action {
	switch ev := ev.(type) {
	case MessageReceived:
		l.receive(now, ev)
	case Delete:
		l.delete(ev.MobileNodeID)
	}
	return l.takeActions()
}

// Expire ends everything whose deadline is not after now: lifetimes, delays before a BCE is deleted, and waits for a
// de-registration. Call it when NextDeadline has come.
func (l *LMA) Expire(now time.Time) []Action {
	for len(l.timers) > 0 && !l.timers[0].at.After(now) {
		t := heap.Pop(&l.timers).(*timer)
		if t.entry != nil {
			l.remove(now, t.entry)
		} else {
			l.waitingOver(now, t.node)
		}
	}
	l.emitForwarding()
	return l.takeActions()
}

// NextDeadline is the instant of the earliest deadline; false: there is none.
func (l *LMA) NextDeadline() (time.Time, bool) {
	if len(l.timers) == 0 {
		return time.Time{}, false
	}
	return l.timers[0].at, true
}

// Forwarding is what the kernel should hold: one entry for each home network prefix of each binding. It is the LMA's own;
// read it between events.
func (l *LMA) Forwarding() *forwarding.State { return l.forwarding }

// Len is the number of binding cache entries, those waiting for their deletion included.
func (l *LMA) Len() int { return l.bindings }

// Counters are the sizes of what an LMA holds.
type Counters struct {
	Bindings     int    `json:"bindings"`      // binding cache entries
	Waiting      int    `json:"waiting"`       // registrations that wait for a de-registration
	Departed     int    `json:"departed"`      // mobile nodes without a binding whose prefixes are remembered
	PrefixesFree uint64 `json:"prefixes_free"` // in the pools
}

// Counters returns the sizes as they are now.
func (l *LMA) Counters() Counters {
	return Counters{Bindings: l.bindings, Waiting: l.waiting, Departed: l.departed.Len(), PrefixesFree: l.pool.indexes.free}
}

// Snapshot returns every binding cache entry, ordered by mobile node and prefix. The prefix slices are shared with the
// cache: read only.
func (l *LMA) Snapshot() []mobility.BindingCacheEntry {
	records := make([]mobility.BindingCacheEntry, 0, l.bindings)
	for _, node := range l.nodes {
		for _, e := range node.sessions {
			records = append(records, e.record())
		}
	}
	slices.SortFunc(records, compareRecords)
	return records
}

func (l *LMA) emit(a Action) { l.actions = append(l.actions, a) }

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

// routable says whether a may be one end of a tunnel: a unicast IPv6 address of more than link scope.
func routable(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && a.Zone() == "" && a.IsGlobalUnicast()
}
