package testbed

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"netlmm/mobility"
)

// anchorOf is the LMA where a node's daemon has a mobile node registered, with its prefixes; zero: nowhere.
func (d *Domain) anchorOf(t *testing.T, mag string, mn *MobileNode) (lma netip.Addr, prefixes []netip.Prefix) {
	t.Helper()
	var list []mobility.BindingUpdateListEntry
	d.ask(t, mag, &list, "bindings")
	for _, b := range list {
		if b.MobileNodeID.String() == mn.ID && b.State == "registered" {
			return b.LMAAddress, b.HomeNetworkPrefixes
		}
	}
	return lma, nil
}

// isAt waits until a mobile node is registered at an anchor, with a prefix of its pool.
func (d *Domain) isAt(t *testing.T, mag string, mn *MobileNode, lma netip.Addr, pool netip.Prefix, when string) {
	t.Helper()
	eventually(t, d, fmt.Sprintf("%s is registered at %v %s", mn.ID, lma, when), func() (bool, error) {
		at, prefixes := d.anchorOf(t, mag, mn)
		return at == lma && len(prefixes) == 1 && pool.Overlaps(prefixes[0]), nil
	})
}

// deadAnchors are those that a gateway has left.
func (d *Domain) deadAnchors(t *testing.T, mag string) []netip.Addr {
	t.Helper()
	var s struct {
		Policy struct {
			DeadAnchors []netip.Addr `json:"dead_anchors"`
		} `json:"policy"`
	}
	d.ask(t, mag, &s, "status")
	return s.Policy.DeadAnchors
}

