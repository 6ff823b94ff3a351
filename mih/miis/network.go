package miis

import (
	"cmp"
	"slices"
	"time"

	"netlmm/mih"
)

// networkKey says which network a point of attachment belongs to. Its order is that of an answer.
type networkKey struct {
	linkType mih.LinkType
	id       string
	auxID    string
	operator mih.OperatorID
}

func keyOf(p PointOfAttachment) networkKey {
	return networkKey{p.LinkType, p.NetworkID, p.NetworkAuxID, p.Operator}
}

func (k networkKey) compare(o networkKey) int {
	return cmp.Or(cmp.Compare(k.linkType, o.linkType), cmp.Compare(k.id, o.id), cmp.Compare(k.auxID, o.auxID),
		cmp.Compare(k.operator.Name, o.operator.Name), cmp.Compare(k.operator.Namespace, o.operator.Namespace))
}

// network is a network with its points of attachment in the order of their addresses.
type network struct {
	key     networkKey
	members []*record
}

func (n *network) place(address mih.LinkAddress) (int, bool) {
	return slices.BinarySearchFunc(n.members, address, func(r *record, a mih.LinkAddress) int { return r.current.Address.Compare(a) })
}

// record is what a Map knows of one point of attachment.
type record struct {
	configured *PointOfAttachment
	learnt     *learnt
	beside     *PointOfAttachment // what one said last who is believed less than who is learnt from: it fills gaps
	current    PointOfAttachment  // of all, the configured first
	network    *network
	moves      []mih.LinkAddress // where stations went from here, the last one first
}

// learnt is what somebody said.
type learnt struct {
	point  PointOfAttachment
	origin Origin
	source *source
	at     time.Time
	newer  *record // in the order of the source
	older  *record
}

func (r *record) entry() Entry {
	e := Entry{PointOfAttachment: r.current}
	if r.learnt != nil {
		e.Origin, e.Source, e.At = r.learnt.origin, r.learnt.source.id, r.learnt.at
	}
	if r.configured != nil {
		e.Origin = Configured
	}
	return e
}

// file puts a record where it belongs by what is known of it now, and drops one of which nothing is known any more.
func (m *Map) file(address mih.LinkAddress, r *record) {
	switch {
	case r.configured == nil && r.learnt == nil:
		m.leave(r)
		delete(m.records, address)
		return
	case r.learnt == nil:
		r.move(m, *r.configured)
	case r.configured == nil:
		r.move(m, r.hearsay())
	default:
		r.move(m, r.configured.or(r.hearsay()))
	}
	m.records[address] = r
}

// hearsay is all that was said.
func (r *record) hearsay() PointOfAttachment {
	if r.beside == nil {
		return r.learnt.point
	}
	return r.learnt.point.or(*r.beside)
}

func (r *record) move(m *Map, to PointOfAttachment) {
	key := keyOf(to)
	if r.network != nil && r.network.key == key {
		r.current = to
		return
	}
	m.leave(r)
	r.current = to
	i, found := m.network(key)
	if !found {
		m.networks = slices.Insert(m.networks, i, &network{key: key})
	}
	r.network = m.networks[i]
	at, _ := r.network.place(to.Address)
	r.network.members = slices.Insert(r.network.members, at, r)
}

// leave takes a record out of its network.
func (m *Map) leave(r *record) {
	if r.network == nil {
		return
	}
	if at, found := r.network.place(r.current.Address); found {
		r.network.members = slices.Delete(r.network.members, at, at+1)
	}
	if len(r.network.members) == 0 {
		if i, found := m.network(r.network.key); found {
			m.networks = slices.Delete(m.networks, i, i+1)
		}
	}
	r.network = nil
}

// network finds the place of a network.
func (m *Map) network(key networkKey) (int, bool) {
	return slices.BinarySearchFunc(m.networks, key, func(n *network, k networkKey) int { return n.key.compare(k) })
}
