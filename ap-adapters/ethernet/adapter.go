// Package ethernet is the link SAP of bridges whose ports are wired: a station is attached while the bridge's forwarding database has
// learned it at a port that has a carrier. A port that loses its carrier takes all of its stations along; one that falls silent is
// forgotten with its entry (the bridge's ageing time).
//
// A station is known by its link-layer address, which anybody on the link can invent: how many are reported, and how fast, is bounded.
package ethernet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

// Name is the adapter's name in indications, configuration and metrics.
const Name = "ethernet"

const (
	repairInterval  = 100 * time.Millisecond // between a lost or failed thing and the look that mends it
	limitedInterval = time.Second            // until those are looked at again that came too many at a time
)

// Config is what the adapter is told.
type Config struct {
	Bridges        []Bridge
	ResyncInterval time.Duration // how often the database is compared, for changes that were lost unseen; 0: 30 s
	Log            *slog.Logger  // nil: slog.Default

	open func() (kernel, error) // nil: the real one
}

// Bridge is one bridge, or one VLAN of it.
type Bridge struct {
	Bridge            string
	Interface         string          // access interface, as the MIH users know it; "": the bridge
	Ports             []string        // those whose stations count; none: all
	VLAN              int             // stations in this VLAN alone; 0: in any
	PointOfAttachment mih.LinkAddress // zero: not said
	LinkType          mih.LinkType    // 0: Ethernet
	MaximumStations   int             // 0: 4096
	StationsPerSecond int             // new ones; 0: 200
}

// Adapter implements apadapters.Adapter.
type Adapter struct {
	cfg      Config
	bridges  []*bridge
	log      *rate.Limiter
	counters apadapters.Counters

	mu sync.Mutex // of the peer in each of bridges
}

var _ apadapters.Adapter = (*Adapter)(nil)

// New checks the configuration. The error names every problem.
func New(cfg Config) (*Adapter, error) {
	cfg.ResyncInterval = cmp.Or(cfg.ResyncInterval, 30*time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	if cfg.open == nil {
		cfg.open = openKernel
	}
	a := &Adapter{cfg: cfg, log: rate.NewLimiter(rate.Every(10*time.Second), 5)}
	var problems []error
	if len(cfg.Bridges) == 0 {
		problems = append(problems, errors.New("ethernet: no bridges: name at least one"))
	}
	type part struct {
		bridge string
		vlan   int
	}
	seen := map[part]bool{}
	for i, b := range cfg.Bridges {
		if b.Bridge == "" {
			problems = append(problems, fmt.Errorf("ethernet: bridge %d has no name", i))
		}
		if p := (part{b.Bridge, b.VLAN}); seen[p] {
			problems = append(problems, fmt.Errorf("ethernet: bridge %s, VLAN %d is listed twice", b.Bridge, b.VLAN))
		} else {
			seen[p] = true
		}
		a.bridges = append(a.bridges, newBridge(a, b))
	}
	return a, errors.Join(problems...)
}

// Name is "ethernet".
func (a *Adapter) Name() string { return Name }

// Run follows the bridges until ctx ends. What the kernel could not tell is found by a look at the whole database.
func (a *Adapter) Run(ctx context.Context, emit func(mih.Indication) bool) error {
	for ctx.Err() == nil {
		err := a.follow(ctx, emit)
		if ctx.Err() != nil {
			return nil
		}
		a.counters.Count("overruns")
		if a.log.Allow() {
			a.cfg.Log.Warn("changes of bridges were lost; looking at all of them", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(repairInterval):
		}
	}
	return nil
}

// follow applies changes until some were lost.
func (a *Adapter) follow(ctx context.Context, emit func(mih.Indication) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k, err := a.cfg.open()
	if err != nil {
		return err
	}
	defer k.close()
	changes, err := k.follow(ctx)
	if err != nil {
		return err
	}
	defer func() {
		cancel()
		for range changes { // until it is closed
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var due time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case c, ok := <-changes:
			if !ok {
				return errors.New("the kernel's announcements ended: the socket's buffer was full")
			}
			a.apply(time.Now(), c, emit)
		case <-timer.C:
			if now := time.Now(); !now.Before(due) {
				a.look(now, k, emit)
				due = now.Add(a.cfg.ResyncInterval)
			}
		}
		var soonest time.Duration
		due, soonest = a.settle(time.Now(), due, emit)
		timer.Reset(soonest)
	}
}

// apply gives a change to the bridges.
func (a *Adapter) apply(now time.Time, c change, emit func(mih.Indication) bool) {
	known := false
	for _, b := range a.bridges {
		known = b.apply(now, c, emit) || known
	}
	if !known {
		a.counters.Count("ignored")
	}
}

// look compares all bridges with what was told of them.
func (a *Adapter) look(now time.Time, k kernel, emit func(mih.Indication) bool) {
	for _, b := range a.bridges {
		b.look(now, k, emit)
	}
	a.counters.Count("resyncs")
}

// settle tells what is owed. It returns when the next look is due, and how long there is nothing to do.
func (a *Adapter) settle(now, due time.Time, emit func(mih.Indication) bool) (time.Time, time.Duration) {
	next := due
	for _, b := range a.bridges {
		b.roster.Settle(emit)
		if again := b.again(); again > 0 && now.Add(again).Before(due) {
			due = now.Add(again)
		}
		if b.roster.Owes() {
			next = now.Add(repairInterval)
		}
		b.publish()
	}
	if due.Before(next) {
		next = due
	}
	return due, max(0, next.Sub(now))
}

// Status tells the state of every bridge, and the counters.
func (a *Adapter) Status() apadapters.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := apadapters.Status{Name: Name, Counters: a.counters.Snapshot()}
	for _, b := range a.bridges {
		peer := b.peer
		peer.Stations = b.roster.Len()
		s.Peers = append(s.Peers, peer)
	}
	return s
}
