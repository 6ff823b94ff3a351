package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stream is UDP from one namespace to another, numbered from 1, a packet each millisecond.
type stream struct {
	t        testing.TB
	to       string
	in, out  net.PacketConn
	sent     atomic.Uint32
	received atomic.Uint32
	numbers  []uint32 // as they came; to be read after stop
	ending   chan struct{}
	ended    chan struct{}
}

// newStream begins to send. Where the receiver has that address is its own business.
func newStream(from, to space, addr string) *stream {
	from.t.Helper()
	s := &stream{t: from.t, to: addr, ending: make(chan struct{}), ended: make(chan struct{})}
	network := map[bool]string{true: "udp4", false: "udp6"}[netip.MustParseAddr(addr).Is4()]
	open := func(where space, local string) (conn net.PacketConn) {
		where.run(func() {
			var err error
			if conn, err = net.ListenPacket(network, local); err == nil {
				err = roomy(conn.(*net.UDPConn))
			}
			if err != nil {
				where.t.Errorf("socket in %s: %v", where.name, err)
			}
		})
		return conn
	}
	if s.in, s.out = open(to, ":7070"), open(from, ":0"); s.in == nil || s.out == nil {
		from.t.FailNow()
	}
	from.t.Cleanup(func() { s.in.Close(); s.out.Close() })
	go s.receive()
	go s.send()
	return s
}

// roomy gives a socket room for what comes while its reader has to wait for a busy machine.
func roomy(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var refused error
	err = raw.Control(func(fd uintptr) { refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20) })
	return errors.Join(err, refused)
}

func (s *stream) send() {
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(s.to), 7070))
	payload := make([]byte, 200)
	for tick := time.NewTicker(time.Millisecond); ; {
		select {
		case <-s.ending:
			tick.Stop()
			return
		case <-tick.C:
		}
		binary.BigEndian.PutUint32(payload, s.sent.Load()+1)
		if _, err := s.out.WriteTo(payload, to); err != nil {
			s.t.Errorf("send to %s: %v", s.to, err)
			return
		}
		s.sent.Add(1)
	}
}

func (s *stream) receive() {
	defer close(s.ended)
	b := make([]byte, 300)
	for {
		n, _, err := s.in.ReadFrom(b)
		if err != nil {
			return
		}
		if n >= 4 {
			s.numbers = append(s.numbers, binary.BigEndian.Uint32(b))
			s.received.Add(1)
		}
	}
}

// flow waits for so many more packets to be sent, and received if got.
func (s *stream) flow(n uint32, got bool) {
	s.t.Helper()
	counter := &s.sent
	if got {
		counter = &s.received
	}
	from := counter.Load()
	await(s.t, "packets to "+s.to, func() bool { return counter.Load()-from >= n })
}

// stop ends it when what was sent, but for those lost, has arrived, or has had every chance to, and returns the numbers in the order in
// which they came.
func (s *stream) stop(lost int) []uint32 {
	s.t.Helper()
	close(s.ending)
	for deadline := time.Now().Add(5 * time.Second); s.received.Load()+uint32(lost) < s.sent.Load() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // for what comes twice
	s.in.Close()
	<-s.ended
	return s.numbers
}

// await polls until done.
func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// count says how many of the numbers from 1 to sent are missing and how many came more than once.
func count(numbers []uint32, sent uint32) (lost, twice int) {
	times := make([]int, sent+1)
	for _, n := range numbers {
		times[n]++
	}
	for _, n := range times[1:] {
		if n == 0 {
			lost++
		}
		twice += max(0, n-1)
	}
	return lost, twice
}

// missing lists those of the numbers from 1 to sent that did not come, as ranges.
func missing(numbers []uint32, sent uint32) string {
	came := make([]bool, sent+2)
	for _, n := range numbers {
		came[n] = true
	}
	var b strings.Builder
	for n := uint32(1); n <= sent; n++ {
		if first := n; !came[n] {
			for ; n < sent && !came[n+1]; n++ {
			}
			fmt.Fprintf(&b, " %d-%d", first, n)
		}
	}
	return b.String()
}

// overtaken is how many of those numbers for which among is true came behind a higher one of them.
func overtaken(numbers []uint32, among func(n uint32) bool) (late int) {
	highest := uint32(0)
	for _, n := range numbers {
		if !among(n) {
			continue
		}
		if n < highest {
			late++
		}
		highest = max(highest, n)
	}
	return late
}
