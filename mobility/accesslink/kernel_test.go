package accesslink

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netlmm/mobility"
)

const patience = 60 * time.Second

var sequence atomic.Int32

// station is a mobile node: a Linux host that knows nothing of us, on a port of an access link.
type station struct {
	space
	port   string // the other end of its cable
	mac    [6]byte
	prefix netip.Prefix // the home network prefix it should get
}

// address is the one that the station makes of its prefix (RFC 4291 appendix A).
func (s station) address() netip.Addr { return derived(s.mac, []netip.Prefix{s.prefix})[1] }

// newAccess makes a bridge in s, the access link of a MAG.
func (s space) newAccess() string {
	name := fmt.Sprintf("acc%d", sequence.Add(1))
	s.ip("link add " + name + " type bridge forward_delay 0 mcast_snooping 0")
	s.t.Cleanup(func() { _ = s.try("ip", "link", "del", name) })
	return name
}

// newStation makes a host with one interface whose cable ends in mag.
func newStation(t testing.TB, mag space) station {
	n := sequence.Add(1)
	s := station{newSpace(t), fmt.Sprintf("port%d", n), [6]byte{2, 0, 0, 0, 1, byte(n)}, netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/64", n))}
	mag.ip("link add " + s.port + " type veth peer name peer" + s.port)
	mag.move("peer"+s.port, s.space)
	s.ip("link set peer" + s.port + " name eth0")
	s.ip("link set eth0 address " + net.HardwareAddr(s.mac[:]).String())
	s.sysctl("net/ipv6/conf/eth0/accept_dad", "0")
	s.sysctl("net/ipv6/conf/eth0/use_tempaddr", "0")
	return s
}

func (s space) move(link string, to space) {
	s.t.Helper()
	s.do(func() error {
		found, err := netlink.LinkByName(link)
		if err != nil {
			return err
		}
		return netlink.LinkSetNsFd(found, int(to.handle))
	})
}

// plug puts the station's cable into the access link.
func (s station) plug(mag space, access string) {
	mag.ip("link set " + s.port + " master " + access + " up")
	s.ip("link set eth0 up")
}

func wait(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (s station) hasAddress(a netip.Addr) bool {
	return strings.Contains(s.ip("-6 addr show dev eth0 -tentative"), a.String()+"/64")
}

func (s station) defaultRoute() string { return s.ip("-6 route show default") }

// lifetimes are an hour and half an hour.
func (s station) advertisement() Advertisement {
	return Advertisement{Destination: s.mac, Prefixes: []netip.Prefix{s.prefix}, PrefixLifetime: time.Hour, RouterLifetime: 30 * time.Minute}
}

// events is what a running Link reported.
type events struct {
	solicited   chan Solicitation
	present     chan Presence
	unreachable chan Presence
	collided    chan collision
}

type collision struct {
	linkLayer [6]byte
	address   netip.Addr
}

func open(t testing.TB, name string) *Link {
	t.Helper()
	config := DefaultConfig(name)
	config.MTU = 1400
	l, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func run(t testing.TB, l *Link) events {
	t.Helper()
	e := events{make(chan Solicitation, 1000), make(chan Presence, 1000), make(chan Presence, 1000), make(chan collision, 1000)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- l.Run(ctx, Handler{
			Solicited:   func(s Solicitation) { e.solicited <- s },
			Present:     func(p Presence) { e.present <- p },
			Unreachable: func(p Presence) { e.unreachable <- p },
			Collision:   func(p Presence, a netip.Addr) { e.collided <- collision{p.LinkLayer, a} },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return e
}

func (e events) waitSolicited(t testing.TB, mac [6]byte) Solicitation {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case s := <-e.solicited:
			if s.LinkLayer == mac {
				return s
			}
		case <-timeout:
			t.Fatalf("no Router Solicitation from %x", mac)
		}
	}
}

// Two hosts on one access link configure themselves from what each is told, and neither learns of the other's prefix
// (RFC 5213 sections 6.2, 6.9.2, 6.9.3; RFC 6085; RFC 6543).
func TestHostsConfigureThemselves(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := open(t, access)
	heard := run(t, l)
	first, second := newStation(t, mag), newStation(t, mag)
	for _, s := range []station{first, second} {
		s.plug(mag, access)
		if got := heard.waitSolicited(t, s.mac); !got.Source.IsLinkLocalUnicast() && !got.Source.IsUnspecified() {
			t.Errorf("solicited from %s", got.Source)
		}
		if err := l.Advertise(s.advertisement()); err != nil {
			t.Fatal(err)
		}
		wait(t, "the host's address", func() bool { return s.hasAddress(s.address()) })
		if route := s.defaultRoute(); !strings.Contains(route, "via "+mobility.FixedMAGLinkLocalAddress.String()+" ") {
			t.Errorf("default route: %s", route)
		}
		if mtu := s.readSysctl("net/ipv6/conf/eth0/mtu"); mtu != "1400" {
			t.Errorf("the host's MTU is %s", mtu)
		}
		s.ip("-6 route get 2001:db8:ffff::1")
		neighbour := s.ip("-6 neigh show " + mobility.FixedMAGLinkLocalAddress.String() + " dev eth0")
		if !strings.Contains(neighbour, "lladdr 00:00:5e:00:52:13 router") {
			t.Errorf("the router as the host sees it: %s", neighbour)
		}
	}
	for _, pair := range [][2]station{{first, second}, {second, first}} {
		all := pair[0].ip("-6 addr show") + pair[0].ip("-6 route show table all")
		if strings.Contains(all, strings.TrimSuffix(pair[1].prefix.String(), "::/64")+":") {
			t.Errorf("a host learned the other's prefix %s:\n%s", pair[1].prefix, all)
		}
	}
	if c := l.Counters(); c.Advertisements != 2 || c.Solicitations < 2 {
		t.Errorf("counters: %+v", c)
	}
}

// Withdrawal: the host stops using the prefix for new connections (RFC 4862 section 5.5.4).
func TestDeprecation(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := open(t, access)
	heard := run(t, l)
	s := newStation(t, mag)
	s.plug(mag, access)
	heard.waitSolicited(t, s.mac)
	if err := l.Advertise(s.advertisement()); err != nil {
		t.Fatal(err)
	}
	wait(t, "the host's address", func() bool { return s.hasAddress(s.address()) })
	if err := l.Advertise(Advertisement{Destination: s.mac, DeprecatedPrefixes: []netip.Prefix{s.prefix}}); err != nil {
		t.Fatal(err)
	}
	wait(t, "deprecation", func() bool { return strings.Contains(s.ip("-6 addr show dev eth0 deprecated"), s.address().String()) })
	wait(t, "no default route", func() bool { return s.defaultRoute() == "" })
}

// The cable moves to another MAG: the host keeps its address and its router (RFC 5213 section 6.9.3).
func TestTakeover(t *testing.T) {
	before, after := here(t), newSpace(t)
	accessBefore, accessAfter := before.newAccess(), after.newAccess()
	l := open(t, accessBefore)
	heard := run(t, l)
	s := newStation(t, before)
	s.plug(before, accessBefore)
	heard.waitSolicited(t, s.mac)
	if err := l.Advertise(s.advertisement()); err != nil {
		t.Fatal(err)
	}
	wait(t, "the host's address", func() bool { return s.hasAddress(s.address()) })

	var next *Link
	after.do(func() (err error) {
		next, err = Open(DefaultConfig(accessAfter))
		return err
	})
	defer next.Close()
	before.move(s.port, after)
	s.plug(after, accessAfter)
	if err := next.Advertise(s.advertisement()); err != nil {
		t.Fatal(err)
	}
	router := mobility.FixedMAGLinkLocalAddress.String()
	wait(t, "the router at the new MAG", func() bool {
		return s.try("ping", "-6", "-c", "1", "-W", "1", router+"%eth0") == nil
	})
	if !s.hasAddress(s.address()) {
		t.Errorf("the host lost its address: %s", s.ip("-6 addr show dev eth0"))
	}
	if route := s.defaultRoute(); strings.Count(route, "via") != 1 || !strings.Contains(route, "via "+router+" ") {
		t.Errorf("default route: %s", route)
	}
	if neighbour := s.ip("-6 neigh show " + router + " dev eth0"); !strings.Contains(neighbour, "00:00:5e:00:52:13 router") {
		t.Errorf("the router as the host sees it: %s", neighbour)
	}
}

// hostile sends frames onto the access link as a station could.
func (s station) hostile(frames ...[]byte) {
	s.t.Helper()
	s.hostileOf(unix.ETH_P_IPV6, frames...)
}

func (s station) hostileOf(protocol int, frames ...[]byte) {
	s.t.Helper()
	s.do(func() error {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		conn, err := packet.Listen(eth0, packet.Raw, protocol, nil)
		if err != nil {
			return err
		}
		defer conn.Close()
		for _, frame := range frames {
			if _, err := conn.WriteTo(frame, &packet.Addr{HardwareAddr: frame[:6]}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestMalformedSolicitationsAreCounted(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := open(t, access)
	heard := run(t, l)
	s := newStation(t, mag)
	s.plug(mag, access)
	heard.waitSolicited(t, s.mac)
	s.hostile(
		change(solicitation(t), ethernetHeader+7, 254),
		change(solicitation(t), headers+2, 0x55),
		rightChecksum(change(solicitation(t), headers+1, 1)),
		rightChecksum(change(solicitation(t), headers+9, 0)),
		rightChecksum(change(solicitation(t), ethernetHeader+5, 7)),
		solicitation(t), solicitation(t), // the second is too soon
	)
	heard.waitSolicited(t, nodeMAC)
	wait(t, "the counters", func() bool { return l.Counters().Dropped[RateLimited] != 0 })
	for reason, want := range map[DropReason]uint64{WrongHopLimit: 1, WrongChecksum: 1, WrongCode: 1, MalformedOption: 1, Truncated: 1} {
		if got := l.Counters().Dropped[reason]; got != want {
			t.Errorf("%s: %d, want %d", reason, got, want)
		}
	}
}
