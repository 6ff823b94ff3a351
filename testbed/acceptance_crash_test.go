package testbed

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Programs die alone and together, as when a router loses its power, and are started again. Nobody touches a mobile node.
func TestRoutersLoseTheirPrograms(t *testing.T) {
	t.Parallel()
	a := arrive(t, "r")
	// on a wire nothing tells a station that its authenticator was started again: magd has it ask
	a.killAndRestart(NodeMAG1, ProgramHostapd)
	a.authenticatedAgain(NodeMAG1)
	a.trafficFlows("hostapd was killed")
	a.handOverAll("hostapd was killed")
	a.handOverAll("hostapd was killed, and back")

	begun := time.Now()
	a.killAndRestart(NodeMAG1, ProgramMAGD, ProgramCharon, ProgramHostapd)
	for _, mn := range a.MobileNodes { // as a station does when its access point is back on the air
		if _, err := mn.Associate(begun); err != nil {
			t.Fatal(err)
		}
	}
	a.trafficFlows("mag1 lost everything")
	a.handOverAll("mag1 lost everything")

	a.killAndRestart(NodeLMA, ProgramLMAD, ProgramCharon)
	a.trafficFlows("the LMA lost everything")
	a.handOverAll("the LMA lost everything")

	// bindings that lmad has lost for good come back with the next update of each mobile node, with the prefix that it had
	if err := a.Kill9(NodeLMA, ProgramLMAD); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(a.Path(NodeLMA, "lmad.db")); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(NodeLMA, ProgramLMAD); err != nil {
		t.Fatal(err)
	}
	a.handOverAll("lmad lost its store")
	a.nothingInClear("after all crashes")
	for _, traffic := range a.running {
		for _, conversation := range []*Conversation{traffic.conversation, traffic.conversation4} {
			if err := conversation.Alive(patience); err != nil {
				t.Errorf("TCP connection of %s: %v", traffic.mn.Node, err)
			}
		}
	}
}

// killAndRestart kills programs of a node, all before the first of them is started again, the daemon last.
func (a *arrived) killAndRestart(node string, programs ...string) {
	a.t.Helper()
	if slices.Contains(programs, ProgramLMAD) {
		time.Sleep(time.Second) // lmad writes bindings a little behind; what it acknowledged in the last moment may be lost
	}
	for _, program := range programs {
		if err := a.Kill9(node, program); err != nil {
			a.t.Fatal(err)
		}
	}
	for i := range programs {
		if err := a.Restart(node, programs[len(programs)-1-i]); err != nil {
			a.t.Fatal(err)
		}
	}
}

// authenticatedAgain waits until a hostapd that was started again has authenticated every station of its cell.
func (a *arrived) authenticatedAgain(mag string) {
	a.t.Helper()
	for _, traffic := range a.running {
		if mn := traffic.mn; mn.At() == mag {
			eventually(a.t, a.Domain, mn.Node+" is authenticated again by the hostapd of "+mag, func() (bool, error) {
				out, err := a.execute(mag, nil, "hostapd_cli", "-p", a.Path(mag, "hostapd"), "-i", accessInterface, "sta", mn.MAC.String())
				return strings.Contains(out, "dot1xAuthSessionUserName="+mn.ID), err
			})
		}
	}
}

