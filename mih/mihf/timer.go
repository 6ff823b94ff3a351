package mihf

import (
	"container/heap"
	"time"
)

// timer is a deadline of something in this core. The zero value with a due function is not set.
type timer struct {
	at    time.Time
	due   func(now time.Time)
	index int // in timers plus one; 0: not set
}

// timers is the one heap of all deadlines, the earliest first.
type timers []*timer

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i+1, j+1
}
func (t *timers) Push(x any) {
	one := x.(*timer)
	*t = append(*t, one)
	one.index = len(*t)
}
func (t *timers) Pop() any {
	last := len(*t) - 1
	one := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	one.index = 0
	return one
}

// set gives a timer its deadline, in place of the one that it has.
func (t *timers) set(one *timer, at time.Time) {
	one.at = at
	if one.index != 0 {
		heap.Fix(t, one.index-1)
		return
	}
	heap.Push(t, one)
}

// stop takes the deadline away, if there is one.
func (t *timers) stop(one *timer) {
	if one.index != 0 {
		heap.Remove(t, one.index-1)
	}
}

// expire runs what is due.
func (t *timers) expire(now time.Time) {
	for len(*t) > 0 && !(*t)[0].at.After(now) {
		one := heap.Pop(t).(*timer)
		one.due(now)
	}
}
