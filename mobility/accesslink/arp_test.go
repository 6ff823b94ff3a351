package accesslink

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// arpOf is an ARP message as a host sends it.
func arpOf(operation byte, mac [6]byte, sender, target string) []byte {
	from, to := netip.MustParseAddr(sender).As4(), netip.MustParseAddr(target).As4()
	frame := append([]byte{255, 255, 255, 255, 255, 255}, mac[:]...)
	frame = append(frame, 8, 6, 0, 1, 8, 0, 6, 4, 0, operation)
	frame = append(append(frame, mac[:]...), from[:]...)
	return append(append(frame, 0, 0, 0, 0, 0, 0), to[:]...)
}

func TestParseARP(t *testing.T) {
	good := func() []byte { return arpOf(1, nodeMAC, "10.64.0.9", "10.64.0.1") }
	for _, test := range []struct {
		name  string
		frame []byte
		want  DropReason
	}{
		{"request", good(), ""},
		{"padded", append(good(), make([]byte, 18)...), ""},
		{"reply", arpOf(2, nodeMAC, "10.64.0.9", "10.64.0.1"), ""},
		{"short", good()[:41], Truncated},
		{"empty", nil, Truncated},
		{"not Ethernet", change(good(), 15, 6), NotForUs},
		{"not IPv4", change(good(), 16, 0x86), NotForUs},
		{"reverse", change(good(), 21, 3), NotForUs},
		{"group source", change(good(), 6, 3), WrongLinkLayer},
		{"another's hardware address", change(good(), 27, 9), ForgedARP},
	} {
		if _, reason := parseARP(test.frame); reason != test.want {
			t.Errorf("%s: %q, want %q", test.name, reason, test.want)
		}
	}
}

// RFC 5844 sections 3.2.3.2 and 3.2.4: who is answered for what.
func TestARPAnswerable(t *testing.T) {
	offer := Offer{LinkLayer: nodeMAC, IPv4HomeAddress: home, IPv4DefaultRouter: router}
	for _, test := range []struct {
		name, sender, target string
		want                 DropReason
	}{
		{"default router", "10.64.0.9", "10.64.0.1", ""},
		{"another host of the network", "10.64.0.9", "10.64.77.7", ""},
		{"probe for another host", "0.0.0.0", "10.64.77.7", ""},
		{"probe for its own address", "0.0.0.0", "10.64.0.9", NotForUs},
		{"announcement", "10.64.0.9", "10.64.0.9", NotForUs},
		{"another network", "10.64.0.9", "10.65.0.1", NotForUs},
		{"the network itself", "10.64.0.9", "10.64.0.0", NotForUs},
		{"broadcast", "10.64.0.9", "10.64.255.255", NotForUs},
		{"in another's name", "10.64.0.10", "10.64.0.1", ForgedARP},
	} {
		asked, reason := parseARP(arpOf(1, nodeMAC, test.sender, test.target))
		if reason == "" {
			reason = asked.answerable(offer)
		}
		if reason != test.want {
			t.Errorf("%s: %q, want %q", test.name, reason, test.want)
		}
	}
	asked, _ := parseARP(arpOf(1, nodeMAC, "10.64.0.9", "10.64.0.1"))
	if reason := asked.answerable(Offer{LinkLayer: nodeMAC}); reason != NoOffer {
		t.Errorf("without a home address: %q", reason)
	}
}

func FuzzParseARP(f *testing.F) {
	f.Add(arpOf(1, nodeMAC, "10.64.0.9", "10.64.0.1"))
	f.Add(arpOf(2, nodeMAC, "0.0.0.0", "10.64.0.1"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		got, reason := parseARP(frame)
		if reason == "" && (got.linkLayer[0]&1 != 0 || !got.target.Is4() || !got.sender.Is4()) {
			t.Errorf("accepted %+v", got)
		}
	})
}

