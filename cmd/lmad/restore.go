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
	if err := a.core.Restore(time.Now(), entries); err != nil {
		return fmt.Errorf("bindings in %s: %w", a.cfg.StorePath, err)
	}
	alive := map[netip.Prefix]bool{}
	for _, entry := range a.core.Snapshot() {
		alive[session(entry)] = true
	}
	for _, entry := range entries {
		if !alive[session(entry)] {
			a.store.Delete(entry) // its lifetime is over, or the configuration no longer has its prefix
			a.lost = a.lost || entry.State == "registered"
		}
	}
	a.log.Info("bindings restored", "stored", len(entries), "alive", a.core.Counters().Bindings)
	return nil
}

// session names a mobility session by what it alone has: its first home network prefix, or its IPv4 home address.
func session(entry mobility.BindingCacheEntry) netip.Prefix {
	if len(entry.HomeNetworkPrefixes) > 0 {
		return entry.HomeNetworkPrefixes[0]
	}
	return netip.PrefixFrom(entry.IPv4HomeAddress.Addr(), 32)
}
