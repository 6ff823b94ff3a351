package domaintest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"netlmm/mobility/lma"
	"netlmm/mobility/mag"
)

// TestScenarios runs every file of testdata/scenarios against a domain and compares the trace. The invariants are checked after
// every command.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		d := newDomain(flavour{})
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd == "domain" {
				d = newDomain(flavour{
					heartbeats: td.HasArg("heartbeats"), sequences: td.HasArg("sequences"), handovers: td.HasArg("handovers"), hold: td.HasArg("hold"),
					offload: td.HasArg("offload"),
				})
				d.instant = td.HasArg("instant")
				d.deliverAll()
				return "ok\n"
			}
			d.trace.Reset()
			check := func() {
				if err := d.check(); err != nil {
					td.Fatalf(t, "%v\n%s", err, &d.trace)
				}
			}
			d.command(t, td, check)
			if d.instant {
				d.deliverAll()
			}
			check()
			if d.trace.Len() == 0 {
				return "ok\n"
			}
			return d.trace.String()
		})
	})
}

func (d *domain) command(t *testing.T, td *datadriven.TestData, check func()) {
	t.Helper()
	switch td.Cmd {
	case "network": // instant, or manual
		d.instant = td.HasArg("instant")
	case "attach": // HOST MAG [LINK]
		d.attach(d.host(td, 0), d.gateway(td, 1), link(td, 2))
	case "detach": // HOST MAG [LINK]: its access point reports it
		d.detach(d.host(td, 0), d.gateway(td, 1), link(td, 2))
	case "move": // HOST MAG [LINK]: which is told where the host was
		d.move(d.host(td, 0), d.gateway(td, 1), link(td, 2))
	case "prepare": // HOST MAG MAG: from the first for the second
		d.prepare(d.host(td, 0), d.gateway(td, 1), d.gateway(td, 2))
	case "cancel": // HOST MAG
		d.cancel(d.host(td, 0), d.gateway(td, 1))
	case "apart": // MAG MAG: no SA between them; "together" has one again
		d.pair(d.gateway(td, 0), d.gateway(td, 1), false)
	case "together":
		d.pair(d.gateway(td, 0), d.gateway(td, 1), true)
	case "policy": // HOST POLICY: of its profile at the anchor
		d.policies[d.host(td, 0).id()] = offloadPolicies[td.CmdArgs[1].Key]
	case "propose": // HOST POLICY: of its profile at the gateways
		d.host(td, 0).proposal = offloadPolicies[td.CmdArgs[1].Key]
	case "leave": // HOST: without a word
		d.host(td, 0).at = nil
	case "sa": // MAG up, or down
		d.event(d.gateway(td, 0), mag.SecurityAssociationChanged{LMAAddress: lmaAddress, Up: td.HasArg("up")})
	case "tick": // DURATION
		duration, err := time.ParseDuration(td.CmdArgs[0].Key)
		if err != nil {
			td.Fatalf(t, "%v", err)
		}
		d.pass(duration, check)
	case "deliver": // all, or the numbers of packets
		if td.HasArg("all") {
			d.deliverAll()
			return
		}
		for _, i := range d.packets(t, td) {
			d.deliver(d.index(t, td, i), false)
		}
	case "duplicate": // numbers: delivered, and still in flight
		for _, i := range d.packets(t, td) {
			d.deliver(d.index(t, td, i), true)
		}
	case "drop": // numbers
		for _, i := range d.packets(t, td) {
			d.drop(d.index(t, td, i))
		}
	case "reorder":
		slices.Reverse(d.network)
	case "revoke": // HOST, or MAG: everybody there
		if td.CmdArgs[0].Key[:3] == "mag" {
			d.revoke(lma.Revoke{ProxyCareOfAddress: d.gateway(td, 0).address})
		} else {
			d.revoke(lma.Revoke{MobileNodeID: d.host(td, 0).id()})
		}
	case "clock": // MAG, or lma, DURATION: off by so much
		off, err := time.ParseDuration(td.CmdArgs[1].Key)
		switch {
		case err != nil:
			td.Fatalf(t, "%v", err)
		case td.CmdArgs[0].Key == "lma":
			d.setAnchorClock(off)
		default:
			d.setClock(d.gateway(td, 0), off)
		}
	case "stop": // MAG
		d.stopMAG(d.gateway(td, 0))
	case "unreachable": // HOST MAG [LINK]
		d.event(d.gateway(td, 1), mag.NeighborUnreachable{Interface: link(td, 2), MobileNodeLinkLayerID: d.host(td, 0).mac})
	case "crash": // the LMA: the changes of the last 50 ms are lost
		d.crashLMA(writeBehind)
	case "restart": // MAG [without], which is to say offloading, or lma [restored]
		if td.CmdArgs[0].Key == "lma" {
			d.restartLMA(td.HasArg("restored"))
		} else {
			d.gateway(td, 0).without = td.HasArg("without")
			d.restartMAG(d.gateway(td, 0))
		}
	case "show":
		d.show()
	case "quiet":
		if err := d.checkQuiet(); err != nil {
			td.Fatalf(t, "%v", err)
		}
	default:
		td.Fatalf(t, "unknown command %q", td.Cmd)
	}
}

func (d *domain) host(td *datadriven.TestData, i int) *host {
	return d.hosts[slices.IndexFunc(d.hosts, func(h *host) bool { return h.name == td.CmdArgs[i].Key })]
}

func (d *domain) gateway(td *datadriven.TestData, i int) *gateway {
	return d.gateways[slices.IndexFunc(d.gateways, func(g *gateway) bool { return g.name == td.CmdArgs[i].Key })]
}

func link(td *datadriven.TestData, i int) string {
	if i < len(td.CmdArgs) {
		return td.CmdArgs[i].Key
	}
	return "wlan0"
}

func (d *domain) packets(t *testing.T, td *datadriven.TestData) []int {
	var numbers []int
	for _, a := range td.CmdArgs {
		n, err := strconv.Atoi(strings.TrimPrefix(a.Key, "#"))
		if err != nil {
			td.Fatalf(t, "%v", err)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func (d *domain) index(t *testing.T, td *datadriven.TestData, number int) int {
	i := slices.IndexFunc(d.network, func(p packet) bool { return p.number == number })
	if i < 0 {
		td.Fatalf(t, "#%d is not in flight", number)
	}
	return i
}

// shown is what a mobile node has or asks for, an IPv4 home address with the length of its network.
func shown(prefixes []netip.Prefix, home netip.Prefix) []netip.Prefix {
	if !home.IsValid() {
		return prefixes
	}
	return append(slices.Clone(prefixes), home)
}

func (d *domain) show() {
	for _, e := range d.anchor.Snapshot() {
		fmt.Fprintf(&d.trace, "lma  %v %s at %s %v until %v%s\n", e.MobileNodeID, e.State, d.nameOf(e.ProxyCareOfAddress),
			shown(e.HomeNetworkPrefixes, e.IPv4HomeAddress), d.until(e.Expires).Sub(start), policyName(e.OffloadPolicy)+map[bool]string{true: ", suspended"}[e.OffloadSuspended])
	}
	for _, g := range d.gateways {
		for _, e := range g.mag.Snapshot() {
			fmt.Fprintf(&d.trace, "%s %v %s on %s %v%s\n", g.name, e.MobileNodeID, e.State, e.Interface, shown(e.HomeNetworkPrefixes, e.IPv4HomeAddress), policyName(e.OffloadPolicy))
		}
	}
	for _, p := range d.network {
		fmt.Fprintf(&d.trace, "in flight #%d %s\n", p.number, d.describe(p))
	}
}
