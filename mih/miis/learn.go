package miis

import (
	"slices"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// What is learnt of one point of attachment is bounded, whoever says it.
const (
	maximumText       = 253 // octets of a name: the standard's own bound
	maximumLocation   = 512 // octets
	maximumSubnets    = 16
	maximumNeighbours = 32
	maximumMoves      = 8
)

// LearnLinks believes an MIH Function about its links, the addresses that a capability discovery tells: they are points of attachment
// when it serves any (see Serves).
func (m *Map) LearnLinks(now time.Time, id mih.MIHFID, links []mih.NetworkTypeAddress) {
	if _, serves := m.gateways[id]; !serves {
		return
	}
	for _, l := range links {
		p := PointOfAttachment{Address: l.Address}
		if l.Network.Link != nil {
			p.LinkType = *l.Network.Link
		}
		m.report(now, id, p)
	}
}

// LearnEvent believes an MIH Function about the point of attachment that an event of its links names. A finished handover tells
// neighbours too.
func (m *Map) LearnEvent(now time.Time, id mih.MIHFID, event mih.LinkEvent) {
	tuple := event.LinkTuple()
	var p PointOfAttachment
	switch e := event.(type) {
	case mih.LinkDetected:
		p = PointOfAttachment{NetworkID: e.NetworkID, NetworkAuxID: e.NetworkAuxID, Capabilities: e.NetworkCapabilities}
	case mih.LinkHandoverComplete:
		tuple = e.NewLink
		defer m.LearnMove(e.Link.PointOfAttachment, tuple.PointOfAttachment)
	}
	p.Address, p.LinkType = tuple.PointOfAttachment, tuple.Link.Type
	if !p.Address.IsZero() {
		m.report(now, id, p)
	}
}

// report believes an MIH Function about a point of attachment: that it serves it, or only that it saw it.
func (m *Map) report(now time.Time, id mih.MIHFID, p PointOfAttachment) {
	origin := Seen
	if gateway, serves := m.gateways[id]; serves {
		origin, p.Gateway = Reported, gateway
	}
	m.learn(now, id, origin, p)
}

// LearnInformation believes an information service, and returns how many points of attachment it tells of. It is for its answers and
// for what it pushes.
func (m *Map) LearnInformation(now time.Time, id mih.MIHFID, information wire.Information) int {
	points := PointsOfAttachment(information)
	for _, p := range points {
		m.learn(now, id, Answered, p)
	}
	return len(points)
}

// LearnMove notes that a station went from one point of attachment to another. Both have to be in the map.
func (m *Map) LearnMove(from, to mih.LinkAddress) {
	r := m.records[from]
	if r == nil || m.records[to] == nil || from == to {
		return
	}
	if i := slices.Index(r.moves, to); i >= 0 {
		r.moves = slices.Delete(r.moves, i, i+1)
	}
	r.moves = slices.Insert(r.moves, 0, to)
	r.moves = r.moves[:min(len(r.moves), maximumMoves)]
}

// tooLong reports whether there is more in a point of attachment than a map keeps.
func tooLong(p PointOfAttachment) bool {
	return max(len(p.NetworkID), len(p.NetworkAuxID), len(p.Operator.Name), len(p.Gateway.Name), len(p.Gateway.MIHF)) > maximumText ||
		len(p.Subnets) > maximumSubnets || len(p.Neighbours) > maximumNeighbours || p.Location != nil && len(p.Location.Octets) > maximumLocation
}

// learn believes that somebody said so, unless one who is believed before speaks for the point of attachment: then only what that one
// does not say.
func (m *Map) learn(now time.Time, id mih.MIHFID, origin Origin, p PointOfAttachment) {
	if p.Address.IsZero() || tooLong(p) {
		m.counters.Refused++
		return
	}
	r := m.record(p.Address)
	if had := r.learnt; had != nil && had.source.id == id {
		m.renew(now, r, origin, p)
		return
	} else if had != nil {
		silent := now.Sub(had.at) >= m.limits.Age
		if had.origin == origin && !silent {
			m.counters.Conflicts++
		}
		if had.origin >= origin && !silent {
			if had.origin > origin {
				r.beside = &p
				m.file(p.Address, r)
			}
			return
		}
		p = p.or(had.point)
		had.source.drop(r)
		m.learnt--
		m.tidy(had.source)
	}
	s := m.room(id)
	r.learnt = &learnt{point: p, origin: origin, source: s, at: now}
	s.add(r)
	m.learnt++
	m.file(p.Address, r)
}

// renew is for a source that speaks of its point of attachment again, be it as one that knows it less well.
func (m *Map) renew(now time.Time, r *record, origin Origin, p PointOfAttachment) {
	had := r.learnt
	if origin < had.origin {
		p = had.point.or(p)
	} else {
		p, had.origin = p.or(had.point), origin
	}
	had.at = now
	had.source.renew(r)
	if !p.equal(had.point) {
		had.point = p
		m.file(p.Address, r)
	}
}

// Forget drops what an MIH Function said, which has left.
func (m *Map) Forget(id mih.MIHFID) {
	for s := m.sources[id]; s != nil && s.oldest != nil; {
		m.unlearn(s.oldest)
	}
}

// NextDeadline is when Expire has something to do; false: there is nothing learnt.
func (m *Map) NextDeadline() (next time.Time, ok bool) {
	for _, s := range m.sources {
		if at := s.oldest.learnt.at.Add(m.limits.Age); !ok || at.Before(next) {
			next, ok = at, true
		}
	}
	return next, ok
}

// Expire drops what nobody has repeated for too long.
func (m *Map) Expire(now time.Time) {
	for _, s := range m.sources {
		for s.oldest != nil && now.Sub(s.oldest.learnt.at) >= m.limits.Age {
			m.unlearn(s.oldest)
			m.counters.Expired++
		}
	}
}
