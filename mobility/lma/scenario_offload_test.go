package lma

import (
	"fmt"
	"net/netip"
	"slices"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// offloadPolicy is a policy that scenarios and tests know by name.
func offloadPolicy(t tester, name string) mobility.OffloadPolicy {
	web := mobility.TrafficSelector{Protocol: mobility.Numbers(6, 6), SourcePort: mobility.Numbers(443, 443)}
	network := mobility.TrafficSelector{Source: mobility.Addresses(netip.MustParsePrefix("198.51.100.0/24"))}
	var p mobility.OffloadPolicy
	var err error
	switch name {
	case "":
		return p
	case "web":
		p, err = mobility.NewOffloadPolicy(mobility.OffloadMatching, web)
	case "cdn":
		p, err = mobility.NewOffloadPolicy(mobility.OffloadMatching, network)
	case "all-but-work":
		p, err = mobility.NewOffloadPolicy(mobility.OffloadOthers, network, mobility.TrafficSelector{Protocol: mobility.Numbers(50, 50)})
	default:
		err = fmt.Errorf("there is no policy %q", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// unusableProposals are options that say no policy.
func unusableProposals(t tester) map[string][]mh.IPv4TrafficOffloadSelector {
	var o mh.Options
	o.SetOffloadPolicy(offloadPolicy(t, "web"))
	web := o.IPv4TrafficOffloadSelectors[0]
	other := web
	other.Mode = mobility.OffloadOthers
	return map[string][]mh.IPv4TrafficOffloadSelector{
		"both-modes":         {web, other},
		"request-and-policy": {web, {}},
		"ipv6-selector":      {{Format: 2, Data: "\x00\x00"}},
		"one-ipv6-selector":  {web, {Format: 2, Data: "\x00\x00"}},
		"too-short":          {{Data: "\x00", Fault: "is shorter than one can be"}},
		"bad-selector":       {web, {Data: "\x00\x00\x00\x00\x03\x06\x01\x00\x40\x00\x00\x00", Fault: "ends without a start"}},
		"too-many": append(slices.Repeat([]mh.IPv4TrafficOffloadSelector{web}, mobility.MaximumTrafficSelectors),
			mh.IPv4TrafficOffloadSelector{Data: "\x00\x00\x00\x00", Fault: "is one more"}),
	}
}

// addOffload puts the option in that the command asks for.
func (s *scenario) addOffload(o *mh.Options) {
	if !s.d.HasArg("offload") {
		return
	}
	name := s.arg("offload", "")
	if unusable, ok := unusableProposals(s.t)[name]; ok {
		o.Present.Add(mh.OptionIPv4TrafficOffloadSelector)
		o.IPv4TrafficOffloadSelectors = unusable
		return
	}
	o.SetOffloadPolicy(offloadPolicy(s.t, name))
}

// offload is what a binding says of it.
func (s *scenario) offload(e mobility.BindingCacheEntry) string {
	if !e.OffloadAnswered {
		return ""
	}
	if e.OffloadSuspended {
		return fmt.Sprintf(" offload={suspended: %v}", e.OffloadPolicy)
	}
	return fmt.Sprintf(" offload={%v}", e.OffloadPolicy)
}

// offloadOption is what an answer says of it.
func (s *scenario) offloadOption(o *mh.Options) string {
	if !o.Present.Has(mh.OptionIPv4TrafficOffloadSelector) {
		return ""
	}
	p, err := o.OffloadPolicy()
	if err != nil || p.IsZero() {
		s.d.Fatalf(s.t, "the answer has %+v: %v", o.IPv4TrafficOffloadSelectors, err)
	}
	return fmt.Sprintf(" offload={%v}", p)
}
