package forwarding

import "net/netip"

// Entries is a set of entries, at most one a prefix, that spends some thirty octets on each: the entries of one tunnel differ in their
// prefix only, and what they have in common is held once. The zero value is empty. It has no lock.
type Entries struct {
	slots map[compact]slot // holds no pointer, which the garbage collector would have to follow for every binding
	paths paths
	count int
}

// Set makes e the entry of its prefix and reports whether it was another, or none, before.
func (s *Entries) Set(e Entry) (changed bool) {
	key, path := compactOf(e.Prefix), e
	path.Prefix = netip.Prefix{}
	old := s.slots[key]
	if s.paths.is(old.path(), path) {
		return false
	}
	if s.slots == nil {
		s.slots = map[compact]slot{}
	}
	s.slots[key] = s.paths.take(path) | old&marked
	s.drop(old)
	s.count++
	return true
}

// Delete removes the entry of prefix and reports whether there was one.
func (s *Entries) Delete(prefix netip.Prefix) (changed bool) {
	key := compactOf(prefix)
	old := s.slots[key]
	if old.path() == 0 {
		return false
	}
	if s.drop(old); old&marked != 0 {
		s.slots[key] = marked
	} else {
		delete(s.slots, key)
	}
	return true
}

// drop counts the entry in old, if there is one, as gone.
func (s *Entries) drop(old slot) {
	if old.path() != 0 {
		s.paths.release(old.path())
		s.count--
	}
}

// Get returns the entry of prefix.
func (s *Entries) Get(prefix netip.Prefix) (Entry, bool) {
	path := s.slots[compactOf(prefix)].path()
	if path == 0 {
		return Entry{}, false
	}
	e := s.paths.known[path]
	e.Prefix = prefix
	return e, true
}

// Len is the number of entries.
func (s *Entries) Len() int { return s.count }

// All calls yield for every entry, in no particular order, until it returns false.
func (s *Entries) All(yield func(Entry) bool) {
	for key, v := range s.slots {
		if v.path() == 0 {
			continue
		}
		e := s.paths.known[v.path()]
		e.Prefix = key.prefix()
		if !yield(e) {
			return
		}
	}
}

// Paths calls yield once for all entries that have everything but their prefix in common, with the prefix absent and their number.
func (s *Entries) Paths(yield func(e Entry, entries int) bool) {
	for i, e := range s.paths.known {
		if n := s.paths.users(slot(i)); n > 0 && !yield(e, n) {
			return
		}
	}
}

// Clear removes all entries.
func (s *Entries) Clear() { *s = Entries{} }

// mark marks prefix, whether it has an entry or not, and reports whether it was not marked before.
func (s *Entries) mark(prefix netip.Prefix) bool {
	key := compactOf(prefix)
	old := s.slots[key]
	if old&marked == 0 {
		s.slots[key] = old | marked
	}
	return old&marked == 0
}

// unmark takes the mark of prefix back.
func (s *Entries) unmark(prefix netip.Prefix) {
	key := compactOf(prefix)
	if v := s.slots[key] &^ marked; v.path() != 0 {
		s.slots[key] = v
	} else {
		delete(s.slots, key)
	}
}

// slot is the number of a path, 0 for none, and a mark.
type slot uint32

const marked slot = 1 << 31

func (v slot) path() slot { return v &^ marked }

// compact is a prefix without pointers: 16 octets of address, and the number of bits, which for IPv4 begins at 129.
type compact [17]byte

const (
	compactIPv4    = 129
	compactInvalid = 255
)

func compactOf(p netip.Prefix) (c compact) {
	a := p.Addr().As16()
	copy(c[:], a[:])
	switch {
	case !p.IsValid():
		c[16] = compactInvalid
	case p.Addr().Is4():
		c[16] = byte(compactIPv4 + p.Bits())
	default:
		c[16] = byte(p.Bits())
	}
	return c
}

func (c compact) prefix() netip.Prefix {
	switch addr := netip.AddrFrom16([16]byte(c[:16])); {
	case c[16] == compactInvalid:
		return netip.Prefix{}
	case c[16] >= compactIPv4:
		return netip.PrefixFrom(addr.Unmap(), int(c[16])-compactIPv4)
	default:
		return netip.PrefixFrom(addr, int(c[16]))
	}
}

// paths numbers what entries have in common, from 1 on, and counts who uses it.
type paths struct {
	known  []Entry // without their prefix
	uses   []int
	number map[Entry]slot
	free   []slot
}

// is says whether n is the number of path.
func (p *paths) is(n slot, path Entry) bool { return n != 0 && p.known[n] == path }

// take returns the number of path, for one more user.
func (p *paths) take(path Entry) slot {
	n, ok := p.number[path]
	if !ok {
		if p.number == nil {
			p.number, p.known, p.uses = map[Entry]slot{}, make([]Entry, 1), make([]int, 1)
		}
		if last := len(p.free) - 1; last >= 0 {
			n, p.free = p.free[last], p.free[:last]
		} else {
			n = slot(len(p.known))
			p.known, p.uses = append(p.known, Entry{}), append(p.uses, 0)
		}
		p.known[n], p.number[path] = path, n
	}
	p.uses[n]++
	return n
}

func (p *paths) release(n slot) {
	if p.uses[n]--; p.uses[n] == 0 {
		delete(p.number, p.known[n])
		p.known[n] = Entry{}
		p.free = append(p.free, n)
	}
}

func (p *paths) users(n slot) int { return p.uses[n] }
