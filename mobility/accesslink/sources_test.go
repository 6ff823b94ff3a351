package accesslink

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/ndp"

	"netlmm/mobility"
)

var given, second = netip.MustParseAddr("fe80::a:1"), netip.MustParseAddr("fe80::a:2")

func (s station) from(source netip.Addr) Advertisement {
	a := s.advertisement()
	a.Source = source
	return a
}

func mustAdvertise(t testing.TB, l *Link, a Advertisement) {
	t.Helper()
	if err := l.Advertise(a); err != nil {
		t.Fatal(err)
	}
}

// A mobile node's duplicate address detection finds the address of its router taken, be it the fixed one or the anchor's
// (RFC 5213 sections 6.8 and 6.9.3; RFC 6543).
func TestDuplicateAddressDetectionFindsTheRouter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		source  netip.Addr
		address netip.Addr
	}{
		{"fixed", netip.Addr{}, mobility.FixedMAGLinkLocalAddress},
		{"of the anchor", given, given},
	} {
		t.Run(test.name, func(t *testing.T) {
			mag := here(t)
			access := mag.newAccess()
			l := open(t, access)
			heard := run(t, l)
			s := newStation(t, mag)
			s.sysctl("net/ipv6/conf/eth0/accept_dad", "1")
			s.sysctl("net/ipv6/conf/eth0/dad_transmits", "1")
			s.plug(mag, access)
			heard.waitSolicited(t, s.mac)
			mustAdvertise(t, l, s.from(test.source))
			s.ip("addr add " + test.address.String() + "/64 dev eth0")
			wait(t, "the end of duplicate address detection", func() bool {
				out := s.ip("-6 addr show dev eth0 to " + test.address.String())
				return strings.Contains(out, "dadfailed") || !strings.Contains(out, "tentative")
			})
			want(t, s.ip("-6 addr show dev eth0 to "+test.address.String()), "dadfailed")
			if test.source.IsValid() {
				got := <-heard.collided
				if got != (collision{s.mac, given}) {
					t.Errorf("collision %v", got)
				}
			}
			select {
			case got := <-heard.collided:
				t.Errorf("collision %v", got)
			default:
			}
		})
	}
}

// The anchor's link-local address is the node's router, of that node alone; it comes and goes with the node and survives
// the interface (RFC 5213 section 6.9.1.2, 15).
func TestAnchorsLinkLocalAddress(t *testing.T) {
	t.Parallel()
	mag := here(t)
	access := mag.newAccess()
	l := open(t, access)
	heard := run(t, l)
	first, other := newStation(t, mag), newStation(t, mag)
	has := func(a netip.Addr) bool { return strings.Contains(mag.ip("-6 addr show dev "+access), a.String()+"/64") }
	for s, source := range map[*station]netip.Addr{&first: given, &other: second} {
		s.plug(mag, access)
		heard.waitSolicited(t, s.mac)
		mustAdvertise(t, l, s.from(source))
		wait(t, "the host's router", func() bool { return strings.Contains(s.defaultRoute(), "via "+source.String()+" ") })
		if strings.Count(s.defaultRoute(), "via") != 1 || !has(source) {
			t.Errorf("routes %s", s.defaultRoute())
		}
		s.pings(source.String() + "%eth0")
	}
	heard.waitPresent(t, l, first, first.prefix)
	time.Sleep(restoreInterval + restoreInterval/2) // the regular look at the interface leaves them
	if !has(given) || !has(second) || !has(mobility.FixedMAGLinkLocalAddress) {
		t.Errorf("addresses: %s", mag.ip("-6 addr show dev "+access))
	}
	mag.ip("link set " + access + " down")
	wait(t, "the loss to be seen", func() bool { return !l.Available() })
	mag.ip("link set " + access + " up")
	wait(t, "the addresses to be back", func() bool { return has(given) && has(second) && has(mobility.FixedMAGLinkLocalAddress) })
	mustAdvertise(t, l, first.from(second)) // another one, shared now; held until there is a carrier again
	wait(t, "the former address to go", func() bool { return !has(given) && has(second) })
	for i, s := range []station{other, first} {
		if err := l.Forget(s.mac); err != nil {
			t.Fatal(err)
		}
		if has(second) != (i == 0) {
			t.Errorf("after Forget: %s", mag.ip("-6 addr show dev "+access))
		}
	}
	for _, wrong := range []string{"2001:db8::1", "ff02::1", "10.0.0.1"} {
		if err := l.Advertise(first.from(netip.MustParseAddr(wrong))); err == nil {
			t.Errorf("advertised from %s", wrong)
		}
	}
	if free, err := l.FreeLinkLocalAddress(); err != nil || !free.IsLinkLocalUnicast() {
		t.Errorf("a free address: %s, %v", free, err)
	}
}

