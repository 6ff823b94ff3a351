package miis

import "netlmm/mih"

// source is an MIH Function that said something, with what it said in the order of time.
type source struct {
	id             mih.MIHFID
	newest, oldest *record
	count          int
}

// room finds the source, and makes room for one more point of attachment: its own oldest goes when it has too many, else the oldest of
// the source with the most. One that talks much so costs the others nothing.
func (m *Map) room(id mih.MIHFID) *source {
	s := m.sources[id]
	if s == nil {
		s = &source{id: id}
		m.sources[id] = s
	}
	loser := s
	if s.count < m.limits.PerSource {
		if m.learnt < m.limits.Learnt {
			return s
		}
		for _, other := range m.sources {
			if other.count > loser.count || other.count == loser.count && other.id < loser.id {
				loser = other
			}
		}
	}
	if loser.oldest != nil {
		m.unlearn(loser.oldest)
		m.counters.Evicted++
	}
	m.sources[id] = s // it may have lost its last one
	return s
}

// unlearn drops what was said of a point of attachment.
func (m *Map) unlearn(r *record) {
	address, s := r.current.Address, r.learnt.source
	s.drop(r)
	m.learnt--
	r.learnt, r.beside = nil, nil
	m.file(address, r)
	m.tidy(s)
}

// tidy drops a source that says nothing.
func (m *Map) tidy(s *source) {
	if s.count == 0 {
		delete(m.sources, s.id)
	}
}

// add makes a record the newest.
func (s *source) add(r *record) {
	r.learnt.older, r.learnt.newer = s.newest, nil
	if s.newest != nil {
		s.newest.learnt.newer = r
	} else {
		s.oldest = r
	}
	s.newest = r
	s.count++
}

// drop takes a record out.
func (s *source) drop(r *record) {
	l := r.learnt
	if l.newer != nil {
		l.newer.learnt.older = l.older
	} else {
		s.newest = l.older
	}
	if l.older != nil {
		l.older.learnt.newer = l.newer
	} else {
		s.oldest = l.newer
	}
	l.newer, l.older = nil, nil
	s.count--
}

// renew makes a record the newest that is not.
func (s *source) renew(r *record) {
	if s.newest != r {
		s.drop(r)
		s.add(r)
	}
}
