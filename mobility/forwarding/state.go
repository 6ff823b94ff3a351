// Package forwarding is the data plane as plain state: what the kernel should hold for a MAG or an LMA, what was last
// applied, and the reconciler between the two. It is pure; package kernel holds the backends.
package forwarding

import (
	"net/netip"

	"netlmm/mobility"
)

// Role says on which end of the tunnel an entry stands.
type Role uint8

// Roles of an entry.
const (
	Anchor  Role = iota + 1 // LMA: prefix reached through the tunnel to the MAG
	Gateway                 // MAG: prefix reached on an access link, its packets leave through the tunnel to the LMA
	Discard                 // LMA: prefix assigned but detached: its packets are dropped (RFC 5213 section 5.3.5)
)

// Entry is what the kernel should hold for one home network prefix, or for one IPv4 home address, which is a prefix of 32
// bits (RFC 5844). Local and Peer are both IPv6, or both IPv4 where the transport network is. It is comparable.
type Entry struct {
	Prefix netip.Prefix
	Role   Role
	Local  netip.Addr // our end of the tunnel; zero for Discard
	Peer   netip.Addr // the other end: the MAG's Proxy-CoA or the LMA address; zero for Discard

	// Gateway only: the access link, and the mobile node on it.
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
	// LocalRouting lets packets between this prefix and others of this gateway that have it too pass directly, not through the
	// anchor (EnableMAGLocalRouting, RFC 5213 sections 6.10.3 and 9.2).
	LocalRouting bool
}

// State is the desired state of the kernel: at most one Entry a prefix. It remembers which prefixes changed since the last
// TakeChanged, so that applying one event costs the same however many bindings stand. A core owns it; it has no lock.
type State struct {
	entries map[netip.Prefix]Entry
	changed map[netip.Prefix]struct{}
}

// NewState returns an empty state.
func NewState() *State {
	return &State{entries: map[netip.Prefix]Entry{}, changed: map[netip.Prefix]struct{}{}}
}

// Set makes e the entry of its prefix.
func (s *State) Set(e Entry) {
	if old, ok := s.entries[e.Prefix]; !ok || old != e {
		s.entries[e.Prefix] = e
		s.changed[e.Prefix] = struct{}{}
	}
}

// Delete removes the entry of prefix.
func (s *State) Delete(prefix netip.Prefix) {
	if _, ok := s.entries[prefix]; ok {
		delete(s.entries, prefix)
		s.changed[prefix] = struct{}{}
	}
}

// Get returns the entry of prefix.
func (s *State) Get(prefix netip.Prefix) (Entry, bool) {
	e, ok := s.entries[prefix]
	return e, ok
}

// Len is the number of entries.
func (s *State) Len() int { return len(s.entries) }

// All calls yield for every entry, in no particular order, until it returns false.
func (s *State) All(yield func(Entry) bool) {
	for _, e := range s.entries {
		if !yield(e) {
			return
		}
	}
}

// TakeChanged returns the prefixes that changed since the last call, in no particular order, and forgets them.
func (s *State) TakeChanged() []netip.Prefix {
	changed := make([]netip.Prefix, 0, len(s.changed))
	for p := range s.changed {
		changed = append(changed, p)
	}
	clear(s.changed)
	return changed
}
