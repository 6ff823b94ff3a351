package transport

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

// dialPlain is a connection of a peer that is not ours.
func dialPlain(t testing.TB, from, to netip.Addr) *net.TCPConn {
	t.Helper()
	conn, err := net.DialTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), net.TCPAddrFromAddrPort(at(to)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// listenPlain is the listener of a peer that is not ours.
func listenPlain(t testing.TB, a netip.Addr) *net.TCPListener {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at(a)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func acceptPlain(t testing.TB, l *net.TCPListener) *net.TCPConn {
	t.Helper()
	_ = l.SetDeadline(time.Now().Add(patience))
	conn, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func write(t testing.TB, conn net.Conn, octets []byte) {
	t.Helper()
	if _, err := conn.Write(octets); err != nil {
		t.Fatal(err)
	}
}

// readMessage reads one message of the length.
func readMessage(t testing.TB, conn net.Conn, length int) []byte {
	t.Helper()
	octets := make([]byte, length)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(conn, octets); err != nil {
		t.Fatal(err)
	}
	return octets
}

// nextMessage reads one message.
func nextMessage(t testing.TB, conn net.Conn) []byte {
	t.Helper()
	header := readMessage(t, conn, headerSize)
	return append(header, readMessage(t, conn, messageLength(header)-headerSize)...)
}

// awaitEnd reads until the other side has ended the connection.
func awaitEnd(t testing.TB, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, conn)
	if failed, ok := err.(net.Error); ok && failed.Timeout() {
		t.Fatal("the connection stands")
	}
}

// awaitRefusal opens a connection that is ended as soon as it stands, or before that is known.
func awaitRefusal(t testing.TB, from, to netip.Addr) {
	t.Helper()
	conn, err := net.DialTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), net.TCPAddrFromAddrPort(at(to)))
	if err == nil {
		defer conn.Close()
		awaitEnd(t, conn)
	}
}

func counted(c *Conn, of func(Counters) uint64) func() uint64 {
	return func() uint64 { return of(c.Status().Counters) }
}

func TestOneConnectionForAPeer(t *testing.T) {
	a, b := listen(t, a6), listen(t, b6)
	received := collect(t, a)
	echo(t, b)
	const count = 500
	for i := range count {
		mustSend(t, a, to(b6, TCP), message(20+i, byte(i)))
	}
	for i := range count {
		if p := next(t, received); !bytes.Equal(p.Payload, message(20+i, byte(i))) {
			t.Fatalf("answer %d has %d octets", i, len(p.Payload))
		}
	}
	if got := a.Status(); got.Counters.Connections["dialled"] != 1 || len(got.Connections) != 1 || !got.Connections[0].Stands || got.Connections[0].Incoming {
		t.Errorf("%+v", got)
	}
	if got := b.Status(); got.Counters.Connections["accepted"] != 1 || got.Counters.Connections["dialled"] != 0 || len(got.Connections) != 1 || !got.Connections[0].Incoming {
		t.Errorf("%+v", got)
	}
}

// TestMessagesWaitForAPeerThatStarts and arrive in order.
func TestMessagesWaitForAPeerThatStarts(t *testing.T) {
	a := open(t, Config{Addresses: []netip.Addr{a6}, RedialMinimum: time.Millisecond, RedialMaximum: 10 * time.Millisecond})
	collect(t, a)
	for i := range 10 {
		mustSend(t, a, to(b6, TCP), message(30, byte(i)))
	}
	failed := counted(a, func(c Counters) uint64 { return c.Connections["dial_failed"] })
	eventually(t, "some attempts fail", func() bool { return failed() >= 3 })
	if list := a.Status().Connections; len(list) != 1 || list[0].Stands || list[0].Queued != 10 {
		t.Errorf("%+v", list)
	}
	received := collect(t, listen(t, b6))
	for i := range 10 {
		if p := next(t, received); p.Payload[29] != byte(i) {
			t.Errorf("message %d is number %d", i, p.Payload[29])
		}
	}
}

