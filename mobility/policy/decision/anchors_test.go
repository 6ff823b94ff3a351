package decision

import (
	"testing"
	"time"

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

// One that was mute gets mobile nodes again as soon as it is heard, or its host comes back. An association that is only replaced, which
// our own suspicion has done, says nothing.
func TestAMuteAnchorIsHeardAgain(t *testing.T) {
	lives := "lives 2001:db8:f0::1"
	sign := func(s Sign) func(*bench) string {
		return func(b *bench) string { return b.handle(AnchorChanged{lma1, s}) }
	}
	wait := func(d time.Duration) func(*bench) string {
		return func(b *bench) string { return b.pass(d) }
	}
	for _, c := range []struct {
		name  string
		steps []func(*bench) string
		want  []string
	}{
		{"heartbeat", []func(*bench) string{sign(HeartbeatBack), wait(time.Hour)}, []string{lives, ""}},
		{"its association is replaced", []func(*bench) string{sign(AssociationDown), wait(time.Second), sign(AssociationUp), wait(muteTime)}, []string{"", "", "", lives}},
		{"and IKE loses two messages of that", []func(*bench) string{sign(AssociationDown), wait(12 * time.Second), sign(AssociationUp), wait(muteTime)}, []string{"", "", "", lives}},
		{"told twice", []func(*bench) string{sign(AssociationUp), wait(replacementTime), sign(AssociationUp)}, []string{"", "", ""}},
		{"its host comes back", []func(*bench) string{sign(AssociationDown), sign(AssociationDown), wait(replacementTime), sign(AssociationUp), wait(time.Hour)}, []string{"", "", "", lives, ""}},
		{"and is mute again", []func(*bench) string{sign(AssociationDown), wait(replacementTime), sign(AssociationUp), sign(Unanswered), sign(AssociationUp), wait(muteTime)},
			[]string{"", "", lives, "died 2001:db8:f0::1: registrations_unanswered", "", lives}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, Config{}, policy.NewTable(nil, open))
			b.handle(AnchorChanged{lma1, AssociationUp})
			b.want(b.handle(AnchorChanged{lma1, Unanswered}), "died 2001:db8:f0::1: registrations_unanswered")
			for i, step := range c.steps {
				b.want(step(b), c.want[i])
			}
		})
	}
}
