package mag

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/cockroachdb/datadriven"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// failer is what tests and properties have in common here.
type failer interface{ Fatal(args ...any) }

// offloadPolicy is a policy that scenarios and tests know by name.
func offloadPolicy(t failer, name string) (p mobility.OffloadPolicy) {
	web := mobility.TrafficSelector{Protocol: mobility.Numbers(6, 6), SourcePort: mobility.Numbers(443, 443)}
	network := mobility.TrafficSelector{Source: mobility.Addresses(netip.MustParsePrefix("198.51.100.0/24"))}
	var err error
	switch name {
	case "":
	case "web":
		p, err = mobility.NewOffloadPolicy(mobility.OffloadMatching, web)
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

// unusableAnswers are options that say no policy; "request" is one that a PBU may have, without a selector.
func unusableAnswers(t failer) map[string][]mh.IPv4TrafficOffloadSelector {
	var o mh.Options
	o.SetOffloadPolicy(offloadPolicy(t, "web"))
	web := o.IPv4TrafficOffloadSelectors[0]
	other := web
	other.Mode = mobility.OffloadOthers
	return map[string][]mh.IPv4TrafficOffloadSelector{
		"request": {{}}, "both-modes": {web, other}, "ipv6-selector": {{Format: 2, Data: "\x00\x00"}}, "request-and-policy": {web, {}},
		"too-short": {{Data: "\x00", Fault: "is shorter than one can be"}}, "bad-selector": {web, {Data: "\x00\x00\x00\x00\x03\x06\x01\x00\x40\x00\x00\x00", Fault: "ends without a start"}},
		"too-many": append(slices.Repeat([]mh.IPv4TrafficOffloadSelector{web}, mobility.MaximumTrafficSelectors), mh.IPv4TrafficOffloadSelector{Data: "\x00\x00\x00\x00", Fault: "is one more"}),
	}
}

// answerOffload puts in what an LMA answers, offload=POLICY. What the PBU had goes: not every LMA knows it.
func answerOffload(t failer, o *mh.Options, name string) {
	o.Present &^= 1 << mh.OptionIPv4TrafficOffloadSelector
	o.IPv4TrafficOffloadSelectors = nil
	if unusable, ok := unusableAnswers(t)[name]; ok {
		o.Present.Add(mh.OptionIPv4TrafficOffloadSelector)
		o.IPv4TrafficOffloadSelectors = unusable
	} else if name != "" {
		o.SetOffloadPolicy(offloadPolicy(t, name))
	}
}

// describeOffload is what a PBU says of it.
func describeOffload(o *mh.Options) string {
	if !o.Present.Has(mh.OptionIPv4TrafficOffloadSelector) {
		return ""
	}
	p, err := o.OffloadPolicy()
	switch {
	case err != nil:
		return " offload: " + err.Error()
	case p.IsZero():
		return " offload={request}"
	}
	return fmt.Sprintf(" offload={%v}", p)
}

func offloads(p mobility.OffloadPolicy) string {
	if p.IsZero() {
		return ""
	}
	return fmt.Sprintf(" offload={%v}", p)
}

// proposed is the policy of an attach command.
func proposed(t failer, d *datadriven.TestData) mobility.OffloadPolicy {
	return offloadPolicy(t, text(d, "offload", ""))
}
