package decision

import (
	"testing"

	"netlmm/mobility/policy"
)

// An anchor without mobile nodes is sent no heartbeats that it could answer: it is tried again after a while.
func TestAnAnchorIsTriedAgain(t *testing.T) {
	b := newBench(t, Config{MoveFromDead: true}, policy.NewTable(nil, open))
	b.handle(AnchorChanged{lma1, AssociationUp})
	b.handle(AnchorChanged{lma1, HeartbeatFailed})
	b.want(b.pass(muteTime), "lives 2001:db8:f0::1")

	b.handle(AnchorChanged{lma1, Unanswered}) // and what fails after that does not take its turn from it
	b.handle(AnchorChanged{lma1, HeartbeatFailed})
	b.want(b.pass(muteTime), "lives 2001:db8:f0::1")
}
