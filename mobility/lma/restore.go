package lma

import (
	"errors"
	"fmt"
	"net/netip"
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
	l.read(now)
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
	var revoked []*entry
	for _, record := range standing[:min(len(standing), l.cfg.MaximumBindings)] {
		if e := l.restore(record); record.State == revoking {
			revoked = append(revoked, e)
		}
	}
	l.restoreRevocations(revoked)
	l.unapplied = false // the caller applies it
	return nil
}

// checkRecord says what a record lacks.
func checkRecord(record mobility.BindingCacheEntry) error {
	id := record.MobileNodeID
	switch {
	case id.Value == "":
		return fmt.Errorf("lma: stored binding without a mobile node identifier: remove it from the store")
	case len(record.HomeNetworkPrefixes) == 0 && !record.IPv4HomeAddress.IsValid():
		return fmt.Errorf("lma: stored binding of %s has no home network prefix and no IPv4 home address: remove it from the store", id)
	case record.IPv4HomeAddress.IsValid() && !record.IPv4HomeAddress.Addr().Is4():
		return fmt.Errorf("lma: stored binding of %s has IPv4 home address %s: want an IPv4 address", id, record.IPv4HomeAddress)
	case !routable(record.ProxyCareOfAddress):
		return fmt.Errorf("lma: stored binding of %s has Proxy-CoA %s: want a routable address", id, record.ProxyCareOfAddress)
	case record.State != registered.String() && record.State != deregistered.String() && record.State != revoking:
		return fmt.Errorf("lma: stored binding of %s has state %q: want %q, %q or %q", id, record.State, registered, deregistered, revoking)
	}
	return nil
}

// claim notes the mobile node of the record as the owner of its prefixes and of its IPv4 home address.
func claim(owners map[netip.Prefix]mobility.MobileNodeID, record mobility.BindingCacheEntry) error {
	id := record.MobileNodeID
	own := func(prefix netip.Prefix) error {
		if owner, taken := owners[prefix]; taken {
			return fmt.Errorf("lma: stored prefix %s has two owners, %s and %s: remove one of them from the store", prefix, owner, id)
		}
		owners[prefix] = id
		return nil
	}
	for _, prefix := range record.HomeNetworkPrefixes {
		if err := own(prefix); err != nil {
			return err
		}
	}
	if record.IPv4HomeAddress.IsValid() {
		return own(hostOf(record.IPv4HomeAddress))
	}
	return nil
}

// stillOurs says whether the configuration still gives this anchor the address of the record, and the mobile node what it
// has.
func (l *LMA) stillOurs(record mobility.BindingCacheEntry) bool {
	profile, known := l.cfg.Profile(record.MobileNodeID)
	if !known || !l.addresses[record.LMAAddress] {
		return false
	}
	r := request{profile: profile, id: record.MobileNodeID, proxyCareOfAddress: record.ProxyCareOfAddress}
	l.assigned = l.assigned[:0]
	for _, prefix := range record.HomeNetworkPrefixes {
		if profile.IPv6Prohibited || !l.available(prefix) || !l.mayHave(&r, prefix) {
			return false
		}
	}
	home := record.IPv4HomeAddress
	if !home.IsValid() {
		return true
	}
	now, _, ok := l.ipv4Pool.home(home)
	return ok && now == home && profile.IPv4Mobility && l.authorizedFor(&r, hostOf(home)) &&
		(l.ipv4Pool.inPool(home.Addr()) || home == profile.IPv4HomeAddress)
}

// restoreRevocations goes on with the revocations that had no answer when the anchor stopped: each mobile node's MAG is told
// anew, at the next Expire. Until then they are in progress already, so that no extension takes a binding back.
func (l *LMA) restoreRevocations(sessions []*entry) {
	for _, v := range l.grouped(sessions, nil, mh.TriggerAdministrativeReason) {
		if l.compat(v.peer) != mobility.CompatStrict {
			continue
		}
		l.fanOut.queue = append(l.fanOut.queue, v)
		for i, e := range v.sessions {
			l.revoking[e] = v
			v.before[i].state = registered // until the instant of the record, as far as the MAG knows
		}
	}
	if len(l.fanOut.queue) > 0 {
		l.timers.set(&l.fanOut, l.nowAt)
	}
}

func (l *LMA) restore(record mobility.BindingCacheEntry) *entry {
	e := l.insert(record.MobileNodeID, grant{record.HomeNetworkPrefixes, record.IPv4HomeAddress})
	// Where its PBUs came from is not in the record; with IPsec it is the Proxy-CoA but for an Alternate Care-of Address.
	l.follow(e, pathKey{lmaAddress: record.LMAAddress, peer: record.ProxyCareOfAddress, proxyCareOfAddress: record.ProxyCareOfAddress})
	e.linkLayerID = record.MobileNodeLinkLayerID
	if record.LinkLocalAddress.IsValid() {
		address := record.LinkLocalAddress.As16()
		e.linkLocalAddress = &address
	}
	e.accessTechnologyType, e.handoffIndicator = record.AccessTechnologyType, record.HandoffIndicator
	e.sequence, e.timestamp = record.SequenceNumber, mh.Timestamp(record.Timestamp)
	e.registered, e.lastUpdate = min(l.instantOf(record.Registered), l.nowAt), min(l.instantOf(record.LastUpdate), l.nowAt)
	e.node.timestamp = max(e.node.timestamp, e.timestamp)
	if record.OffloadAnswered && e.home().IsValid() {
		if e.offload, _ = l.offloads.take(record.OffloadPolicy); e.offload != 0 && record.OffloadSuspended {
			e.offload |= suspended
		}
	}
	l.becomeRestored(e, record)
	return e
}

// becomeRestored makes the entry what its record says. By a clock that was set back since, that is in the future: it stands from now on
// for no longer than it was granted.
func (l *LMA) becomeRestored(e *entry, record mobility.BindingCacheEntry) {
	e.state = registered
	if record.State != registered.String() {
		e.state = deregistered
	}
	expires := record.Expires
	if granted := expires.Sub(record.LastUpdate); !record.LastUpdate.IsZero() && expires.Sub(l.now) > granted {
		expires = l.now.Add(granted)
	}
	l.expireAt(e, expires)
	l.forward(e)
}
