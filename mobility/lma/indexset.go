package lma

// indexSet is a set of the numbers below size, some free and some taken, with every operation in constant time and memory
// only for what was taken: a permutation of the numbers whose first places are the free ones. Both maps leave out what
// stands in its own place.
type indexSet struct {
	size, free uint64
	at         map[uint64]uint64 // place -> number
	place      map[uint64]uint64 // number -> place
}

func newIndexSet(size uint64) indexSet {
	return indexSet{size: size, free: size, at: map[uint64]uint64{}, place: map[uint64]uint64{}}
}

func (s *indexSet) isFree(number uint64) bool { return orSelf(s.place, number) < s.free }

// nthFree is the free number at the n-th place, n < free.
func (s *indexSet) nthFree(n uint64) uint64 { return orSelf(s.at, n) }

// take moves number behind the free ones; it has no effect on a taken number.
func (s *indexSet) take(number uint64) {
	if s.isFree(number) {
		s.swap(orSelf(s.place, number), s.free-1)
		s.free--
	}
}

// release moves number to the free ones; it has no effect on a free number.
func (s *indexSet) release(number uint64) {
	if !s.isFree(number) {
		s.swap(orSelf(s.place, number), s.free)
		s.free++
	}
}

func (s *indexSet) swap(i, j uint64) {
	a, b := orSelf(s.at, i), orSelf(s.at, j)
	s.put(i, b)
	s.put(j, a)
}

func (s *indexSet) put(place, number uint64) {
	if place == number {
		delete(s.at, place)
		delete(s.place, number)
		return
	}
	s.at[place], s.place[number] = number, place
}

func orSelf(m map[uint64]uint64, k uint64) uint64 {
	if v, ok := m[k]; ok {
		return v
	}
	return k
}
