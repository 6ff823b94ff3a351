package lma

import "time"

// timed is what has a deadline: a binding cache entry (its lifetime, or the delay before it is deleted), a registration
// that waits, or a revocation that is not answered yet.
type timed interface {
	slot() *int32              // its place in the heap plus one; 0: it has no deadline
	due(l *LMA, now time.Time) // the deadline is over, and it is out of the heap
}

// deadline is one element of the heap.
type deadline struct {
	at instant
	of timed
}

// timerHeap is the one min-heap of all deadlines.
type timerHeap []deadline

// set gives t the deadline at, in place of the one that it has.
func (h *timerHeap) set(t timed, at instant) {
	slot := t.slot()
	if *slot == 0 {
		*h = append(*h, deadline{at, t})
		*slot = int32(len(*h))
	}
	i := int(*slot) - 1
	(*h)[i].at = at
	if !h.up(i) {
		h.down(i)
	}
}

// stop takes the deadline of t away, if it has one.
func (h *timerHeap) stop(t timed) {
	slot := t.slot()
	if *slot == 0 {
		return
	}
	i, last := int(*slot)-1, len(*h)-1
	*slot = 0
	if i != last {
		(*h)[i] = (*h)[last]
		*(*h)[i].of.slot() = int32(i + 1)
	}
	(*h)[last] = deadline{}
	*h = (*h)[:last]
	if i != last && !h.up(i) {
		h.down(i)
	}
}

// up moves the deadline at i towards the root and says whether it moved.
func (h timerHeap) up(i int) bool {
	start := i
	for i > 0 && h[i].at < h[(i-1)/2].at {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i != start
}

func (h timerHeap) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if other := child + 1; other < len(h) && h[other].at < h[child].at {
			child = other
		}
		if h[i].at <= h[child].at {
			return
		}
		h.swap(i, child)
		i = child
	}
}

func (h timerHeap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	*h[i].of.slot(), *h[j].of.slot() = int32(i+1), int32(j+1)
}
