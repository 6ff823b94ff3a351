// Package policy holds the policy profiles of mobile nodes (RFC 5213 section 6.2): a table from configuration and the
// rule for those that are not in it.
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

// Lookup returns the profile of a mobile node, and false when it is not known. The identifier in the profile is the stable
// one, which is to be used whatever the mobile node was looked up by (RFC 5213 section 6.6).
func (t *Table) Lookup(id mobility.MobileNodeID) (mobility.Profile, bool) {
	if p, ok := t.profiles[id]; ok {
		return p, true
	}
	if t.fallback == nil {
		return mobility.Profile{}, false
	}
	p := *t.fallback
	p.MobileNodeID = id
	return p, true
}
