package lma

import (
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// register takes a Proxy Binding Update through RFC 5213 section 5.3.1.
func (l *LMA) register(r *request) {
	if status := l.check(r); !status.Accepted() {
		l.reject(r, status)
		return
	}
	m := r.match
	switch {
	case m.verdict == rejectRequest:
		l.reject(r, m.status)
	case r.lifetime == 0:
		l.deregister(r, m.entry)
	case m.verdict == updateSession:
		l.updateSession(r, m.entry)
	case m.verdict == waitForDeregistration:
		l.wait(r, m.entry)
	default:
		l.createSession(r)
	}
}

// createSession is the initial binding registration, RFC 5213 section 5.3.2.
func (l *LMA) createSession(r *request) {
	node := l.nodes[r.options.MobileNodeID]
	if l.bindings >= l.cfg.MaximumBindings ||
		len(r.options.HomeNetworkPrefixes) > maximumPrefixesPerSession ||
		node != nil && len(node.sessions) >= maximumSessionsPerNode {
		l.reject(r, mobility.StatusInsufficientResources)
		return
	}
	prefixes, status := l.assignPrefixes(node, r)
	if !status.Accepted() {
		l.reject(r, status)
		return
	}
	e := l.insert(r.options.MobileNodeID, prefixes)
	e.Registered = r.now
	l.becomeRegistered(e, r, l.grantedLifetime(r))
	l.acceptRegistration(r, e, Created, netip.Addr{})
}

// updateSession extends a binding at the same MAG (RFC 5213 section 5.3.3) or moves it to another (section 5.3.4). Either
// way it ends the delay before deletion that a de-registration began (section 5.3.5).
func (l *LMA) updateSession(r *request, e *entry) {
	former, change := e.ProxyCareOfAddress, Extended
	if former != r.proxyCareOfAddress {
		change = Handover
	}
	l.becomeRegistered(e, r, l.grantedLifetime(r))
	if change == Extended {
		former = netip.Addr{}
	}
	l.acceptRegistration(r, e, change, former)
}

func (l *LMA) acceptRegistration(r *request, e *entry, change Change, former netip.Addr) {
	if change != Extended {
		l.stopWaiting(e.node, r)
	}
	l.emit(BindingChanged{Change: change, Entry: e.record(), From: former})
	l.emitForwarding()
	l.acknowledge(r, e)
}

// deregister is RFC 5213 section 5.3.5. e is nil when the request is for no session that stands.
func (l *LMA) deregister(r *request, e *entry) {
	if node := l.nodes[r.options.MobileNodeID]; e == nil && node != nil && node.waiting != nil && node.waiting.sameInterface(r) &&
		node.waiting.request.proxyCareOfAddress == r.proxyCareOfAddress {
		l.forgetWaiting(node)
		l.ignore(r, WaitingMobileNodeLeft)
		return
	}
	switch {
	case e == nil:
		l.ignore(r, DeregistrationUnmatched)
	case e.ProxyCareOfAddress != r.proxyCareOfAddress:
		l.ignore(r, DeregistrationFromFormer)
	case e.state == deregistered: // the acknowledgement was lost: the delay that began goes on
		l.accept(e, r)
		l.acknowledge(r, e)
	default:
		l.becomeDeregistered(e, r)
		l.emit(BindingChanged{Change: Deregistered, Entry: e.record()})
		l.emitForwarding()
		l.acknowledge(r, e)
		l.resumeWaiting(r.now, e)
	}
}

// remove ends a binding whose time is over.
func (l *LMA) remove(now time.Time, e *entry) {
	l.becomeRemoved(e)
	l.emit(BindingChanged{Change: Removed, Entry: e.record()})
	l.resumeWaiting(now, e)
}

// delete removes a mobile node's bindings, and forgets what waits there, by the operator's order.
func (l *LMA) delete(id mobility.MobileNodeID) {
	node := l.nodes[id]
	if node == nil || len(node.sessions) == 0 {
		l.emit(Ignored{Reason: UnknownMobileNode, MobileNodeID: id})
		return
	}
	l.forgetWaiting(node)
	for _, e := range slices.Clone(node.sessions) {
		l.becomeRemoved(e)
		l.emit(BindingChanged{Change: Removed, Entry: e.record()})
	}
	l.emitForwarding()
}

// grantedLifetime is the least of what was asked for and what the anchor and the profile allow, in whole units.
func (l *LMA) grantedLifetime(r *request) time.Duration {
	granted := min(time.Duration(r.lifetime)*mh.LifetimeUnit, l.cfg.MaximumLifetime)
	if r.profile.Lifetime > 0 {
		granted = min(granted, r.profile.Lifetime)
	}
	return max(granted.Truncate(mh.LifetimeUnit), mh.LifetimeUnit)
}

// assignPrefixes chooses the prefixes of a new session: those that the request names if this mobile node may have them
// (status 155 if not; RFC 5213 section 5.3.2, 3), and for all-zero ones what the profile says or the pools give (status
// 130 if they give none; 5.3.2, 1 and 2).
func (l *LMA) assignPrefixes(node *mobileNode, r *request) ([]netip.Prefix, mobility.Status) {
	prefixes := make([]netip.Prefix, 0, len(r.options.HomeNetworkPrefixes))
	for _, prefix := range r.options.HomeNetworkPrefixes {
		if mh.IsZeroPrefix(prefix) {
			continue
		}
		if !l.available(prefix, prefixes) || !l.mayHave(r, prefix) {
			return nil, mobility.StatusNotAuthorizedForHomeNetworkPrefix
		}
		prefixes = append(prefixes, prefix)
	}
	zeros := len(r.options.HomeNetworkPrefixes) - len(prefixes)
	if zeros == 0 {
		return prefixes, mobility.StatusAccepted
	}
	named := len(prefixes)
	for _, prefix := range r.profile.HomeNetworkPrefixes {
		if l.available(prefix, prefixes) && len(prefixes) < maximumPrefixesPerSession {
			prefixes = append(prefixes, prefix)
		}
	}
	if len(prefixes) > named {
		return prefixes, mobility.StatusAccepted
	}
	for range zeros {
		prefix, ok := l.dynamicPrefix(node, r.options.MobileNodeID, prefixes)
		if !ok {
			return nil, mobility.StatusInsufficientResources
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, mobility.StatusAccepted
}

// available says whether prefix has the length of this anchor's prefixes and no owner, and is none of taken. With one
// length, two different prefixes never overlap.
func (l *LMA) available(prefix netip.Prefix, taken []netip.Prefix) bool {
	return prefix.IsValid() && prefix.Bits() == l.cfg.PrefixLength && l.owners[prefix] == nil && !contains(taken, prefix)
}

// mayHave says whether the anchor owns prefix for the mobile node: a static one of its profile, or any of the pools.
func (l *LMA) mayHave(r *request, prefix netip.Prefix) bool {
	return contains(r.profile.HomeNetworkPrefixes, prefix) || l.pool.contains(prefix)
}

// dynamicPrefix chooses a prefix from the pools: the one that the mobile node had last if it is still free.
func (l *LMA) dynamicPrefix(node *mobileNode, id mobility.MobileNodeID, taken []netip.Prefix) (netip.Prefix, bool) {
	if node != nil {
		for _, prefix := range node.lastPrefixes {
			if l.available(prefix, taken) && l.pool.contains(prefix) {
				return prefix, true
			}
		}
	}
	return l.pool.free(id, taken)
}
