// Package nl80211 is the link SAP of a gateway that is itself the access point: the kernel's 802.11 stack says which stations it has
// (nl80211, NL80211_CMD_NEW_STATION and DEL_STATION, and a dump of them). It needs nothing of hostapd, and knows no identities: a
// station is known by its address. Where 802.1X says who a station is, or hostapd puts stations into VLANs, package hostapd is the one
// to take.
//
// The kernel tells of a station when the access point adds it, which is before it may send data, and says nothing when it may. So one
// that was added is looked at until it is authorized.
package nl80211

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
const Name = "nl80211"

const (
	// repairInterval lies between a lost or failed thing and the look that mends it.
	repairInterval = 100 * time.Millisecond
	// strangersInterval lies between looks for what is told of other interfaces: most are none of ours, and stay so.
	strangersInterval = time.Second
)

// Config is what the adapter is told.
type Config struct {
	Radios         []Radio
	ResyncInterval time.Duration // how often the stations are compared, for changes that were lost unseen; 0: 30 s
	Log            *slog.Logger  // nil: slog.Default

	open func() (kernel, error) // nil: the real one
}

// Radio is one BSS of this host.
type Radio struct {
	Radio             string          // its interface, such as wlan0
	Interface         string          // access interface, as the MIH users know it; "": the radio's
	PointOfAttachment mih.LinkAddress // zero: the radio's link-layer address, which is the BSSID
	MaximumStations   int             // 0: 4096
}

// Adapter implements apadapters.Adapter.
type Adapter struct {
	cfg      Config
	radios   []*radio
	log      *rate.Limiter
	counters apadapters.Counters

	mu sync.Mutex // of the peer in each of radios
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
	if len(cfg.Radios) == 0 {
		problems = append(problems, errors.New("nl80211: no radios: name at least one"))
	}
	seen := map[string]bool{}
	for i, r := range cfg.Radios {
		switch {
		case r.Radio == "":
			problems = append(problems, fmt.Errorf("nl80211: radio %d has no interface", i))
		case seen[r.Radio]:
			problems = append(problems, fmt.Errorf("nl80211: radio %s is listed twice", r.Radio))
		}
		seen[r.Radio] = true
		a.radios = append(a.radios, newRadio(a, r))
	}
	return a, errors.Join(problems...)
}

// Name is "nl80211".
func (a *Adapter) Name() string { return Name }

// Run follows the radios until ctx ends. What the kernel could not tell is found by a look at all stations.
func (a *Adapter) Run(ctx context.Context, emit func(mih.Indication) bool) error {
	for said := ""; ctx.Err() == nil; {
		err := a.follow(ctx, emit)
		if ctx.Err() != nil {
			return nil
		}
		a.counters.Count("lost")
		if err.Error() != said || a.log.Allow() {
			a.cfg.Log.Warn("the kernel's announcements of stations are not heard; trying again", "error", err)
			said = err.Error()
		}
		for _, r := range a.radios {
			r.setPeer(false, err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(repairInterval):
		}
	}
	return nil
}

// follow applies announcements until some were lost.
func (a *Adapter) follow(ctx context.Context, emit func(mih.Indication) bool) error {
	k, err := a.cfg.open()
	if err != nil {
		return err
	}
	heard, stop := make(chan station, 256), make(chan struct{})
	var lost error
	go func() {
		defer close(heard)
		lost = k.hear(func(s station) {
			select {
			case heard <- s:
			case <-stop:
			}
		})
	}()
	defer func() {
		close(stop)
		k.close()
		for range heard { // until it is closed
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var looked time.Time
	for due := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case s, ok := <-heard:
			if !ok {
				return lost
			}
			now := time.Now()
			if !a.apply(now, k, s, emit) { // hostapd makes a radio anew, under another index
				due = earlier(due, later(now.Add(repairInterval), looked.Add(strangersInterval)))
			}
		case <-timer.C:
			now := time.Now()
			if !now.Before(due) {
				looked, due = now, now.Add(a.look(now, k, emit))
			}
			for _, r := range a.radios {
				r.await(now, k, emit)
			}
		}
		timer.Reset(a.wait(time.Now(), due, emit))
	}
}

// apply takes an announcement. False: it is of an interface that is none of the radios as they were looked at last.
func (a *Adapter) apply(now time.Time, k kernel, s station, emit func(mih.Indication) bool) bool {
	for _, r := range a.radios {
		if r.index == s.index && r.index != 0 {
			r.apply(now, k, s, emit)
			return true
		}
	}
	a.counters.Count("ignored")
	return s.index == 0 // which could not be read
}

// look compares all radios with what was told of them. It returns how long the next look may wait.
func (a *Adapter) look(now time.Time, k kernel, emit func(mih.Indication) bool) time.Duration {
	next := a.cfg.ResyncInterval
	for _, r := range a.radios {
		if err := r.look(now, k, emit); err != nil {
			next = min(next, 10*repairInterval)
		}
	}
	a.counters.Count("resyncs")
	return next
}

// wait tells what is owed, and is the time until there is something to do.
func (a *Adapter) wait(now, due time.Time, emit func(mih.Indication) bool) time.Duration {
	for _, r := range a.radios {
		r.roster.Settle(emit)
		if soon := now.Add(repairInterval); r.roster.Owes() && soon.Before(due) {
			due = soon
		}
		if next, ok := r.next(); ok && next.Before(due) {
			due = next
		}
	}
	return max(0, due.Sub(now))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Status tells the state of every radio, and the counters.
func (a *Adapter) Status() apadapters.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := apadapters.Status{Name: Name, Counters: a.counters.Snapshot()}
	for _, r := range a.radios {
		peer := r.peer
		peer.Stations = r.roster.Len()
		s.Peers = append(s.Peers, peer)
	}
	return s
}