// A mobile node that has its router's address already keeps it: this router uses another one (RFC 5213 section 6.9.1.2, 15).
func TestNodeHasTheAnchorsAddress(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := open(t, access)
	heard := run(t, l)
	s := newStation(t, mag)
	s.plug(mag, access)
	heard.waitSolicited(t, s.mac)
	s.ip("addr add " + given.String() + "/64 dev eth0")
	wait(t, "the host's own choice", func() bool { return strings.Contains(s.ip("-6 addr show dev eth0 -tentative"), given.String()) })
	mustAdvertise(t, l, s.from(given))
	select {
	case got := <-heard.collided:
		if got != (collision{s.mac, given}) {
			t.Errorf("collision %v", got)
		}
	case <-time.After(patience):
		t.Fatal("the collision is not seen")
	}
	wait(t, "the address to be given up", func() bool { return !strings.Contains(mag.ip("-6 addr show dev "+access), given.String()) })
	mustAdvertise(t, l, s.from(given)) // the anchor has not heard yet
	if strings.Contains(mag.ip("-6 addr show dev "+access), given.String()) {
		t.Error("the address is used again")
	}
	mustAdvertise(t, l, s.from(second))
	wait(t, "the host's router", func() bool { return strings.Contains(s.defaultRoute(), "via "+second.String()+" ") })
}

// A claim is one to the address towards this very node, and is told at a bounded rate.
func TestCollisions(t *testing.T) {
	now := time.Now()
	s := &sources{}
	if _, _, err := s.set(nodeMAC, given); err != nil {
		t.Fatal(err)
	}
	another := [6]byte{2, 9}
	for i, step := range []struct {
		mac    [6]byte
		claims netip.Addr
		inUse  bool
		after  time.Duration
		tell   bool
	}{
		{another, given, true, 0, false},
		{nodeMAC, second, true, 0, false},
		{nodeMAC, given, false, 0, true},
		{nodeMAC, given, false, time.Second, false},
		{nodeMAC, given, true, collisionInterval, true},
		{nodeMAC, given, true, collisionInterval + time.Second, false},
	} {
		if tell, _ := s.collide(step.mac, step.claims, step.inUse, now.Add(step.after)); tell != step.tell {
			t.Errorf("step %d: told %v", i, tell)
		}
	}
	if s.of(nodeMAC).IsValid() || s.wanted(given) {
		t.Error("the address that the node has is still used")
	}
	for i := range maximumSources + 1 {
		_, _, err := s.set([6]byte{2, 1, byte(i >> 8), byte(i)}, netip.AddrFrom16([16]byte{0xfe, 0x80, 14: byte(i >> 8), 15: byte(i)}))
		if (err != nil) != (i >= maximumSources) {
			t.Fatalf("address %d: %v", i, err)
		}
	}
}

func TestClaims(t *testing.T) {
	for _, test := range []struct {
		name  string
		frame []byte
		want  netip.Addr
	}{
		{"duplicate address detection", frameOf(t, netip.IPv6Unspecified(), group, &ndp.NeighborSolicitation{TargetAddress: given}), given},
		{"address resolution", frameOf(t, node, group, &ndp.NeighborSolicitation{TargetAddress: given}), netip.Addr{}},
		{"advertisement", frameOf(t, node, routers, &ndp.NeighborAdvertisement{TargetAddress: given}), given},
		{"Router Solicitation", solicitation(t), netip.Addr{}},
	} {
		if seen, reason := parse(test.frame); reason != "" || seen.claims != test.want {
			t.Errorf("%s: %q, claims %s", test.name, reason, seen.claims)
		}
	}
}
