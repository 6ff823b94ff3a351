package accesslink

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// What the kernel refuses once is shown until it is done, and done without another change of the offer; what it refuses at a
// withdrawal too.
func TestRefusedIPv4IsTriedAgain(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := openWith(t, mag, Config{Interface: access})
	run(t, l)
	s := newStation(t, mag)
	s.plug(mag, access)
	refuse := func(refused error) {
		l.applying.Lock()
		defer l.applying.Unlock()
		l.ipv4.kernel = nil
		if refused != nil {
			l.ipv4.kernel = func(*port, ipv4State) error { return refused }
		}
	}
	holds := func() (router, pinned bool) {
		return strings.Contains(mag.ip("-4 addr show dev "+access), " 10.64.0.1/32"), strings.Contains(mag.ip("-4 neigh show dev "+access), "10.64.0.9 ")
	}
	full := errors.New("no room today")
	refuse(full)
	if err := l.Offer(s.offer()); !errors.Is(err, full) {
		t.Fatalf("Offer: %v", err)
	}
	mustOffer(t, l, s.offer()) // an extension: nothing has changed
	before := l.Counters().RestoreErrors
	wait(t, "two looks at the interface", func() bool { return l.Counters().RestoreErrors >= before+4 })
	if err := l.Err(); !errors.Is(err, full) || !strings.Contains(err.Error(), access) {
		t.Errorf("Err: %v", err)
	}
	refuse(nil)
	wait(t, "the address and the neighbour entry", func() bool { router, pinned := holds(); return router && pinned && l.Err() == nil })
	refuse(full)
	if err := l.Withdraw(s.mac); !errors.Is(err, full) {
		t.Errorf("Withdraw: %v", err)
	}
	refuse(nil)
	wait(t, "the kernel to hold nothing", func() bool { router, pinned := holds(); return !router && !pinned && l.Err() == nil })
}

// What waits is bounded, but for what nodes with an offer need.
func TestRefusedRemovalsAreBounded(t *testing.T) {
	var i ipv4
	full, address := errors.New("no room today"), home.Addr()
	for range maximumNodes + 10 {
		address = address.Next()
		i.remember(ipv4State{address: address}, full)
	}
	i.pinned = map[netip.Addr][6]byte{home.Addr(): {2}}
	i.remember(ipv4State{address: home.Addr()}, full)
	if len(i.due) != maximumNodes+1 || i.refused != len(i.due) {
		t.Errorf("%d wait, %d refused", len(i.due), i.refused)
	}
	for state := range i.due {
		i.done(state)
	}
	if i.refused != 0 || i.problem.Load() != nil {
		t.Errorf("%d refused, %v", i.refused, i.problem.Load())
	}
}

// A node that scans its network by ARP gets its DHCP answers and finds its default router nevertheless.
func TestProtocolsHaveTheirOwnBudgets(t *testing.T) {
	n, now := newNodes(), time.Now()
	if _, _, err := n.set(Offer{LinkLayer: nodeMAC, IPv4HomeAddress: home, IPv4DefaultRouter: router, Expires: now.Add(time.Hour)}, now); err != nil {
		t.Fatal(err)
	}
	for range 2 * requestBurst {
		n.serve(nodeMAC, arp, now)
	}
	for p, want := range map[protocol]DropReason{arp: RateLimited, dhcpv4: "", dhcpv6: "", routerARP: ""} {
		if _, reason := n.serve(nodeMAC, p, now); reason != want {
			t.Errorf("protocol %d: %q, want %q", p, reason, want)
		}
	}
}

// Every reason can be counted.
func TestEveryDropIsCounted(t *testing.T) {
	var l Link
	for _, reason := range dropReasons {
		if reason == "" {
			t.Error("a reason without a name")
		}
		l.counters.drop(reason)
		if l.Counters().Dropped[reason] != 1 {
			t.Errorf("%s: %v", reason, l.Counters().Dropped)
		}
	}
}
