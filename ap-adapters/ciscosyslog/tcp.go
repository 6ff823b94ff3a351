package ciscosyslog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"netlmm/internal/ingress"
)

const (
	maximumConnections = 256 // in all
	maximumOfOne       = 8   // of one address
	keepAlive          = 30 * time.Second
	acceptPause        = 100 * time.Millisecond
)

// connections counts those that are open.
type connections struct {
	mu   sync.Mutex
	open map[netip.Addr]int
	all  int
}

func (c *connections) enter(from netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= maximumConnections || c.open[from] >= maximumOfOne {
		return false
	}
	c.all++
	c.open[from]++
	return true
}

func (c *connections) leave(from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.open[from]--; c.open[from] == 0 {
		delete(c.open, from)
	}
}

// listenTCP takes connections until the socket fails or ctx ends.
func (a *Adapter) listenTCP(ctx context.Context) error {
	listener, err := openTCP(a.cfg.ListenTCP)
	if err != nil {
		return inUse(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	a.tcp.Opened(listener.Addr().(*net.TCPAddr).AddrPort())
	open := connections{open: map[netip.Addr]int{}}
	for {
		conn, err := listener.AcceptTCP()
		switch {
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ECONNABORTED):
			a.counters.Count("accept_errors")
			select {
			case <-ctx.Done():
			case <-time.After(acceptPause):
			}
			continue
		case err != nil:
			return err
		}
		from := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
		iface := arrivedBy(conn)
		if !a.admits(from, iface) {
			conn.Close()
			continue
		}
		if !open.enter(from) {
			a.refuse("refused_connections", from, "too many connections")
			conn.Close()
			continue
		}
		a.counters.Count("connections")
		readers.Go(func() {
			defer open.leave(from)
			a.serve(ctx, conn, from, iface)
		})
	}
}

// serve reads one connection to its end. Its first lines may be those that the writer had sent before: they are, for as long as each
// is known.
func (a *Adapter) serve(ctx context.Context, conn *net.TCPConn, from netip.Addr, iface string) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	in := newMessages(conn, a.cfg.Counted, func(d time.Duration) {
		var deadline time.Time
		if d > 0 {
			deadline = time.Now().Add(d)
		}
		_ = conn.SetReadDeadline(deadline) // a connection that is closed says so when it is read
	})
	for replay := true; ; {
		text, err := in.next()
		if err != nil {
			a.ended(ctx, from, err)
			return
		}
		if a.receive(time.Now(), message{from: from, iface: iface, text: text, replay: replay}) {
			replay = false
		}
	}
}

// ended counts why a connection did.
func (a *Adapter) ended(ctx context.Context, from netip.Addr, err error) {
	switch {
	case ctx.Err() != nil, errors.Is(err, io.EOF):
	case errors.Is(err, errCount), errors.Is(err, errCounted):
		a.refuse("refused_framing", from, err.Error())
	case errors.Is(err, os.ErrDeadlineExceeded):
		a.refuse("refused_unfinished", from, "a message was begun and not ended; the connection is closed")
	default:
		a.counters.Count("connection_errors")
	}
}

// openTCP listens with a socket of IPv6 in any case, which tells by which interface a connection came.
func openTCP(at netip.AddrPort) (*net.TCPListener, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open a socket for %s: %w", at, err)
	}
	file := os.NewFile(uintptr(fd), "syslog listener")
	defer file.Close() // the listener has a copy
	address := &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
	if err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)); err != nil {
		return nil, fmt.Errorf("prepare the socket for %s: %w", at, err)
	}
	if err = unix.Bind(fd, address); err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", at, err)
	}
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", at, err)
	}
	return listener.(*net.TCPListener), nil
}

// arrivedBy is the interface that a connection came by. The kernel keeps it, of a connection of IPv4 too, where a socket of IPv6 has the
// interface for what it sends to groups (tcp_v6_syn_recv_sock); a connection has no other use for that.
func arrivedBy(conn *net.TCPConn) string {
	raw, err := conn.SyscallConn()
	if err != nil {
		return ""
	}
	var index int
	control := raw.Control(func(fd uintptr) { index, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF) })
	if errors.Join(control, err) != nil {
		return ""
	}
	_ = conn.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: keepAlive, Count: 3}) // it is open
	return ingress.InterfaceName(raw, index)
}
