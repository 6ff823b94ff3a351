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
	case m.entry != nil && l.repeats(r, m.entry):
		l.answerAgain(r, m.entry)
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

// createSession is the initial binding registration, RFC 5213 section 5.3.2 and RFC 5844 section 3.1.2.2.
func (l *LMA) createSession(r *request) {
	node := l.node(r.id)
	if l.bindings >= l.cfg.MaximumBindings || node != nil && len(node.sessions) >= maximumSessionsPerNode {
		l.reject(r, mobility.StatusInsufficientResources)
		return
	}
	g, status := l.assign(node, r, r.wantsIPv6(), r.wantsIPv4())
	if !status.Accepted() {
		l.reject(r, status)
		return
	}
	e := l.insert(r.id, g)
	e.registered = l.instantOf(r.now)
	l.becomeRegistered(e, r, l.grantedLifetime(r))
	l.negotiate(r, e, true)
	l.acceptRegistration(r, e, BindingChanged{Change: Created})
}

// updateSession extends a binding at the same MAG (RFC 5213 section 5.3.3) or moves it to another (section 5.3.4). Either
// way it ends the delay before deletion that a de-registration began (section 5.3.5), and gives the session the IP version
// that it lacks and the request has (RFC 5844 section 3.1.2.1).
func (l *LMA) updateSession(r *request, e *entry) {
	former, change := e.path.proxyCareOfAddress, Extended
	if former != r.proxyCareOfAddress {
		change = Handover
	}
	g, status := l.assign(e.node, r, r.wantsIPv6() && len(e.prefixes) == 0, r.wantsIPv4() && !e.home().IsValid())
	if status.Accepted() {
		status = l.checkUpdate(r, e, change)
	}
	if !status.Accepted() {
		l.reject(r, status)
		return
	}
	var dropped []netip.Prefix
	if change == Handover {
		dropped = l.dropUnwanted(r, e)
	} else {
		former = netip.Addr{}
	}
	stays := change == Extended && e.state == registered && e.home().IsValid()
	l.give(e, g)
	l.becomeRegistered(e, r, l.grantedLifetime(r))
	l.negotiate(r, e, !stays)
	l.acceptRegistration(r, e, BindingChanged{Change: change, From: former, Dropped: dropped})
}

// checkUpdate says whether the request may have the session: another MAG must be authorized for what it has, an IPv4 home
// address that is named must be the session's, and what is being revoked is not extended by a message that crossed the
// revocation (RFC 5846 section 8.1).
func (l *LMA) checkUpdate(r *request, e *entry, change Change) mobility.Status {
	home := e.home()
	switch {
	case l.revoking[e] != nil && change == Extended && r.options.HandoffIndicator == mobility.HandoffStateNotChanged:
		return mobility.StatusAdministrativelyProhibited
	case home.IsValid() && r.namesIPv4() && r.namedHost() != hostOf(home):
		r.ipv4Status = mh.IPv4HomeAddressIncorrect
		return mobility.StatusNotAuthorizedForIPv4HomeAddress
	case l.cfg.AuthorizedFor == nil || change != Handover:
		return mobility.StatusAccepted
	}
	for _, prefix := range e.prefixes {
		if r.wantsIPv6() && !l.authorizedFor(r, prefix) {
			return mobility.StatusNotAuthorizedForHomeNetworkPrefix
		}
	}
	if home.IsValid() && r.wantsIPv4() && !l.authorizedFor(r, hostOf(home)) {
		r.ipv4Status = mh.IPv4HomeAddressAdministrativelyProhibited
		return mobility.StatusNotAuthorizedForIPv4HomeAddress
	}
	return mobility.StatusAccepted
}

// dropUnwanted releases the IP version that a handoff does not ask for: the new MAG extends the other one only (RFC 5844
// section 3.1.2.4). It returns the prefixes among that.
func (l *LMA) dropUnwanted(r *request, e *entry) (dropped []netip.Prefix) {
	if !r.wantsIPv6() {
		dropped = l.dropPrefixes(e)
	}
	if !r.wantsIPv4() {
		l.dropIPv4(e)
	}
	return dropped
}

func (l *LMA) acceptRegistration(r *request, e *entry, changed BindingChanged) {
	if changed.Change != Extended {
		l.stopWaiting(e.node, r)
	}
	changed.Entry = l.record(e)
	l.emit(changed)
	l.emitForwarding()
	l.acknowledge(r, e)
}

// deregister is RFC 5213 section 5.3.5. e is nil when the request is for no session that stands.
func (l *LMA) deregister(r *request, e *entry) {
	if node := l.node(r.id); e == nil && node != nil {
		if w := l.waiting[node]; w != nil && w.sameInterface(r) && w.request.proxyCareOfAddress == r.proxyCareOfAddress {
			l.forgetWaiting(node)
			l.ignore(r, WaitingMobileNodeLeft)
			return
		}
	}
	switch {
	case e == nil, !r.concerns(e):
		l.ignore(r, DeregistrationUnmatched)
	case e.path.proxyCareOfAddress != r.proxyCareOfAddress:
		l.ignore(r, DeregistrationFromFormer)
	case e.state == deregistered: // the acknowledgement was lost: the delay that began goes on
		l.accept(e, r)
		l.acknowledge(r, e)
	case r.wantsIPv6() != r.wantsIPv4() && len(e.prefixes) > 0 && e.home().IsValid():
		l.deregisterFamily(r, e)
	default:
		l.becomeDeregistered(e, r)
		l.emit(BindingChanged{Change: Deregistered, Entry: l.record(e)})
		l.emitForwarding()
		l.acknowledge(r, e)
		l.resumeWaiting(r.now, e)
	}
}

// deregisterFamily is the selective de-registration of RFC 5844 section 3.1.2.5: the request names what has one IP version,
// and the session goes on with the other one until its lifetime ends. What the answer names is what the session had.
func (l *LMA) deregisterFamily(r *request, e *entry) {
	l.accept(e, r)
	ack := l.acceptance(r, e)
	ack.Lifetime = 0
	var dropped []netip.Prefix
	if r.wantsIPv4() {
		l.dropIPv4(e)
	} else {
		dropped = l.dropPrefixes(e)
	}
	l.emit(BindingChanged{Change: Extended, Entry: l.record(e), Dropped: dropped})
	l.emitForwarding()
	l.send(r, &ack)
}

// remove ends a binding whose time is over.
func (l *LMA) remove(now time.Time, e *entry) {
	l.becomeRemoved(e)
	l.emit(BindingChanged{Change: Removed, Entry: l.record(e)})
	l.resumeWaiting(now, e)
}

// delete removes a mobile node's bindings, and forgets what waits there, by the operator's order.
func (l *LMA) delete(id mobility.MobileNodeID) {
	node := l.node(id)
	if node == nil || len(node.sessions) == 0 {
		l.emit(Ignored{Reason: UnknownMobileNode, MobileNodeID: id})
		return
	}
	l.forgetWaiting(node)
	for _, e := range slices.Clone(node.sessions) {
		l.becomeRemoved(e)
		l.emit(BindingChanged{Change: Removed, Entry: l.record(e)})
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
