package decision

import (
	"testing"
	"time"

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
