package decision

import (
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

func accept(change func(*policy.Grant)) policy.Verdict {
	v := policy.Verdict{Outcome: policy.Accepted}
	if change != nil {
		change(&v.Grant)
	}
	return v
}

var (
	prefix1  = netip.MustParsePrefix("2001:db8:1::/64")
	rejected = policy.Verdict{Outcome: policy.Rejected}
	silent   = policy.Verdict{}
)

// asking is a configuration that asks servers, and keeps what they say.
func asking(order ...policy.Source) Config {
	return Config{
		Order: order, CacheLifetime: time.Minute, StaleLifetime: time.Hour, RejectLifetime: 10 * time.Second, MaximumCached: 100, MaximumWaiting: 2,
	}
}

func TestAMobileNodeWaitsForItsServer(t *testing.T) {
	b := newBench(t, asking(policy.File, policy.RADIUS), policy.NewTable([]mobility.Profile{profile("file@x", nil)}, open))
	b.want(b.handle(come(1, "file@x")), "serve 1 as file@x at 2001:db8:f0::1")
	b.want(b.handle(come(2, "a@x")), "ask 1 for a@x")
	again := come(2, "a@x")
	again.Unconfirmed = true
	b.want(b.handle(again), "") // waits already, and is known to be here
	b.want(b.handle(Answered{1, accept(func(g *policy.Grant) { g.LMAAddress, g.HomeNetworkPrefixes = lma2, []netip.Prefix{prefix1} })}),
		"serve 2 as a@x at 2001:db8:f0::2 with [2001:db8:1::/64]")
	b.want(b.handle(come(3, "b@x")), "ask 2 for b@x")
	b.want(b.handle(Answered{2, rejected}), "withhold 3: rejected_by_aaa")
	b.want(b.handle(come(3, "b@x")), "from_cache; withhold 3: rejected_by_aaa")
	b.now = b.now.Add(10 * time.Second)
	b.want(b.handle(come(3, "b@x")), "ask 3 for b@x")
	b.want(b.handle(come(2, "a@x")), "from_cache; serve 2 as a@x at 2001:db8:f0::2 with [2001:db8:1::/64]")
	b.want(b.handle(Answered{99, rejected}), "answer_too_late")
}

// Who left while the server thought about it is not served; what it said counts for the next time.
func TestADetachCancelsWhatWaits(t *testing.T) {
	b := newBench(t, asking(policy.RADIUS), policy.NewTable(nil, open))
	b.want(b.handle(come(1, "a@x")), "ask 1 for a@x")
	b.want(b.handle(Detached{Station: at(1)}), "leave 1")
	b.want(b.handle(Answered{1, accept(nil)}), "answer_too_late")
	b.want(b.handle(come(1, "a@x")), "from_cache; serve 1 as a@x at 2001:db8:f0::1")
	b.want(b.handle(come(1, "b@x")), "ask 2 for b@x; leave 1") // somebody else with that address
	b.want(b.handle(come(1, "c@x")), "ask 3 for c@x")
	b.want(b.handle(come(2, "d@x")), "waits_in_line")
	b.want(b.handle(come(3, "e@x")), "waits_in_line")
	b.want(b.handle(Detached{Station: at(2)}), "leave 2")
	b.want(b.handle(Answered{2, accept(nil)}), "answer_too_late; ask 4 for e@x")
	b.want(b.handle(Answered{3, accept(nil)}), "serve 1 as c@x at 2001:db8:f0::1")
}

func TestSilentServers(t *testing.T) {
	known := policy.NewTable([]mobility.Profile{profile("file@x", nil)}, open)
	c := asking(policy.RADIUS, policy.File)
	b := newBench(t, c, known)
	b.handle(come(1, "a@x"))
	b.handle(Answered{1, accept(func(g *policy.Grant) { g.HomeNetworkPrefixes = []netip.Prefix{prefix1} })})
	b.now = b.now.Add(30 * time.Minute)
	b.want(b.handle(come(1, "a@x")), "ask 2 for a@x")
	b.want(b.handle(Answered{2, silent}), "from_stale_cache; serve 1 as a@x at 2001:db8:f0::1 with [2001:db8:1::/64]")
	b.now = b.now.Add(time.Hour)
	b.handle(come(1, "a@x"))
	b.want(b.handle(Answered{3, silent}), "withhold 1: aaa_silent")
	b.handle(come(2, "file@x"))
	b.want(b.handle(Answered{4, silent}), "serve 2 as file@x at 2001:db8:f0::1")
	c.ServeUnasked = true
	b = newBench(t, c, known)
	b.handle(come(1, "a@x"))
	b.want(b.handle(Answered{1, silent}), "by_default; serve 1 as a@x at 2001:db8:f0::1")
}

func TestGrantsThatCannotBeKept(t *testing.T) {
	b := newBench(t, asking(policy.RADIUS), policy.NewTable(nil, open))
	contradiction := policy.PMIP6Supported | policy.IP4HoASupported | policy.IP4HoAOnlySupported
	b.handle(come(1, "a@x"))
	b.want(b.handle(Answered{1, accept(func(g *policy.Grant) { g.LMAAddress = netip.MustParseAddr("2001:db8::99") })}), "invalid_grant; withhold 1: invalid_grant")
	b.handle(come(2, "b@x"))
	b.want(b.handle(Answered{2, accept(func(g *policy.Grant) { g.Features = &contradiction })}), "invalid_grant; withhold 2: invalid_grant")
}

// What a server allows for a time is asked for again when that is over; without an answer it is over.
func TestSessionTimeout(t *testing.T) {
	minute := accept(func(g *policy.Grant) { g.SessionTimeout = time.Minute })
	b := newBench(t, asking(policy.RADIUS), policy.NewTable(nil, open))
	b.handle(come(1, "a@x"))
	b.want(b.handle(Answered{1, minute}), "serve 1 as a@x at 2001:db8:f0::1 for 1m0s")
	b.want(b.pass(59*time.Second), "")
	b.want(b.pass(time.Second), "ask 2 for a@x")
	b.want(b.handle(Answered{2, minute}), "") // goes on
	b.want(b.pass(time.Minute), "ask 3 for a@x")
	b.want(b.handle(Answered{3, silent}), "withhold 1: session_timeout")
	b.handle(Detached{Station: at(1)})
	b.want(b.pass(time.Hour), "")
	b.handle(come(2, "b@x"))
	b.handle(Answered{4, minute})
	b.pass(time.Minute)
	b.want(b.handle(Answered{5, rejected}), "withhold 2: rejected_by_aaa")
}

// A station that did not authenticate itself has a name of its server's, under whatever address it comes.
func TestIdentityOfPrivateAddresses(t *testing.T) {
	c := asking(policy.RADIUS)
	c.SeveralMACs = policy.Replace
	b := newBench(t, c, policy.NewTable(nil, open))
	private := func(n byte) Attached {
		return Attached{policy.Attachment{Station: at(n), MobileNodeID: mobility.EUI48([6]byte{2, 0, 0, 0, 0, n})}}
	}
	cui := accept(func(g *policy.Grant) { g.ChargeableUserIdentity = "cui-7" })
	b.handle(private(1))
	b.want(b.handle(Answered{1, cui}), "serve 1 as cui-7 at 2001:db8:f0::1")
	b.handle(private(2))
	b.want(b.handle(Answered{2, cui}), "device_replaced; serve 2 as cui-7 at 2001:db8:f0::1 HI 2")
	b.handle(come(3, "mn@x"))
	b.want(b.handle(Answered{3, cui}), "serve 3 as mn@x at 2001:db8:f0::1") // 802.1X said who it is
	b.handle(come(4, "hidden@x"))
	b.want(b.handle(Answered{4, accept(func(g *policy.Grant) { g.MobileNodeID, g.ChargeableUserIdentity = "stable@x", "cui-8" })}), "serve 4 as stable@x at 2001:db8:f0::1")
}

func TestDemands(t *testing.T) {
	b := newBench(t, asking(policy.File, policy.RADIUS), policy.NewTable([]mobility.Profile{profile("file@x", nil)}, open))
	b.handle(come(1, "a@x"))
	b.handle(Answered{1, accept(func(g *policy.Grant) { g.ChargeableUserIdentity = "cui" })})
	b.handle(come(2, "file@x"))
	demand := func(d policy.Demand) string { return b.handle(Demanded{d}) }
	disconnect := func(d policy.Demand) string { d.Disconnect = true; return demand(d) }
	lifetime, only4 := policy.Grant{SessionTimeout: 8 * time.Second}, policy.PMIP6Supported|policy.IP4HoAOnlySupported
	b.want(disconnect(policy.Demand{UserName: "b@x"}), "answer 503")
	b.want(disconnect(policy.Demand{UserName: "a@x", LinkLayerID: at(2).LinkLayerID}), "answer 503")
	b.want(demand(policy.Demand{UserName: "file@x", Changes: lifetime}), "answer 501")
	b.want(demand(policy.Demand{UserName: "a@x", Changes: policy.Grant{LMAAddress: netip.MustParseAddr("2001:db8::99")}}), "answer 407")
	b.want(demand(policy.Demand{Identifiers: []string{"cui"}, Changes: lifetime}), "serve 1 as a@x at 2001:db8:f0::1 if there for 8s; answer 0")
	b.want(demand(policy.Demand{LinkLayerID: at(1).LinkLayerID, Changes: policy.Grant{LMAAddress: lma2}}), "awaits_attachment; answer 0")
	b.want(b.handle(come(1, "a@x")), "from_cache; serve 1 as a@x at 2001:db8:f0::2 for 8s")
	b.want(demand(policy.Demand{UserName: "a@x", Changes: policy.Grant{Features: &only4}}), "serve 1 as a@x at 2001:db8:f0::2 if there for 8s; answer 0")
	b.want(demand(policy.Demand{UserName: "a@x", Reauthorize: true, State: []byte("s")}), "ask 2 for a@x; answer 507")
	b.want(b.handle(Answered{2, accept(nil)}), "serve 1 as a@x at 2001:db8:f0::2 if there")
	b.want(disconnect(policy.Demand{UserName: "a@x", Identifiers: []string{"a@x"}}), "disconnected; leave 1; disassociate 1; answer 0")
	b.want(disconnect(policy.Demand{UserName: "a@x"}), "answer 503")
	b.want(b.handle(come(1, "a@x")), "ask 3 for a@x") // what was said before the disconnect does not count
	b.handle(Answered{3, accept(func(g *policy.Grant) { g.ChargeableUserIdentity = "cui" })})
	b.handle(Detached{Station: at(1)})
	b.want(disconnect(policy.Demand{Identifiers: []string{"cui"}, LinkLayerID: at(2).LinkLayerID}), "answer 503")
	b.want(b.handle(come(1, "a@x")), "from_cache; serve 1 as a@x at 2001:db8:f0::1")
	b.handle(Detached{Station: at(1)})
	b.want(disconnect(policy.Demand{Identifiers: []string{"cui"}}), "answer 503") // it is not here, and what is known of it counts no more
	b.want(b.handle(come(1, "a@x")), "ask 4 for a@x")
	b.want(disconnect(policy.Demand{UserName: "02-00-00-00-00-02"}), "disconnected; leave 2; disassociate 2; answer 0")
}

// A CoA-Request that names no Session-Timeout extends no session: it is the most that the session may take (RFC 2865 section 5.27).
func TestAChangeDoesNotExtendASession(t *testing.T) {
	b := newBench(t, asking(policy.RADIUS), policy.NewTable(nil, open))
	change := func() string {
		return b.handle(Demanded{policy.Demand{UserName: "a@x", Changes: policy.Grant{LMAAddress: lma2}}})
	}
	b.handle(come(1, "a@x"))
	b.handle(Answered{1, accept(func(g *policy.Grant) { g.SessionTimeout = time.Minute })})
	b.pass(40 * time.Second)
	change()
	b.want(b.pass(10*time.Second), "")
	b.handle(come(1, "a@x")) // from the cache, and for as long
	b.want(b.pass(9*time.Second), "")
	b.want(b.pass(time.Second), "ask 2 for a@x")
	change() // the question is out of date, the time over all the same
	b.want(b.pass(time.Second), "ask 3 for a@x")
}

// A name that a server gives later is one that it may use.
func TestANameLearntLater(t *testing.T) {
	b := newBench(t, asking(policy.RADIUS), policy.NewTable(nil, open))
	b.handle(come(1, "a@x"))
	b.handle(Answered{1, accept(nil)})
	b.handle(Demanded{policy.Demand{UserName: "a@x", Reauthorize: true}})
	b.handle(Answered{2, accept(func(g *policy.Grant) { g.ChargeableUserIdentity = "cui" })})
	b.want(b.handle(Demanded{policy.Demand{Disconnect: true, Identifiers: []string{"cui"}}}), "disconnected; leave 1; disassociate 1; answer 0")
}
