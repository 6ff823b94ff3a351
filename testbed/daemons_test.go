package testbed

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// binaries is the folder with the daemons that TestMain built.
var binaries string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "netlmm-testbed-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	build := exec.Command("go", "build", "-o", folder+"/", "netlmm/cmd/magd", "netlmm/cmd/lmad", "netlmm/cmd/mihd", "netlmm/cmd/netlmmctl", "netlmm/cmd/testbed")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the daemons: %v\n%s", err, out)
		return 1
	}
	binaries = folder
	return m.Run()
}

// Most tests here say t.Parallel: each has a domain of its own, named after the process and the test, and mostly waits. Those that judge
// what was lost on the way, or load an anchor, do not, and have this package to themselves.

// arrived is a domain with its daemons, in which both mobile nodes are registered and receive traffic.
type arrived struct {
	*Domain
	t       *testing.T
	capture *Capture
	running []*traffic
}

// arrive builds one.
func arrive(t *testing.T, suffix string) *arrived {
	t.Helper()
	d := up(t, suffix)
	capture, err := d.StartCapture("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { capture.close() })
	if err := d.ComeIn(context.Background()); err != nil {
		t.Fatal(err)
	}
	running, err := d.startTraffic(100)
	t.Cleanup(func() { stopTraffic(running) })
	if err != nil {
		t.Fatal(err)
	}
	return &arrived{Domain: d, t: t, capture: capture, running: running}
}

// trafficFlows waits until every mobile node receives packets that were sent from now on, and checks its address.
func (a *arrived) trafficFlows(after string) {
	a.t.Helper()
	now := time.Now()
	for _, t := range a.running {
		err := poll(patience, t.mn.Node+" receives packets after "+after, func() (bool, error) { return t.flow.Received(now), nil })
		if err != nil {
			a.t.Fatalf("%v\nmagd of %s:\n%s\nlmad:\n%s", err, t.mn.At(), a.Log(t.mn.At(), ProgramMAGD), a.Log(NodeLMA, ProgramLMAD))
		}
		if address, err := t.mn.WaitAddress(patience); err != nil || address != t.address {
			a.t.Errorf("after %s %s has address %v (%v), want %v", after, t.mn.Node, address, err, t.address)
		}
	}
}

// move hands a mobile node over to the other MAG and ages it out of the old access point.
func (a *arrived) move(mn *MobileNode) {
	a.t.Helper()
	from := mn.At()
	if _, err := mn.Move(other(from)); err != nil {
		a.t.Fatal(err)
	}
	if err := a.AccessPoints[from].Forget(mn.MAC); err != nil {
		a.t.Fatal(err)
	}
}

// gateways is who serves each mobile node, as the LMA sees it, with the prefixes.
func (a *arrived) gateways() string {
	a.t.Helper()
	bindings := a.bindings(a.t)
	var text strings.Builder
	for _, mn := range a.MobileNodes {
		for _, b := range bindings {
			if b.MobileNodeID.String() == mn.ID {
				fmt.Fprintf(&text, "%s %v at %v, %s\n", b.MobileNodeID, b.HomeNetworkPrefixes, b.ProxyCareOfAddress, b.State)
			}
		}
	}
	return text.String()
}

// waitGateway waits until the LMA has a mobile node at a MAG.
func (a *arrived) waitGateway(mn *MobileNode, gateway netip.Addr) {
	a.t.Helper()
	err := poll(patience, fmt.Sprintf("the LMA has %s at %s", mn.ID, gateway), func() (bool, error) {
		for line := range strings.Lines(a.gateways()) {
			if strings.HasPrefix(line, mn.ID+" ") && strings.Contains(line, "at "+gateway.String()+",") {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		a.t.Fatalf("%v; it has\n%s\nlmad:\n%s\nmagd of mag1:\n%s\nmagd of mag2:\n%s", err, a.gateways(),
			a.Log(NodeLMA, ProgramLMAD), a.Log(NodeMAG1, ProgramMAGD), a.Log(NodeMAG2, ProgramMAGD))
	}
}

// counted sums the LMA's counters whose name holds one of the reasons.
func (a *arrived) counted(reasons ...string) (sum uint64) {
	a.t.Helper()
	for name, n := range a.status(a.t, NodeLMA).Counters {
		for _, reason := range reasons {
			if strings.Contains(name, reason) {
				sum += n
			}
		}
	}
	return sum
}
