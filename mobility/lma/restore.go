package lma

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// Restore fills an LMA without bindings from a Snapshot. Entries whose time has passed, those whose LMA address or prefix
// is no longer this anchor's by configuration, and those beyond MaximumBindings are left out; compare Len with the number
// given. Of the others, those that are incomplete or claim a prefix of another one are an error that names each of them,
// and then nothing is restored. Forwarding is complete afterwards; apply it.
func (l *LMA) Restore(now time.Time, entries []mobility.BindingCacheEntry) error {
	if l.bindings > 0 {
		return fmt.Errorf("lma: restore into a binding cache with %d entries: want an LMA that New just returned", l.bindings)
	}
	owners := map[netip.Prefix]mobility.MobileNodeID{}
	var standing []mobility.BindingCacheEntry
	var problems []error
	for _, record := range entries {
		if !record.Expires.After(now) {
			continue
		}
		if err := checkRecord(record); err != nil {
			problems = append(problems, err)
			continue
		}
		if !l.stillOurs(record) {
			continue
		}
		if err := claim(owners, record); err != nil {
			problems = append(problems, err)
		}
		standing = append(standing, record)
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	for _, record := range standing[:min(len(standing), l.cfg.MaximumBindings)] {
		l.restore(record)
	}
	l.unapplied = false // the caller applies it
	return nil
}

// checkRecord says what a record lacks.
func checkRecord(record mobility.BindingCacheEntry) error {
	id := record.MobileNodeID
	switch {
	case id.Value == "":
		return fmt.Errorf("lma: stored binding without a mobile node identifier: remove it from the store")
	case len(record.HomeNetworkPrefixes) == 0:
		return fmt.Errorf("lma: stored binding of %s has no home network prefix: remove it from the store", id)
	case !routable(record.ProxyCareOfAddress):
		return fmt.Errorf("lma: stored binding of %s has Proxy-CoA %s: want a routable IPv6 address", id, record.ProxyCareOfAddress)
	case record.State != registered.String() && record.State != deregistered.String():
		return fmt.Errorf("lma: stored binding of %s has state %q: want %q or %q", id, record.State, registered, deregistered)
	}
	return nil
}

// claim notes the mobile node of the record as the owner of its prefixes.
func claim(owners map[netip.Prefix]mobility.MobileNodeID, record mobility.BindingCacheEntry) error {
	id := record.MobileNodeID
	for _, prefix := range record.HomeNetworkPrefixes {
		if owner, taken := owners[prefix]; taken {
			return fmt.Errorf("lma: stored prefix %s has two owners, %s and %s: remove one of them from the store", prefix, owner, id)
		}
		owners[prefix] = id
	}
	return nil
}

// stillOurs says whether the configuration still gives this anchor the address and the prefixes of the record.
func (l *LMA) stillOurs(record mobility.BindingCacheEntry) bool {
	profile, known := l.cfg.Profile(record.MobileNodeID)
	if !known || !l.addresses[record.LMAAddress] {
		return false
	}
	r := request{profile: profile}
	for _, prefix := range record.HomeNetworkPrefixes {
		if !l.available(prefix, nil) || !l.mayHave(&r, prefix) {
			return false
		}
	}
	return true
}

func (l *LMA) restore(record mobility.BindingCacheEntry) {
	record.HomeNetworkPrefixes = slices.Clone(record.HomeNetworkPrefixes)
	e := l.insert(record.MobileNodeID, record.HomeNetworkPrefixes)
	e.BindingCacheEntry = record
	e.MobileNodeID = e.node.id
	e.node.timestamp = max(e.node.timestamp, mh.Timestamp(record.Timestamp))
	l.becomeRestored(e)
}

// becomeRestored makes the entry what its record says.
func (l *LMA) becomeRestored(e *entry) {
	e.state = registered
	if e.State == deregistered.String() {
		e.state = deregistered
	}
	l.timers.set(&e.timer, e.Expires)
	l.forward(e)
}
