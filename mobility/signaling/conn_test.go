package signaling

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"netlmm/internal/netnstest"
)

var (
	mag = netip.MustParseAddr("2001:db8::a")
	lma = netip.MustParseAddr("2001:db8::b")
)

const patience = 20 * time.Second

// header is a Mobility Header of n octets without a checksum; mark tells one from another.
func header(n int, mark byte) []byte {
	payload := make([]byte, n)
	payload[0], payload[1], payload[2], payload[n-1] = 59, byte(n/8-1), 5, mark
	return payload
}

func listen(t testing.TB, addr netip.Addr) *Conn {
	t.Helper()
	c, err := Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// run collects what c receives, with payloads copied.
func run(t testing.TB, c *Conn) <-chan Message {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	received, done := make(chan Message, 1000), make(chan error, 1)
	go func() {
		done <- c.Run(ctx, func(m Message) {
			m.Payload = bytes.Clone(m.Payload)
			received <- m
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return received
}

func next(t testing.TB, received <-chan Message) Message {
	t.Helper()
	select {
	case m := <-received:
		return m
	case <-time.After(patience):
		t.Fatal("no message arrived")
		return Message{}
	}
}

func TestSendAndReceive(t *testing.T) {
	for _, test := range []struct {
		name   string
		listen netip.Addr
	}{
		{"bound to the address", lma},
		{"bound to every address", netip.IPv6Unspecified()},
	} {
		t.Run(test.name, func(t *testing.T) {
			from, to := listen(t, mag), listen(t, test.listen)
			received := run(t, to)
			before := time.Now().Add(-time.Second)
			if err := from.Send(mag, lma, header(88, 7)); err != nil {
				t.Fatal(err)
			}
			m := next(t, received)
			if m.Source != mag || m.Destination != lma || len(m.Payload) != 88 || m.Payload[87] != 7 {
				t.Errorf("got %+v", m)
			}
			if m.ReceivedAt.Before(before) || m.ReceivedAt.After(time.Now().Add(time.Second)) {
				t.Errorf("received at %v, now is %v", m.ReceivedAt, time.Now())
			}
			if bytes.Equal(m.Payload[4:6], []byte{0, 0}) {
				t.Error("the kernel left the checksum 0")
			}
			if c := from.Counters(); c.Sent != 1 {
				t.Errorf("sender counts %+v", c)
			}
			if c := to.Counters(); c.Received != 1 {
				t.Errorf("receiver counts %+v", c)
			}
		})
	}
}

// RFC 6275 section 9.2: a message with a wrong checksum is silently discarded. RFC 6275 section 6.1.1 bounds the length.
func TestHostileMessages(t *testing.T) {
	to := listen(t, lma)
	received := run(t, to)
	raw, err := net.ListenPacket("ip6:135", mag.String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := ipv6.NewPacketConn(raw).SetChecksum(false, 0); err != nil {
		t.Fatal(err)
	}
	wrong := header(88, 1)
	wrong[4], wrong[5] = 0xde, 0xad
	if _, err := raw.WriteTo(wrong, &net.IPAddr{IP: lma.AsSlice()}); err != nil {
		t.Fatal(err)
	}
	from := listen(t, mag)
	long := make([]byte, 3000)
	long[0] = 59 // no next header: a kernel with CONFIG_IPV6_MIP6 answers anything else itself, RFC 6275 section 9.2
	if err := from.Send(mag, lma, long); reason(err) != TooBig {
		t.Fatalf("sent 3000 octets: %v", err)
	}
	if _, err := raw.WriteTo(withChecksum(long), &net.IPAddr{IP: lma.AsSlice()}); err != nil {
		t.Fatal(err)
	}
	if err := from.Send(mag, lma, header(88, 2)); err != nil {
		t.Fatal(err)
	}
	if m := next(t, received); m.Payload[len(m.Payload)-1] != 2 {
		t.Errorf("got the message marked %d", m.Payload[len(m.Payload)-1])
	}
	if c := to.Counters(); c.KernelDrops != 1 || c.Received != 1 || c.ReceiveErrors["oversize"] != 1 {
		t.Errorf("counters: %+v", c)
	}
}

// withChecksum fills in the checksum of a message from mag to lma.
func withChecksum(payload []byte) []byte {
	pseudo := icmp.IPv6PseudoHeader(mag.AsSlice(), lma.AsSlice())
	pseudo[len(pseudo)-1] = protocolMobility
	pseudo[34], pseudo[35] = byte(len(payload)>>8), byte(len(payload))
	sum := uint32(0)
	for _, part := range [][]byte{pseudo, payload} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(part[i])<<8 | uint32(part[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	payload[4], payload[5] = byte(^sum>>8), byte(^sum)
	return payload
}

func reason(err error) SendReason {
	var failed *SendError
	if errors.As(err, &failed) {
		return failed.Reason
	}
	return ""
}

func TestUnsendable(t *testing.T) {
	c := listen(t, mag)
	for _, test := range []struct {
		name                string
		source, destination string
		want                SendReason
		kernel              error
	}{
		{"no route", "2001:db8::a", "2001:db8:ffff::1", Unreachable, unix.ENETUNREACH},
		{"not our address", "2001:db8::c", "2001:db8::b", SourceNotOurs, nil},
		{"IPv4", "2001:db8::a", "192.0.2.1", InvalidAddress, nil},
		{"link-local", "2001:db8::a", "fe80::1", InvalidAddress, nil},
		{"multicast", "2001:db8::a", "ff02::1", InvalidAddress, nil},
		{"unspecified", "::", "2001:db8::b", InvalidAddress, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := c.Send(netip.MustParseAddr(test.source), netip.MustParseAddr(test.destination), header(88, 1))
			if reason(err) != test.want || test.kernel != nil && !errors.Is(err, test.kernel) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	if got := c.Counters().SendErrors; got[string(InvalidAddress)] != 4 || got[string(Unreachable)] != 1 {
		t.Errorf("counters: %v", got)
	}
}

// The fail-closed filter of the security room makes the kernel refuse a message that would leave in clear.
func TestFiltered(t *testing.T) {
	c := listen(t, mag)
	for _, line := range []string{
		"nft add table inet signaling_test",
		"nft add chain inet signaling_test out { type filter hook output priority 0 ; }",
		"nft add rule inet signaling_test out ip6 nexthdr 135 drop",
	} {
		if err := netnstest.Command(line); err != nil {
			t.Fatal(err)
		}
	}
	err := c.Send(mag, lma, header(88, 1))
	if undo := netnstest.Command("nft delete table inet signaling_test"); undo != nil {
		t.Fatal(undo)
	}
	if reason(err) != Filtered {
		t.Errorf("got %v", err)
	}
	if err := c.Send(mag, lma, header(88, 1)); err != nil {
		t.Errorf("after the filter is gone: %v", err)
	}
}

func TestListenRefuses(t *testing.T) {
	for _, addr := range []string{"192.0.2.1", "fe80::1", "ff02::1", "::ffff:192.0.2.1", "2001:db8::dead"} {
		if c, err := Listen(netip.MustParseAddr(addr)); err == nil {
			c.Close()
			t.Errorf("Listen(%s) succeeded", addr)
		}
	}
}

func TestCloseEndsRunAndSend(t *testing.T) {
	c := listen(t, mag)
	done := make(chan error, 1)
	go func() { done <- c.Run(context.Background(), func(Message) {}) }()
	time.Sleep(10 * time.Millisecond)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Run goes on")
	}
	if err := c.Send(mag, lma, header(88, 1)); reason(err) != OtherSendReason {
		t.Errorf("Send after Close: %v", err)
	}
}

// RFC 6275 section 9.2 with RFC 4443 section 3.4: Code 0, the Pointer at the wrong field of the packet.
func TestParameterProblem(t *testing.T) {
	ours := listen(t, lma)
	peer, err := net.ListenPacket("ip6:ipv6-icmp", mag.String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	for range 3 * problemsAtOneStroke {
		ours.SendParameterProblem(Message{Source: mag, Destination: lma, Payload: header(88, 9)}, 1)
	}
	buffer := make([]byte, 1500)
	for {
		if err := peer.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, from, err := peer.ReadFrom(buffer)
		if err != nil {
			t.Fatal(err)
		}
		message, err := icmp.ParseMessage(58, buffer[:n])
		if err != nil || message.Type != ipv6.ICMPTypeParameterProblem {
			continue
		}
		body := message.Body.(*icmp.ParamProb)
		if from.String() != lma.String() || message.Code != 0 || body.Pointer != 41 || body.Data[40] != 59 || body.Data[40+87] != 9 {
			t.Errorf("from %v: code %d, pointer %d, quoted % x", from, message.Code, body.Pointer, body.Data)
		}
		break
	}
	if c := ours.Counters(); c.ParameterProblemsSent < problemsAtOneStroke || c.ParameterProblemsSuppressed == 0 {
		t.Errorf("counters: %d sent, %d suppressed", c.ParameterProblemsSent, c.ParameterProblemsSuppressed)
	}
}
