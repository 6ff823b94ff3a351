package radius

import (
	"container/heap"
	"net/netip"
	"time"
)

// seen is a request that was believed, with its answer once there is one.
type seen struct {
	authenticator authenticator // a digest of all of it, the secret included
	from          netip.AddrPort
	until         time.Time // it could be believed again
	answer        []byte
}

// replays remembers requests for as long as somebody who repeats them could be believed. When there is no room for another one none is
// taken: to forget one would let it be repeated.
type replays struct {
	most    int
	entries map[authenticator]*seen
	order   byEnd
}

func newReplays(most int) *replays {
	return &replays{most: most, entries: map[authenticator]*seen{}}
}

// find returns a request that was seen before; nil: it was not.
func (r *replays) find(a authenticator) *seen { return r.entries[a] }

// add remembers a request until then; nil: there is no room.
func (r *replays) add(now, until time.Time, a authenticator, from netip.AddrPort) *seen {
	for len(r.order) > 0 && now.After(r.order[0].until) {
		delete(r.entries, heap.Pop(&r.order).(*seen).authenticator)
	}
	if len(r.order) >= r.most {
		return nil
	}
	s := &seen{authenticator: a, from: from, until: until}
	r.entries[a] = s
	heap.Push(&r.order, s)
	return s
}

// byEnd is a min-heap for container/heap: who may be forgotten first comes first.
type byEnd []*seen

func (h byEnd) Len() int           { return len(h) }
func (h byEnd) Less(i, j int) bool { return h[i].until.Before(h[j].until) }
func (h byEnd) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byEnd) Push(x any)        { *h = append(*h, x.(*seen)) }

func (h *byEnd) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return s
}
