package mag

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mh"
)

// TestConformanceOffloadUpdate holds every PBU of a stay, the retransmitted ones among them, against RFC 6909 section 3.2: an enabled
// gateway asks or proposes in each that asks for an IPv4 home address, with M = 0 where it asks only, and all of them as the first did.
func TestConformanceOffloadUpdate(t *testing.T) {
	for _, enabled := range []bool{false, true} {
		for _, wishes := range []families{{ipv6: true}, {ipv4: true}, {true, true}} {
			for _, proposal := range []string{"", "web", "all-but-work"} {
				c := newConforming(t, true)
				c.mag.config.EnableIPv4TrafficOffloadSupport = enabled
				c.attach(func(ev *LinkAttached) {
					ev.IPv6Prohibited, ev.IPv4Mobility, ev.OffloadPolicy = !wishes.ipv6, wishes.ipv4, offloadPolicy(t, proposal)
				})
				again := func(policy string) { // with another policy, which is for the next stay
					c.attach(func(ev *LinkAttached) {
						ev.IPv6Prohibited, ev.IPv4Mobility, ev.OffloadPolicy = !wishes.ipv6, wishes.ipv4, offloadPolicy(t, policy)
					})
				}
				again("web")
				c.pass(1500 * time.Millisecond)
				answer := func() { c.answerIPv4(func(o *mh.Options) { answerOffload(t, o, "web") }) }
				answer()
				again("")
				answer()
				again("all-but-work")
				answer()
				c.pass(350 * time.Second)
				answer()
				c.handle(LinkDetached{"wlan0", nodeMAC})
				kinds := map[MessageKind]int{}
				for _, u := range c.sent {
					kinds[u.Kind]++
					checkAsked(t, u, enabled && wishes.ipv4, offloadPolicy(t, proposal))
				}
				if kinds[Registration] < 4 || kinds[ReRegistration] == 0 || kinds[DeRegistration] != 1 {
					t.Errorf("%+v: sent %v", wishes, kinds)
				}
			}
		}
	}
}

func checkAsked(t *testing.T, u sentUpdate, asked bool, proposal mobility.OffloadPolicy) {
	t.Helper()
	o := &u.Options
	got, err := o.OffloadPolicy()
	switch {
	case o.Present.Has(mh.OptionIPv4TrafficOffloadSelector) != asked || err != nil:
		t.Errorf("%s: option %v (%v), want %v", u.Kind, !asked, err, asked)
	case asked && got != proposal:
		t.Errorf("%s: proposes %v, want %v", u.Kind, got, proposal)
	case asked && proposal.IsZero() && !slices.Equal(o.IPv4TrafficOffloadSelectors, []mh.IPv4TrafficOffloadSelector{{}}):
		t.Errorf("%s: the request is %+v", u.Kind, o.IPv4TrafficOffloadSelectors)
	case asked && proposal.IsZero() && !bytes.Contains(u.Payload, []byte{53, 4, 0, 0, 0, 0}):
		t.Errorf("%s: the request is not an option without a sub-option: %x", u.Kind, u.Payload)
	}
}

// TestConformanceOffloadAcceptance: what leaves here is what the answer says, for the IPv4 home address alone; without an option, with
// one that says no policy, and where offloading is not enabled, nothing does, and the rest of the answer is taken (RFC 6909 sections
// 3.1 and 3.2). So it is with every answer after any other.
func TestConformanceOffloadAcceptance(t *testing.T) {
	answers := []string{"", "web", "all-but-work"}
	for name := range unusableAnswers(t) {
		answers = append(answers, name)
	}
	for _, enabled := range []bool{false, true} {
		for _, first := range answers {
			for _, second := range answers {
				c := newConforming(t, true)
				c.mag.config.EnableIPv4TrafficOffloadSupport = enabled
				c.attach(func(ev *LinkAttached) { ev.IPv4Mobility, ev.OffloadPolicy = true, offloadPolicy(t, "web") })
				for _, answer := range []string{first, second} {
					c.answerIPv4(func(o *mh.Options) { answerOffload(t, o, answer) })
					var want mobility.OffloadPolicy
					if enabled && (answer == "web" || answer == "all-but-work") {
						want = offloadPolicy(t, answer)
					}
					c.wantOffload(fmt.Sprintf("enabled %v, %q after %q", enabled, answer, first), want)
					c.pass(350 * time.Second)
				}
			}
		}
	}
}

func (c *conforming) wantOffload(name string, want mobility.OffloadPolicy) {
	c.t.Helper()
	for _, p := range append(slices.Clone(given), netip.PrefixFrom(homeAddressGiven.Addr(), 32)) {
		expected := want
		if p.Addr().Is6() {
			expected = mobility.OffloadPolicy{}
		}
		if e, ok := c.mag.Forwarding().Get(p); !ok || e.Offload != expected {
			c.t.Errorf("%s: %v is forwarded as %+v, want offload of %v", name, p, e, expected)
		}
	}
	if e := c.mag.Snapshot()[0]; e.OffloadPolicy != want || e.State != Registered.String() {
		c.t.Errorf("%s: the entry has %v, state %s", name, e.OffloadPolicy, e.State)
	}
}

var offloadNames = []string{"", "web", "all-but-work"}

// drawAnswer has an answer say anything of offloading, or what the PBU said.
func (h *hostile) drawAnswer(t *rapid.T, o *mh.Options) {
	if rapid.IntRange(0, 3).Draw(t, "echo") == 0 {
		return
	}
	names := append(slices.Sorted(maps.Keys(unusableAnswers(t))), offloadNames...)
	answerOffload(t, o, rapid.SampledFrom(names).Draw(t, "offload"))
}

// checkOffload: nothing leaves here but by an answer, and nothing of a mobile node that is on its way between two gateways.
func (h *hostile) checkOffload(s *session, e forwarding.Entry) error {
	switch {
	case e.Offload.IsZero():
		if e.Prefix.Addr().Is4() && e.Transfer == forwarding.NoTransfer && !s.home.offload.IsZero() {
			return fmt.Errorf("%v is not offloaded, its policy is %v", e.Prefix, s.home.offload)
		}
		return nil
	case !h.mag.config.EnableIPv4TrafficOffloadSupport || e.Prefix.Addr().Is6() || s.provisional || e.Transfer == forwarding.Leaving || e.Transfer == forwarding.Arriving:
		return fmt.Errorf("%v is offloaded: %+v", e.Prefix, e)
	case e.Offload != s.home.offload:
		return fmt.Errorf("%v is offloaded by %v, its policy is %v", e.Prefix, e.Offload, s.home.offload)
	}
	return nil
}
