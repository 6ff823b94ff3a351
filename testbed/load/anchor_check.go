package load

import (
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// Violations of a gateway, with the section of RFC 5213 where it names one. Malformed, UnexpectedType and WrongSource are for
// both ends.
const (
	WrongFlags          Violation = "flags"                             // P and A are set (6.9.1.5)
	MissingMobileNodeID Violation = "mobile_node_id_missing"            // (6.9.1.1, 2)
	MissingPrefix       Violation = "home_network_prefix_missing"       // (6.9.1.1, 3)
	MissingIndicator    Violation = "handoff_indicator_missing"         // (6.9.1.1, 4)
	MissingTechnology   Violation = "access_technology_type_missing"    // (6.9.1.5)
	AllZeroBesideOthers Violation = "all_zero_prefix_beside_others"     // one all-zero prefix, and no other (6.9.1.1, 3)
	ReservedIndicator   Violation = "handoff_indicator_reserved"        // 0, or none that IANA knows (8.4)
	ReservedTechnology  Violation = "access_technology_type_reserved"   // 0 (8.5)
	ZeroLinkLayerID     Violation = "mobile_node_link_layer_id_zero"    // no option rather than an empty one (6.9.1.1)
	DeregisterIndicator Violation = "deregistration_handoff_indicator"  // 4 (6.9.1.4, 3)
	OtherPrefixes       Violation = "prefixes_not_those_assigned"       // all assigned ones, and no other (6.9.1.3, 2; 6.9.1.4, 2)
	NotRegistered       Violation = "re_registration_without_binding"   // 5 is for the currently registered (6.9.1.3)
	OldTimestamp        Violation = "timestamp_not_increasing"          // each update has a fresh one (5.5; 6.9.4)
	FarTimestamp        Violation = "timestamp_outside_validity_window" // 300 ms (5.5)
	OldSequence         Violation = "sequence_number_not_increasing"    // without timestamps (5.5; 6.9.4)
	UpdateRate          Violation = "update_rate"                       // MAX_UPDATE_RATE, for each mobility session (RFC 6275 section 12)
	WrongRevocation     Violation = "revocation_acknowledgement"        // of no indication, or without its P flag (RFC 5846 section 5.2)
	WrongHeartbeat      Violation = "heartbeat"                         // a response that nobody asked for and is not said to be one (RFC 5847 3.3)
)

const (
	maximumUpdateRate = 3                      // MAX_UPDATE_RATE, RFC 6275 section 12
	validityWindow    = 300 * time.Millisecond // TimestampValidityWindow, RFC 5213 section 9.1
	highestIndicator  = mobility.AttachmentOverNewInterfaceSharedPrefix
)

// complete looks for the options that every update has; false: an anchor answers with this status (RFC 5213 section 5.3.1).
func (a *anchor) complete(o *mh.Options) (mobility.Status, bool) {
	for _, mandatory := range [...]struct {
		option    mh.OptionType
		violation Violation
		status    mobility.Status
	}{
		{mh.OptionMobileNodeID, MissingMobileNodeID, mobility.StatusMissingMNIdentifierOption},
		{mh.OptionHomeNetworkPrefix, MissingPrefix, mobility.StatusMissingHomeNetworkPrefixOption},
		{mh.OptionHandoffIndicator, MissingIndicator, mobility.StatusMissingHandoffIndicatorOption},
		{mh.OptionAccessTechnologyType, MissingTechnology, mobility.StatusMissingAccessTechTypeOption},
	} {
		if mandatory.option == mh.OptionHomeNetworkPrefix && o.Present.Has(mh.OptionIPv4HomeAddressRequest) && !o.Present.Has(mandatory.option) {
			return mobility.StatusNotAuthorizedForIPv4Mobility, false // as it may be (RFC 5844 section 3.2); we have IPv6 only
		}
		if !o.Present.Has(mandatory.option) {
			a.violation(mandatory.violation, "%v: sequence number %d", o.MobileNodeID, a.update.Sequence)
			return mandatory.status, false
		}
	}
	return mobility.StatusAccepted, true
}

// checkOrder looks at what makes an update newer than the ones before (RFC 5213 section 5.5).
func (a *anchor) checkOrder(s *session, at time.Time) {
	o := &a.update.Options
	switch {
	case a.cfg.Compat == OAI: // its timestamps are two little-endian words of no meaning
	case o.Present.Has(mh.OptionTimestamp):
		if s.asked && o.Timestamp <= s.timestamp {
			a.violation(OldTimestamp, "%v: %d after %d", s.id, o.Timestamp, s.timestamp)
		}
		if skew := o.Timestamp.Time().Sub(at); skew.Abs() > validityWindow {
			a.violation(FarTimestamp, "%v: %v from our clock", s.id, skew)
		}
	case s.asked && int16(a.update.Sequence-s.sequence) <= 0 && !(a.cfg.Compat == OPMIP && a.update.Sequence == s.sequence):
		a.violation(OldSequence, "%v: %d after %d", s.id, a.update.Sequence, s.sequence)
	}
	s.asked, s.sequence = true, a.update.Sequence
	s.timestamp = max(s.timestamp, o.Timestamp)
	if oldest := s.recent[s.next]; !oldest.IsZero() && at.Sub(oldest) < time.Second {
		a.violation(UpdateRate, "%v: %d updates within %v", s.id, maximumUpdateRate+1, at.Sub(oldest))
	}
	s.recent[s.next] = at
	s.next = (s.next + 1) % maximumUpdateRate
}

// checkContent looks at an update that has its mandatory options.
func (a *anchor) checkContent(s *session, op Operation) {
	o := &a.update.Options
	want := func(ok bool, v Violation) {
		if !ok {
			a.violation(v, "%v in %s: flags %#x, lifetime %d, handoff indicator %d, access technology %d, prefixes %v, ours %v",
				s.id, op, uint16(a.update.Flags), a.update.Lifetime, o.HandoffIndicator, o.AccessTechnologyType, o.HomeNetworkPrefixes, s.prefixes)
		}
	}
	both := mh.UpdateProxy | mh.UpdateAcknowledge
	want(a.update.Flags&both == both, WrongFlags)
	want(len(o.HomeNetworkPrefixes) == 1 || !slices.ContainsFunc(o.HomeNetworkPrefixes, mh.IsZeroPrefix), AllZeroBesideOthers)
	want(o.HandoffIndicator != 0 && o.HandoffIndicator <= highestIndicator, ReservedIndicator)
	want(o.AccessTechnologyType != 0 || a.cfg.Compat == OPMIP, ReservedTechnology)
	want(!o.Present.Has(mh.OptionMobileNodeLinkLayerID) || !o.MobileNodeLinkLayerID.IsZero(), ZeroLinkLayerID)
	if a.cfg.Compat == OAI { // its handoff indicator is 3 whatever happens
		return
	}
	if op == Deregister {
		want(o.HandoffIndicator == mobility.HandoffStateUnknown, DeregisterIndicator)
	}
	if op == Refresh {
		want(s.registered || s.lost || s.earlier, NotRegistered)
	}
	if op != Register && (s.registered || s.lost) && a.cfg.Compat == Strict {
		want(sameSet(o.HomeNetworkPrefixes, s.prefixes), OtherPrefixes)
	}
}

// sameSet compares short lists whose order does not matter.
func sameSet[E comparable](a, b []E) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(e E) bool { return !slices.Contains(b, e) })
}
