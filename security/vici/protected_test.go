package vici_test

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"netlmm/internal/netnstest"
	"netlmm/security"
	"netlmm/security/filter"
	"netlmm/security/internal/rawtest"
)

// withFilters puts the packet filter of a daemon into the namespaces of both ends.
func withFilters(t *testing.T, ends ...*end) map[*end]*filter.Filter {
	t.Helper()
	filters := map[*end]*filter.Filter{}
	for _, e := range ends {
		handle, err := os.Open("/run/netns/" + e.ns)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { handle.Close() })
		mode := filter.XFRM
		if e.libipsec {
			mode = filter.Libipsec
		}
		f, err := filter.New(filter.Config{Mode: mode, Table: "netlmm", NetNS: int(handle.Fd())})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Apply(); err != nil {
			t.Fatal(err)
		}
		filters[e] = f
	}
	return filters
}

// traffic sends what must be protected, and tells whether it arrives where a daemon's socket would get it.
type traffic struct {
	send  func() error
	came  func(within time.Duration) bool
	drain func()
}

// failsClosed: what traffic sends arrives only under an SA: not before charon has loaded anything, and not after it was killed;
// seen on the receiving socket, which gets it decrypted, and in the counters.
func failsClosed(t *testing.T, a, b *end, traffic traffic) {
	t.Helper()
	filters := withFilters(t, a, b)
	mustNotArrive := func(when string) {
		t.Helper()
		traffic.drain()
		for range 3 {
			_ = traffic.send()
		}
		if traffic.came(200 * time.Millisecond) {
			t.Errorf("%s what must be protected arrives in clear", when)
		}
	}
	mustNotArrive("before charon runs")
	for _, e := range []*end{a, b} {
		psk(e, sharedSecret)
		e.startCharon()
	}
	mustNotArrive("before charon has an SA")
	for _, e := range []*end{a, b} {
		e.startDaemon(e.peer(security.ByNetlmm, e.name == "a"))
	}
	a.awaitState("up")
	b.awaitState("up")
	await(t, "what is protected, under the SA", func() bool {
		return traffic.send() == nil && traffic.came(100*time.Millisecond)
	}, func() any { return a.status() })
	a.killCharon()
	if a.libipsec {
		mustNotArrive("after charon was killed")
	} else { // the kernel goes on; take its SAs away as their lifetime would
		run(t, "ip", "-n", a.ns, "xfrm", "state", "flush")
		run(t, "ip", "-n", a.ns, "xfrm", "policy", "flush")
		mustNotArrive("after the kernel lost its SAs and policies")
	}
	dropped, err := filters[a].Counters()
	if err != nil || dropped.Out == 0 {
		t.Errorf("counters %+v, %v", dropped, err)
	}
}

func TestMobilityHeaderArrivesOnlyUnderSA(t *testing.T) {
	a, b := newPair(t)
	sender, receiver := rawtest.Open(t, a.ns, 135), rawtest.Open(t, b.ns, 135)
	failsClosed(t, a, b, traffic{
		send:  func() error { return sender.Send(rawtest.MobilityHeader(a.self, b.self), b.self) },
		came:  func(within time.Duration) bool { return receiver.Receive(within) != nil },
		drain: receiver.Drain,
	})
}

// RFC 5844 section 4.3.1: the same over IPv4, where the signalling is in UDP.
func TestSignallingOverIPv4ArrivesOnlyUnderSA(t *testing.T) {
	a, b := newPair4(t)
	failsClosed(t, a, b, datagrams(t, a, b, 5436))
}

// datagrams go from this port of one end to that of the other.
func datagrams(t *testing.T, a, b *end, port uint16) traffic {
	t.Helper()
	sender, receiver := datagramSocket(t, a, port), datagramSocket(t, b, port)
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(b.self, port))
	came := func(within time.Duration) bool {
		_ = receiver.SetReadDeadline(time.Now().Add(within))
		_, _, err := receiver.ReadFrom(make([]byte, 2048))
		return err == nil
	}
	return traffic{
		send: func() error { _, err := sender.WriteTo(make([]byte, 48), to); return err },
		came: came,
		drain: func() {
			for came(20 * time.Millisecond) {
			}
		},
	}
}

func datagramSocket(t *testing.T, e *end, port uint16) net.PacketConn {
	t.Helper()
	var c net.PacketConn
	netnstest.In(t, e.ns, func() (err error) {
		c, err = net.ListenPacket("udp", netip.AddrPortFrom(e.self, port).String())
		return err
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// What the selectors of an SA cover, under which MAG and LMA speak with each other: of every type of message that they have,
// none arrives without it, and all with it. RFC 5213 section 4 names the first three; RFC 5846 section 5 and RFC 5847 section 5
// want it of revocation and heartbeat.
func TestEveryTypeOfMessageIsProtected(t *testing.T) {
	a, b := newPair(t)
	withFilters(t, a, b)
	sender, receiver := rawtest.Open(t, a.ns, 135), rawtest.Open(t, b.ns, 135)
	types := map[string]byte{"Binding Update": 5, "Binding Acknowledgement": 6, "Binding Error": 7, "Heartbeat": 13, "Binding Revocation": 16}
	for name, mhType := range types {
		_ = sender.Send(rawtest.MobilityHeaderOf(mhType, a.self, b.self), b.self)
		if receiver.Receive(200*time.Millisecond) != nil {
			t.Errorf("%s arrives in clear", name)
		}
	}
	for _, e := range []*end{a, b} {
		psk(e, sharedSecret)
		e.startCharon()
		e.startDaemon(e.peer(security.ByNetlmm, e.name == "a"))
	}
	a.awaitState("up")
	b.awaitState("up")
	for name, mhType := range types {
		mh := rawtest.MobilityHeaderOf(mhType, a.self, b.self)
		await(t, name+" under the SA", func() bool {
			return sender.Send(mh, b.self) == nil && bytes.Equal(receiver.Receive(100*time.Millisecond), mh)
		}, func() any { return a.status() })
		receiver.Drain()
	}
}
