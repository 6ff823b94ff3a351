package testbed

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// Without charon nothing leaves in clear: not from magd, not past it, not before charon has its connections, not after magd
// has ended. What was due happens by itself once charon is back.
func TestControlChannelFailsClosed(t *testing.T) {
	t.Parallel()
	a := arrive(t, "f")
	a.probePastTheDaemons()
	mn := a.MobileNodes[0]
	waits := func(when string, outlives bool) {
		t.Helper()
		eventually(t, a.Domain, "magd of mag2 has a mobile node that waits, and says why "+when, func() (bool, error) {
			status := a.status(t, NodeMAG2)
			return status.Bindings > 0 && (outlives || status.Security.PeersUp == 0) && len(status.Warnings) > 0, nil
		})
		for _, b := range a.bindings(t) {
			if b.MobileNodeID.String() == mn.ID && b.ProxyCareOfAddress != MAG1Address {
				t.Errorf("%s: the LMA has %s at %s", when, mn.ID, b.ProxyCareOfAddress)
			}
		}
		a.nothingInClear(when)
	}
	if err := a.Kill9(NodeMAG2, ProgramCharon); err != nil {
		t.Fatal(err)
	}
	a.nothingInClear("right after kill -9 of charon")
	// An association in the kernel outlives its charon: who comes before the other end misses it is registered under it, and who comes
	// later asks under it for nothing.
	eventually(t, a.Domain, "the LMA misses the charon of mag2", func() (bool, error) { return a.status(t, NodeLMA).Security.PeersUp == 1, nil })
	if _, err := mn.Move(NodeMAG2); err != nil {
		t.Fatal(err)
	}
	waits("while charon is dead", a.ipsec.Plugin == "kernel-netlink")
	eventually(t, a.Domain, "magd of mag2 warns of charon", func() (bool, error) {
		return strings.Contains(strings.Join(a.status(t, NodeMAG2).Warnings, "\n"), "charon is not reached"), nil
	})
	a.startUnloaded(t, NodeMAG2)
	waits("while charon has no connections", false)
	if err := a.Kill9(NodeMAG2, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	a.nothingInClear("after kill -9 of magd")
	if err := a.Restart(NodeMAG2, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	waits("when magd starts before charon has its connections", false)
	if err := a.loadConnections(NodeMAG2); err != nil {
		t.Fatal(err)
	}
	a.waitGateway(mn, MAG2Address)
	if err := a.AccessPoints[NodeMAG1].Forget(mn.MAC); err != nil {
		t.Fatal(err)
	}
	a.trafficFlows("charon got its connections")

	if err := a.StopProgram(NodeMAG2, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	if err := a.Kill9(NodeMAG2, ProgramCharon); err != nil {
		t.Fatal(err)
	}
	a.nothingInClear("after a graceful stop of magd, without charon")
	if err := a.Restart(NodeMAG2, ProgramCharon); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(NodeMAG2, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	a.trafficFlows("mag2 is back")
	a.killAndRestart(NodeLMA, ProgramLMAD, ProgramCharon)
	a.killAndRestart(NodeMAG1, ProgramCharon)
	a.trafficFlows("the LMA and the charon of mag1 are back")
	a.handOverAll("everything is back")
	a.nothingInClear("in the end")
}

// probePastTheDaemons sends Mobility Headers both ways between mag2 and the LMA, around magd and lmad, until the end of the
// test. The kernel may refuse one with an error, or drop it.
func (a *arrived) probePastTheDaemons() {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			_ = a.SendMobilityHeader(NodeMAG2, MAG2Address, LMAAddress, []byte{59, 0, 5, 0, 0, 0, 0, 1})
			_ = a.SendMobilityHeader(NodeLMA, LMAAddress, MAG2Address, []byte{59, 0, 6, 0, 0, 0, 0, 1})
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	a.t.Cleanup(func() {
		close(stop)
		<-done
	})
}

// The daemons load their connections into charon themselves: with a pre-shared key, then with certificates. After that the
// same domain runs without protection, because somebody wrote that down.
func TestDaemonsLoadConnectionsThemselves(t *testing.T) {
	t.Parallel()
	d := up(t, "m")
	d.startWithOwnConnections(t)
	a := enter(t, d)
	a.handOverAll("start with a pre-shared key of the daemons")
	a.nothingInClear("with a pre-shared key of the daemons")
	// charon forgets everything; the daemons load it again
	for _, node := range []string{NodeMAG1, NodeLMA} {
		d.emptyCharon(t, node)
		a.handOverAll("the charon of " + node + " lost its connections")
	}

	a.associated(NodeMAG1, NodeMAG2)

	d.certificates(t)
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		if err := d.StopProgram(node, daemonOf(node)); err != nil {
			t.Fatal(err)
		}
		d.emptyCharon(t, node)
		d.edit(t, node, "preshared_key_file: "+d.Path(node, "psk"),
			"certificate_file: "+d.Path(node, "crt.pem")+"\n    private_key_file: "+d.Path(node, "key.pem")+"\n    ca_certificate_file: "+d.Path(node, "ca.pem"))
	}
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		if err := d.Restart(node, daemonOf(node)); err != nil {
			t.Fatal(err)
		}
	}
	a.trafficFlows("a change to certificates")
	a.associated(NodeMAG2, NodeMAG1)
	a.handOverAll("a change to certificates")
	a.nothingInClear("with certificates")

	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		if err := d.StopProgram(node, daemonOf(node)); err != nil {
			t.Fatal(err)
		}
		if err := d.Kill9(node, ProgramCharon); err != nil {
			t.Fatal(err)
		}
		if d.ipsec.Plugin == "kernel-netlink" { // the kernel's associations outlive charon, and would go on protecting
			if _, err := d.execute(node, nil, "sh", "-ec", "ip xfrm policy flush; ip xfrm state flush"); err != nil {
				t.Fatal(err)
			}
		}
		d.edit(t, node, "mode: ipsec", "mode: none")
	}
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		if err := d.Restart(node, daemonOf(node)); err != nil {
			t.Fatal(err)
		}
		if log := d.Log(node, daemonOf(node)); !strings.Contains(log, "security.mode is none") {
			t.Errorf("%s does not warn at start:\n%s", daemonOf(node), log)
		}
		if warnings := strings.Join(d.status(t, node).Warnings, "\n"); !strings.Contains(warnings, "security.mode is none") {
			t.Errorf("the status of %s does not warn: %s", daemonOf(node), warnings)
		}
	}
	a.trafficFlows("security.mode: none")
	a.handOverAll("security.mode: none")
	if a.capture.Counts().MHInClear == 0 {
		t.Error("with security.mode none the capture sees no Mobility Header in clear: it would not see one elsewhere either")
	}
}

