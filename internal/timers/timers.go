// Package timers is the one heap of deadlines that a core has.
package timers

import (
	"container/heap"
	"time"
)

// Timer is a deadline of something. One with a Due function is ready for Set; the zero At means nothing.
type Timer struct {
	At    time.Time
	Due   func(now time.Time)
	index int // in the heap plus one; 0: not set
}

// IsSet says whether it has a deadline.
func (t *Timer) IsSet() bool { return t.index != 0 }

// Heap holds the timers that are set, the earliest first. The zero value is empty.
type Heap struct{ list list }

// Set gives a timer its deadline, in place of the one that it has.
func (h *Heap) Set(t *Timer, at time.Time) {
	t.At = at
	if t.index != 0 {
		heap.Fix(&h.list, t.index-1)
		return
	}
	heap.Push(&h.list, t)
}

// Stop takes the deadline away, if there is one.
func (h *Heap) Stop(t *Timer) {
	if t.index != 0 {
		heap.Remove(&h.list, t.index-1)
	}
}

// StopAll takes every deadline away.
func (h *Heap) StopAll() {
	for len(h.list) > 0 {
		heap.Pop(&h.list)
	}
}

// Expire runs what is due, the earliest first.
func (h *Heap) Expire(now time.Time) {
	for h.ExpireOne(now) {
	}
}

// ExpireOne runs the earliest timer that is due; false: none is.
func (h *Heap) ExpireOne(now time.Time) bool {
	if len(h.list) == 0 || h.list[0].At.After(now) {
		return false
	}
	heap.Pop(&h.list).(*Timer).Due(now)
	return true
}

// Next is the earliest deadline.
func (h *Heap) Next() (time.Time, bool) {
	if len(h.list) == 0 {
		return time.Time{}, false
	}
	return h.list[0].At, true
}

// Len is how many timers are set.
func (h *Heap) Len() int { return len(h.list) }

// list implements heap.Interface.
type list []*Timer

func (l list) Len() int           { return len(l) }
func (l list) Less(i, j int) bool { return l[i].At.Before(l[j].At) }
func (l list) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].index, l[j].index = i+1, j+1
}
func (l *list) Push(x any) {
	t := x.(*Timer)
	*l = append(*l, t)
	t.index = len(*l)
}
func (l *list) Pop() any {
	last := len(*l) - 1
	t := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	t.index = 0
	return t
}
