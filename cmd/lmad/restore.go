package main

import (
	"fmt"
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/store"
)

// restore gives the core the bindings of the run before.
func (a *anchor) restore() error {
	if a.cfg.StorePath == "" {
		a.log.Warn("store.path is empty: a restart forgets all bindings")
		return nil
	}
	var entries []mobility.BindingCacheEntry
	var err error
	if a.store, entries, err = store.Open(a.cfg.StorePath); err != nil {
		return err
	}
	if warning := a.store.Status().Warning; warning != "" {
		a.log.Warn("store", "warning", warning)
	}
	now := time.Now()
	if err := a.core.Restore(now, entries); err != nil {
		return fmt.Errorf("bindings in %s: %w", a.cfg.StorePath, err)
	}
	alive := map[netip.Prefix]bool{}
	for _, entry := range a.core.Snapshot() {
		alive[session(entry)] = true
	}
	for _, entry := range entries {
		if !alive[session(entry)] {
			a.dead = append(a.dead, entry) // its lifetime is over, or the configuration no longer has its prefix
			a.lost = a.lost || entry.State == "registered" && !ranOut(entry, now)
		}
	}
	a.log.Info("bindings restored", "stored", len(entries), "alive", a.core.Counters().Bindings)
	return nil
}

// ranOut says whether the lifetime of a record ended by itself while the anchor was stopped: its gateway knows that, too. A clock
// that was set forward past its end looks the same, and its gateway finds out by its next extension. A record that ends before it
// began was no lifetime by any one clock.
func ranOut(entry mobility.BindingCacheEntry, now time.Time) bool {
	return !entry.Expires.After(now) && entry.LastUpdate.Before(entry.Expires)
}

// session names a mobility session by what it alone has: its first home network prefix, or its IPv4 home address.
func session(entry mobility.BindingCacheEntry) netip.Prefix {
	if len(entry.HomeNetworkPrefixes) > 0 {
		return entry.HomeNetworkPrefixes[0]
	}
	return netip.PrefixFrom(entry.IPv4HomeAddress.Addr(), 32)
}
