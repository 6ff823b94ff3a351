package decision

import (
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// Who was revoked or refused waits until it attaches anew (RFC 5846), whatever becomes of anchors and profiles.
func TestARevokedMobileNodeStaysAway(t *testing.T) {
	longer := profile("a@x", func(p *mobility.Profile) { p.Lifetime = time.Minute })
	b := newBench(t, Config{MoveFromDead: true}, policy.NewTable(nil, open))
	b.handle(come(1, "a@x"))
	b.handle(Registered{at(1), b.now, lma1})
	b.handle(Ended{Station: at(1), Attached: b.now})
	b.want(b.handle(AnchorChanged{lma1, HeartbeatFailed}), "died 2001:db8:f0::1: heartbeat_failed")
	b.want(b.handle(Reloaded{policy.NewTable([]mobility.Profile{longer}, open)}), "")
	b.want(b.handle(come(1, "a@x")), "serve 1 as a@x at 2001:db8:f0::2 for 1m0s")
	b.want(b.handle(AnchorChanged{lma2, HeartbeatFailed}), "died 2001:db8:f0::2: heartbeat_failed; serve 1 as a@x at 2001:db8:f0::1 if there for 1m0s")
}
