// Package policy holds the policy profiles of mobile nodes (RFC 5213 section 6.2) and the words in which they are asked for: a table
// from configuration with the rule for those that are not in it, and what a RADIUS server grants (RFC 6572). Who decides by them is
// package decision.
package policy

import "netlmm/mobility"

// Table is an immutable set of profiles; a reload makes a new one.
type Table struct {
	profiles map[mobility.MobileNodeID]mobility.Profile
	fallback *mobility.Profile
}

// NewTable makes a table. fallback serves mobile nodes without a profile of their own; nil: these are not known here.
func NewTable(profiles []mobility.Profile, fallback *mobility.Profile) *Table {
	t := &Table{profiles: make(map[mobility.MobileNodeID]mobility.Profile, len(profiles)), fallback: fallback}
	for _, p := range profiles {
		t.profiles[p.MobileNodeID] = p
		for _, temporary := range p.AlsoKnownAs {
			t.profiles[temporary] = p
		}
	}
	return t
}

// Own returns the profile that a mobile node has of its own, and false when it has none. The identifier in the profile is the
// stable one, which is to be used whatever the mobile node was looked up by (RFC 5213 section 6.6).
func (t *Table) Own(id mobility.MobileNodeID) (mobility.Profile, bool) {
	p, ok := t.profiles[id]
	return p, ok
}

// Fallback returns the profile of those that have none of their own, and false when these are not known here.
func (t *Table) Fallback(id mobility.MobileNodeID) (mobility.Profile, bool) {
	if t.fallback == nil {
		return mobility.Profile{}, false
	}
	p := *t.fallback
	p.MobileNodeID = id
	return p, true
}

// Lookup returns the profile of a mobile node, its own or else that of all others, and false when it is not known.
func (t *Table) Lookup(id mobility.MobileNodeID) (mobility.Profile, bool) {
	if p, ok := t.Own(id); ok {
		return p, true
	}
	return t.Fallback(id)
}

// Len is how many identifiers have a profile.
func (t *Table) Len() int { return len(t.profiles) }