// TestNothingIsLostWithAConnection: what the peer's TCP has not acknowledged when the connection breaks goes on the next.
func TestNothingIsLostWithAConnection(t *testing.T) {
	a := open(t, Config{Addresses: []netip.Addr{a6}, RedialMinimum: time.Millisecond, RedialMaximum: 10 * time.Millisecond})
	collect(t, a)
	l := listenPlain(t, b6)
	small := l // of whose connections the kernel takes little
	raw, err := small.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) { _ = setOptions(int(fd), []option{{1, 8, 4096, false}}) }) // SOL_SOCKET, SO_RCVBUF
	mustSend(t, a, to(b6, TCP), message(100, 0))
	first := acceptPlain(t, l)
	readMessage(t, first, 100)
	const count = 20
	for i := range count {
		mustSend(t, a, to(b6, TCP), message(20000, byte(i+1)))
	}
	seen := readMessage(t, first, 20000)[19999] // the last that the peer takes
	_ = first.SetLinger(0)
	first.Close()
	second := acceptPlain(t, l)
	// What its TCP had taken it may have read or not: that comes again.
	mark := int(nextMessage(t, second)[99])
	if mark > int(seen)+1 {
		t.Fatalf("message %d after %d", mark, seen)
	}
	for mark < count {
		mark++
		if got := nextMessage(t, second); !bytes.Equal(got, message(20000, byte(mark))) {
			t.Fatalf("message %d is number %d", mark, got[99])
		}
	}
	if got := a.Status().Counters; got.Connections["resent"] == 0 || got.Dropped["connection_lost"]+got.Dropped["expired"] != 0 {
		t.Errorf("%+v", got)
	}
}

// TestAPeerThatTakesNothing costs a bounded queue and does not stop others.
func TestAPeerThatTakesNothing(t *testing.T) {
	a := open(t, Config{Addresses: []netip.Addr{a4}, QueueMessages: 10})
	collect(t, a)
	stuck := listenPlain(t, netip.MustParseAddr("127.0.0.3"))
	dead := to(netip.MustParseAddr("127.0.0.3"), TCP)
	eventually(t, "its queue is full", func() bool {
		return reasonIn(t, a.Send(dead, message(60000, 1))) == QueueFull
	})
	b := listen(t, b4)
	received := collect(t, b)
	mustSend(t, a, to(b4, TCP), message(20, 2))
	next(t, received)
	stuck.Close()
}

func TestMessagesGetTooOld(t *testing.T) {
	a := open(t, Config{Addresses: []netip.Addr{a6}, Patience: time.Millisecond, RedialMinimum: time.Millisecond})
	collect(t, a)
	mustSend(t, a, to(b6, TCP), message(20, 1))
	eventually(t, "it is dropped", func() bool { return a.Status().Counters.Dropped["expired"] == 1 })
	eventually(t, "the peer is forgotten", func() bool { return len(a.Status().Connections) == 0 })
}

func TestOutgoingConnectionsAreBounded(t *testing.T) {
	a := open(t, Config{Addresses: []netip.Addr{a4}, MaximumOutgoing: 4})
	collect(t, a)
	d := to(b4, TCP)
	for i := range 6 {
		d.Addr = netip.AddrPortFrom(b4, uint16(5000+i))
		want := SendReason("")
		if i >= 4 {
			want = TooManyPeers
		}
		if got := reasonIn(t, a.Send(d, message(20, 1))); got != want {
			t.Errorf("peer %d: %q", i, got)
		}
	}
}

// TestAnswersLeaveConnectionsToOthers: who asks may have half of our connections.
func TestAnswersLeaveConnectionsToOthers(t *testing.T) {
	a := open(t, Config{Addresses: []netip.Addr{a4}, MaximumOutgoing: 4})
	collect(t, a)
	d := to(b4, TCP)
	for i := range 3 {
		d.Dial = netip.AddrPortFrom(b4, uint16(5000+i))
		want := SendReason("")
		if i >= 2 {
			want = TooManyPeers
		}
		if got := reasonIn(t, a.Send(d, message(20, 1))); got != want {
			t.Errorf("answer %d: %q", i, got)
		}
	}
	mustSend(t, a, to(b4, TCP), message(20, 1))
}

func TestIncomingConnectionsAreBounded(t *testing.T) {
	a := open(t, Config{Addresses: []netip.Addr{a4}, MaximumIncoming: 5, MaximumFromAddress: 3})
	received := collect(t, a)
	var held []*net.TCPConn
	for range 3 {
		held = append(held, dialPlain(t, b4, a4))
	}
	eventually(t, "three stand", func() bool { return len(a.Status().Connections) == 3 })
	awaitRefusal(t, b4, a4)
	for range 2 {
		held = append(held, dialPlain(t, a4, a4))
	}
	eventually(t, "five stand", func() bool { return len(a.Status().Connections) == 5 })
	awaitRefusal(t, netip.MustParseAddr("127.0.0.9"), a4)
	if got := a.Status().Counters.Refused; got["too_many_from_address"] != 1 || got["too_many"] != 1 {
		t.Errorf("%v", got)
	}
	for i, conn := range held {
		write(t, conn, message(20, byte(i)))
		next(t, received)
	}
	held[0].Close()
	eventually(t, "there is room", func() bool { return len(a.Status().Connections) == 4 })
	write(t, dialPlain(t, b4, a4), message(20, 1))
	next(t, received)
}

