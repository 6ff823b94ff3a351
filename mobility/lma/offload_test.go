package lma

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// offloadRequests are what a PBU may have of the option, by name; "" is none of it.
func offloadRequests(t tester) map[string]func(*mh.Options) {
	requests := map[string]func(*mh.Options){
		"":         func(*mh.Options) {},
		"request":  func(o *mh.Options) { o.SetOffloadPolicy(mobility.OffloadPolicy{}) },
		"proposal": func(o *mh.Options) { o.SetOffloadPolicy(offloadPolicy(t, "cdn")) },
	}
	for name, list := range unusableProposals(t) {
		requests[name] = func(o *mh.Options) {
			o.Present.Add(mh.OptionIPv4TrafficOffloadSelector)
			o.IPv4TrafficOffloadSelectors = list
		}
	}
	return requests
}

// TestConformanceOffloadAnswer holds the answer to each option with each profile, with and without an IPv4 home address, enabled and not,
// against RFC 6909 sections 3.1 and 3.3: no option where none was asked for or the anchor is not configured for it, else the profile's
// policy, else the one proposed, and never one without a selector. Whatever it is, the mobile node is registered.
func TestConformanceOffloadAnswer(t *testing.T) {
	for name, request := range offloadRequests(t) {
		for _, profile := range []string{"", "web", "all-but-work"} {
			for _, enabled := range []bool{false, true} {
				for _, ipv4 := range []bool{false, true} {
					l := dualStack(t)
					l.cfg.EnableIPv4TrafficOffloadSupport = enabled
					l.cfg.Profile = func(id mobility.MobileNodeID) (mobility.Profile, bool) {
						return mobility.Profile{MobileNodeID: id, ProxyRegistration: true, IPv4Mobility: true, OffloadPolicy: offloadPolicy(t, profile)}, true
					}
					u := requestWith(1<<len(echoed)-1, epoch)
					if ipv4 {
						u.Options.Present.Add(mh.OptionIPv4HomeAddressRequest)
						u.Options.IPv4HomeAddressRequest = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
					}
					request(&u.Options)
					_, ack := answerTo(t, l, epoch, u, "mag1")
					var want mobility.OffloadPolicy
					if asked := name != ""; asked && enabled && ipv4 {
						if want = offloadPolicy(t, profile); want.IsZero() && name == "proposal" {
							want = offloadPolicy(t, "cdn")
						}
					}
					got, err := ack.Options.OffloadPolicy()
					present := ack.Options.Present.Has(mh.OptionIPv4TrafficOffloadSelector)
					if ack.Status != mobility.StatusAccepted || err != nil || got != want || present == want.IsZero() {
						t.Errorf("%q, profile %q, enabled %v, ipv4 %v: status %v, option %v with %v (%v), want %v", name, profile, enabled, ipv4, ack.Status, present, got, err, want)
					}
					if e := l.Snapshot()[0]; e.OffloadPolicy != want || e.OffloadAnswered != (name != "" && enabled && ipv4) {
						t.Errorf("%q, profile %q, enabled %v, ipv4 %v: the binding has %v, answered %v", name, profile, enabled, ipv4, e.OffloadPolicy, e.OffloadAnswered)
					}
				}
			}
		}
	}
}

// TestConformanceOffloadStay: for a whole stay at one gateway the option is octet for octet the same, whatever becomes of the profile and
// of the anchor (RFC 6909 section 3.3, last item).
func TestConformanceOffloadStay(t *testing.T) {
	l := dualStack(t)
	l.cfg.EnableIPv4TrafficOffloadSupport = true
	profile := "all-but-work"
	l.cfg.Profile = func(id mobility.MobileNodeID) (mobility.Profile, bool) {
		return mobility.Profile{MobileNodeID: id, ProxyRegistration: true, IPv4Mobility: true, OffloadPolicy: offloadPolicy(t, profile)}, true
	}
	now, want := epoch, offloadPolicy(t, profile)
	for i, next := range []string{"web", "", "cdn", "all-but-work", "web"} {
		u := requestWith(1<<len(echoed)-1, now)
		u.Options.HandoffIndicator, u.Options.HomeNetworkPrefixes = mobility.HandoffStateNotChanged, allZeroPrefix
		u.Options.Present.Add(mh.OptionIPv4HomeAddressRequest)
		u.Options.IPv4HomeAddressRequest = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		u.Options.SetOffloadPolicy(offloadPolicy(t, "cdn"))
		if _, ack := answerTo(t, l, now, u, "mag1"); ack.Status != mobility.StatusAccepted {
			t.Fatal(ack.Status)
		} else if got, err := ack.Options.OffloadPolicy(); got != want || err != nil {
			t.Errorf("answer %d: %v (%v), want %v", i, got, err, want)
		}
		profile, now = next, now.Add(lifetimeUnits)
		if i%2 == 1 { // the anchor is started again
			restored, err := New(l.cfg)
			if err == nil {
				err = restored.Restore(now, l.Snapshot())
			}
			if err != nil {
				t.Fatal(err)
			}
			l = restored
		}
	}
}

const lifetimeUnits = 4 * mh.LifetimeUnit

