package mihf

import (
	"cmp"
	"slices"

	"netlmm/mih"
)

// rememberedGone bounds how many forgotten rows of the table of links are known by their names.
const rememberedGone = 1024

// changes number what becomes of the table of links, so that who watches it is told no more than what is new.
type changes struct {
	revision uint64
	gone     []goneLink // the latest last
	before   uint64     // the revision up to which gone does not reach back
}

type goneLink struct {
	id       mih.LinkID
	revision uint64
}

// LinkChanges is what became of the table of links after a revision.
type LinkChanges struct {
	Revision uint64
	Whole    bool         // Links is all of the table: what was forgotten since is not known by its name any more
	Links    []Link       // that are new or changed, ordered by station
	Gone     []mih.LinkID // that were forgotten; one that came anew after that is among Links
}

// changed notes that a row is another one than it was.
func (m *MIHF) changed(l *link) {
	m.changes.revision++
	l.revision = m.changes.revision
}

// forgotten notes that there is no such row any more.
func (c *changes) forgotten(id mih.LinkID) {
	c.revision++
	c.gone = append(c.gone, goneLink{id, c.revision})
	if len(c.gone) >= 2*rememberedGone {
		c.gone = slices.Clone(c.gone[rememberedGone:])
		c.before = c.gone[0].revision - 1
	}
}

// LinkRevision counts changes of the table of links.
func (m *MIHF) LinkRevision() uint64 { return m.changes.revision }

// LinkChanges tells what became of the table of links after a revision that this MIH Function told; 0: all of it.
func (m *MIHF) LinkChanges(after uint64) LinkChanges {
	c := LinkChanges{Revision: m.changes.revision, Whole: after == 0 || after < m.changes.before || after > m.changes.revision}
	for _, l := range m.links {
		if c.Whole || l.revision > after {
			c.Links = append(c.Links, l.Link)
		}
	}
	slices.SortFunc(c.Links, func(a, b Link) int { return cmp.Or(a.Station.Compare(b.Station), cmp.Compare(a.Type, b.Type)) })
	if !c.Whole {
		for _, g := range m.changes.gone {
			if g.revision > after {
				c.Gone = append(c.Gone, g.id)
			}
		}
	}
	return c
}
