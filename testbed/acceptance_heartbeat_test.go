package testbed

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
)

// An anchor that has lost everything it knew gets every mobile node registered again, with the addresses that it had, and
// nobody moves: it tells the gateways of its restart (RFC 5847 section 3.2) as soon as it is back.
func TestAnAnchorThatLostItsStoreGetsItsBindingsBack(t *testing.T) {
	t.Parallel()
	a := arrive(t, "hs")
	a.move(a.MobileNodes[1]) // one at each gateway
	a.waitGateway(a.MobileNodes[1], MAG2Address)
	before := a.homes(t)
	if err := a.Kill9(NodeLMA, ProgramLMAD); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(a.Path(NodeLMA, "lmad.db")); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(NodeLMA, ProgramLMAD); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	a.homesAre(before, "lmad lost its store")
	t.Logf("every mobile node was registered again %s after lmad's admin API answered", time.Since(began))
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		if a.heartbeatOf(t, mag, NodeLMA).RestartCounter == nil {
			t.Errorf("magd of %s was not told of the restart", mag)
		}
	}
	a.trafficFlows("lmad lost its store")
	a.nothingInClear("after an anchor without memory")
}

// The restart counter of an anchor stays when it stops in order, and so has all its bindings afterwards, and grows when it was
// killed, and so may have lost some (RFC 5847 section 3.2). The gateways find out by heartbeats, and what was lost is
// registered again. A gateway begins without sessions, and its counter grows each time.
func TestRestartCountersTellWhatWasLost(t *testing.T) {
	t.Parallel()
	d := up(t, "hc")
	d.startInClear(t, "security:", "heartbeat: {interval: 200ms}\nsecurity:")
	a := enter(t, d)
	homes := a.homes(t)
	anchor := a.counterOf(t, NodeMAG1, NodeLMA, time.Now())

	if err := a.StopProgram(NodeLMA, ProgramLMAD); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(NodeLMA, ProgramLMAD); err != nil {
		t.Fatal(err)
	}
	if got := a.counterOf(t, NodeMAG1, NodeLMA, time.Now()); got != anchor {
		t.Errorf("an anchor that kept its sessions has restart counter %d, and had %d", got, anchor)
	}
	if n := d.counter(t, NodeMAG1, peerRestarted); n > 1 { // one: its first start
		t.Errorf("mag1 counts %d restarts of an anchor that lost nothing", n)
	}
	a.homesAre(homes, "a stop in order")

	restarts := d.counter(t, NodeMAG1, peerRestarted)
	if err := a.Kill9(NodeLMA, ProgramLMAD); err != nil {
		t.Fatal(err)
	}
	a.failsToStart(t) // it tells nobody, and leaves that to the next one
	if err := a.Restart(NodeLMA, ProgramLMAD); err != nil {
		t.Fatal(err)
	}
	if got := a.counterOf(t, NodeMAG1, NodeLMA, time.Now()); got != anchor+1 {
		t.Errorf("an anchor that was killed has restart counter %d, and had %d", got, anchor)
	}
	if n := d.counter(t, NodeMAG1, peerRestarted); n != restarts+1 {
		t.Errorf("mag1 counts %d more restarts of an anchor that was killed, want 1", n-restarts)
	}
	a.homesAre(homes, "a kill")

	gateway := a.counterOf(t, NodeLMA, NodeMAG1, time.Now())
	restarts = d.counter(t, NodeLMA, peerRestarted)
	if err := a.Kill9(NodeMAG1, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(NodeMAG1, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	if got := a.counterOf(t, NodeLMA, NodeMAG1, time.Now()); got != gateway+1 {
		t.Errorf("a gateway that was killed has restart counter %d, and had %d", got, gateway)
	}
	if n := d.counter(t, NodeLMA, peerRestarted); n != restarts+1 {
		t.Errorf("the anchor counts %d restarts of a gateway that was killed, want 1", n-restarts)
	}
	eventually(t, d, "magd of mag1 has registered its mobile nodes again", func() (bool, error) {
		status, err := d.Status(NodeMAG1)
		return err == nil && status.Bindings == len(d.MobileNodes), err
	})
	a.homesAre(homes, "a kill of magd")
	a.trafficFlows("all restarts")
	t.Logf("restart counters: anchor %d, then %d; gateway %d, then %d", anchor, anchor+1, gateway, gateway+1)
}

// failsToStart starts lmad while its host does not have the address yet at which it is to be reached.
func (d *Domain) failsToStart(t *testing.T) {
	t.Helper()
	address := LMAAddress.String() + "/64"
	if _, err := d.execute(NodeLMA, nil, "ip", "addr", "del", address, "dev", coreInterface); err != nil {
		t.Fatal(err)
	}
	if err := d.Restart(NodeLMA, ProgramLMAD); err == nil || !strings.Contains(err.Error(), "cannot assign requested address") {
		t.Fatalf("lmad without its address: %v", err)
	}
	if err := d.address(NodeLMA, coreInterface, address); err != nil {
		t.Fatal(err)
	}
}

const peerRestarted = "netlmm_heartbeat_total{peer_restarted}"

// heartbeatStatus is the part of `netlmmctl peers` that is about heartbeats.
type heartbeatStatus struct {
	State          string    `json:"state"`
	RestartCounter *uint32   `json:"restart_counter"`
	LastHeard      time.Time `json:"last_heard"`
}

// heartbeatOf is what a node's daemon knows of a peer by its heartbeats.
func (d *Domain) heartbeatOf(t *testing.T, node, peer string) heartbeatStatus {
	t.Helper()
	var peers []struct {
		Name      string           `json:"name"`
		Heartbeat *heartbeatStatus `json:"heartbeat"`
	}
	d.ask(t, node, &peers, "peers")
	for _, p := range peers {
		if p.Name == peer && p.Heartbeat != nil {
			return *p.Heartbeat
		}
	}
	t.Fatalf("%s of %s has no heartbeats with %s: %+v", daemonOf(node), node, peer, peers)
	return heartbeatStatus{}
}

// counterOf is a peer's restart counter in a heartbeat that came after an instant. The second one counts: the first may have
// been under way before.
func (d *Domain) counterOf(t *testing.T, node, peer string, after time.Time) (counter uint32) {
	t.Helper()
	for range 2 {
		eventually(t, d, daemonOf(node)+" of "+node+" hears "+peer, func() (bool, error) {
			h := d.heartbeatOf(t, node, peer)
			if h.RestartCounter != nil && h.State == "up" && h.LastHeard.After(after) {
				counter, after = *h.RestartCounter, h.LastHeard
				return true, nil
			}
			return false, nil
		})
	}
	return counter
}

// homes are the addresses of the mobile nodes at the anchor, and the gateways where they are.
func (d *Domain) homes(t *testing.T) []string {
	t.Helper()
	return homesOf(d.bindings(t))
}

func homesOf(bindings []mobility.BindingCacheEntry) (list []string) {
	for _, b := range bindings {
		list = append(list, fmt.Sprint(b.MobileNodeID, b.HomeNetworkPrefixes, b.IPv4HomeAddress, b.ProxyCareOfAddress, b.State))
	}
	return list
}

// homesAre waits until the anchor has the mobile nodes as they were.
func (a *arrived) homesAre(want []string, after string) {
	a.t.Helper()
	var got []string
	err := poll(patience, "the anchor has every mobile node as before, after "+after, func() (bool, error) {
		got = a.homes(a.t)
		return slices.Equal(got, want), nil
	})
	if err != nil {
		a.t.Fatalf("%v; it has\n%s\nand had\n%s\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"), a.logs())
	}
}

// startInClear starts every daemon without protection of the control channel, as laboratories may, with changes of their
// configurations as edit takes them.
func (d *Domain) startInClear(t *testing.T, replacements ...string) {
	t.Helper()
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		if err := d.Kill9(node, ProgramCharon); err != nil {
			t.Fatal(err)
		}
		if d.ipsec.Plugin == "kernel-netlink" { // the kernel's associations outlive charon, and would go on protecting
			if _, err := d.execute(node, nil, "sh", "-ec", "ip xfrm policy flush; ip xfrm state flush"); err != nil {
				t.Fatal(err)
			}
		}
		d.startWith(t, node, append([]string{"mode: ipsec", "mode: none"}, replacements...)...)
	}
}

// startWith is StartDaemon with changes of the configuration.
func (d *Domain) startWith(t *testing.T, node string, replacements ...string) {
	t.Helper()
	if err := d.writeDaemonConfiguration(node); err != nil {
		t.Fatal(err)
	}
	d.edit(t, node, replacements...)
	binary, err := d.binary(daemonOf(node))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.start(node, daemonOf(node), nil, binary, "--config", d.Path(node, daemonOf(node)+".yaml")); err != nil {
		t.Fatal(err)
	}
	if err := d.waitDaemon(node); err != nil {
		t.Fatal(err)
	}
}
