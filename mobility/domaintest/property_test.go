package domaintest

import (
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"netlmm/mobility/lma"
	"netlmm/mobility/mag"
)

// TestMain chooses how much is checked when no flag says otherwise.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "2000", "rapid.steps": "60"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// quiet is long enough for the longest back-off and for a heartbeat, and too short for an extension to mend what went wrong.
const quiet = 75 * time.Second

// clockSteps are how far off a clock may be: within the window of timestamps, a little more, and hopelessly.
var clockSteps = []time.Duration{
	-24 * time.Hour, -time.Hour, -10 * time.Second, -time.Second, -400 * time.Millisecond, -200 * time.Millisecond, -5 * time.Millisecond,
	5 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, time.Second, 10 * time.Second, time.Hour, 24 * time.Hour,
}

var links = []string{"wlan0", "wlan1"}

// TestRandomSchedules plays random schedules of moves, losses, duplicates, reordering, crashes, clocks that are set,
// revocations and time. The invariants hold after every step, and when everything has been delivered each host is served where
// it was last attached, with the prefix and the IPv4 home address that it had before; when all have left, nothing is left of
// them. The flags -rapid.checks and -rapid.steps ask for more, and longer ones.
func TestRandomSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDomain(flavour{
			handovers: true, offload: rapid.IntRange(0, 3).Draw(t, "offload") > 0, hold: rapid.Bool().Draw(t, "hold"),
			heartbeats: true, sequences: rapid.IntRange(0, 3).Draw(t, "sequence numbers") == 3,
			deregister: rapid.Bool().Draw(t, "deregister"), jitter: uint64(rapid.IntRange(0, 3).Draw(t, "jitter")),
		})
		check := func() {
			if err := d.check(); err != nil {
				t.Fatalf("%v\n%s", err, &d.trace)
			}
		}
		t.Repeat(d.steps(check))
		for _, finish := range []func(func()) error{d.settle, d.leave} {
			if err := finish(check); err != nil {
				t.Fatalf("%v\n%s", err, &d.trace)
			}
		}
	})
}

// settle lets everything arrive and every clock be right. Then every host is served, or cut off, as it should be; but those that
// only the next extension can mend (see excuse) get the time for it.
func (d *domain) settle(check func()) error {
	d.note("- settle")
	for _, g := range d.gateways {
		if g.stopped {
			d.pass(time.Millisecond, check)
			d.restartMAG(g)
		}
	}
	for _, g := range d.gateways {
		d.associate(g, true)
		d.pairAll(g)
	}
	if d.stepped {
		d.mendClocks()
	}
	d.deliverAll()
	d.instant = true
	d.pass(quiet, check)
	if err := d.checkQuiet(); err != nil {
		return err
	}
	for _, h := range d.hosts {
		if h.excuse != mistaken && h.excuse != prohibited {
			h.excuse = none
		}
	}
	d.pass(lifetime, check)
	return d.checkQuiet()
}

// leave detaches everybody, and waits for the end of all that is remembered.
func (d *domain) leave(check func()) error {
	d.note("- all leave")
	for _, h := range d.hosts {
		if h.at != nil {
			d.detach(h, h.at, h.link)
		}
	}
	d.deliverAll()
	d.pass(4*lifetime, check)
	return d.checkGone()
}