// A node that looks for its router while it is being registered finds it with its registration, not a second later.
func TestARPBeforeTheOffer(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := openWith(t, mag, Config{Interface: access})
	run(t, l)
	s := newStation(t, mag)
	s.plug(mag, access)
	s.ip("addr add 10.64.0.9/16 dev eth0")
	wait(t, "a request that is answered with the offer", func() bool {
		s.hostileOf(unix.ETH_P_ARP, arpOf(1, s.mac, "10.64.0.9", "10.64.0.1"))
		return l.waits(s.mac, arp) && l.answersEarly(t, s.offer())
	})
	if served := l.Counters().Served; served[ServedARP] == 0 {
		t.Errorf("served %v", served)
	}
}

// Kernels ask: a node with an offer finds its default router and every other host of its network at this router, its own
// address free, and nobody takes that away from it; a node without an offer finds nothing (RFC 5844 section 3.2.4).
func TestProxyARP(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := openWith(t, mag, Config{Interface: access})
	heard := run(t, l)
	s, stranger := newStation(t, mag), newStation(t, mag)
	for _, each := range []station{s, stranger} {
		each.plug(mag, access)
		each.sysctl("net/ipv4/neigh/eth0/ucast_solicit", "1")
	}
	mustOffer(t, l, s.offer())
	mag.ip("route add 10.64.0.9 dev " + access)
	if s.try("busybox", "arping", "-D", "-c", "2", "-w", "2", "-I", "eth0", "10.64.0.9") != nil {
		t.Error("its own address is taken")
	}
	if s.try("busybox", "arping", "-D", "-c", "2", "-w", "2", "-I", "eth0", "10.64.0.1") == nil {
		t.Error("its router's address is free")
	}
	s.ip("addr add 10.64.0.9/16 dev eth0")
	stranger.ip("addr add 10.64.0.8/16 dev eth0")
	s.pings("10.64.0.1")
	_ = s.try("ping", "-c", "1", "-W", "1", "10.64.200.200")
	for _, address := range []string{"10.64.0.1", "10.64.200.200"} {
		want(t, s.ip("neigh show "+address+" dev eth0"), "lladdr 00:00:5e:00:52:13")
	}
	answered := l.Counters().Served[ServedARP]
	if stranger.try("ping", "-c", "1", "-W", "1", "10.64.0.1") == nil || strings.Contains(stranger.ip("neigh show 10.64.0.1"), "00:00:5e") {
		t.Errorf("a node without an offer: %s", stranger.ip("neigh show"))
	}
	if n := l.Counters().Served[ServedARP]; n != answered {
		t.Errorf("it was answered %d times", n-answered)
	}
	// the stranger takes the address, and asks in its name
	wait(t, "the claims to be seen", func() bool { // what is seen is kept for a second, which a busy machine can miss
		stranger.hostileOf(unix.ETH_P_ARP, arpOf(1, stranger.mac, "10.64.0.9", "10.64.0.9"), arpOf(2, stranger.mac, "10.64.0.9", "10.64.0.1"), arpOf(1, stranger.mac, "10.64.0.9", "10.64.0.1"))
		l.nodes.mu.Lock()
		defer l.nodes.mu.Unlock()
		e, held := l.nodes.early[earlyKey{stranger.mac, arp}]
		return held && bytes.Equal(e.frame[28:32], []byte{10, 64, 0, 9}) && bytes.Equal(e.frame[38:42], []byte{10, 64, 0, 1})
	})
	want(t, mag.ip("neigh show 10.64.0.9 dev "+access), net.HardwareAddr(s.mac[:]).String()+" PERMANENT")
	s.hostileOf(unix.ETH_P_ARP, arpOf(1, s.mac, "10.64.0.10", "10.64.0.1"))
	wait(t, "the forged request", func() bool { return l.Counters().Dropped[ForgedARP] == 1 })

	// a node that has IPv4 only shows that it is there
	s.sysctl("net/ipv6/conf/eth0/disable_ipv6", "1")
	if err := l.Probe(s.mac, nil); err != nil {
		t.Fatal(err)
	}
	select {
	case p := <-heard.present:
		if p.LinkLayer != s.mac {
			t.Errorf("%x is present", p.LinkLayer)
		}
	case <-time.After(patience):
		t.Error("the node does not answer")
	}
}
