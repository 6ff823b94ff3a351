package lma

import (
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// checks are the tests that a Proxy Binding Update must pass before the binding cache is looked at, in the order of RFC
// 5213 section 5.3.1; that order is mandatory. The first that fails decides the status of the answer.
var checks = [...]func(*LMA, *request) mobility.Status{
	(*LMA).checkMobileNodeID,      // 4
	(*LMA).checkMAGAuthorized,     // 5, 6
	(*LMA).checkMobileNodeKnown,   // 7
	(*LMA).checkServiceEnabled,    // 8
	(*LMA).checkOrder,             // 9
	(*LMA).checkHomeNetworkPrefix, // 10
	(*LMA).checkHandoffIndicator,  // 11
	(*LMA).checkAccessTechnology,  // 12
	(*LMA).checkFamilies,          // RFC 5844 section 3.1.2.1
	(*LMA).checkRepetition,        // section 8.1
	(*LMA).checkTransport,         // RFC 5844 section 4.1.3.1
}

func (l *LMA) check(r *request) mobility.Status {
	for _, check := range checks {
		if status := check(l, r); !status.Accepted() {
			return status
		}
	}
	return mobility.StatusAccepted
}

func (l *LMA) checkMobileNodeID(r *request) mobility.Status {
	if !r.options.Present.Has(mh.OptionMobileNodeID) || r.id.Value == "" {
		return mobility.StatusMissingMNIdentifierOption
	}
	return mobility.StatusAccepted
}

func (l *LMA) checkMAGAuthorized(r *request) mobility.Status {
	if !l.cfg.Authorized(r.proxyCareOfAddress, r.peerIdentity) || !l.authorizedFor(r, netip.Prefix{}) {
		return mobility.StatusMAGNotAuthorizedForProxyReg
	}
	return mobility.StatusAccepted
}

// authorizedFor says whether the MAG may register prefix for the mobile node, or the mobile node at all if prefix is zero.
func (l *LMA) authorizedFor(r *request, prefix netip.Prefix) bool {
	return l.cfg.AuthorizedFor == nil || l.cfg.AuthorizedFor(r.proxyCareOfAddress, r.id, prefix)
}

func (l *LMA) checkMobileNodeKnown(r *request) mobility.Status {
	profile, ok := l.cfg.Profile(r.id)
	if !ok && !l.releases(r) {
		return mobility.StatusNotLMAForThisMobileNode
	}
	r.profile = profile
	return mobility.StatusAccepted
}

// releases says whether the request gives up what its MAG has here. The policy of before a change let the mobile node have
// it; that of today says what may be registered, and does not keep a MAG from giving up what may not be any more.
func (l *LMA) releases(r *request) bool {
	node := l.node(r.id)
	return r.lifetime == 0 && node != nil &&
		slices.ContainsFunc(node.sessions, func(e *entry) bool { return e.path.proxyCareOfAddress == r.proxyCareOfAddress })
}

func (l *LMA) checkServiceEnabled(r *request) mobility.Status {
	if !r.profile.ProxyRegistration && !l.releases(r) {
		return mobility.StatusProxyRegNotEnabled
	}
	return mobility.StatusAccepted
}

// checkOrder applies RFC 5213 section 5.5. The sequence number counts within a session, so the binding cache is consulted
// here already; what it says is acted upon after the remaining checks only. A request that would wait must be newer too: it
// may turn out to be for the session that it waits for.
func (l *LMA) checkOrder(r *request) mobility.Status {
	r.match = l.lookup(r)
	e := r.match.entry
	switch {
	case r.stamped():
		return l.checkTimestamp(r)
	case e == nil, sequenceGreater(r.sequence, e.sequence), l.repeats(r, e):
		return mobility.StatusAccepted
	case r.compat == mobility.CompatOAI: // its numbers begin anew at each MAG, and it takes every answer for an acceptance
		return mobility.StatusAccepted
	}
	return mobility.StatusSequenceNumberOutOfWindow
}

// repeats says whether the request is the last accepted one of e again, from a peer that repeats its sequence number when
// it has seen no answer.
func (l *LMA) repeats(r *request, e *entry) bool {
	return r.compat == mobility.CompatOPMIP && r.match.verdict == updateSession && r.sequence == e.sequence &&
		r.path() == e.path.pathKey && (r.lifetime == 0) == (e.state == deregistered)
}

// checkTimestamp wants a timestamp near the anchor's clock and greater than all accepted before for this mobile node. A
// replayed message is refused as lower even if it is out of the window by now. The last accepted one again is neither
// greater nor lower, which leaves it not valid (RFC 5213 section 5.5, 9). The clock is read when the packet arrives: how
// long the anchor is busy with other things says nothing about the age of a message.
func (l *LMA) checkTimestamp(r *request) mobility.Status {
	last := mh.Timestamp(0)
	if node := l.node(r.id); node != nil {
		last = l.lastTimestamp(node, r.now)
	}
	window := l.cfg.TimestampValidityWindow
	skew := skewOf(r.timestamp, r.receivedAt)
	switch {
	case r.timestamp < last:
		return mobility.StatusTimestampLowerThanPrevAccepted
	case r.timestamp == last:
		return mobility.StatusTimestampMismatch
	case !l.cfg.MobileNodeGeneratedTimestampInUse && (skew < -window || skew > window):
		return mobility.StatusTimestampMismatch
	}
	return mobility.StatusAccepted
}

// lastTimestamp is the greatest timestamp accepted of node. RFC 5213 section 5.5 has none accepted that is further than
// TimestampValidityWindow ahead of the anchor's clock. So one that is further ahead of it now proves that this clock was
// ahead then and was set back since. Such a timestamp orders nothing: it counts as zero, or the mobile node would be locked
// out (157) until the clock is there again. What is replayed meanwhile must still be within the window. A timestamp that
// mobile nodes generate says nothing about the anchor's clock.
func (l *LMA) lastTimestamp(node *mobileNode, now time.Time) mh.Timestamp {
	if !l.cfg.MobileNodeGeneratedTimestampInUse && skewOf(node.timestamp, now) > l.cfg.TimestampValidityWindow {
		return 0
	}
	return node.timestamp
}

// skewOf is how far t is ahead of now, at the resolution of the Timestamp option.
func skewOf(t mh.Timestamp, now time.Time) time.Duration {
	return t.Time().Sub(mh.TimestampOf(now).Time())
}

// sequenceGreater compares modulo 2^16: the last number and the 32768 before it are not greater (RFC 6275 section 9.5.1).
func sequenceGreater(sequence, last uint16) bool {
	ahead := sequence - last
	return ahead != 0 && ahead < 0x8000
}

// checkHomeNetworkPrefix wants a Home Network Prefix option, or an IPv4 Home Address Request option in its place (RFC 5844
// section 3.1.2.1).
func (l *LMA) checkHomeNetworkPrefix(r *request) mobility.Status {
	if !r.wantsIPv6() && !r.wantsIPv4() {
		return mobility.StatusMissingHomeNetworkPrefixOption
	}
	return mobility.StatusAccepted
}

func (l *LMA) checkHandoffIndicator(r *request) mobility.Status {
	if !r.options.Present.Has(mh.OptionHandoffIndicator) {
		return mobility.StatusMissingHandoffIndicatorOption
	}
	return mobility.StatusAccepted
}

func (l *LMA) checkAccessTechnology(r *request) mobility.Status {
	if !r.options.Present.Has(mh.OptionAccessTechnologyType) {
		return mobility.StatusMissingAccessTechTypeOption
	}
	return mobility.StatusAccepted
}

// checkFamilies asks the profile, and whether this anchor serves IPv4 at all, for the IP versions of the request.
func (l *LMA) checkFamilies(r *request) mobility.Status {
	switch {
	case l.releases(r):
		return mobility.StatusAccepted
	case r.wantsIPv6() && r.profile.IPv6Prohibited:
		return mobility.StatusNotAuthorizedForIPv6Mobility
	case r.wantsIPv4() && (!r.profile.IPv4Mobility || len(l.ipv4Pool.networks) == 0):
		r.ipv4Status = mh.IPv4HomeAddressAdministrativelyProhibited
		return mobility.StatusNotAuthorizedForIPv4Mobility
	}
	return mobility.StatusAccepted
}

// checkRepetition refuses a second instance of an option that may stand once (RFC 5213 section 8.1): which of the two
// counts would be a guess. The decoder leaves the second one among the unknown options. A second IPv4 home address has a
// status of its own (RFC 5844 section 3.1.2.1).
func (l *LMA) checkRepetition(r *request) mobility.Status {
	status := mobility.StatusAccepted
	for _, option := range r.options.Unknown {
		switch {
		case !r.options.Present.Has(option.Type):
		case option.Type == mh.OptionIPv4HomeAddressRequest:
			return mobility.StatusMultipleIPv4NotSupported
		default:
			status = mobility.StatusReasonUnspecified
		}
	}
	return status
}

// updateForcesUDP is the F flag of a Proxy Binding Update that came over IPv4 (RFC 5844 section 4.1.3.1): data in UDP.
const updateForcesUDP mh.BindingUpdateFlags = 0x0100

// checkTransport refuses what this anchor's tunnels over IPv4 cannot do: AcceptForcedIPv4UDPEncapsulationRequest of RFC
// 5844 section 5.1 is 0 here.
func (l *LMA) checkTransport(r *request) mobility.Status {
	if r.source.Is4() && r.flags&updateForcesUDP != 0 {
		return mobility.StatusAdministrativelyProhibited
	}
	return mobility.StatusAccepted
}
