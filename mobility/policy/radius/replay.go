package radius

import (
	"container/list"
	"net/netip"
	"time"

	"netlmm/internal/radiusauth"
)

// seen is a request that was believed, with its answer once there is one.
type seen struct {
	authenticator radiusauth.Authenticator // a digest of all of it, the secret included
	from          netip.AddrPort
	at            time.Time
	answer        []byte
}

// replays remembers requests for as long as somebody who repeats them could be believed. When there is no room for another one none is
// taken: to forget one would let it be repeated.
type replays struct {
	most    int
	keep    time.Duration
	entries map[radiusauth.Authenticator]*list.Element
	order   *list.List // of *seen, the oldest first
}

func newReplays(most int, keep time.Duration) *replays {
	return &replays{most: most, keep: keep, entries: map[radiusauth.Authenticator]*list.Element{}, order: list.New()}
}

// find returns a request that was seen before; nil: it was not.
func (r *replays) find(a radiusauth.Authenticator) *seen {
	if element := r.entries[a]; element != nil {
		return element.Value.(*seen)
	}
	return nil
}

// add remembers a request; nil: there is no room.
func (r *replays) add(now time.Time, a radiusauth.Authenticator, from netip.AddrPort) *seen {
	for e := r.order.Front(); e != nil && now.Sub(e.Value.(*seen).at) > r.keep; e = r.order.Front() {
		r.order.Remove(e)
		delete(r.entries, e.Value.(*seen).authenticator)
	}
	if r.order.Len() >= r.most {
		return nil
	}
	s := &seen{authenticator: a, from: from, at: now}
	r.entries[a] = r.order.PushBack(s)
	return s
}
