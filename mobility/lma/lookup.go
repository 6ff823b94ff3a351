package lma

import (
	"net/netip"
	"slices"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// verdict is what the binding cache entry existence test makes of a request.
type verdict uint8

const (
	createSession         verdict = iota // a new mobility session
	updateSession                        // of match.entry
	waitForDeregistration                // of match.entry, the mobile node's only session
	rejectRequest                        // with match.status
)

// match is the outcome of the existence test.
type match struct {
	verdict verdict
	entry   *entry          // for updateSession and waitForDeregistration
	status  mobility.Status // for rejectRequest
}

func reject(status mobility.Status) match { return match{verdict: rejectRequest, status: status} }
func updateOf(e *entry) match             { return match{verdict: updateSession, entry: e} }

// lookup is the Binding Cache entry existence test of RFC 5213 section 5.4.1; its three forms are tried in that order. An
// IPv4 home address takes the place of the prefixes where the request names none of these (RFC 5844 section 3.1.2.7).
func (l *LMA) lookup(r *request) match {
	node := l.node(r.id)
	switch {
	case r.namesPrefix():
		return l.lookupByPrefix(node, r)
	case r.namesIPv4():
		return l.lookupByIPv4(node, r)
	case node == nil:
		return match{}
	case r.linkLayerID != "":
		return lookupByLinkLayerID(node, r)
	}
	return lookupByMobileNode(node, r)
}

// lookupByPrefix is section 5.4.1.1: the request names at least one prefix. A session without prefixes is none of these.
func (l *LMA) lookupByPrefix(node *mobileNode, r *request) match {
	var found *entry
	for _, prefix := range r.prefixes {
		owner := l.owner(prefix)
		if owner == nil {
			continue
		}
		if owner.node != node {
			return reject(mobility.StatusNotAuthorizedForHomeNetworkPrefix)
		}
		found = owner
	}
	switch {
	case found == nil:
		return match{}
	case !samePrefixes(found.prefixes, r.prefixes):
		return reject(mobility.StatusBCEPBUPrefixSetDoNotMatch)
	case continuesSession(found, r):
		return updateOf(found)
	}
	return match{}
}

// lookupByIPv4 is section 5.4.1.1 with an IPv4 home address for a key. One of another mobile node is refused as
// RFC 5844 section 3.1.2.2 refuses one that this mobile node may not have.
func (l *LMA) lookupByIPv4(node *mobileNode, r *request) match {
	found := l.owner(r.namedHost())
	switch {
	case found == nil:
		return match{}
	case found.node != node:
		r.ipv4Status = mh.IPv4HomeAddressAdministrativelyProhibited
		return reject(mobility.StatusNotAuthorizedForIPv4HomeAddress)
	case continuesSession(found, r):
		return updateOf(found)
	}
	return match{}
}

// continuesSession is rule 5 of section 5.4.1.1: any one of its four conditions makes the request one for e.
func continuesSession(e *entry, r *request) bool {
	sameTechnology := r.options.AccessTechnologyType == e.accessTechnologyType
	switch {
	case r.linkLayerID != "" && r.linkLayerID == e.linkLayerID && sameTechnology:
		return true
	case r.options.HandoffIndicator == mobility.HandoffBetweenInterfaces:
		return true
	case r.linkLayerID == "" && e.linkLayerID == "" && sameTechnology && r.betweenMAGs():
		return true
	}
	return r.proxyCareOfAddress == e.path.proxyCareOfAddress && sameTechnology
}

// lookupByLinkLayerID is section 5.4.1.2: no prefix, but a link-layer identifier.
func lookupByLinkLayerID(node *mobileNode, r *request) match {
	for _, e := range slices.Backward(node.sessions) { // the younger one, should a MAG have opened two for one interface
		if e.linkLayerID == r.linkLayerID && e.accessTechnologyType == r.options.AccessTechnologyType {
			return updateOf(e)
		}
	}
	return lookupOnlySession(node, r, r.options.HandoffIndicator == mobility.HandoffBetweenInterfaces)
}

// lookupByMobileNode is section 5.4.1.3: neither a prefix nor a link-layer identifier.
func lookupByMobileNode(node *mobileNode, r *request) match {
	hi := r.options.HandoffIndicator
	return lookupOnlySession(node, r, hi == mobility.HandoffBetweenInterfaces || hi == mobility.HandoffBetweenMAGsSameInterface)
}

// lookupOnlySession is what sections 5.4.1.2 and 5.4.1.3 share: with one and only one session, a handoff updates it, and
// an unknown handoff state waits until its former MAG has de-registered it.
func lookupOnlySession(node *mobileNode, r *request, handoff bool) match {
	if len(node.sessions) != 1 {
		return match{}
	}
	only := node.sessions[0]
	unknown := r.options.HandoffIndicator == mobility.HandoffStateUnknown && r.lifetime > 0
	switch {
	case handoff, unknown && only.state == deregistered:
		return updateOf(only)
	case unknown:
		return match{verdict: waitForDeregistration, entry: only}
	}
	return match{}
}

// samePrefixes says whether both lists hold the same prefixes and as many, in any order.
func samePrefixes(bound, requested []netip.Prefix) bool {
	if len(bound) != len(requested) {
		return false
	}
	for _, prefix := range bound {
		if !contains(requested, prefix) {
			return false
		}
	}
	return true
}