// The number of different policies is bounded; one more is not taken, and a number that was given back is given out again.
func TestOffloadPoliciesAreBounded(t *testing.T) {
	nth := func(i int) mobility.OffloadPolicy {
		p, err := mobility.NewOffloadPolicy(mobility.OffloadMatching, mobility.TrafficSelector{SPI: mobility.Numbers(uint32(i), uint32(i))})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	table := newOffloadPolicies()
	var numbers []offload
	for i := range math.MaxUint16 {
		n, ok := table.take(nth(i))
		if !ok || n == 0 || table.known[n] != nth(i) {
			t.Fatalf("policy %d has number %d, %v", i, n, ok)
		}
		numbers = append(numbers, n)
	}
	if n, ok := table.take(nth(math.MaxUint16)); ok {
		t.Errorf("one too many has number %d", n)
	}
	if n, ok := table.take(nth(7)); !ok || n != numbers[7] {
		t.Errorf("one that is known: %d, %v, want %d", n, ok, numbers[7])
	}
	table.release(numbers[7])
	table.release(numbers[9])
	if n, ok := table.take(mobility.OffloadPolicy{}); !ok || n != numbers[9] || table.known[n] != (mobility.OffloadPolicy{}) {
		t.Errorf("number %d, %v, want that of the one given back, %d", n, ok, numbers[9])
	}
	if table.known[numbers[7]] != nth(7) {
		t.Error("one that is still used went")
	}
}

// A session whose policy finds no room goes without, and is served.
func TestTooManyOffloadPolicies(t *testing.T) {
	l := dualStack(t)
	l.cfg.EnableIPv4TrafficOffloadSupport = true
	l.offloads.known = make([]mobility.OffloadPolicy, math.MaxUint16+1)
	u := requestWith(1<<len(echoed)-1, epoch)
	u.Options.Present.Add(mh.OptionIPv4HomeAddressRequest)
	u.Options.IPv4HomeAddressRequest = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	u.Options.SetOffloadPolicy(offloadPolicy(t, "web"))
	if _, ack := answerTo(t, l, epoch, u, "mag1"); ack.Status != mobility.StatusAccepted || ack.Options.Present.Has(mh.OptionIPv4TrafficOffloadSelector) {
		t.Errorf("status %v, options %b", ack.Status, ack.Options.Present)
	}
	if e := l.Snapshot()[0]; e.OffloadAnswered {
		t.Errorf("the binding has %v", e.OffloadPolicy)
	}
}

// stay is what a MAG was told of a mobile node.
type stay struct {
	at     netip.Addr
	policy mobility.OffloadPolicy
}

var offloadNames = []string{"", "web", "cdn", "all-but-work"}

func (w *world) changePolicy(t *rapid.T) {
	w.policy = offloadPolicy(t, rapid.SampledFrom(offloadNames).Draw(t, "policy"))
}

func (w *world) offloading(profile func(mobility.MobileNodeID) (mobility.Profile, bool)) func(mobility.MobileNodeID) (mobility.Profile, bool) {
	return func(id mobility.MobileNodeID) (mobility.Profile, bool) {
		p, ok := profile(id)
		p.OffloadPolicy = w.policy
		return p, ok
	}
}

func drawOffload(t *rapid.T, o *mh.Options) {
	if rapid.IntRange(0, 3).Draw(t, "offload") > 0 {
		o.SetOffloadPolicy(offloadPolicy(t, rapid.SampledFrom(offloadNames).Draw(t, "proposal")))
	}
}

// checkStay: what a MAG was told stays for as long as the mobile node does (RFC 6909 section 3.3).
func (w *world) checkStay(t *rapid.T, changed BindingChanged) {
	e := changed.Entry
	now, before := stay{e.ProxyCareOfAddress, e.OffloadPolicy}, w.told[e.IPv4HomeAddress]
	told := e.State == registered.String() && e.OffloadAnswered
	if told && changed.Change == Extended && before.at.IsValid() && before != now {
		t.Fatalf("%v at %v was told %v, and now %v", e.MobileNodeID, e.ProxyCareOfAddress, before.policy, e.OffloadPolicy)
	}
	delete(w.told, e.IPv4HomeAddress)
	if told {
		w.told[e.IPv4HomeAddress] = now
	}
}

// checkOffload: only who has an IPv4 home address has a policy, and each policy is held for as long as somebody has it.
func (w *world) checkOffload(t *rapid.T) {
	bound := map[netip.Prefix]bool{}
	for _, e := range w.lma.Snapshot() {
		bound[e.IPv4HomeAddress] = true
		if e.OffloadAnswered && !e.IPv4HomeAddress.IsValid() || !e.OffloadAnswered && !e.OffloadPolicy.IsZero() {
			t.Fatalf("%v has %v, answered %v, and IPv4 home address %v", e.MobileNodeID, e.OffloadPolicy, e.OffloadAnswered, e.IPv4HomeAddress)
		}
	}
	maps.DeleteFunc(w.told, func(home netip.Prefix, _ stay) bool { return !bound[home] })
	table, users := &w.lma.offloads, make([]int, len(w.lma.offloads.users))
	for _, node := range w.lma.nodes {
		for _, e := range node.sessions {
			if users[e.offload]++; e.offload == 0 {
				users[0] = 0
			}
		}
	}
	if !slices.Equal(users, table.users) || len(table.numbers)+len(table.free)+1 != len(table.known) {
		t.Fatalf("policies have %v users, %d numbers and %d free ones; sessions have %v", table.users, len(table.numbers), len(table.free), users)
	}
}