// TestConnectionsThatAreWorthNothing end, each for its reason.
func TestConnectionsThatAreWorthNothing(t *testing.T) {
	config := Config{Addresses: []netip.Addr{a6}, MessageTimeout: 100 * time.Millisecond, IdleTimeout: 150 * time.Millisecond}
	whole := message(40, 1)
	for _, test := range []struct {
		name   string
		octets [][]byte
		close  bool
		reason func(Counters) uint64
		whole  int
	}{
		{"silent from the start", nil, false, func(c Counters) uint64 { return c.ReceiveErrors["slow_message"] }, 0},
		{"half a message", [][]byte{whole, whole[:30]}, false, func(c Counters) uint64 { return c.ReceiveErrors["slow_message"] }, 1},
		{"an octet at a time", [][]byte{whole, whole[:1], whole[1:2], whole[2:3]}, false, func(c Counters) uint64 { return c.ReceiveErrors["slow_message"] }, 1},
		{"silent after a message", [][]byte{whole}, false, func(c Counters) uint64 { return c.Connections["idle"] }, 1},
		{"another protocol", [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n")}, false, func(c Counters) uint64 { return c.ReceiveErrors["bad_version"] }, 0},
		{"another protocol after a message", [][]byte{whole, {0}}, false, func(c Counters) uint64 { return c.ReceiveErrors["bad_version"] }, 1},
		{"cut off", [][]byte{whole[:39]}, true, func(c Counters) uint64 { return c.ReceiveErrors["cut_off"] }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := open(t, config)
			var got atomic.Int64
			run(t, a, func(packets []Packet) { got.Add(int64(len(packets))) })
			conn := dialPlain(t, b6, a6)
			for _, octets := range test.octets {
				write(t, conn, octets)
			}
			if test.close {
				_ = conn.CloseWrite()
			}
			awaitEnd(t, conn)
			eventually(t, "the reason is counted", func() bool { return test.reason(a.Status().Counters) == 1 })
			if int(got.Load()) != test.whole {
				t.Errorf("%d messages", got.Load())
			}
		})
	}
}

// TestAConnectionThatIsUsedStays although nothing comes from the other side.
func TestAConnectionThatIsUsedStays(t *testing.T) {
	a := open(t, Config{Addresses: []netip.Addr{a6}, IdleTimeout: 2 * time.Second})
	collect(t, a)
	received := collect(t, listen(t, b6))
	for range 30 {
		mustSend(t, a, to(b6, TCP), message(20, 1))
		next(t, received)
		time.Sleep(100 * time.Millisecond)
	}
	if got := a.Status().Counters.Connections; got["dialled"] != 1 {
		t.Errorf("%v", got)
	}
	eventually(t, "it ends when it is not", func() bool { return a.Status().Counters.Connections["idle"] == 1 })
}

// TestWhatIsQueuedLeavesWhenRunEnds, as a de-registration should.
func TestWhatIsQueuedLeavesWhenRunEnds(t *testing.T) {
	b := listen(t, b6)
	received := collect(t, b)
	t.Run("a Run", func(t *testing.T) {
		a := listen(t, a6)
		collect(t, a)
		mustSend(t, a, to(b6, TCP), message(20, 0))
		next(t, received)
		for i := range 200 {
			mustSend(t, a, to(b6, TCP), message(20, byte(i)))
		}
	})
	for i := range 200 {
		if p := next(t, received); p.Payload[19] != byte(i) {
			t.Fatalf("message %d is number %d", i, p.Payload[19])
		}
	}
}

// TestAPeerThatRestarts is found again.
func TestAPeerThatRestarts(t *testing.T) {
	a := open(t, Config{Addresses: []netip.Addr{a6}, RedialMinimum: time.Millisecond, RedialMaximum: 10 * time.Millisecond})
	answers := collect(t, a)
	for i := range 5 {
		t.Run("a life", func(t *testing.T) {
			echo(t, listen(t, b6))
			mustSend(t, a, to(b6, TCP), message(20, byte(i)))
			if p := next(t, answers); p.Payload[19] != byte(i) {
				t.Errorf("answer %d", p.Payload[19])
			}
		})
	}
}

// TestAPeerThatClosesAtOnce is not dialled at full speed.
func TestAPeerThatClosesAtOnce(t *testing.T) {
	a := open(t, Config{Addresses: []netip.Addr{a6}, Patience: 500 * time.Millisecond, RedialMinimum: 50 * time.Millisecond})
	collect(t, a)
	l := listenPlain(t, b6)
	go func() {
		for {
			conn, err := l.AcceptTCP()
			if err != nil {
				return
			}
			_ = conn.SetLinger(0)
			conn.Close()
		}
	}()
	mustSend(t, a, to(b6, TCP), message(20, 1))
	eventually(t, "it is given up", func() bool { return len(a.Status().Connections) == 0 })
	if got := a.Status().Counters.Connections["dialled"]; got > 20 {
		t.Errorf("dialled %d times", got)
	}
}
