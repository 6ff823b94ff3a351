package decision

import (
	"testing"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// webAndAll are two offload policies of a gateway's configuration.
func webAndAll(t *testing.T) map[string]mobility.OffloadPolicy {
	t.Helper()
	web, err := mobility.NewOffloadPolicy(mobility.OffloadMatching, mobility.TrafficSelector{SourcePort: mobility.Numbers(443, 443)})
	if err != nil {
		t.Fatal(err)
	}
	all, err := mobility.NewOffloadPolicy(mobility.OffloadMatching, mobility.TrafficSelector{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]mobility.OffloadPolicy{"web": web, "all": all}
}

func offloads(name string) policy.Verdict {
	return accept(func(g *policy.Grant) { g.OffloadPolicy = name })
}

// A server names one of the gateway's offload policies, or none; what it does not name is everybody's. By a name that the gateway does not
// have nothing is offloaded, whatever everybody has.
func TestOffloadPolicyOfAGrant(t *testing.T) {
	c := asking(policy.File, policy.RADIUS)
	c.Offload = webAndAll(t)
	c.Everybody.OffloadPolicy = c.Offload["all"]
	file := profile("file@x", func(p *mobility.Profile) { p.OffloadPolicy = c.Offload["web"] })
	b := newBench(t, c, policy.NewTable([]mobility.Profile{file}, open))
	b.want(b.handle(come(1, "file@x")), "serve 1 as file@x at 2001:db8:f0::1 offload matching: source_port 443")
	for i, answer := range []struct{ name, want string }{
		{"web", "serve 2 as a@x at 2001:db8:f0::1 offload matching: source_port 443"},
		{"", "serve 2 as a@x at 2001:db8:f0::1 offload matching: everything"},
		{policy.NoOffloadPolicy, "serve 2 as a@x at 2001:db8:f0::1"},
		{"unheard of", "unknown_offload_policy; serve 2 as a@x at 2001:db8:f0::1 offload nothing"},
	} {
		b.handle(Detached{Station: at(2)})
		b.now = b.now.Add(c.CacheLifetime)
		b.handle(come(2, "a@x"))
		b.want(b.handle(Answered{policy.QueryID(i + 1), offloads(answer.name)}), answer.want)
	}
}

// Another offload policy holds from the next attachment on (RFC 6909 section 3.3), whoever says so, and whatever else changes meanwhile.
func TestAnOffloadPolicyStaysWhileTheMobileNodeDoes(t *testing.T) {
	const web, all = " offload matching: source_port 443", " offload matching: everything"
	c := asking(policy.File, policy.RADIUS)
	c.Offload = webAndAll(t)
	with := func(policyOf string) *policy.Table {
		return policy.NewTable([]mobility.Profile{profile("file@x", func(p *mobility.Profile) { p.OffloadPolicy = c.Offload[policyOf] })}, nil)
	}
	b := newBench(t, c, with("web"))
	change := func(g policy.Grant) string {
		return b.handle(Demanded{policy.Demand{UserName: "a@x", Changes: g}})
	}
	b.handle(come(1, "file@x"))
	b.want(b.handle(Reloaded{with("all")}), "awaits_attachment")
	b.want(b.handle(come(1, "file@x")), "serve 1 as file@x at 2001:db8:f0::1"+all)

	b.handle(come(2, "a@x"))
	b.want(b.handle(Answered{1, offloads("web")}), "serve 2 as a@x at 2001:db8:f0::1"+web)
	b.want(change(policy.Grant{OffloadPolicy: "unheard of"}), "unknown_offload_policy; answer 407")
	b.want(change(policy.Grant{OffloadPolicy: "all"}), "awaits_attachment; answer 0")
	both := policy.PMIP6Supported | policy.IP4HoASupported
	b.want(change(policy.Grant{Features: &both}), "awaits_attachment; serve 2 as a@x at 2001:db8:f0::1 if there"+all+"; answer 0") // it had no IPv4: this is the first that counts
	b.want(change(policy.Grant{OffloadPolicy: policy.NoOffloadPolicy}), "awaits_attachment; answer 0")
	b.want(b.handle(come(2, "a@x")), "from_cache; serve 2 as a@x at 2001:db8:f0::1")
}