// startWithOwnConnections starts the daemons with a pre-shared key, which they load into charons that know nothing.
func (d *Domain) startWithOwnConnections(t *testing.T) {
	t.Helper()
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		d.emptyCharon(t, node)
		if err := os.WriteFile(d.Path(node, "psk"), []byte("not the domain's secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d.startWith(t, node, d.managed(node, func(string) string { return "managed_by: netlmm\n    preshared_key_file: " + d.Path(node, "psk") })...)
	}
}

// emptyCharon replaces a node's charon by one that knows no connection and no secret.
func (d *Domain) emptyCharon(t *testing.T, node string) {
	t.Helper()
	if err := d.Kill9(node, ProgramCharon); err != nil {
		t.Fatal(err)
	}
	d.startUnloaded(t, node)
}

// managed replaces how the connections of a node's daemon are managed; its own identity is added.
func (d *Domain) managed(node string, replacement func(peer string) string) (pairs []string) {
	for _, peer := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		if peer == node {
			continue
		}
		pairs = append(pairs, fmt.Sprintf("managed_by: swanctl\n    connection: %s\n    child: mh-%s", peer, peer),
			replacement(peer)+"\n    local_identity: "+IKEIdentity(node))
	}
	return pairs
}

// certificates gives every node a key and a certificate of one authority.
func (d *Domain) certificates(t *testing.T) {
	t.Helper()
	pki, err := program("pki", "strongswan-pki")
	if err != nil {
		t.Fatal(err)
	}
	run := func(file string, arguments ...string) {
		t.Helper()
		out, err := d.execute(NodeCorrespondent, nil, append([]string{pki}, arguments...)...)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	caKey, ca := d.Path(NodeCorrespondent, "ca.key"), d.Path(NodeCorrespondent, "ca.pem")
	run(caKey, "--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem")
	run(ca, "--self", "--ca", "--lifetime", "1", "--in", caKey, "--type", "ecdsa", "--dn", "CN=testbed", "--outform", "pem")
	for _, node := range []string{NodeLMA, NodeMAG1, NodeMAG2} {
		run(d.Path(node, "key.pem"), "--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem")
		run(d.Path(node, "pub.pem"), "--pub", "--in", d.Path(node, "key.pem"), "--type", "ecdsa", "--outform", "pem")
		run(d.Path(node, "crt.pem"), "--issue", "--lifetime", "1", "--cacert", ca, "--cakey", caKey, "--in", d.Path(node, "pub.pem"), "--type", "pub",
			"--dn", "CN="+IKEIdentity(node), "--san", IKEIdentity(node), "--outform", "pem")
		content, err := os.ReadFile(ca)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.Path(node, "ca.pem"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
