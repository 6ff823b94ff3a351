package vici_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"netlmm/security"
)

// A connection that netlmm loads for an IPv4 peer: UDP port 5436 both ways (RFC 5844 section 4.3.1), in transport mode where the
// kernel does ESP, by IKE version 2.
func TestNetlmmLoadsConnectionOverIPv4(t *testing.T) {
	a, b := newPair4(t)
	for _, e := range []*end{a, b} {
		psk(e, sharedSecret)
		e.startCharon()
		e.startDaemon(e.peer(security.ByNetlmm, e.name == "a"))
	}
	a.awaitState("up")
	b.awaitState("up")
	wantMode := "TRANSPORT"
	if a.libipsec {
		wantMode = "TUNNEL"
	}
	ctx := context.Background()
	sas, err := a.client.SAs(ctx)
	if err != nil || len(sas) == 0 {
		t.Fatalf("SAs %v, %v", sas, err)
	}
	if sa := sas[0]; sa.Mode != wantMode || sa.Local != address4A || sa.Remote != address4B || sa.Covers != everything || sa.IKEVersion != "2" || sa.RemoteIdentity != "b" {
		t.Errorf("SA %+v", sa)
	}
	connections, err := a.client.Connections(ctx)
	if err != nil || len(connections) != 1 || connections[0].Local != address4A || connections[0].Remote != address4B || connections[0].Covers != everything {
		t.Errorf("connections %+v, %v", connections, err)
	}
	if selectors := a.swanctl("--list-sas"); !containsAll(selectors, "192.0.2.1/32[udp/5436]", "192.0.2.2/32[udp/5436]", "192.0.2.1/32[udp/4551]", "192.0.2.2/32[tcp]") {
		t.Errorf("selectors:\n%s", selectors)
	}
	before := len(a.changed())
	had := a.status().Rekeys
	a.swanctl("--rekey", "--child", "mh")
	await(t, "a rekeyed", func() bool { return a.status().Rekeys > had }, func() any { return a.status() })
	if len(a.changed()) != before {
		t.Errorf("changes %v: a rekey must not be seen from outside", a.changed())
	}
}

// The operator's connection is found by its traffic selectors.
func TestSwanctlManagesConnectionOverIPv4(t *testing.T) {
	a, b := newPair4(t)
	for _, e := range []*end{a, b} {
		e.startCharon()
		e.swanctlConfWhenUp("core", "signalling")
		e.startDaemon(e.peer(security.BySwanctl, e.name == "a"))
	}
	a.awaitState("up")
	b.awaitState("up")
	awaitAgreement(t, a, b)
}

// A gateway and an anchor that speak over both families have an association of each, under one identity: charon does not take the
// second for a replacement of the first.
func TestAssociationsOfBothFamiliesUnderOneIdentity(t *testing.T) {
	a, b := newPair(t)
	both := func(e *end, self, far string) []security.Peer {
		run(t, "ip", "-n", e.ns, "addr", "add", self+"/24", "dev", "core")
		overIPv6 := e.peer(security.ByNetlmm, e.name == "a")
		overIPv4 := overIPv6
		overIPv4.Local, overIPv4.Address, overIPv4.Connection = netip.MustParseAddr(self), netip.MustParseAddr(far), "over-ipv4"
		return []security.Peer{overIPv6, overIPv4}
	}
	psk(a, sharedSecret)
	psk(b, sharedSecret)
	peers := map[*end][]security.Peer{a: both(a, "192.0.2.1", "192.0.2.2"), b: both(b, "192.0.2.2", "192.0.2.1")}
	for _, e := range []*end{a, b} {
		e.startCharon()
		e.startDaemon(peers[e]...)
	}
	states := func(e *end) (all []string) {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, s := range e.core.Status() {
			all = append(all, s.State)
		}
		return all
	}
	for _, e := range []*end{a, b} {
		await(t, e.name+" is up over both", func() bool { return slices.Equal(states(e), []string{"up", "up"}) }, func() any { return states(e) })
	}
	before := map[*end]int{a: len(a.changed()), b: len(b.changed())}
	time.Sleep(2500 * time.Millisecond) // periodic snapshots and the detection of dead peers
	for _, e := range []*end{a, b} {
		if got := e.changed(); len(got) != before[e] {
			t.Errorf("%s: changes %v, the first %d before both stood: one replaces the other", e.name, got, before[e])
		}
	}
}
