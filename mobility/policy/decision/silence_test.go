package decision

import (
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// Who came while no server answered is asked about again, also when it stands still: it may be served, or must not be any more.
func TestSilenceIsNotTheLastWord(t *testing.T) {
	c := asking(policy.RADIUS)
	c.RetryInterval = 30 * time.Second
	b := newBench(t, c, policy.NewTable(nil, open))
	b.handle(come(1, "a@x"))
	b.want(b.handle(Answered{1, silent}), "withhold 1: aaa_silent")
	b.want(b.pass(29*time.Second), "")
	b.want(b.pass(time.Second), "ask 2 for a@x")
	b.handle(Answered{2, silent})
	b.want(b.pass(30*time.Second), "ask 3 for a@x")
	b.want(b.handle(Answered{3, accept(nil)}), "serve 1 as a@x at 2001:db8:f0::1 if there")
	b.want(b.pass(time.Hour), "")

	c.ServeUnasked = true
	b = newBench(t, c, policy.NewTable(nil, open))
	b.handle(come(1, "a@x"))
	b.want(b.handle(Answered{1, silent}), "by_default; serve 1 as a@x at 2001:db8:f0::1")
	b.want(b.pass(30*time.Second), "ask 2 for a@x")
	b.want(b.handle(Answered{2, silent}), "") // goes on
	b.want(b.pass(30*time.Second), "ask 3 for a@x")
	b.want(b.handle(Answered{3, rejected}), "withhold 1: rejected_by_aaa")
	b.want(b.pass(time.Hour), "")
}

// Who has just come and would be refused has a server asked whatever is thought of it; who is served by what was said or written before
// waits for none that is taken for dead; who is only looked at again, or was there already, does neither.
func TestWhoHasDeadServersAsked(t *testing.T) {
	c := asking(policy.RADIUS)
	c.RetryInterval, c.CacheLifetime = 30*time.Second, time.Second
	own := []mobility.Profile{profile("own@x", nil)}
	urgency := func(actions []Action) string {
		for _, a := range actions {
			if a, isAsk := a.(Ask); isAsk {
				return map[[2]bool]string{{true, false}: "anyway", {false, true}: "at once", {}: "when it can be"}[[2]bool{a.Query.Anyway, a.Query.AtOnce}]
			}
		}
		return "nobody asked"
	}
	b := newBench(t, c, policy.NewTable(own, open))
	handle := func(e Event) string { return urgency(b.m.Handle(b.now, e)) }
	b.want(handle(come(1, "a@x")), "anyway")
	b.m.Handle(b.now, Answered{1, silent})
	b.now = b.now.Add(30 * time.Second)
	b.want(urgency(b.m.Expire(b.now)), "when it can be") // the same one again, by itself
	b.m.Handle(b.now, Answered{2, accept(nil)})
	b.now = b.now.Add(10 * time.Second)
	b.want(handle(come(1, "a@x")), "at once")  // there is an older answer
	b.want(handle(come(2, "own@x")), "anyway") // the file is not among the sources
	b.m.Handle(b.now, Answered{4, silent})
	listed := come(3, "b@x")
	listed.Unconfirmed = true
	b.want(handle(listed), "when it can be")

	c.Order = []policy.Source{policy.RADIUS, policy.File}
	b = newBench(t, c, policy.NewTable(own, open))
	b.want(handle(come(2, "own@x")), "at once")
	b.want(handle(come(3, "b@x")), "anyway")
	c.ServeUnasked = true
	b = newBench(t, c, policy.NewTable(own, open))
	b.want(handle(come(3, "b@x")), "at once")
}
