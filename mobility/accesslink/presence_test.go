package accesslink

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"netlmm/mobility"
)

func (e events) waitPresent(t testing.TB, l *Link, s station, prefixes ...netip.Prefix) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := l.Probe(s.mac, prefixes); err != nil {
			t.Fatal(err)
		}
		select {
		case p := <-e.present:
			if p.LinkLayer == s.mac {
				return
			}
			t.Errorf("%x is present and was not asked", p.LinkLayer)
		case <-time.After(time.Second):
		}
	}
	t.Fatal("the node does not answer")
}

func TestProbeAndForget(t *testing.T) {
	t.Parallel()
	mag := here(t)
	access := mag.newAccess()
	l := open(t, access)
	heard := run(t, l)
	s := newStation(t, mag)
	s.sysctl("net/ipv6/conf/eth0/addr_gen_mode", "3") // addresses that nobody can guess, as on phones
	s.plug(mag, access)
	heard.waitSolicited(t, s.mac)
	if err := l.Probe([6]byte{2, 0, 0, 0, 9, 9}, nil); err != nil {
		t.Fatal(err)
	}
	neighbours := func() string { return mag.ip("-6 neigh show dev " + access) }
	wait(t, "the kernel's neighbour entry", func() bool {
		_ = s.try("ping", "-6", "-c", "1", "-W", "1", mobility.FixedMAGLinkLocalAddress.String()+"%eth0")
		return strings.Contains(neighbours(), "lladdr 02:00:00:00:01:")
	})
	heard.waitPresent(t, l, s, s.prefix)
	if err := l.Forget(s.mac); err != nil {
		t.Fatal(err)
	}
	if left := neighbours(); strings.Contains(left, "lladdr 02:00:00:00:01:") {
		t.Errorf("still in the neighbour table: %s", left)
	}
	select {
	case p := <-heard.present:
		t.Errorf("%x is present", p.LinkLayer)
	default:
	}
}

func TestProbeByEUI64(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := open(t, access)
	heard := run(t, l)
	s := newStation(t, mag)
	s.plug(mag, access)
	heard.waitSolicited(t, s.mac)
	if err := l.Forget(s.mac); err != nil {
		t.Fatal(err)
	}
	heard.waitPresent(t, l, s, s.prefix)
}

// A bridge that does not become a multicast router is used all the same, and it can be seen.
func TestBridgeThatIsNoMulticastRouter(t *testing.T) {
	mag := here(t)
	access := newStation(t, mag).port // the kernel refuses what is no bridge
	mag.ip("link set " + access + " up")
	l := open(t, access)
	before := l.Counters()
	found, err := l.find()
	if err != nil {
		t.Fatal(err)
	}
	l.setPort(nil)
	if err := l.openPort(&netlink.Bridge{LinkAttrs: *found.Attrs()}); err != nil || !l.Available() {
		t.Fatalf("not in use: %v", err)
	}
	l.note(l.restore())
	if err, after := l.Err(), l.Counters(); err == nil || !strings.Contains(err.Error(), "multicast router") || after.RestoreErrors != before.RestoreErrors+1 {
		t.Errorf("%v; %d errors before, %d after", err, before.RestoreErrors, after.RestoreErrors)
	}
}

