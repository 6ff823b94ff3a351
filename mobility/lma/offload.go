package lma

import (
	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// offload is the number by which offloadPolicies knows what the MAG of a session was told; 0: it did not ask. With suspended beside it,
// it did earlier in this stay, and not the last time. As a number it takes no room in an entry that was not free.
type offload uint16

const (
	suspended           offload = 1 << 15
	mostOffloadPolicies         = int(suspended) - 1
)

// number is what offloadPolicies knows.
func (o offload) number() offload { return o &^ suspended }

// offloadPolicies are what sessions have of offload policies (RFC 6909), each held once. No policy is one of them: that is an answer too.
type offloadPolicies struct {
	known   []mobility.OffloadPolicy // by number; that of a number given back stands until the number is given out again
	users   []int
	numbers map[mobility.OffloadPolicy]offload
	free    []offload
}

func newOffloadPolicies() offloadPolicies {
	return offloadPolicies{known: make([]mobility.OffloadPolicy, 1), users: make([]int, 1), numbers: map[mobility.OffloadPolicy]offload{}}
}

// take is the number of p, for one more user; false: there are too many different ones.
func (o *offloadPolicies) take(p mobility.OffloadPolicy) (offload, bool) {
	n, ok := o.numbers[p]
	if !ok {
		if last := len(o.free) - 1; last >= 0 {
			n, o.free = o.free[last], o.free[:last]
		} else if len(o.known) > mostOffloadPolicies {
			return 0, false
		} else {
			n = offload(len(o.known))
			o.known, o.users = append(o.known, p), append(o.users, 0)
		}
		o.known[n], o.numbers[p] = p, n
	}
	o.users[n]++
	return n, true
}

func (o *offloadPolicies) release(of offload) {
	n := of.number()
	if n == 0 {
		return
	}
	if o.users[n]--; o.users[n] == 0 {
		delete(o.numbers, o.known[n])
		o.free = append(o.free, n)
	}
}

// asksOffload says whether the request is for an offload policy, and this anchor has any to give.
func (l *LMA) asksOffload(r *request) bool {
	return l.cfg.EnableIPv4TrafficOffloadSupport && r.options.Present.Has(mh.OptionIPv4TrafficOffloadSelector)
}

// negotiate settles which IPv4 flows of e leave at its MAG (RFC 6909 section 3.3): what the profile says, or else what the MAG proposes.
// It is settled once for the whole stay there, whatever the profile says later; anew says that this is where a stay begins, or where it
// gets its IPv4 home address. A MAG that does not ask for a while must not have it enabled then (first item), and the same as before
// when it asks again: it is the one that negotiated it (last item).
func (l *LMA) negotiate(r *request, e *entry, anew bool) {
	if anew {
		l.setOffload(e, 0)
	}
	switch asks := l.asksOffload(r) && e.home().IsValid(); {
	case !asks && e.offload != 0:
		e.offload |= suspended
	case asks && e.offload != 0:
		e.offload = e.offload.number()
	case asks:
		l.settleOffload(r, e)
	}
}

func (l *LMA) settleOffload(r *request, e *entry) {
	policy := r.profile.OffloadPolicy
	proposed, err := r.options.OffloadPolicy()
	if err != nil {
		l.emit(Ignored{Reason: InvalidOffloadProposal, Source: r.source, MobileNodeID: r.id, Err: err})
	}
	if policy.IsZero() {
		policy = proposed
	}
	n, ok := l.offloads.take(policy)
	if !ok {
		l.ignore(r, TooManyOffloadPolicies)
	}
	l.setOffload(e, n)
}

// setOffload gives e a number that was taken for it.
func (l *LMA) setOffload(e *entry, n offload) {
	l.offloads.release(e.offload)
	e.offload = n
}

// offloadOf is the policy of e, which may be suspended; the zero one: none.
func (l *LMA) offloadOf(e *entry) mobility.OffloadPolicy { return l.offloads.known[e.offload.number()] }
