package domaintest

import (
	"fmt"
	"net/netip"
	"slices"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mag"
	"netlmm/mobility/mh"
)

// offloadPolicies are what profiles and gateways have of policies (RFC 6909), by name.
var offloadPolicies = map[string]mobility.OffloadPolicy{
	"none": {},
	"web":  policyOf(mobility.OffloadMatching, mobility.TrafficSelector{Protocol: mobility.Numbers(6, 6), SourcePort: mobility.Numbers(443, 443)}),
	"cdn":  policyOf(mobility.OffloadMatching, mobility.TrafficSelector{Source: mobility.Addresses(netip.MustParsePrefix("198.51.100.0/24"))}),
	"all-but-work": policyOf(mobility.OffloadOthers, mobility.TrafficSelector{Source: mobility.Addresses(netip.MustParsePrefix("203.0.113.0/24"))},
		mobility.TrafficSelector{Protocol: mobility.Numbers(50, 50)}),
}

var offloadNames = []string{"none", "web", "cdn", "all-but-work"}

func policyOf(mode mobility.OffloadMode, selectors ...mobility.TrafficSelector) mobility.OffloadPolicy {
	p, err := mobility.NewOffloadPolicy(mode, selectors...)
	if err != nil {
		panic(err)
	}
	return p
}

// policyName is the name of a policy in a trace, after a word; nothing for none.
func policyName(p mobility.OffloadPolicy) string {
	for _, name := range offloadNames {
		if offloadPolicies[name] == p && !p.IsZero() {
			return " offload=" + name
		}
	}
	if p.IsZero() {
		return ""
	}
	return fmt.Sprintf(" offload={%v}", p)
}

// asked is what a PBU or an answer has of it in a trace.
func asked(o *mh.Options) string {
	if !o.Present.Has(mh.OptionIPv4TrafficOffloadSelector) {
		return ""
	}
	p, err := o.OffloadPolicy()
	if err != nil {
		return " offload: " + err.Error()
	}
	if p.IsZero() {
		return " offload?"
	}
	return policyName(p)
}

// offloads says whether a gateway is configured for it: all but the third one are, in a domain that is, unless they were started without it.
func (d *domain) offloads(g *gateway) bool { return d.offload && g.name != "mag3" && !g.without }

// noteAnswer keeps what the anchor answered a gateway that took the answer, and holds against it what the gateway made of it: what leaves
// there is what the anchor said, and nothing where it said nothing (RFC 6909 section 3.2).
func (d *domain) noteAnswer(g *gateway, p packet, accepted mobility.BindingUpdateListEntry) {
	var pba mh.BindingAcknowledgement
	if err := pba.Decode(p.payload); err != nil {
		d.wrong = err
		return
	}
	policy, err := pba.Options.OffloadPolicy()
	if err != nil {
		d.wrong = fmt.Errorf("%s was told %w", g.name, err)
		return
	}
	want := policy
	if !accepted.IPv4HomeAddress.IsValid() || !d.offloads(g) {
		want = mobility.OffloadPolicy{}
	}
	if accepted.OffloadPolicy != want {
		d.wrong = fmt.Errorf("%s was told %v, and has %v", g.name, policy, accepted.OffloadPolicy)
	}
	if !policy.IsZero() && !d.offloads(g) && !g.without { // what it asked before it was started without may be answered late
		d.wrong = fmt.Errorf("%s, which does not ask, was told %v", g.name, policy)
	}
	g.told[accepted.MobileNodeLinkLayerID] = policy
}

// checkOffload: a gateway offloads the IPv4 flows of a mobile node by what the anchor answered last, and not at all while the mobile node
// is on its way between two gateways.
func (g *gateway) checkOffload(e mobility.BindingUpdateListEntry, got forwarding.Entry) error {
	want := mobility.OffloadPolicy{}
	if got.Prefix.Addr().Is4() && got.Transfer != forwarding.Leaving && got.Transfer != forwarding.Arriving {
		want = e.OffloadPolicy
	}
	if got.Offload != want {
		return fmt.Errorf("%v is offloaded by %v, the binding update list wants %v", got.Prefix, got.Offload, want)
	}
	if told := g.told[e.MobileNodeLinkLayerID]; !e.OffloadPolicy.IsZero() && e.OffloadPolicy != told {
		return fmt.Errorf("%v is offloaded by %v, the anchor said %v", e.MobileNodeID, e.OffloadPolicy, told)
	}
	return nil
}

// checkStay: what a gateway was told stays for as long as the mobile node stays there, also when the gateway does not ask for a while (RFC
// 6909 section 3.3).
func checkStay(before, now mobility.BindingCacheEntry) error {
	same := before.State == "registered" && now.State == "registered" && before.ProxyCareOfAddress == now.ProxyCareOfAddress &&
		before.MobileNodeLinkLayerID == now.MobileNodeLinkLayerID && before.IPv4HomeAddress == now.IPv4HomeAddress
	if same && before.OffloadAnswered && (!now.OffloadAnswered || before.OffloadPolicy != now.OffloadPolicy) {
		return fmt.Errorf("the policy of %v at %v was %v, and is %v now, answered: %t", now.MobileNodeID, now.ProxyCareOfAddress, before.OffloadPolicy, now.OffloadPolicy, now.OffloadAnswered)
	}
	return nil
}

// checkNegotiated: who is served has been told, if its gateway asks, and its gateway does what the anchor believes.
func (d *domain) checkNegotiated(h *host, binding mobility.BindingCacheEntry) error {
	if !h.ipv4 {
		return nil
	}
	entry, _ := h.at.mag.Forwarding().Get(netip.PrefixFrom(binding.IPv4HomeAddress.Addr(), 32))
	told, want := binding.OffloadAnswered && !binding.OffloadSuspended, binding.OffloadPolicy
	if !told {
		want = mobility.OffloadPolicy{}
	}
	if told != d.offloads(h.at) || entry.Offload != want {
		return fmt.Errorf("its MAG offloads by %v, the anchor has %v, answered: %t, suspended: %t", entry.Offload, binding.OffloadPolicy, binding.OffloadAnswered, binding.OffloadSuspended)
	}
	return nil
}

// accepted are the registrations that a gateway took from a packet.
func accepted(actions []mag.Action) (entries []mobility.BindingUpdateListEntry) {
	for _, a := range actions {
		if a, ok := a.(mag.BindingAccepted); ok {
			entries = append(entries, a.Entry)
		}
	}
	return entries
}

// ipv4Hosts are those that a policy is for.
func (d *domain) ipv4Hosts() []*host {
	return slices.DeleteFunc(slices.Clone(d.hosts), func(h *host) bool { return !h.ipv4 })
}
