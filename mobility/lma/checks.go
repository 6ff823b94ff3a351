package lma

import (
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
	(*LMA).checkRepetition,        // section 8.1
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
	if !r.options.Present.Has(mh.OptionMobileNodeID) || r.options.MobileNodeID.Value == "" {
		return mobility.StatusMissingMNIdentifierOption
	}
	return mobility.StatusAccepted
}

func (l *LMA) checkMAGAuthorized(r *request) mobility.Status {
	if !l.cfg.Authorized(r.proxyCareOfAddress, r.peerIdentity) {
		return mobility.StatusMAGNotAuthorizedForProxyReg
	}
	return mobility.StatusAccepted
}

func (l *LMA) checkMobileNodeKnown(r *request) mobility.Status {
	profile, ok := l.cfg.Profile(r.options.MobileNodeID)
	if !ok {
		return mobility.StatusNotLMAForThisMobileNode
	}
	r.profile = profile
	return mobility.StatusAccepted
}

func (l *LMA) checkServiceEnabled(r *request) mobility.Status {
	if !r.profile.ProxyRegistration {
		return mobility.StatusProxyRegNotEnabled
	}
	return mobility.StatusAccepted
}

// checkOrder applies RFC 5213 section 5.5. The sequence number counts within a session, so the binding cache is consulted
// here already; what it says is acted upon after the remaining checks only. A request that would wait must be newer too: it
// may turn out to be for the session that it waits for.
func (l *LMA) checkOrder(r *request) mobility.Status {
	r.match = l.lookup(r)
	if r.options.Present.Has(mh.OptionTimestamp) {
		return l.checkTimestamp(r)
	}
	if e := r.match.entry; e != nil && !sequenceGreater(r.sequence, e.SequenceNumber) {
		return mobility.StatusSequenceNumberOutOfWindow
	}
	return mobility.StatusAccepted
}

// checkTimestamp wants a timestamp near the anchor's clock and greater than all accepted before for this mobile node. A
// replayed message is refused as lower even if it is out of the window by now. The clock is read when the packet arrives:
// how long the anchor is busy with other things says nothing about the age of a message.
func (l *LMA) checkTimestamp(r *request) mobility.Status {
	if node := l.nodes[r.options.MobileNodeID]; node != nil && r.options.Timestamp <= l.lastTimestamp(node, r.now) {
		return mobility.StatusTimestampLowerThanPrevAccepted
	}
	window := l.cfg.TimestampValidityWindow
	if skew := skewOf(r.options.Timestamp, r.receivedAt); skew < -window || skew > window {
		return mobility.StatusTimestampMismatch
	}
	return mobility.StatusAccepted
}

// lastTimestamp is the greatest timestamp accepted of node. RFC 5213 section 5.5 has none accepted that is further than
// TimestampValidityWindow ahead of the anchor's clock. So one that is further ahead of it now proves that this clock was
// ahead then and was set back since. Such a timestamp orders nothing: it counts as zero, or the mobile node would be locked
// out (157) until the clock is there again. What is replayed meanwhile must still be within the window.
func (l *LMA) lastTimestamp(node *mobileNode, now time.Time) mh.Timestamp {
	if skewOf(node.timestamp, now) > l.cfg.TimestampValidityWindow {
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

func (l *LMA) checkHomeNetworkPrefix(r *request) mobility.Status {
	if len(r.options.HomeNetworkPrefixes) == 0 {
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

// checkRepetition refuses a second instance of an option that may stand once (RFC 5213 section 8.1): which of the two
// counts would be a guess. The decoder leaves the second one among the unknown options.
func (l *LMA) checkRepetition(r *request) mobility.Status {
	for _, option := range r.options.Unknown {
		if r.options.Present.Has(option.Type) {
			return mobility.StatusReasonUnspecified
		}
	}
	return mobility.StatusAccepted
}
