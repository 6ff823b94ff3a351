package lma

import (
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"netlmm/mobility"
	"netlmm/mobility/mh"
	"netlmm/mobility/store"
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

// TestConformanceOffloadStay: for a whole stay at one gateway the option is octet for octet the same, whatever becomes of the profile, of
// the anchor, which reads what its store has kept, and of the gateway, which may not ask for a while and is not told anything then (RFC
// 6909 section 3.3, first and last item).
func TestConformanceOffloadStay(t *testing.T) {
	profile := "all-but-work"
	w := newKept(t, func(id mobility.MobileNodeID) (mobility.Profile, bool) {
		return mobility.Profile{MobileNodeID: id, ProxyRegistration: true, IPv4Mobility: true, OffloadPolicy: offloadPolicy(t, profile)}, true
	})
	request := func(ask func(*mh.Options)) mh.BindingUpdate {
		u := requestWith(1<<len(echoed)-1, w.now)
		u.Options.HandoffIndicator, u.Options.HomeNetworkPrefixes = mobility.HandoffStateNotChanged, allZeroPrefix
		ask(&u.Options)
		return u
	}
	ipv4 := func(o *mh.Options) {
		o.Present.Add(mh.OptionIPv4HomeAddressRequest)
		o.IPv4HomeAddressRequest = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	asking := request(func(o *mh.Options) { ipv4(o); o.SetOffloadPolicy(offloadPolicy(t, "cdn")) })
	_, ack := w.answer(asking)
	first := optionsOf(t, w.payload, mh.OptionIPv4TrafficOffloadSelector)
	if got, err := ack.Options.OffloadPolicy(); got != offloadPolicy(t, profile) || err != nil || len(first) != 2 {
		t.Fatalf("%v (%v) as %x", got, err, first)
	}
	for silence, ask := range map[string]func(*mh.Options){"": nil, "not asking": ipv4, "of IPv6 alone": func(*mh.Options) {}} {
		for i, next := range []string{"web", "", "cdn", "all-but-work", "web"} {
			profile, w.now = next, w.now.Add(lifetimeUnits)
			if ask != nil {
				if _, ack := w.answer(request(ask)); ack.Status != mobility.StatusAccepted || ack.Options.Present.Has(mh.OptionIPv4TrafficOffloadSelector) {
					t.Errorf("%s: status %v, options %b", silence, ack.Status, ack.Options.Present)
				}
				if e := w.lma.Snapshot()[0]; !e.OffloadAnswered || !e.OffloadSuspended {
					t.Errorf("%s: answered %v, suspended %v", silence, e.OffloadAnswered, e.OffloadSuspended)
				}
			}
			if i%2 == 1 {
				w.restart()
			}
			w.now = w.now.Add(time.Second)
			asking = request(func(o *mh.Options) { ipv4(o); o.SetOffloadPolicy(offloadPolicy(t, "cdn")) })
			if _, ack := w.answer(asking); ack.Status != mobility.StatusAccepted {
				t.Fatal(ack.Status)
			}
			if got := optionsOf(t, w.payload, mh.OptionIPv4TrafficOffloadSelector); !slices.Equal(got, first) {
				t.Errorf("answer %d, silence %q: %x, want %x", i, silence, got, first)
			}
			if e := w.lma.Snapshot()[0]; e.OffloadSuspended {
				t.Errorf("answer %d, silence %q: suspended", i, silence)
			}
		}
	}
}

// kept is an anchor with its store.
type kept struct {
	t       *testing.T
	now     time.Time
	lma     *LMA
	path    string
	store   *store.Store
	payload []byte // of the last answer
}

func newKept(t *testing.T, profile func(mobility.MobileNodeID) (mobility.Profile, bool)) *kept {
	t.Helper()
	w := &kept{t: t, now: epoch, lma: dualStack(t), path: filepath.Join(t.TempDir(), "bindings.db")}
	w.lma.cfg.EnableIPv4TrafficOffloadSupport, w.lma.cfg.Profile = true, profile
	w.open()
	t.Cleanup(func() { w.store.Close() })
	return w
}

func (w *kept) open() (entries []mobility.BindingCacheEntry) {
	w.t.Helper()
	var err error
	if w.store, entries, err = store.Open(w.path); err != nil {
		w.t.Fatal(err)
	}
	return entries
}

// answer has the anchor answer a PBU, and the store keep what it makes of the binding.
func (w *kept) answer(u mh.BindingUpdate) (SendMessage, mh.BindingAcknowledgement) {
	w.t.Helper()
	message, ack := answerTo(w.t, w.lma, w.now, u, "mag1")
	w.store.Put(w.lma.Snapshot()[0])
	w.payload = message.Payload
	return message, ack
}

// restart gives the anchor's place to one that knows what the store has.
func (w *kept) restart() {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	l, err := New(w.lma.cfg)
	if err == nil {
		err = l.Restore(w.now, w.open())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.lma = l
}

// optionsOf are the octets of the options of one type in a Binding Acknowledgement, read without the codec.
func optionsOf(t *testing.T, payload []byte, want mh.OptionType) (options []string) {
	t.Helper()
	const fixed = 12
	for rest := payload[fixed:]; len(rest) > 0; {
		size := 1
		if rest[0] != byte(mh.OptionPad1) {
			size = 2 + int(rest[1])
		}
		if rest[0] == byte(want) {
			options = append(options, string(rest[:size]))
		}
		rest = rest[size:]
	}
	return options
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
	for i := range mostOffloadPolicies {
		n, ok := table.take(nth(i))
		if !ok || n == 0 || table.known[n] != nth(i) {
			t.Fatalf("policy %d has number %d, %v", i, n, ok)
		}
		numbers = append(numbers, n)
	}
	if n, ok := table.take(nth(mostOffloadPolicies)); ok {
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
	l.offloads.known = make([]mobility.OffloadPolicy, mostOffloadPolicies+1)
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

// checkStay: what a MAG was told stays for as long as the mobile node does, also when the MAG does not ask for a while (RFC 6909 section
// 3.3).
func (w *world) checkStay(t *rapid.T, changed BindingChanged) {
	e := changed.Entry
	now, before := stay{e.ProxyCareOfAddress, e.OffloadPolicy}, w.told[e.IPv4HomeAddress]
	told := e.State == registered.String() && e.OffloadAnswered
	if changed.Change == Extended && before.at.IsValid() && (!told || before != now) {
		t.Fatalf("%v at %v was told %v, and now %v, answered %v", e.MobileNodeID, e.ProxyCareOfAddress, before.policy, e.OffloadPolicy, e.OffloadAnswered)
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
			if n := e.offload.number(); n != 0 {
				users[n]++
			}
		}
	}
	if !slices.Equal(users, table.users) || len(table.numbers)+len(table.free)+1 != len(table.known) {
		t.Fatalf("policies have %v users, %d numbers and %d free ones; sessions have %v", table.users, len(table.numbers), len(table.free), users)
	}
}
