package accesslink

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
)

func (e events) waitPresent(t testing.TB, l *Link, s station) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := l.Probe(s.mac, []netip.Prefix{s.prefix}); err != nil {
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
	heard.waitPresent(t, l, s)
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
	heard.waitPresent(t, l, s)
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
