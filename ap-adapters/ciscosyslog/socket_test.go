package ciscosyslog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/vishvananda/netns"

	"netlmm/mih"
)

// spaces are network namespaces of one test: a gateway, the access point that writes to it over the core, and a mobile node
// on its access link that has taken the access point's addresses.
type spaces struct {
	t      *testing.T
	prefix string
}

func newSpaces(t *testing.T) spaces {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces: run it as root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Fatal("ip is missing: apt-get install iproute2")
	}
	s := spaces{t: t, prefix: fmt.Sprintf("csl%d-", os.Getpid())}
	for _, name := range []string{"mag", "ap", "mn"} {
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", s.prefix+name).Run() })
		s.sh("ip netns add " + s.prefix + name)
		s.in(name, "ip link set lo up; sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.all.forwarding=1")
	}
	for peer, link := range map[string]string{"ap": "core0", "mn": "acc0"} {
		s.sh(fmt.Sprintf("ip link add %s netns %smag type veth peer name eth0 netns %s%s", link, s.prefix, s.prefix, peer))
		s.in("mag", "ip link set "+link+" up")
		s.in(peer, "ip link set eth0 up; ip addr add 2001:db8:c::7/64 dev eth0 nodad; ip addr add 192.0.2.7/24 dev eth0")
	}
	s.in("mag", "ip addr add 2001:db8:c::1/64 dev core0 nodad; ip addr add 192.0.2.1/24 dev core0; ip addr add fe80::1/64 dev acc0 nodad")
	s.in("mn", "ip addr add fe80::7/64 dev eth0 nodad; ip -6 route add 2001:db8:c::1/128 via fe80::1 dev eth0")
	return s
}

func (s spaces) sh(script string) {
	s.t.Helper()
	if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

func (s spaces) in(name, script string) {
	s.t.Helper()
	s.sh("ip netns exec " + s.prefix + name + " sh -ec '" + script + "'")
}

// run calls f with its thread in a namespace.
func (s spaces) run(name string, f func() error) error {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	ns, err := netns.GetFromName(s.prefix + name)
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := netns.Set(ns); err != nil {
		return err
	}
	return f()
}

// A source address can be forged; the interface cannot. Over both kinds of socket.
func TestLinesFromAnAccessLinkAreRefused(t *testing.T) {
	s := newSpaces(t)
	for listen, senders := range map[string][]string{
		"[::]:514":            {"2001:db8:c::1", "192.0.2.1"},
		"192.0.2.1:514":       {"192.0.2.1"},
		"[2001:db8:c::1]:514": {"2001:db8:c::1"},
	} {
		t.Run(listen, func(t *testing.T) {
			a, err := New(Config{Listen: netip.MustParseAddrPort(listen), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Sources: []Source{
				{Address: netip.MustParsePrefix("2001:db8:c::7/128"), Interface: "acc0"}, {Address: netip.MustParsePrefix("192.0.2.7/32"), Interface: "acc0"}}})
			if err != nil {
				t.Fatal(err)
			}
			got := make(chan mih.Indication, 1000)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				done <- s.run("mag", func() error { return a.Run(ctx, func(ind mih.Indication) bool { got <- ind; return true }) })
			}()
			defer func() {
				cancel()
				if err := <-done; err != nil {
					t.Errorf("Run: %v", err)
				}
			}()
			eventually(t, "the adapter listens", func() bool { return a.ListenAddress().IsValid() })
			for _, to := range senders {
				before := a.Status().Counters
				eventually(t, "the forged line refused", func() bool {
					s.send("mn", to, forged)
					return a.Status().Counters["refused_interface"] > before["refused_interface"]
				})
				eventually(t, "the access point's line taken", func() bool {
					s.send("ap", to, attached)
					return a.Status().Counters["event_up"] > before["event_up"]
				})
			}
			for range len(got) {
				if station := (<-got).Event.LinkTuple().Link.Address; station != (mih.MACAddress([6]byte{2, 0, 0x5e, 0x10, 0, 1})) {
					t.Errorf("the mobile node's line about %s was believed", station)
				}
			}
		})
	}
}

// TestConnectionsFromAnAccessLinkAreRefused: over TCP a forged source address has no way back, so that what is left to a mobile node is
// an address that is its own.
func TestConnectionsFromAnAccessLinkAreRefused(t *testing.T) {
	s := newSpaces(t)
	s.in("mag", "ip addr add 198.51.100.1/24 dev acc0; ip addr add 2001:db8:a::1/64 dev acc0 nodad")
	s.in("mn", "ip addr add 198.51.100.9/24 dev eth0; ip addr add 2001:db8:a::9/64 dev eth0 nodad; ip route add 192.0.2.1/32 via 198.51.100.1; ip -6 route replace 2001:db8:c::1/128 via fe80::1 dev eth0 src 2001:db8:a::9")
	for listen, way := range map[string][2]string{ // the access point's and the mobile node's way
		"[::]:514": {"2001:db8:c::1", "2001:db8:a::1"}, "192.0.2.1:514": {"192.0.2.1", "192.0.2.1"}, "[2001:db8:c::1]:514": {"2001:db8:c::1", "2001:db8:c::1"},
	} {
		t.Run(listen, func(t *testing.T) {
			a, err := New(Config{ListenTCP: netip.MustParseAddrPort(listen), Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Sources: []Source{
				{Address: netip.MustParsePrefix("2001:db8::/32"), Interface: "acc0"}, {Address: netip.MustParsePrefix("0.0.0.0/1"), Interface: "acc0"},
				{Address: netip.MustParsePrefix("128.0.0.0/1"), Interface: "acc0"}}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				done <- s.run("mag", func() error { return a.Run(ctx, func(mih.Indication) bool { return true }) })
			}()
			defer func() {
				cancel()
				if err := <-done; err != nil {
					t.Errorf("Run: %v", err)
				}
			}()
			eventually(t, "the adapter listens", func() bool { return a.ListenAddressTCP().IsValid() })
			eventually(t, "the mobile node refused", func() bool {
				s.connect("mn", way[1], forged+"\n")
				return a.Status().Counters["refused_interface"] > 0
			})
			eventually(t, "the access point's line taken", func() bool {
				s.connect("ap", way[0], attached+"\n")
				return a.Status().Counters["event_up"] == 1
			})
			if n := a.Status().Peers[0].Stations + a.Status().Peers[1].Stations + a.Status().Peers[2].Stations; n != 1 {
				t.Errorf("%d stations", n)
			}
		})
	}
}

// send writes one datagram to the gateway's syslog port.
func (s spaces) send(from, to, text string) {
	s.t.Helper()
	if err := s.write("udp", from, to, text); err != nil {
		s.t.Fatalf("from %s to %s: %v", from, to, err)
	}
}

// connect writes over a connection, if there is one to be had.
func (s spaces) connect(from, to, text string) {
	s.t.Helper()
	if err := s.write("tcp", from, to, text); err != nil {
		s.t.Logf("from %s to %s: %v", from, to, err)
	}
}

func (s spaces) write(network, from, to, text string) error {
	done := make(chan error)
	go func() {
		done <- s.run(from, func() error {
			conn, err := net.Dial(network, net.JoinHostPort(to, "514"))
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.Write([]byte(text))
			return err
		})
	}()
	return <-done
}