// steps are what may happen next.
func (d *domain) steps(check func()) map[string]func(*rapid.T) {
	somePacket := func(t *rapid.T) int {
		if len(d.network) == 0 {
			t.Skip("nothing in flight")
		}
		return rapid.IntRange(0, len(d.network)-1).Draw(t, "packet")
	}
	someHost := func(t *rapid.T) *host {
		return rapid.SampledFrom(slices.DeleteFunc(slices.Clone(d.hosts), func(h *host) bool { return h.name == "mn2" || h.name == "mn3" })).Draw(t, "host")
	}
	someGateway := func(t *rapid.T) *gateway { return rapid.SampledFrom(d.gateways).Draw(t, "mag") }
	someLink := func(t *rapid.T) string { return rapid.SampledFrom(links).Draw(t, "link") }
	return map[string]func(*rapid.T){
		"attach": func(t *rapid.T) {
			h, g, link := someHost(t), someGateway(t), someLink(t)
			d.pass(time.Millisecond, check) // no radio is faster
			d.note("- %s attaches to %s", h.name, g.name)
			d.attach(h, g, link)
		},
		"move": func(t *rapid.T) { // as attach, and the new gateway is told where the host comes from
			h, g, link := someHost(t), someGateway(t), someLink(t)
			if h.last == nil || h.last == g {
				t.Skip("no move")
			}
			d.pass(time.Millisecond, check)
			d.note("- %s moves to %s", h.name, g.name)
			if rapid.Bool().Draw(t, "in order") {
				d.deliverAll()
			}
			d.move(h, g, link)
		},
		"hand over": func(t *rapid.T) { // in good order so far; where the host turns up is another matter
			h, to, link := someHost(t), someGateway(t), someLink(t)
			if h.at == nil || h.at == to || h.at.stopped {
				t.Skip("nothing to hand over")
			}
			d.note("- %s is handed over to %s", h.name, to.name)
			d.deliverAll()
			d.prepare(h, h.at, to)
			d.deliverAll()
			d.pass(milliseconds(t, 1, 300), check)
			if rapid.IntRange(0, 3).Draw(t, "surprise") == 0 {
				to = someGateway(t)
			}
			if rapid.Bool().Draw(t, "noticed") {
				d.detach(h, h.at, h.link)
			}
			d.note("- %s attaches to %s", h.name, to.name)
			d.attach(h, to, link)
		},
		"prepare": func(t *rapid.T) { // by who has it, or thinks so
			h, g, to := someHost(t), someGateway(t), someGateway(t)
			if h.at != nil && rapid.IntRange(0, 4).Draw(t, "believe") > 0 {
				g = h.at
			}
			d.note("- %s prepares %s for %s", h.name, g.name, to.name)
			d.prepare(h, g, to)
		},
		"cancel": func(t *rapid.T) {
			h, g := someHost(t), someGateway(t)
			d.note("- %s is not to leave %s", h.name, g.name)
			d.cancel(h, g)
		},
		"apart": func(t *rapid.T) {
			a, b, up := someGateway(t), someGateway(t), rapid.IntRange(0, 2).Draw(t, "up") > 0
			d.note("- the SA of %s and %s: up=%t", a.name, b.name, up)
			d.pair(a, b, up)
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
			g.without = d.offload && rapid.IntRange(0, 3).Draw(t, "without offloading") == 0
			d.note("- %s restarts%s", g.name, map[bool]string{true: " without offloading"}[g.without])
			d.restartMAG(g)
		},
		"stop a MAG": func(t *rapid.T) {
			g := someGateway(t)
			d.note("- %s stops", g.name)
			d.stopMAG(g)
		},
		"restart the LMA": func(t *rapid.T) {
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 0:
				d.pass(time.Second, check) // no store is made twice in a second
				d.note("- lma restarts, and has lost its store")
				d.restartLMA(false)
			case 1:
				d.note("- lma crashes")
				d.crashLMA(milliseconds(t, 0, int(writeBehind/time.Millisecond)))
			default:
				d.note("- lma restarts")
				d.restartLMA(true)
			}
		},
		"revoke": func(t *rapid.T) {
			if rapid.IntRange(0, 3).Draw(t, "all") > 0 {
				h := someHost(t)
				d.note("- revoke %s", h.node)
				d.revoke(lma.Revoke{MobileNodeID: h.id()})
				return
			}
			g := someGateway(t)
			d.note("- revoke all of %s", g.name)
			d.revoke(lma.Revoke{ProxyCareOfAddress: g.address})
		},
		"clock": func(t *rapid.T) {
			off := rapid.SampledFrom(clockSteps).Draw(t, "off")
			if i := rapid.IntRange(0, len(d.gateways)).Draw(t, "node"); i < len(d.gateways) {
				d.setClock(d.gateways[i], off)
			} else {
				d.setAnchorClock(off)
			}
		},
		"policy": func(t *rapid.T) { // of a profile at the anchor, or at the gateways
			h, name := rapid.SampledFrom(d.ipv4Hosts()).Draw(t, "host"), rapid.SampledFrom(offloadNames).Draw(t, "policy")
			if rapid.Bool().Draw(t, "proposed") {
				d.note("- %s is to be proposed %s for", h.name, name)
				h.proposal = offloadPolicies[name]
				return
			}
			d.note("- the profile of %s says %s", h.node, name)
			d.policies[h.id()] = offloadPolicies[name]
		},
		"mend clocks": func(*rapid.T) { d.mendClocks() },
		"unreachable": func(t *rapid.T) {
			h := someHost(t)
			d.event(someGateway(t), mag.NeighborUnreachable{Interface: someLink(t), MobileNodeLinkLayerID: h.mac})
		},
		"security association": func(t *rapid.T) {
			g, up := someGateway(t), rapid.Bool().Draw(t, "up")
			d.note("- the SA of %s: up=%t", g.name, up)
			d.associate(g, up)
		},
		"list": func(t *rapid.T) { // an access point's, which may name who left long ago
			h, g, link := someHost(t), someGateway(t), someLink(t)
			d.note("- %s is on a list of %s, %s", h.name, g.name, link)
			d.listed(h, g, link)
		},
		"solicit": func(t *rapid.T) {
			if h := someHost(t); h.at != nil {
				d.event(h.at, mag.RouterSolicited{Interface: h.link, MobileNodeLinkLayerID: h.mac})
			}
		},
		"": func(*rapid.T) { check() },
	}
}

func milliseconds(t *rapid.T, from, to int) time.Duration {
	return time.Duration(rapid.IntRange(from, to).Draw(t, "ms")) * time.Millisecond
}
