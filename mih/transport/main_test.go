package transport

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"netlmm/internal/netnstest"
)

// Addresses of the namespace's loopback interface.
var (
	a6 = netip.MustParseAddr("2001:db8::a")
	b6 = netip.MustParseAddr("2001:db8::b")
	a4 = netip.MustParseAddr("127.0.0.1")
	b4 = netip.MustParseAddr("127.0.0.2")
	l4 = netip.MustParseAddr("192.0.2.1") // of link0
)

const patience = 20 * time.Second

func TestMain(m *testing.M) {
	netnstest.Main(leakChecked{m}, func() error {
		return netnstest.Commands(
			"ip link set lo up",
			"ip -6 addr add 2001:db8::a/128 dev lo nodad",
			"ip -6 addr add 2001:db8::b/128 dev lo nodad",
			"ip link add link0 type veth peer name link1", // loopback has no multicast
			"ip link set link0 up",
			"ip link set link1 up",
			"ip addr add 192.0.2.1/24 dev link0",
			"ip route add 224.0.0.0/4 dev link0",
		)
	})
}

// leakChecked fails when goroutines outlive the tests.
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// family is a pair of addresses.
type family struct {
	name string
	a, b netip.Addr
}

var families = []family{{"IPv6", a6, b6}, {"IPv4", a4, b4}}

// eachWay runs f over both protocols of both families.
func eachWay(t *testing.T, f func(t *testing.T, fam family, protocol Protocol)) {
	for _, fam := range families {
		for _, protocol := range []Protocol{UDP, TCP} {
			t.Run(fmt.Sprintf("%s/%s", fam.name, protocol), func(t *testing.T) { f(t, fam, protocol) })
		}
	}
}

func open(t testing.TB, config Config) *Conn {
	t.Helper()
	c, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func listen(t testing.TB, addresses ...netip.Addr) *Conn {
	t.Helper()
	return open(t, Config{Addresses: addresses})
}

// run runs c until the test ends.
func run(t testing.TB, c *Conn, handle func([]Packet)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, handle) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	eventually(t, "Run runs", func() bool { return c.hub.Load() != nil })
}

// collect runs c and passes on what it receives, with payloads copied.
func collect(t testing.TB, c *Conn) <-chan Packet {
	t.Helper()
	received := make(chan Packet, 10000)
	run(t, c, func(packets []Packet) {
		for _, p := range packets {
			p.Payload = bytes.Clone(p.Payload)
			received <- p
		}
	})
	return received
}

// echo runs c and sends everything back.
func echo(t testing.TB, c *Conn) {
	run(t, c, func(packets []Packet) {
		for i := range packets {
			if err := c.Send(packets[i].Reply(), packets[i].Payload); err != nil {
				t.Errorf("answer: %v", err)
			}
		}
	})
}

func next(t testing.TB, from <-chan Packet) Packet {
	t.Helper()
	select {
	case p := <-from:
		return p
	case <-time.After(patience):
		t.Fatal("nothing arrives")
		panic("unreachable")
	}
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never comes to this: %s", what)
		}
	}
}

func at(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, Port) }

func to(a netip.Addr, protocol Protocol) Destination {
	return Destination{Addr: at(a), Protocol: protocol}
}

func mustSend(t testing.TB, c *Conn, d Destination, payload []byte) {
	t.Helper()
	if err := c.Send(d, payload); err != nil {
		t.Fatal(err)
	}
}

func reasonIn(t testing.TB, err error) SendReason {
	t.Helper()
	if err == nil {
		return ""
	}
	failed, ok := err.(*SendError)
	if !ok {
		t.Fatalf("%v is no *SendError", err)
	}
	return failed.Reason
}
