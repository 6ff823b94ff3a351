package decision

import (
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// A device that was refused because another one had the identity is looked at when that one goes, however it goes.
func TestTheNextDeviceOfAnIdentity(t *testing.T) {
	off := policy.NewTable([]mobility.Profile{profile("a@x", func(p *mobility.Profile) { p.ProxyRegistration = false })}, open)
	for _, c := range []struct {
		name string
		goes func(*bench) string
		want string
	}{
		{"leaves", func(b *bench) string { return b.handle(Detached{Station: at(1)}) }, "leave 1; serve 2 as a@x at 2001:db8:f0::1 if there"},
		{"ended", func(b *bench) string { return b.handle(Ended{Station: at(1), Attached: b.now, Gone: true}) }, "serve 2 as a@x at 2001:db8:f0::1 if there"},
		{"another's", func(b *bench) string { return b.handle(come(1, "b@x")) }, "serve 1 as b@x at 2001:db8:f0::1; serve 2 as a@x at 2001:db8:f0::1 if there"},
		{"disconnected", func(b *bench) string {
			return b.handle(Demanded{policy.Demand{Disconnect: true, LinkLayerID: at(1).LinkLayerID}})
		},
			"disconnected; leave 1; disassociate 1; answer 0; serve 2 as a@x at 2001:db8:f0::1 if there"},
		{"roams", func(b *bench) string { return b.handle(come(1, "a@x")) }, "serve 1 as a@x at 2001:db8:f0::1"},
		{"both forbidden", func(b *bench) string { return b.handle(Reloaded{off}) }, "withhold 1: not_allowed_by_policy; withhold 2: not_allowed_by_policy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, Config{SeveralMACs: policy.Refuse}, policy.NewTable(nil, open))
			b.handle(come(1, "a@x"))
			b.want(b.handle(come(2, "a@x")), "withhold 2: another_device")
			b.want(c.goes(b), c.want)
			b.want(b.pass(time.Hour), "")
		})
	}
}

// Of several that wait for it one is served, and the others go on waiting.
func TestOneOfTheNextDevices(t *testing.T) {
	b := newBench(t, Config{SeveralMACs: policy.Refuse}, policy.NewTable(nil, open))
	for n := range byte(4) {
		b.handle(come(1+n, "a@x"))
	}
	b.want(b.handle(Detached{Station: at(4)}), "leave 4")
	b.want(b.handle(Detached{Station: at(1)}), "leave 1; serve 2 as a@x at 2001:db8:f0::1 if there; withhold 3: another_device")
	b.want(b.pass(time.Hour), "")
}

// While a server is asked about a device that roamed, it is its user's device: another one is refused, whichever answer comes first, and
// looked at when the first one is not served any more, or as somebody else.
func TestADeviceThatRoamsIsStillTheFirst(t *testing.T) {
	named := func(id string) policy.Verdict { return accept(func(g *policy.Grant) { g.MobileNodeID = id }) }
	second := "from_cache; serve 2 as a@x at 2001:db8:f0::1 if there"
	for _, c := range []struct {
		name string
		end  func(*bench) string // of the wait
		want string
	}{
		{"accepted", func(b *bench) string { return b.handle(Answered{3, accept(nil)}) }, "serve 1 as a@x at 2001:db8:f0::1"},
		{"rejected", func(b *bench) string { return b.handle(Answered{3, rejected}) }, "withhold 1: rejected_by_aaa; " + second},
		{"somebody else", func(b *bench) string { return b.handle(Answered{3, named("b@x")}) }, "serve 1 as b@x at 2001:db8:f0::1; " + second},
		{"leaves", func(b *bench) string { return b.handle(Detached{Station: at(1)}) }, "leave 1; " + second},
		{"comes again, as itself", func(b *bench) string { return b.handle(come(1, "a@x")) }, ""},
		{"comes again, as another", func(b *bench) string { return b.handle(come(1, "c@x")) }, "ask 4 for c@x; leave 1; " + second},
		{"disconnected", func(b *bench) string {
			return b.handle(Demanded{policy.Demand{Disconnect: true, LinkLayerID: at(1).LinkLayerID}})
		}, "disconnected; leave 1; disassociate 1; answer 0; " + second},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := asking(policy.RADIUS)
			cfg.SeveralMACs, cfg.MaximumWaiting = policy.Refuse, 10
			b := newBench(t, cfg, policy.NewTable(nil, open))
			b.handle(come(1, "a@x"))
			b.want(b.handle(Answered{1, accept(nil)}), "serve 1 as a@x at 2001:db8:f0::1")
			b.now = b.now.Add(cfg.CacheLifetime)
			b.want(b.handle(come(2, "a@x")), "ask 2 for a@x")
			b.want(b.handle(come(1, "a@x")), "ask 3 for a@x") // it roams
			b.want(b.handle(Answered{2, accept(nil)}), "withhold 2: another_device")
			b.want(c.end(b), c.want)
			b.want(b.pass(time.Second), "")
		})
	}
}
