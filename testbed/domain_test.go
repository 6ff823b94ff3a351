package testbed

import (
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// progress sends a domain's progress to the test's log.
type progress struct{ t *testing.T }

func (p progress) Write(b []byte) (int, error) {
	p.t.Log(string(b[:len(b)-1]))
	return len(b), nil
}

// up builds a domain for one test.
func up(t *testing.T, suffix string) *Domain {
	t.Helper()
	return upWith(t, Options{ID: suffix})
}

// upWith builds a domain with options; its id is made unique.
func upWith(t *testing.T, o Options) *Domain {
	t.Helper()
	o.ID, o.BinDir, o.Progress = "t"+strconv.Itoa(os.Getpid())+o.ID, binaries, progress{t}
	d, err := Up(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Down(); err != nil {
			t.Errorf("take the domain down: %v", err)
		}
		leftovers(t, d)
	})
	return d
}

// leftovers fails the test when something of a domain is still there.
func leftovers(t *testing.T, d *Domain) {
	t.Helper()
	if found, _ := filepath.Glob("/run/netns/" + namespacePrefix + d.ID + "-*"); len(found) > 0 {
		t.Errorf("namespaces are left: %v", found)
	}
	if _, err := os.Stat(d.Dir); err == nil {
		t.Errorf("%s is left", d.Dir)
	}
	for name, p := range d.processes {
		if p.running() {
			t.Errorf("process %s is left", name)
		}
	}
}

func TestMobileNodesAuthenticateAndMove(t *testing.T) {
	t.Parallel()
	d := up(t, "a")
	if err := d.Associate(); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		for _, mn := range d.MobileNodes {
			from, to := mn.At(), other(mn.At())
			a, err := mn.Move(to)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("round %d: %s from %s to %s: associated %s after it left", round, mn.Node, from, to, a.Associated.Sub(a.Left))
			if err := d.AccessPoints[from].Forget(mn.MAC); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func TestSecurityAssociationsProtectMobilityHeaders(t *testing.T) {
	t.Parallel()
	d := up(t, "b")
	capture, err := d.StartCapture("")
	if err != nil {
		t.Fatal(err)
	}
	defer capture.Stop()
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		begun := time.Now()
		if err := d.EstablishSA(mag); err != nil {
			t.Fatal(err)
		}
		t.Logf("SA of %s with the LMA: %s, %s after %s (swanctl included)", mag, d.ipsec.Plugin, d.ipsec.Mode, time.Since(begun))
		if err := d.SendMobilityHeader(mag, coreAddressOf(t, mag), LMAAddress, []byte{59, 0, 5, 0, 0, 0, 0, 1}); err != nil {
			t.Fatal(err)
		}
	}
	err = poll(patience, "both Mobility Headers appear as ESP", func() (bool, error) { return capture.Counts().ESP >= 2, nil })
	if err != nil {
		t.Errorf("%v; seen: %+v", err, capture.Counts())
	}
	if n := capture.Counts().MHInClear; n != 0 {
		t.Errorf("%d Mobility Headers in clear although the SAs stand", n)
	}
	if count, proposal, err := d.InstalledSAs(NodeLMA); err != nil || count != 2 {
		t.Errorf("the LMA's charon has %d SAs (%v), want 2", count, err)
	} else {
		t.Log("IKE proposal: ", proposal)
	}
}

// What a crashed or an earlier testbed left is found and removed by another process that knows only the id.
func TestAbandonedDomainIsTakenDown(t *testing.T) {
	t.Parallel()
	d := up(t, "c")
	if _, err := Up(Options{ID: d.ID}); err == nil || !strings.Contains(err.Error(), "testbed down --id "+d.ID) {
		t.Errorf("a second domain of the same id: %v", err)
	}
	if err := Down(d.ID); err == nil {
		t.Error("a domain was taken from under the testbed that holds it")
	}
	if err := d.Abandon(); err != nil {
		t.Fatal(err)
	}
	if err := Down(d.ID); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.processes {
		<-p.exited
	}
	leftovers(t, d)
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{
		{ID: "../x"}, {ID: "Upper"}, {ID: "abcdefghijklmnopq"}, {Trigger: "radio"},
		{WiFi: true, Trigger: TriggerSyslog}, {WiFi: true, CleanDetach: true}, {WiFi: true, APAging: 1},
	} {
		if d, err := Up(o); err == nil {
			t.Errorf("%+v was accepted", o)
			d.Down()
		}
	}
}

func coreAddressOf(t *testing.T, node string) netip.Addr {
	t.Helper()
	a, err := coreAddress(node)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