// What a magd leaves in the kernel: nothing after a graceful stop that de-registers, everything that traffic needs after one
// that keeps, and after a crash what the next start cleans up, whatever that start is configured for.
func TestMagdLeavesNothingOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	d := up(t, "l")
	untouched := d.kernelState(t, NodeMAG1)
	untouchedLMA := d.kernelState(t, NodeLMA)
	if err := d.StartDaemons(); err != nil {
		t.Fatal(err)
	}
	idle := d.kernelState(t, NodeMAG1)
	a := enter(t, d)
	busy := d.kernelState(t, NodeMAG1)
	if busy == idle {
		t.Fatalf("two registered mobile nodes do not show in the kernel of mag1:\n%s", busy)
	}

	t.Run("keep", func(t *testing.T) {
		a := a.with(t)
		d.restarted(t, NodeMAG1, "mag:\n", "mag:\n  on_stop: keep\n")
		a.trafficFlows("a restart with on_stop: deregister")
		begun := time.Now()
		if err := d.StopProgram(NodeMAG1, ProgramMAGD); err != nil {
			t.Fatal(err)
		}
		a.flowsSince("while magd is stopped with on_stop: keep")
		if err := d.Restart(NodeMAG1, ProgramMAGD); err != nil {
			t.Fatal(err)
		}
		a.trafficFlows("a restart with on_stop: keep")
		for _, traffic := range a.running {
			t.Logf("%s: %+v over a restart with on_stop: keep", traffic.mn.Node, traffic.flow.Disturbance(begun, begun, time.Now()))
		}
	})

	t.Run("crash, then no station", func(t *testing.T) {
		a := a.with(t)
		if err := d.Kill9(NodeMAG1, ProgramMAGD); err != nil {
			t.Fatal(err)
		}
		d.edit(t, NodeMAG1, "  on_stop: keep\n", "", d.HostapdSocket(NodeMAG1), d.Path(NodeMAG1, "nobody"))
		if err := d.Restart(NodeMAG1, ProgramMAGD); err != nil {
			t.Fatal(err)
		}
		var diff string
		err := poll(2*patience, "the kernel holds what a magd without mobile nodes wants", func() (bool, error) {
			diff = differences(idle, d.kernelState(t, NodeMAG1))
			return diff == "", nil
		})
		if err != nil {
			t.Errorf("%v; left of the crashed run (+) or missing (-):\n%s", err, diff)
		}
		d.restarted(t, NodeMAG1, d.Path(NodeMAG1, "nobody"), d.HostapdSocket(NodeMAG1))
		a.trafficFlows("magd found its access point again")
		if sockets, _ := filepath.Glob(d.Path(NodeMAG1, "hostapd-*")); len(sockets) != 1 {
			t.Errorf("directories of sockets to hostapd: %v; want that of the running magd only", sockets)
		}
	})

	t.Run("crash, then another access link", func(t *testing.T) {
		a := a.with(t)
		if err := d.Kill9(NodeMAG1, ProgramMAGD); err != nil {
			t.Fatal(err)
		}
		if _, err := d.execute(NodeMAG1, nil, "ip", "link", "add", "acc9", "type", "veth", "peer", "name", "air9"); err != nil {
			t.Fatal(err)
		}
		d.edit(t, NodeMAG1, "interface: acc0", "interface: acc9", d.HostapdSocket(NodeMAG1), d.Path(NodeMAG1, "nobody"))
		if err := d.Restart(NodeMAG1, ProgramMAGD); err != nil {
			t.Fatal(err)
		}
		var left []string
		err := poll(patience, "nothing of the old access link is left", func() (bool, error) {
			left = a.leftOf(NodeMAG1, accessInterface)
			return len(left) == 0, nil
		})
		if err != nil {
			t.Errorf("%v:\n%s", err, strings.Join(left, ""))
		}
		d.restarted(t, NodeMAG1, "interface: acc9", "interface: acc0", d.Path(NodeMAG1, "nobody"), d.HostapdSocket(NodeMAG1))
		if _, err := d.execute(NodeMAG1, nil, "ip", "link", "del", "acc9"); err != nil {
			t.Fatal(err)
		}
		a.trafficFlows("magd has its access link again")
	})

	t.Run("missing kernel feature", func(t *testing.T) {
		a := a.with(t)
		if backend := d.status(t, NodeMAG1).Forwarding.Backend; backend != "seg6" {
			t.Logf("this kernel has ip6_tunnel (backend %s): there is nothing to miss", backend)
			return
		}
		for _, node := range []string{NodeMAG1, NodeLMA} {
			if err := d.StopProgram(node, daemonOf(node)); err != nil {
				t.Fatal(err)
			}
			d.edit(t, node, "forwarding:\n", "forwarding:\n  backend: ip6tnl\n")
			binary, err := d.binary(daemonOf(node))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.execute(node, nil, binary, "--config", d.Path(node, daemonOf(node)+".yaml")); err == nil || !strings.Contains(err.Error(), "ip6_tunnel") {
				t.Errorf("%s of %s with a backend that the kernel lacks: %v; want an error that names ip6_tunnel", daemonOf(node), node, err)
			}
			d.edit(t, node, "  backend: ip6tnl\n", "")
		}
		for _, node := range []string{NodeLMA, NodeMAG1} {
			if err := d.Restart(node, daemonOf(node)); err != nil {
				t.Fatal(err)
			}
		}
		a.trafficFlows("both daemons were started again")
	})

	t.Run("deregister", func(t *testing.T) {
		if err := d.StopProgram(NodeMAG1, ProgramMAGD); err != nil {
			t.Fatal(err)
		}
		if diff := differences(untouched, d.kernelState(t, NodeMAG1)); diff != "" {
			t.Errorf("magd left (+) or took (-):\n%s", diff)
		}
		for _, binding := range d.bindings(t) {
			if binding.State == "registered" {
				t.Errorf("the LMA still has %s registered at %s", binding.MobileNodeID, binding.ProxyCareOfAddress)
			}
		}
		if err := d.StopProgram(NodeLMA, ProgramLMAD); err != nil {
			t.Fatal(err)
		}
		d.edit(t, NodeLMA, "  path: "+d.Path(NodeLMA, "")+"/lmad.db", `  path: ""`)
		if err := d.Restart(NodeLMA, ProgramLMAD); err != nil {
			t.Fatal(err)
		}
		if err := d.StopProgram(NodeLMA, ProgramLMAD); err != nil {
			t.Fatal(err)
		}
		if diff := differences(untouchedLMA, d.kernelState(t, NodeLMA)); diff != "" {
			t.Errorf("lmad without a store left (+) or took (-):\n%s", diff)
		}
	})
}

// leftOf are the routes and rules of a magd for an access link or for a mobile node.
func (a *arrived) leftOf(mag, link string) (left []string) {
	a.t.Helper()
	for line := range strings.Lines(a.kernelState(a.t, mag)) {
		if strings.Contains(line, link) && (strings.Contains(line, "proto 213") || strings.Contains(line, "lookup")) {
			left = append(left, line)
		}
		for _, traffic := range a.running {
			if prefix, _ := traffic.address.Prefix(64); strings.Contains(line, prefix.Addr().String()) {
				left = append(left, line)
			}
		}
	}
	return left
}

// enter lets the mobile nodes into a domain whose daemons run, and starts the traffic.
func enter(t *testing.T, d *Domain) *arrived {
	t.Helper()
	capture, err := d.StartCapture("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { capture.close() })
	if err := d.letIn(context.Background()); err != nil {
		t.Fatal(err)
	}
	running, err := d.startTraffic(100)
	t.Cleanup(func() { stopTraffic(running) })
	if err != nil {
		t.Fatal(err)
	}
	return &arrived{Domain: d, t: t, capture: capture, running: running}
}
