package mag

import (
	"net/netip"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mh"
)

// addOffload asks the LMA for an offload policy, or proposes one (RFC 6909 section 3.2). Every PBU of a stay has the option of the first
// one, the de-registration too.
func (m *MAG) addOffload(s *session, options *mh.Options) {
	if m.config.EnableIPv4TrafficOffloadSupport && s.request.wants.ipv4 {
		options.SetOffloadPolicy(s.proposal)
	}
}

// readOffload takes from an acceptance which IPv4 flows leave here: without the option none do. One that cannot be used is as none, and
// the rest of the answer stands.
func (m *MAG) readOffload(s *session, o *mh.Options) mobility.OffloadPolicy {
	if !m.config.EnableIPv4TrafficOffloadSupport {
		return mobility.OffloadPolicy{}
	}
	policy, err := o.OffloadPolicy()
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
