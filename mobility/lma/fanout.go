package lma

import (
	"time"

	"netlmm/mobility"
)

// Indications that go out at once, and the time to the next ones: a MAG that takes no global revocation is told of each of its
// mobile nodes.
const (
	burstSize     = 64
	burstInterval = 10 * time.Millisecond
)

// fanOut are the revocations whose first indication has not gone out yet, in order. Their sessions are without traffic
// already, and each is one's own: there are no more of them than bindings, but for those that were taken back meanwhile.
type fanOut struct {
	queue []*revocation
	place int32
}

func (f *fanOut) slot() *int32 { return &f.place }

// due goes on with the next burst. Where all sequence numbers are taken, it waits for one to be free.
func (f *fanOut) due(l *LMA, now time.Time) {
	n := 0
	for ; n < min(burstSize, len(f.queue)) && len(l.revocations) < 1<<16; n++ {
		l.indicateFirst(now, f.queue[n])
		f.queue[n] = nil
	}
	if f.queue = f.queue[n:]; len(f.queue) == 0 {
		f.queue = nil
		return
	}
	l.timers.set(f, l.instantOf(now.Add(burstInterval)))
}

// startRevocations stops the traffic of the sessions (RFC 5846 section 8.1 lets the tunnel go before the answer) and sends
// the indications, in bursts. A peer that is known not to understand one gets none.
func (l *LMA) startRevocations(now time.Time, all []*revocation) {
	for _, v := range all {
		if l.compat(v.peer) != mobility.CompatStrict {
			for _, e := range v.sessions {
				l.revoking[e] = v
			}
			l.endRevocation(now, v, RevocationEnded{})
			continue
		}
		l.fanOut.queue = append(l.fanOut.queue, v)
		wait := time.Duration(len(l.fanOut.queue)/burstSize) * burstInterval
		for _, e := range v.sessions {
			l.becomeRevoked(e, v, now.Add(wait))
			l.emit(BindingChanged{Change: Deregistered, Entry: l.record(e)})
		}
	}
	l.emitForwarding()
	if l.fanOut.place == 0 {
		l.fanOut.due(l, now)
	}
	for _, v := range all {
		for _, e := range v.sessions {
			l.resumeWaiting(now, e) // at another MAG: no de-registration will come
		}
	}
}

// indicateFirst sends the first indication of v, about what its MAG may still have of it. What was registered there anew
// while v had to wait is not that.
func (l *LMA) indicateFirst(now time.Time, v *revocation) {
	told := v.sessions[:0:0]
	var before []beforeRevocation
	for i, e := range v.sessions {
		if l.revoking[e] == v || e.state != removed && e.path.pathKey != v.pathKey {
			told, before = append(told, e), append(before, v.before[i])
		}
	}
	v.sessions, v.before = told, before
	if len(told) == 0 || !l.prepare(v) {
		l.endRevocation(now, v, RevocationEnded{})
		return
	}
	l.indicate(now, v)
}
