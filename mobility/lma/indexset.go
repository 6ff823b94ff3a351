package lma

import "math/bits"

// indexSet is a set of the numbers below size, some free and some taken. Where it is dense it has a bit for each number,
// and for each full word a bit in the level above, so that the next free number is found in a few steps however full the
// set is. Where size is so much more than can ever be taken that any number is likely to be free, it only counts.
type indexSet struct {
	size, free uint64
	levels     [][]uint64 // levels[0]: a bit is a taken number; above: a word of the level below that is full
}

func newIndexSet(size uint64, dense bool) indexSet {
	s := indexSet{size: size, free: size}
	for n := size; dense; {
		words := (n + 63) / 64
		level := make([]uint64, words)
		if rest := n % 64; rest != 0 {
			level[words-1] = ^uint64(0) << rest // what does not exist is taken
		}
		s.levels = append(s.levels, level)
		if n = words; n == 1 {
			break
		}
	}
	return s
}

func (s *indexSet) dense() bool { return len(s.levels) > 0 }

// take marks a free number as taken.
func (s *indexSet) take(number uint64) {
	s.free--
	for _, level := range s.levels {
		word := number / 64
		level[word] |= 1 << (number % 64)
		if level[word] != ^uint64(0) {
			return
		}
		number = word
	}
}

// release is the counterpart of take.
func (s *indexSet) release(number uint64) {
	s.free++
	for _, level := range s.levels {
		word := number / 64
		full := level[word] == ^uint64(0)
		level[word] &^= 1 << (number % 64)
		if !full {
			return
		}
		number = word
	}
}

// next is the first free number from number on, in a dense set.
func (s *indexSet) next(number uint64) (uint64, bool) {
	for i, level := range s.levels {
		word := number / 64
		if word >= uint64(len(level)) {
			return 0, false
		}
		if free := ^level[word] &^ (1<<(number%64) - 1); free != 0 {
			number = word*64 + uint64(bits.TrailingZeros64(free))
			for i--; i >= 0; i-- { // down to the number
				number = number*64 + uint64(bits.TrailingZeros64(^s.levels[i][number]))
			}
			return number, true
		}
		number = word + 1
	}
	return 0, false
}
