package transport

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// peer is where a connection of ours goes: what waits for it, and when it is dialled again. It is there as long as there is a
// connection, a message, or a pause after a failure.
type peer struct {
	endpoint
	h       *hub
	queue   *queue
	failed  int                    // connections in a row on which nothing got through
	once    bool                   // it closes a connection after one message
	current atomic.Pointer[stream] // nil: none stands
}

// run opens connections as long as something waits for one.
func (p *peer) run() {
	for p.wanted() {
		conn, err := p.dial()
		if err != nil {
			p.h.c.count(dialFailed)
			p.failed++
			continue
		}
		p.h.c.count(dialled)
		p.carry(conn)
	}
}

// wanted waits until a connection may be opened, and says whether one is needed. If not, the peer is forgotten.
func (p *peer) wanted() bool {
	pause(p.h.ctx, p.pause())
	if p.once {
		p.linger()
	}
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	if p.h.ctx.Err() != nil {
		items, expiredOnes := p.queue.take(p.queue.length(), time.Now())
		p.h.c.add(stopped, len(items)+expiredOnes)
	} else {
		p.h.c.add(expired, p.queue.expire(time.Now()))
	}
	if p.queue.length() > 0 {
		return true
	}
	delete(p.h.peers, p.endpoint)
	return false
}

// linger keeps in mind what is known of a peer until something waits for it, but not for ever.
func (p *peer) linger() {
	enough := time.After(rememberOnce)
	for p.queue.length() == 0 {
		select {
		case <-p.h.ctx.Done():
			return
		case <-enough:
			return
		case <-p.queue.wake: // perhaps for a message that has long been taken
		}
	}
}

// pause doubles with every failure, and differs from that of others who lost the same peer at the same time.
func (p *peer) pause() time.Duration {
	if p.failed == 0 {
		return 0
	}
	d := p.h.c.config.RedialMinimum
	for range min(p.failed-1, 32) {
		d = min(2*d, p.h.c.config.RedialMaximum)
	}
	return d*3/4 + rand.N(d/4+1)
}

func (p *peer) dial() (*net.TCPConn, error) {
	dialer := net.Dialer{Timeout: p.h.c.config.DialTimeout, KeepAliveConfig: keepAlive, Control: control(streamOptions)}
	dialer.SetMultipathTCP(false)
	if p.source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.source, 0))
	}
	conn, err := dialer.DialContext(p.h.ctx, networkOf("tcp", p.to.Addr()), p.to.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// carry uses a connection until it ends. What may not have arrived goes on the next one.
func (p *peer) carry(conn *net.TCPConn) {
	s := p.outgoingStream(conn)
	s.once = p.once
	p.current.Store(s)
	rest := s.carry()
	p.current.Store(nil)
	tookOne := s.closed.Load() && s.written.count == 1 && len(rest) == 0 || s.reset.Load()
	p.once = tookOne && time.Since(s.opened) < shortLife
	if p.failed++; s.written.count > len(rest) { // its TCP has taken something
		p.failed = 0
	}
	if len(rest) > 0 {
		p.h.c.add(resent, len(rest))
		p.queue.putBack(rest)
	}
}

var keepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 10 * time.Second, Count: 6}

// A connection whose peer has gone ends in a time that messages can wait; and no more is in the kernel's hands than is worth
// sending again.
var streamOptions = []option{
	{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(writeTimeout / time.Millisecond), false},
	{unix.SOL_SOCKET, unix.SO_SNDBUF, 256 << 10, false},
}

const (
	retryPause   = 100 * time.Millisecond
	rememberOnce = time.Minute
)

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
