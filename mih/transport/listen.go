package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

func openListener(at netip.Addr, port uint16) (*net.TCPListener, error) {
	config := net.ListenConfig{KeepAliveConfig: keepAlive, Control: control(streamOptions)} // connections inherit the options
	config.SetMultipathTCP(false)                                                           // not every kernel takes them there
	listener, err := config.Listen(context.Background(), networkOf("tcp", at), netip.AddrPortFrom(at, port).String())
	if err != nil {
		return nil, fmt.Errorf("listen for MIH messages on %s, TCP port %d: %w (see `ip addr`, `ss -ltp`)", at, port, err)
	}
	return listener.(*net.TCPListener), nil
}

// accept takes in connections until ctx ends (nil) or the listener is closed.
func (h *hub) accept(ctx context.Context, l *net.TCPListener) error {
	if err := l.SetDeadline(time.Time{}); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.SetDeadline(past) })
	defer stop()
	for {
		conn, err := l.AcceptTCP()
		switch {
		case err == nil:
			h.takeIn(conn)
		case ctx.Err() != nil:
			return nil
		case h.c.closed.Load():
			return errClosed
		default: // of descriptors there are too few, for instance
			h.c.count(acceptFailed)
			pause(ctx, retryPause)
		}
	}
}

// takeIn admits a connection, or ends it at once.
func (h *hub) takeIn(conn *net.TCPConn) {
	s := h.incomingStream(conn)
	if why, refused := h.enter(s); refused {
		h.c.count(why)
		_ = conn.SetLinger(0) // nothing of it is to stay in the kernel
		conn.Close()
		return
	}
	h.c.count(accepted)
	h.group.Go(func() {
		rest := s.carry()
		h.leave(s)
		items, expiredOnes := s.queue.take(s.queue.length(), time.Now())
		h.c.add(expired, expiredOnes)
		h.resend(append(rest, items...))
	})
}

func (h *hub) enter(s *stream) (why event, refused bool) {
	from := s.remote.Addr()
	if !usable(s.remote) || !h.c.config.Admit(TCP, from) {
		return notAdmitted, true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case len(h.incoming) >= h.c.config.MaximumIncoming:
		return tooManyConnections, true
	case h.from[from] >= h.c.config.MaximumFromAddress:
		return tooManyFromAddress, true
	case h.incoming[s.remote] != nil: // of another address of ours; whose answers go where cannot be told
		return tooManyFromAddress, true
	}
	h.incoming[s.remote] = s
	h.from[from]++
	return 0, false
}

func (h *hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.incoming, s.remote)
	for other, ended := range h.gone { // what is too old makes room, or else any one
		if time.Since(ended) > rememberGone || len(h.gone) >= maximumRemember {
			delete(h.gone, other)
			break
		}
	}
	h.gone[s.remote] = time.Now()
	from := s.remote.Addr()
	if h.from[from]--; h.from[from] == 0 {
		delete(h.from, from)
	}
}