// A host with addresses that nobody can guess, that never asked anything and that nothing was sent to, is found present; one
// that is gone is not, and another's answer does not stand for it.
func TestProbeByListenerQuery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, bridge string // what the access link does about MLD itself
		secret       bool   // the host's addresses are made with one (RFC 7217), else at random
		version      string // of MLD, all that the host knows
	}{
		{"random", "mcast_snooping 0", false, "2"},
		{"stable-privacy", "mcast_snooping 0", true, "2"},
		{"old host", "mcast_snooping 0", false, "1"},
		{"snooping", "mcast_snooping 1", false, "2"},
		{"snooping with a querier", "mcast_snooping 1 mcast_querier 1", false, "2"},
		{"snooping with a querier, old host", "mcast_snooping 1 mcast_querier 1", false, "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			mag := here(t)
			access := mag.newAccess()
			mag.ip("link set " + access + " type bridge mcast_query_response_interval 1") // how long the querier does not count yet
			mag.ip("link set " + access + " type bridge " + test.bridge)
			l := open(t, access)
			if details := mag.ip("-d link show dev " + access); !strings.Contains(details, "mcast_router 2") {
				t.Errorf("the bridge is no multicast router: %s", details)
			}
			heard := run(t, l)
			quiet, gone := newStation(t, mag), newStation(t, mag)
			for _, s := range []station{quiet, gone} {
				if test.secret {
					s.sysctl("net/ipv6/conf/eth0/stable_secret", s.prefix.Addr().String()) // sets addr_gen_mode
				} else {
					s.sysctl("net/ipv6/conf/eth0/addr_gen_mode", "3")
				}
				s.sysctl("net/ipv6/conf/eth0/router_solicitations", "0")
				s.sysctl("net/ipv6/conf/eth0/force_mld_version", test.version)
				s.sysctl("net/ipv6/conf/eth0/mldv1_unsolicited_report_interval", "1")
				s.sysctl("net/ipv6/conf/eth0/mldv2_unsolicited_report_interval", "1")
				s.plug(mag, access)
				wait(t, "the host's own address", func() bool { return strings.Contains(s.ip("-6 addr show dev eth0 -tentative"), " fe80:") })
			}
			time.Sleep(300 * time.Millisecond) // what a host reports unasked is out
			if known := mag.ip("-6 neigh show dev " + access); strings.Contains(known, "lladdr 02:00:00:00:01:") {
				t.Fatalf("the kernel knows the host: %s", known)
			}
			heard.waitPresent(t, l, quiet) // without prefixes: Linux would send us an error for a packet that it has no route for
			gone.ip("link set eth0 down")
			if err := l.Probe(gone.mac, nil); err != nil {
				t.Fatal(err)
			}
			heard.waitPresent(t, l, quiet) // and reports none but this
			for _, reason := range []DropReason{Truncated, WrongHopLimit, WrongChecksum, WrongSource, MalformedOption, NoRouterAlert, NotForUs} {
				if n := l.Counters().Dropped[reason]; n != 0 {
					t.Errorf("dropped of hosts that do as they should: %s %d", reason, n)
				}
			}
		})
	}
}

// hostapd restarts: the interface goes down and up, or is deleted and made anew.
func TestInterfaceComesBack(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := open(t, access)
	heard := run(t, l)
	s := newStation(t, mag)
	s.plug(mag, access)
	heard.waitSolicited(t, s.mac)
	for _, test := range []struct {
		name     string
		away     string
		comeback []string
	}{
		{"down and up", "link set " + access + " down", []string{"link set " + access + " up"}},
		{"deleted and made", "link del " + access, []string{
			"link add " + access + " type bridge forward_delay 0 mcast_snooping 0", "link set " + access + " up", "link set " + s.port + " master " + access,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			mag.ip(test.away)
			wait(t, "the loss to be seen", func() bool { return !l.Available() && l.Err() != nil })
			if err := l.Advertise(s.advertisement()); !errors.Is(err, ErrInterfaceUnavailable) {
				t.Errorf("Advertise: %v", err)
			}
			if err := l.Forget(s.mac); err != nil {
				t.Errorf("Forget: %v", err)
			}
			if err := l.Err(); !errors.Is(err, ErrInterfaceUnavailable) {
				t.Errorf("Err: %v", err)
			}
			for _, command := range test.comeback {
				mag.ip(command)
			}
			wait(t, "the interface in use again", l.Available)
			wait(t, "the fixed addresses", func() bool {
				out := mag.ip("addr show dev " + access)
				return strings.Contains(out, "link/ether 00:00:5e:00:52:13") && strings.Count(out, "inet6 fe80:") == 1 &&
					strings.Contains(out, mobility.FixedMAGLinkLocalAddress.String())
			})
			wait(t, "no error", func() bool { return l.Err() == nil })
			s.ip("link set eth0 down")
			s.ip("link set eth0 up")
			heard.waitSolicited(t, s.mac)
			if err := l.Advertise(s.advertisement()); err != nil {
				t.Fatal(err)
			}
			wait(t, "the host's address", func() bool { return s.hasAddress(s.address()) })
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		config Config
		want   string
	}{
		{"no such interface", DefaultConfig("nowhere0"), "no interface"},
		{"not IEEE 802", Config{Interface: "lo", LinkLocalAddress: mobility.FixedMAGLinkLocalAddress, MTU: 1279}, "MTU"},
		{"global address", Config{Interface: "lo", LinkLocalAddress: netip.MustParseAddr("2001:db8::1")}, "link-local"},
		{"group address", Config{Interface: "lo", LinkLayerAddress: [6]byte{1}}, "group"},
		{"no name", Config{}, "no name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := Open(test.config)
			if err == nil {
				l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open: %v", err)
			}
		})
	}
}

// BenchmarkAdvertise is what one Router Advertisement costs the caller.
func BenchmarkAdvertise(b *testing.B) {
	mag := here(b)
	access := mag.newAccess()
	l := open(b, access)
	s := newStation(b, mag)
	s.plug(mag, access)
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Advertise(s.advertisement()); err != nil {
			b.Fatal(err)
		}
	}
}
