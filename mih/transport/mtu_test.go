package transport

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"netlmm/internal/netnstest"
)

// path makes a way through a router to a namespace of a peer: near is ours, far the peer's; behind the router the MTU is mtu.
func path(t *testing.T, mtu int) (peer string) {
	t.Helper()
	router, peer := fmt.Sprintf("mihr%d", os.Getpid()), fmt.Sprintf("mihp%d", os.Getpid())
	t.Cleanup(func() {
		_ = exec.Command("ip", "link", "del", "near").Run()
		_ = exec.Command("ip", "netns", "del", router).Run()
		_ = exec.Command("ip", "netns", "del", peer).Run()
	})
	small := fmt.Sprint(" mtu ", mtu)
	if err := netnstest.Commands(
		"ip netns add "+router,
		"ip netns add "+peer,
		"ip link add near type veth peer name r1 netns "+router,
		"ip -n "+router+" link add r2"+small+" type veth peer name far netns "+peer,
		"ip netns exec "+router+" sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1",
		"ip link set near up",
		"ip addr add 2001:db8:1::a/64 dev near nodad",
		"ip addr add 198.51.100.1/24 dev near",
		"ip -n "+router+" link set r1 up",
		"ip -n "+router+" addr add 2001:db8:1::1/64 dev r1 nodad",
		"ip -n "+router+" addr add 198.51.100.254/24 dev r1",
		"ip -n "+router+" link set r2 up",
		"ip -n "+router+" addr add 2001:db8:2::1/64 dev r2 nodad",
		"ip -n "+router+" addr add 203.0.113.254/24 dev r2",
		"ip -n "+peer+" link set far"+small+" up",
		"ip -n "+peer+" addr add 2001:db8:2::b/64 dev far nodad",
		"ip -n "+peer+" addr add 203.0.113.1/24 dev far",
		"ip -n "+peer+" route add 2001:db8:1::/64 via 2001:db8:2::1",
		"ip -n "+peer+" route add 198.51.100.0/24 via 203.0.113.254",
		"ip route add 2001:db8:2::/64 via 2001:db8:1::1",
		"ip route add 203.0.113.0/24 via 198.51.100.254",
	); err != nil {
		t.Fatal(err)
	}
	return peer
}

// openWhenUsable opens in the namespace or, without a name, in our own.
func openWhenUsable(t *testing.T, namespace string, config Config) *Conn {
	t.Helper()
	return netnstest.Open(t, namespace, func() (*Conn, error) { return Open(config) })
}

// TestDatagramsKeepToThePath: what a router has no room for comes to be known, nothing is fragmented, and what fits arrives.
func TestDatagramsKeepToThePath(t *testing.T) {
	const mtu = 1320
	peer := path(t, mtu)
	for _, test := range []struct {
		name      string
		near, far netip.Addr
		overhead  int
	}{
		{"IPv6", netip.MustParseAddr("2001:db8:1::a"), netip.MustParseAddr("2001:db8:2::b"), overheadIPv6},
		{"IPv4", netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("203.0.113.1"), overheadIPv4},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := openWhenUsable(t, "", Config{Addresses: []netip.Addr{test.near}})
			b := openWhenUsable(t, peer, Config{Addresses: []netip.Addr{test.far}})
			collect(t, a)
			received := collect(t, b)
			d := to(test.far, UDP)
			if got := a.MaximumDatagram(d); got != 1500-test.overhead {
				t.Fatalf("at first %d octets, want what the link carries", got)
			}
			if got := reasonIn(t, a.Send(d, message(1501-test.overhead, 0))); got != TooBig {
				t.Errorf("more than the link carries: %q", got)
			}
			fits := mtu - test.overhead
			var failed *SendError
			eventually(t, "the router's word arrives", func() bool {
				err := a.Send(d, message(fits+1, 1))
				if err != nil {
					failed = err.(*SendError)
				}
				return failed != nil
			})
			if failed.Reason != TooBig || failed.Maximum != fits || a.MaximumDatagram(d) != fits {
				t.Errorf("%v; %d octets fit, want %d", failed, a.MaximumDatagram(d), fits)
			}
			mustSend(t, a, d, message(fits, 2))
			if p := next(t, received); !bytes.Equal(p.Payload, message(fits, 2)) {
				t.Errorf("%d octets arrive", len(p.Payload))
			}
		})
	}
}

func TestMaximumDatagram(t *testing.T) {
	c := listen(t, a6, a4)
	capped := open(t, Config{Addresses: []netip.Addr{b6}, MaximumDatagram: 1000})
	nowhere6, nowhere4 := netip.MustParseAddr("2001:db8:ffff::1"), netip.MustParseAddr("198.18.0.1")
	for _, test := range []struct {
		name string
		c    *Conn
		to   netip.Addr
		want int
	}{
		{"loopback, IPv6", c, b6, 65536 - overheadIPv6},
		{"loopback, IPv4", c, b4, longestOverIPv4},
		{"no route, IPv6", c, nowhere6, 1232},
		{"no route, IPv4", c, nowhere4, 548},
		{"capped", capped, a6, 1000},
		{"capped, no route", capped, nowhere6, 1000},
	} {
		if got := test.c.MaximumDatagram(to(test.to, UDP)); got != test.want {
			t.Errorf("%s: %d octets, want %d", test.name, got, test.want)
		}
	}
}

// TestARefusalThatThePathDoesNotExplain is remembered for the peer, and for some peers only.
func TestARefusalThatThePathDoesNotExplain(t *testing.T) {
	c := listen(t, a6)
	d := to(b6, UDP)
	if got := c.tooBig(d, 2000); got != leastOverIPv6 || c.MaximumDatagram(d) != leastOverIPv6 {
		t.Errorf("%d octets, then %d", got, c.MaximumDatagram(d))
	}
	if got := c.tooBig(d, 1200); got != 900 || c.MaximumDatagram(d) != 900 {
		t.Errorf("%d octets, then %d", got, c.MaximumDatagram(d))
	}
	if _, known := c.refusals.of(b6, time.Now().Add(rememberRefusal+time.Second)); known {
		t.Error("still known much later")
	}
	for i := range 2 * rememberRefusals {
		c.refusals.remember(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 500, time.Now())
	}
	if len(c.refusals.by) > rememberRefusals {
		t.Errorf("%d are remembered", len(c.refusals.by))
	}
}
