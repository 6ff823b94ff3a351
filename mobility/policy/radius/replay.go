package radius

import (
	"net/netip"
	"time"

	"netlmm/internal/radiusauth"
	"netlmm/internal/timers"
)

// seen is a request that was believed, with its answer once there is one.
type seen struct {
	from   netip.AddrPort
	answer []byte
	forget timers.Timer
}

// replays remembers requests for as long as somebody who repeats them could be believed. When there is no room for another one none is
// taken: to forget one would let it be repeated.
type replays struct {
	most    int
	entries map[radiusauth.Authenticator]*seen // by a digest of all of it, the secret included
	timers  timers.Heap
}

func newReplays(most int) *replays {
	return &replays{most: most, entries: map[radiusauth.Authenticator]*seen{}}
}

// find returns a request that was seen before; nil: it was not.
func (r *replays) find(a radiusauth.Authenticator) *seen { return r.entries[a] }

// add remembers a request that could be believed again until then; nil: there is no room.
func (r *replays) add(now, until time.Time, a radiusauth.Authenticator, from netip.AddrPort) *seen {
	r.timers.Expire(now)
	if len(r.entries) >= r.most {
		return nil
	}
	s := &seen{from: from}
	s.forget.Due = func(time.Time) { delete(r.entries, a) }
	r.timers.Set(&s.forget, until.Add(1))
	r.entries[a] = s
	return s
}
