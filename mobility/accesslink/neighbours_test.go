package accesslink

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func neighbour(kind uint16, address string, state int, mac string) netlink.NeighUpdate {
	hardware, _ := net.ParseMAC(mac)
	return netlink.NeighUpdate{Type: kind, Neigh: netlink.Neigh{IP: net.ParseIP(address), State: state, HardwareAddr: hardware}}
}

// What the kernel says of neighbours, and when it means that a node is gone.
func TestNeighbourhood(t *testing.T) {
	const first, second = "02:00:00:00:00:01", "02:00:00:00:00:02"
	now := time.Now()
	n := neighbourhood{owner: map[netip.Addr][6]byte{}, told: map[[6]byte]time.Time{}}
	for i, step := range []struct {
		change netlink.NeighUpdate
		after  time.Duration
		lost   bool
	}{
		{neighbour(unix.RTM_NEWNEIGH, "2001:db8::1", netlink.NUD_INCOMPLETE, ""), 0, false},
		{neighbour(unix.RTM_NEWNEIGH, "2001:db8::1", netlink.NUD_FAILED, ""), 0, false}, // nobody ever had it
		{neighbour(unix.RTM_NEWNEIGH, "2001:db8::2", netlink.NUD_REACHABLE, first), 0, false},
		{neighbour(unix.RTM_NEWNEIGH, "2001:db8::2", netlink.NUD_STALE, first), 0, false},
		{neighbour(unix.RTM_DELNEIGH, "2001:db8::2", netlink.NUD_STALE, first), 0, false}, // tidied up
		{neighbour(unix.RTM_NEWNEIGH, "2001:db8::2", netlink.NUD_FAILED, ""), 0, false},
		{neighbour(unix.RTM_NEWNEIGH, "2001:db8::2", netlink.NUD_STALE, first), 0, false},
		{neighbour(unix.RTM_NEWNEIGH, "2001:db8::2", netlink.NUD_PROBE, first), 0, false},
		{neighbour(unix.RTM_NEWNEIGH, "2001:db8::2", netlink.NUD_FAILED, ""), 0, true},
		{neighbour(unix.RTM_NEWNEIGH, "2001:db8::2", netlink.NUD_FAILED, ""), 0, false},
		{neighbour(unix.RTM_NEWNEIGH, "fe80::1", netlink.NUD_REACHABLE, first), 0, false},
		{neighbour(unix.RTM_NEWNEIGH, "fe80::1", netlink.NUD_FAILED, ""), 1, false}, // told just now
		{neighbour(unix.RTM_NEWNEIGH, "fe80::1", netlink.NUD_REACHABLE, first), 0, false},
		{neighbour(unix.RTM_NEWNEIGH, "fe80::1", netlink.NUD_FAILED, ""), unreachableInterval, true},
		{neighbour(unix.RTM_NEWNEIGH, "fe80::2", netlink.NUD_REACHABLE, second), 0, false},
		{neighbour(unix.RTM_NEWNEIGH, "fe80::2", netlink.NUD_FAILED, ""), 0, true},
		{neighbour(unix.RTM_NEWNEIGH, "ff02::1", netlink.NUD_NOARP, first), 0, false},
		{netlink.NeighUpdate{Type: unix.RTM_NEWNEIGH, Neigh: netlink.Neigh{State: netlink.NUD_FAILED}}, 0, false},
	} {
		if _, lost := n.update(step.change, now.Add(step.after)); lost != step.lost {
			t.Errorf("step %d: lost %v, want %v", i, lost, step.lost)
		}
	}
	if len(n.owner) != 0 {
		t.Errorf("still knows %v", n.owner)
	}
}

// A node that goes without a word while packets for it keep coming is reported (RFC 5213 section 6.13, RFC 4861 section 7.3),
// one without an offer is not. The route here resolves addresses, unlike those of package forwarding/kernel: it stands for
// whatever makes the kernel send to them.
func TestUnreachableNode(t *testing.T) {
	t.Parallel()
	mag := here(t)
	access := mag.newAccess()
	l := open(t, access)
	heard := run(t, l)
	s, stranger := newStation(t, mag), newStation(t, mag)
	newStation(t, mag).plug(mag, access) // without any, the bridge has no carrier, and the kernel forgets all neighbours
	for name, value := range map[string]string{"delay_first_probe_time": "1", "base_reachable_time_ms": "1000", "retrans_time_ms": "200", "ucast_solicit": "1", "mcast_solicit": "1"} {
		mag.sysctl("net/ipv6/neigh/"+access+"/"+name, value)
	}
	mustOffer(t, l, s.offer())
	for _, each := range []station{s, stranger} {
		each.plug(mag, access)
		heard.waitSolicited(t, each.mac)
		if err := l.Advertise(each.advertisement()); err != nil {
			t.Fatal(err)
		}
		wait(t, "the host's address", func() bool { return each.hasAddress(each.address()) })
		mag.ip("-6 route add " + each.prefix.String() + " dev " + access)
		mag.pings(each.address().String())
	}
	for _, each := range []station{stranger, s} {
		each.ip("link set eth0 down")
	}
	failed := func(each station) bool {
		_ = mag.try("ping", "-c", "1", "-W", "1", each.address().String())
		return strings.Contains(mag.ip("-6 neigh show "+each.address().String()+" dev "+access), "FAILED")
	}
	wait(t, "the kernel to give the stranger up", func() bool { return failed(stranger) })
	wait(t, "the kernel to give the node up", func() bool { return failed(s) })
	select {
	case p := <-heard.unreachable:
		if p.LinkLayer != s.mac {
			t.Errorf("%x is reported", p.LinkLayer)
		}
	case <-time.After(patience):
		t.Error("nothing is reported")
	}
	select {
	case p := <-heard.unreachable:
		t.Errorf("%x is reported too", p.LinkLayer)
	default:
	}
}
