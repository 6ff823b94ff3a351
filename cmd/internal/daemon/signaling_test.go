package daemon

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"

	"netlmm/mobility/signaling"
)

var (
	ours = netip.MustParseAddr("2001:db8::a")
	peer = netip.MustParseAddr("2001:db8::b")
)

const patience = 20 * time.Second

// enterNamespace puts the rest of the test into a network namespace of its own with two addresses. Its thread, and with the
// last socket the namespace, ends with the test: the thread is not unlocked.
func enterNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	ns, err := netns.New()
	if err != nil {
		t.Fatalf("make a network namespace: %v (run as root)", err)
	}
	t.Cleanup(func() { ns.Close() })
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	for _, a := range []netip.Addr{ours, peer} {
		if err == nil {
			err = netlink.AddrAdd(lo, &netlink.Addr{IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(128, 128)}})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// listenWhenUsable listens on a Mobility Header socket: an address is usable a moment after it was added.
func listenWhenUsable(t *testing.T, a netip.Addr) *signaling.Conn {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		conn, err := signaling.Listen(a)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// TestParameterProblemForMalformedHeaders: RFC 6275 section 9.2 at the socket of a daemon. Of these messages the first two get
// an ICMPv6 Parameter Problem with the Pointer at the wrong field, and all others none. Each that the kernel does not take for
// itself (module mip6) reaches the machine, which counts it.
func TestParameterProblemForMalformedHeaders(t *testing.T) {
	enterNamespace(t)
	conn, sender := listenWhenUsable(t, ours), listenWhenUsable(t, peer)
	errors, err := net.ListenPacket("ip6:ipv6-icmp", peer.String())
	if err != nil {
		t.Fatal(err)
	}
	defer errors.Close()
	types := make(chan byte, 10)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Signaling(conn, func(m signaling.Message) { types <- m.Payload[2] }).Run(ctx)
	}()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	const last = 7
	for _, message := range [][]byte{
		{59, 0, 5, 0, 0, 0, 0, 1},                         // a Binding Update of 8 octets
		{6, 1, 6, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 0, 0},  // Payload Proto TCP
		{59, 1, 5, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 0, 0}, // a Binding Update
		{59, 0, 99, 0, 0, 0, 0, 0},                        // of an unknown type: the machine's to answer
		append([]byte{59, 2, last}, make([]byte, 21)...),  // a Binding Error
	} {
		if err := sender.Send(peer, ours, message); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []struct{ pointer, typ int }{{40 + 1, 5}, {40 + 0, 6}} {
		if p := nextProblem(t, errors); int(p.Pointer) != want.pointer || int(p.Data[40+2]) != want.typ {
			t.Errorf("Pointer %d for a message of type %d, want %d for %d", p.Pointer, p.Data[40+2], want.pointer, want.typ)
		}
	}
	for {
		select {
		case typ := <-types:
			if typ != last {
				continue
			}
		case <-time.After(patience):
			t.Fatal("the last message did not arrive")
		}
		break
	}
	if n := conn.Counters().ParameterProblemsSent; n > 2 {
		t.Errorf("%d Parameter Problems, want two", n)
	}
}

// nextProblem waits for a Parameter Problem.
func nextProblem(t *testing.T, conn net.PacketConn) *icmp.ParamProb {
	t.Helper()
	buffer := make([]byte, 1500)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, _, err := conn.ReadFrom(buffer)
		if err != nil {
			t.Fatal(err)
		}
		message, err := icmp.ParseMessage(58, buffer[:n])
		if err == nil && message.Type == ipv6.ICMPTypeParameterProblem && message.Code == 0 {
			return message.Body.(*icmp.ParamProb)
		}
	}
}
