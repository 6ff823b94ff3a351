package mihf

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
)

func changesOf(m *MIHF, after uint64) string {
	c := m.LinkChanges(after)
	var words []string
	if c.Whole {
		words = append(words, "whole")
	}
	for _, id := range c.Gone {
		words = append(words, "gone "+id.Address.String()[15:])
	}
	for _, l := range c.Links {
		words = append(words, fmt.Sprintf("%v %s %d", l.State, l.Station.String()[15:], l.SignalStrength))
	}
	return strings.Join(words, ", ")
}

// TestWhoWatchesLinksIsToldWhatIsNew, and nothing else.
func TestWhoWatchesLinksIsToldWhatIsNew(t *testing.T) {
	m := New(Config{MIHFID: "ap", MaximumLinks: 3, DownRetention: time.Minute})
	now := t0
	say := func(ind mih.Indication) { m.Handle(now, SAPIndication{ind}) }
	signal := func(dBm int) mih.Indication {
		return apA.ind(mih.LinkParametersReport{Link: apA.tuple(1), Parameters: []mih.LinkParameterReport{{LinkParameter: mih.LinkParameter{Type: mih.Parameter80211RSSI, Value: dBm}}}})
	}
	if m.LinkRevision() != 0 || changesOf(m, 0) != "whole" {
		t.Errorf("an empty table: %s", changesOf(m, 0))
	}
	for _, step := range []struct {
		name, want string
		do         func()
	}{
		{"two come", "up 01 0, up 02 0", func() { say(apA.up(1)); say(apA.up(2)) }},
		{"nothing", "", func() { say(apA.found(1, t0)) }},
		{"one leaves", "down 02 0", func() { say(apA.down(2)) }},
		{"a signal", "up 01 -60", func() { say(signal(-60)) }},
		{"the same signal", "", func() { say(signal(-60)) }},
		{"one is about to leave", "going_down 01 -60", func() { say(apA.goingDown(1, time.Second)) }},
		{"and does not", "up 01 -60", func() { now = now.Add(2 * time.Second); m.Expire(now) }},
		{"one is forgotten", "gone 02", func() { now = now.Add(2 * time.Minute); m.Expire(now) }},
		{"and comes again", "up 02 0", func() { say(apB.up(2)) }},
		{"room is made", "gone 02, up 03 0, up 04 0", func() { say(apB.down(2)); say(apA.up(3)); say(apA.up(4)) }},
	} {
		before := m.LinkRevision()
		step.do()
		want := step.want
		if before == 0 {
			want = "whole, " + want
		}
		if got := changesOf(m, before); got != want || changesOf(m, m.LinkRevision()) != "" {
			t.Errorf("%s: %q, want %q", step.name, got, want)
		}
	}
	if got := changesOf(m, m.LinkRevision()+1); got != "whole, up 01 -60, up 03 0, up 04 0" {
		t.Errorf("after a revision that was never told: %q", got)
	}
	early := m.LinkRevision()
	say(apA.down(3))
	for i := range 5 * rememberedGone {
		say(apA.up(10))
		say(apA.down(10))
		now = now.Add(2 * time.Minute)
		m.Expire(now)
		if n := len(m.changes.gone); n >= 2*rememberedGone {
			t.Fatalf("%d are remembered after %d", n, i)
		}
	}
	late := m.LinkRevision()
	say(apA.down(4))
	if got := changesOf(m, early); !strings.HasPrefix(got, "whole") {
		t.Errorf("long ago: %q", got)
	}
	if got := changesOf(m, late); got != "down 04 0" {
		t.Errorf("just now: %q", got)
	}
}
