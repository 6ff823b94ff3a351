package domaintest

import (
	"flag"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestMain chooses how much is checked when no flag says otherwise.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "1000", "rapid.steps": "60"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// quiet is long enough for the longest back-off, and too short for an extension to mend what went wrong.
const quiet = 40 * time.Second

var links = []string{"wlan0", "wlan1"}

// TestRandomSchedules plays random schedules of moves, losses, duplicates, reordering, crashes and time. The invariants
// hold after every step, and when everything has been delivered each host is served where it was last attached, with the
// prefix that it had before. The flags -rapid.checks and -rapid.steps ask for more, and longer ones.
func TestRandomSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDomain()
		check := func() {
			if err := d.check(); err != nil {
				t.Fatalf("%v\n%s", err, &d.trace)
			}
		}
		t.Repeat(d.steps(check))

		d.deliverAll()
		d.instant = true
		d.pass(quiet, check)
		if err := d.checkQuiet(); err != nil {
			t.Fatalf("%v\n%s", err, &d.trace)
		}
	})
}

// steps are what may happen next.
func (d *domain) steps(check func()) map[string]func(*rapid.T) {
	somePacket := func(t *rapid.T) int {
		if len(d.network) == 0 {
			t.Skip("nothing in flight")
		}
		return rapid.IntRange(0, len(d.network)-1).Draw(t, "packet")
	}
	someHost := func(t *rapid.T) *host { return rapid.SampledFrom(d.hosts).Draw(t, "host") }
	someGateway := func(t *rapid.T) *gateway { return rapid.SampledFrom(d.gateways).Draw(t, "mag") }
	someLink := func(t *rapid.T) string { return rapid.SampledFrom(links).Draw(t, "link") }
	return map[string]func(*rapid.T){
		"attach": func(t *rapid.T) {
			h, g, link := someHost(t), someGateway(t), someLink(t)
			d.pass(time.Millisecond, check) // no radio is faster
			d.note("- %s attaches to %s", h.name, g.name)
			d.attach(h, g, link)
		},
		"detach":      func(t *rapid.T) { d.detach(someHost(t), someGateway(t), someLink(t)) },
		"leave":       func(t *rapid.T) { someHost(t).at = nil },
		"deliver":     func(t *rapid.T) { d.deliver(somePacket(t), false) },
		"deliver all": func(*rapid.T) { d.deliverAll() },
		"duplicate":   func(t *rapid.T) { d.deliver(somePacket(t), true) },
		"drop": func(t *rapid.T) {
			i := somePacket(t)
			d.note("- drop #%d", d.network[i].number)
			d.drop(i)
		},
		"short time": func(t *rapid.T) { d.pass(milliseconds(t, 0, 300), check) },
		"long time":  func(t *rapid.T) { d.pass(milliseconds(t, 0, int(2*lifetime/time.Millisecond)), check) },
		"restart a MAG": func(t *rapid.T) {
			g := someGateway(t)
			d.pass(time.Millisecond, check) // nor any program
			d.note("- %s restarts", g.name)
			d.restartMAG(g)
		},
		"restart the LMA": func(*rapid.T) {
			d.note("- lma restarts")
			d.restartLMA(true)
		},
		"": func(*rapid.T) { check() },
	}
}

func milliseconds(t *rapid.T, from, to int) time.Duration {
	return time.Duration(rapid.IntRange(from, to).Draw(t, "ms")) * time.Millisecond
}