// reload rewrites a gateway's file of profiles and has it read.
func (d *Domain) reload(t *testing.T, mag, text string) {
	t.Helper()
	if err := os.WriteFile(d.Path(mag, "mobile_nodes.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := d.process(mag, "magd")
	if err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
}

// startWithTwoAnchors starts everything, the gateways with both anchors and a file of profiles.
func startWithTwoAnchors(t *testing.T, suffix, registeredAtDead string) *Domain {
	t.Helper()
	d := upWith(t, Options{ID: suffix, SecondLMA: true})
	for _, lma := range []string{NodeLMA, NodeLMA2} {
		if err := d.StartDaemon(lma); err != nil {
			t.Fatal(err)
		}
	}
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		profiles := d.Path(mag, "mobile_nodes.yaml")
		if err := os.WriteFile(profiles, []byte("mobile_nodes: []\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d.startWith(t, mag,
			"gateways:\n", fmt.Sprintf("  - {name: lma2, address: %q, identity: %s, managed_by: swanctl, connection: lma2, child: mh-lma2}\ngateways:\n", LMA2Address, IKEIdentity(NodeLMA2)),
			"policy:\n", fmt.Sprintf("policy:\n  profiles_file: %s\n  lma_patience: 1s\n  registered_at_dead_lma: %s\n", profiles, registeredAtDead))
	}
	return d
}

// come associates one mobile node.
func (mn *MobileNode) come(t *testing.T) {
	t.Helper()
	begun := time.Now()
	if err := mn.startSupplicant(); err != nil {
		t.Fatal(err)
	}
	if _, err := mn.Associate(begun); err != nil {
		t.Fatal(err)
	}
}

// Of two anchors one is killed with its charon: who comes then is registered at the other one, and so is who was registered at the dead
// one, with another prefix, for the configuration says so. The dead one comes back for those who are new.
func TestADeadAnchorIsLeftForTheOther(t *testing.T) {
	t.Parallel()
	d := startWithTwoAnchors(t, "an", "move")
	first, second := d.MobileNodes[0], d.MobileNodes[1]
	first.come(t)
	d.isAt(t, NodeMAG1, first, LMAAddress, HNPPool, "at first")
	if _, err := first.WaitAddress(patience); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{ProgramLMAD, ProgramCharon} {
		if err := d.Kill9(NodeLMA, program); err != nil {
			t.Fatal(err)
		}
	}
	d.isAt(t, NodeMAG1, first, LMA2Address, HNPPool2, "after its anchor died")
	if dead := d.deadAnchors(t, NodeMAG1); !slices.Equal(dead, []netip.Addr{LMAAddress}) {
		t.Errorf("dead anchors %v", dead)
	}
	eventually(t, d, "the mobile node has an address of its new prefix, and prefers it", func() (bool, error) {
		out, err := d.execute(first.Node, nil, "ip", "-6", "-o", "addr", "show", "dev", stationInterface, "scope", "global")
		return strings.Contains(out, "2001:db8:2") && (!strings.Contains(out, "2001:db8:1") || strings.Contains(out, "deprecated")), err
	})
	second.come(t)
	d.isAt(t, NodeMAG1, second, LMA2Address, HNPPool2, "while the other is dead")
	for _, program := range []string{ProgramCharon, ProgramLMAD} {
		if err := d.Restart(NodeLMA, program); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, d, "the anchor is taken for alive again", func() (bool, error) { return len(d.deadAnchors(t, NodeMAG1)) == 0, nil })
	at, _ := d.anchorOf(t, NodeMAG1, second)
	if at != LMA2Address {
		t.Errorf("%s was taken from its anchor, which lives, to %v", second.ID, at)
	}
}

// An anchor whose host goes on with IKE, but not with lmad, is left when it has not answered a few registrations.
func TestAnAnchorWithoutItsDaemonIsLeft(t *testing.T) {
	t.Parallel()
	d := startWithTwoAnchors(t, "ad", "keep")
	if err := d.Kill9(NodeLMA, ProgramLMAD); err != nil {
		t.Fatal(err)
	}
	first := d.MobileNodes[0]
	first.come(t)
	d.isAt(t, NodeMAG1, first, LMA2Address, HNPPool2, "as the first does not answer")
	if n := d.counter(t, NodeMAG1, "netlmm_policy_total{anchor_died_registrations_unanswered}"); n != 1 {
		t.Errorf("%d anchors were left for want of answers, want 1", n)
	}
}

// A file of profiles is read again with SIGHUP: who may not be served any more is de-registered, one with an error changes nothing,
// and another anchor counts when the mobile node comes again.
func TestProfilesAreReadAgain(t *testing.T) {
	t.Parallel()
	d := startWithTwoAnchors(t, "rl", "keep")
	if err := d.Associate(); err != nil {
		t.Fatal(err)
	}
	first, second := d.MobileNodes[0], d.MobileNodes[1]
	for _, mn := range d.MobileNodes {
		d.isAt(t, NodeMAG1, mn, LMAAddress, HNPPool, "at first")
	}
	entries := fmt.Sprintf("mobile_nodes: [{nai: %s, proxy_registration: false}, {nai: %s, lma: %q}]\n", first.ID, second.ID, LMA2Address)
	d.reload(t, NodeMAG1, strings.Replace(entries, "false", "perhaps", 1))
	eventually(t, d, "magd says what is wrong with the file", func() (bool, error) {
		status, err := d.Status(NodeMAG1)
		return err == nil && strings.Contains(strings.Join(status.Warnings, "\n"), "proxy_registration"), err
	})
	if status := d.status(t, NodeMAG1); status.Bindings != 2 {
		t.Errorf("%d bindings after a file with an error, want 2", status.Bindings)
	}
	d.reload(t, NodeMAG1, entries)
	eventually(t, d, "the first mobile node is not served any more", func() (bool, error) {
		at, _ := d.anchorOf(t, NodeMAG1, first)
		return !at.IsValid(), nil
	})
	d.isAt(t, NodeMAG1, second, LMAAddress, HNPPool, "as before")
	if status := d.status(t, NodeMAG1); strings.Contains(strings.Join(status.Warnings, "\n"), "reload") {
		t.Errorf("warnings %q", status.Warnings)
	}
	d.reload(t, NodeMAG2, entries)
	eventually(t, d, "the other gateway has read its file", func() (bool, error) {
		return d.counter(t, NodeMAG2, "netlmm_policy_total{reloaded}") == 1, nil
	})
	if _, err := second.Move(NodeMAG2); err != nil {
		t.Fatal(err)
	}
	d.isAt(t, NodeMAG2, second, LMA2Address, HNPPool2, "when it comes again")
}

// A mobile node that comes under another link-layer address, as those with private addresses do, keeps its prefix where policy says that
// it is the same one.
func TestAPrivateAddressTakesTheSessionOver(t *testing.T) {
	t.Parallel()
	d := up(t, "pv")
	first, second := d.MobileNodes[0], d.MobileNodes[1]
	second.ID = first.ID
	if err := d.StartDaemon(NodeLMA); err != nil {
		t.Fatal(err)
	}
	d.startWith(t, NodeMAG1, "policy:\n", "policy:\n  same_identity: replace\n")
	first.come(t)
	d.isAt(t, NodeMAG1, first, LMAAddress, HNPPool, "at first")
	before := d.bindings(t)
	second.come(t)
	var after []mobility.BindingCacheEntry
	eventually(t, d, "the session is that of the new address", func() (bool, error) {
		after = d.bindings(t)
		return len(after) == 1 && after[0].MobileNodeLinkLayerID.String() == second.MAC.String(), nil
	})
	if !slices.Equal(after[0].HomeNetworkPrefixes, before[0].HomeNetworkPrefixes) {
		t.Errorf("prefixes %v, before %v", after[0].HomeNetworkPrefixes, before[0].HomeNetworkPrefixes)
	}
	if address, err := second.WaitAddress(patience); err != nil || !before[0].HomeNetworkPrefixes[0].Contains(address) {
		t.Errorf("%v (%v) is not of %v", address, err, before[0].HomeNetworkPrefixes)
	}
	eventually(t, d, "the gateway has one binding", func() (bool, error) { return d.status(t, NodeMAG1).Bindings == 1, nil })
}
