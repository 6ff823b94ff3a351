package mag

import (
	"errors"
	"net/netip"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mh"
)

// takeProposal makes what an attachment says that of the session, unless the LMA may have a proposal of this stay already: every PBU has
// the option of the first one, whatever policy or a server says since (RFC 6909 section 3.2).
func (s *session) takeProposal(p mobility.OffloadPolicy) {
	if anew := s.purpose == DeRegistration || s.moved; anew || !s.holds.ipv4 {
		s.proposal = p
	}
}

// addOffload asks the LMA for an offload policy, or proposes one (RFC 6909 section 3.2), in the de-registration too.
func (m *MAG) addOffload(s *session, options *mh.Options) {
	if m.config.EnableIPv4TrafficOffloadSupport && s.request.wants.ipv4 {
		options.SetOffloadPolicy(s.proposal)
	}
}

// readOffload takes from an acceptance which IPv4 flows leave here: without the option none do. One that cannot be used, such as one
// without the selector that an answer must have (section 3.1), is as none, and the rest of the answer stands.
func (m *MAG) readOffload(s *session, o *mh.Options) mobility.OffloadPolicy {
	if !m.config.EnableIPv4TrafficOffloadSupport {
		return mobility.OffloadPolicy{}
	}
	policy, err := o.OffloadPolicy()
	if err == nil && policy.IsZero() && o.Present.Has(mh.OptionIPv4TrafficOffloadSelector) {
		err = errors.New("the answer has an option without a traffic selector")
	}
	if err != nil {
		m.do(Ignored{Reason: DropInvalidOffloadPolicy, Source: s.lma(), MobileNodeID: s.id, Err: err})
		return mobility.OffloadPolicy{}
	}
	return policy
}

// offload is the policy of one prefix of the session at this stage of a handover. What goes to another gateway, or comes from there
// before the LMA has said anything, is not offloaded: nobody here would have agreed on it.
func (s *session) offload(prefix netip.Prefix, stage forwarding.Transfer) mobility.OffloadPolicy {
	if !prefix.Addr().Is4() || stage == forwarding.Leaving || stage == forwarding.Arriving {
		return mobility.OffloadPolicy{}
	}
	return s.home.offload
}
