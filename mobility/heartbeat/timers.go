package heartbeat

import (
	"container/heap"
	"time"
)

// timer is one deadline of a peer: its next request, or its unsolicited response. It sits in the heap while index is not
// negative.
type timer struct {
	at    time.Time
	index int
	peer  *peer
	fire  func(m *Machine, now time.Time, p *peer)
}

// timerHeap is the one min-heap of all deadlines.
type timerHeap []*timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}

// set moves t to at, or puts it into the heap.
func (h *timerHeap) set(t *timer, at time.Time) {
	t.at = at
	if t.index >= 0 {
		heap.Fix(h, t.index)
	} else {
		heap.Push(h, t)
	}
}

// stop takes t out of the heap if it is in there.
func (h *timerHeap) stop(t *timer) {
	if t.index >= 0 {
		heap.Remove(h, t.index)
	}
}
