package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	packetsAtOnce  = 32 // of one callback
	messagesAtOnce = 64 // of one system call

	writeTimeout = 30 * time.Second // for a peer that takes nothing
	lastWrite    = time.Second      // for what is in the queue when Run ends
	shortLife    = 2 * time.Second  // of a connection that was for one message

	awaitedClose = 500 * time.Millisecond // of a peer that closes after one message
)

var past = time.Unix(1, 0)

// stream is a TCP connection with a peer. Its queue outlives it if it is a peer's.
type stream struct {
	h      *hub
	conn   *net.TCPConn
	remote netip.AddrPort
	local  netip.Addr
	reply  Destination // for what arrives
	queue  *queue
	ours   bool // we opened it
	opened time.Time
	final  time.Time // when the last of what waits must have left; zero: Run has not ended

	active  atomic.Int64 // when something was last read or written, in ns
	written ledger       // of the writer
	once    bool         // the peer takes one message of a connection and closes it
	closed  atomic.Bool  // by the peer, between two messages
	reset   atomic.Bool  // by the peer, without regard to what we had sent
}

// incomingStream is one that a peer has opened.
func (h *hub) incomingStream(conn *net.TCPConn) *stream {
	s := h.newStream(conn, newQueue(&h.c.config))
	s.reply = Destination{Addr: s.remote, Protocol: TCP, Source: s.local, Dial: netip.AddrPortFrom(s.remote.Addr(), h.c.config.Port)}
	return s
}

// outgoingStream is one of ours.
func (p *peer) outgoingStream(conn *net.TCPConn) *stream {
	s := p.h.newStream(conn, p.queue)
	s.ours, s.remote = true, p.to
	s.reply = Destination{Addr: p.to, Protocol: TCP, Source: p.source}
	return s
}

func (h *hub) newStream(conn *net.TCPConn, q *queue) *stream {
	s := &stream{h: h, conn: conn, queue: q, opened: time.Now(), remote: addrPort(conn.RemoteAddr()), local: addrPort(conn.LocalAddr()).Addr().WithZone("")}
	s.touch(s.opened)
	return s
}

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func (s *stream) touch(now time.Time) { s.active.Store(now.UnixNano()) }

// carry moves messages both ways until the connection ends, and closes it. The answer is what was written and may not have
// arrived.
func (s *stream) carry() (unsettled []queued) {
	ctx, cancel := context.WithCancel(s.h.ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		_ = s.conn.SetReadDeadline(past)
		_ = s.conn.SetWriteDeadline(s.writeUntil())
	})
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		s.read(ctx)
	}()
	s.write(ctx)
	cancel()
	<-done
	s.written.settle(s.conn)
	s.conn.Close()
	return s.written.unsettled(s.reset.Load(), time.Now())
}

// writeUntil is for a connection that is to end: what waits may still leave if that is because Run ends.
func (s *stream) writeUntil() time.Time {
	if s.h.ctx.Err() != nil {
		return time.Now().Add(lastWrite)
	}
	return past
}

// read hands over what arrives until the connection or ctx ends.
func (s *stream) read(ctx context.Context) {
	var f frames
	var since time.Time // when the message that is arriving began to
	if !s.ours {
		since = s.opened
	}
	packets := make([]Packet, 0, packetsAtOnce)
	for {
		_ = s.conn.SetReadDeadline(s.readUntil(since))
		if ctx.Err() != nil { // or the deadline just set would replace the one that ends it
			return
		}
		n, err := s.conn.Read(f.room())
		f.arrived(n)
		now := time.Now()
		if n > 0 {
			s.touch(now)
		}
		whole, bad := s.deliver(&f, packets, now)
		switch {
		case bad != nil:
			s.h.c.count(badVersion)
			return
		case err != nil && !s.keep(ctx, err, since, f.partial()):
			return
		case !f.partial():
			if whole || s.ours {
				since = time.Time{}
			}
		case whole || since.IsZero():
			since = now
		}
	}
}

// readUntil is how long to wait for octets: of a message that has begun (or of the first one), or of any.
func (s *stream) readUntil(since time.Time) time.Time {
	if !since.IsZero() {
		return since.Add(s.h.c.config.MessageTimeout)
	}
	return time.Unix(0, s.active.Load()).Add(s.h.c.config.IdleTimeout)
}

// keep says whether to go on after a read error, and counts it.
func (s *stream) keep(ctx context.Context, err error, since time.Time, partial bool) bool {
	c := s.h.c
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, os.ErrDeadlineExceeded) && !since.IsZero():
		c.count(slowMessage)
	case errors.Is(err, os.ErrDeadlineExceeded):
		if time.Now().Before(s.readUntil(since)) { // something was written in the meantime
			return true
		}
		c.count(idle)
	case partial:
		c.count(cutOff)
	case errors.Is(err, io.EOF):
		s.closed.Store(true)
	default:
		s.noteReset(err)
		c.count(readFailed)
	}
	return false
}

func (s *stream) noteReset(err error) {
	if errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE) {
		s.reset.Store(true)
	}
}

// deliver hands over the messages that have arrived as a whole, and says whether there were any.
func (s *stream) deliver(f *frames, packets []Packet, now time.Time) (any bool, bad error) {
	p := Packet{From: s.remote, To: s.local, Protocol: TCP, ReceivedAt: now, reply: s.reply}
	for {
		payload, err := f.next()
		if payload != nil {
			p.Payload = payload
			packets = append(packets, p)
		}
		if len(packets) == packetsAtOnce || payload == nil && len(packets) > 0 {
			s.h.c.add(receivedTCP, len(packets))
			s.h.deliver(packets)
			packets, any = packets[:0], true
		}
		if payload == nil {
			return any, err
		}
	}
}
