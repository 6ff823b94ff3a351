package miis

import (
	"iter"

	"netlmm/mih"
)

// nearby is the radius around coordinates when a query has none, in metres.
const nearby = 1000

// sets are the technologies of NET_TYPE_INC.
var sets = map[mih.LinkType]mih.NetworkTypeSet{
	mih.LinkTypeGSM: mih.NetworksGSM, mih.LinkTypeGPRS: mih.NetworksGPRS, mih.LinkTypeEDGE: mih.NetworksEDGE,
	mih.LinkTypeEthernet: mih.NetworksEthernet, mih.LinkTypeWireless: mih.NetworksWireless, mih.LinkType80211: mih.Networks80211,
	mih.LinkTypeCDMA2000: mih.NetworksCDMA2000, mih.LinkTypeUMTS: mih.NetworksUMTS, mih.LinkTypeHRPD: mih.NetworksHRPD,
	mih.LinkType80216: mih.Networks80216, mih.LinkType80220: mih.Networks80220, mih.LinkType80222: mih.Networks80222,
}

// valid reports whether a query can be answered: a querier says where it is by its link or by its location, not by both.
func valid(q mih.BinaryQuery) bool {
	return q.Location == nil || q.Location.Link.IsZero() || q.Location.Location == nil
}

// selected yields the points of attachment that a query is about. An empty set of technologies or of networks restricts nothing, as an
// absent one does.
func (m *Map) selected(q mih.BinaryQuery) iter.Seq[*record] {
	networks := make(map[string]bool, len(q.Networks))
	for _, id := range q.Networks {
		networks[id] = true
	}
	return func(yield func(*record) bool) {
		for r := range m.located(q.Location) {
			p := &r.current
			switch {
			case q.NetworkTypes != nil && *q.NetworkTypes != 0 && *q.NetworkTypes&sets[p.LinkType] == 0:
			case len(networks) > 0 && !networks[p.NetworkID]:
			case !yield(r):
				return
			}
		}
	}
}

// located yields what is at the location of a querier: everything, when it does not say where it is. At a point of attachment that is
// this one, then its neighbours, then the others of its network; a radius leaves out those that are known to be farther away, and one
// of 0 everything but the point of attachment itself.
func (m *Map) located(l *mih.QuerierLocation) iter.Seq[*record] {
	switch {
	case l == nil || l.Link.IsZero() && l.Location == nil:
		return m.everything()
	case l.Link.IsZero():
		return m.around(l)
	}
	return func(yield func(*record) bool) {
		here := m.records[l.Link]
		if here == nil {
			return
		}
		for r := range m.near(here) {
			if l.Radius != nil && r != here {
				if *l.Radius == 0 {
					return
				}
				if metres, ok := distance(here.current.Location, r.current.Location); ok && metres > float64(*l.Radius) {
					continue
				}
			}
			if !yield(r) {
				return
			}
		}
	}
}

func (m *Map) everything() iter.Seq[*record] {
	return func(yield func(*record) bool) {
		for _, n := range m.networks {
			for _, r := range n.members {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// around yields what is near coordinates, or at the very place when it has none.
func (m *Map) around(l *mih.QuerierLocation) iter.Seq[*record] {
	radius := float64(nearby)
	if l.Radius != nil {
		radius = float64(*l.Radius)
	}
	return func(yield func(*record) bool) {
		for r := range m.everything() {
			metres, ok := distance(l.Location, r.current.Location)
			here := ok && metres <= radius || r.current.Location != nil && *r.current.Location == *l.Location
			if here && !yield(r) {
				return
			}
		}
	}
}
