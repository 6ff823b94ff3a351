package signaling

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	protocolMobility = 135 // IANA: Mobility Header
	checksumOffset   = 4   // of the Checksum field, RFC 6275 section 6.1.1

	// MaxPayload is the longest Mobility Header there is: 256 units of 8 octets (RFC 6275 section 6.1.1).
	MaxPayload = 2048

	// ReceiveBuffer is the wanted size of the socket's receive buffer. A message of a hundred octets occupies about 1 KiB
	// of it, so that some thousand PBUs of a domain-wide power-cut queue instead of being lost. With CAP_NET_ADMIN the
	// size is granted whatever net.core.rmem_max says; without, the kernel silently grants less.
	ReceiveBuffer = 8 << 20

	sendBuffer = 1 << 20
)

// Message is one received Mobility Header.
type Message struct {
	Source, Destination netip.Addr
	Payload             []byte    // from Payload Proto on; valid until the callback returns
	ReceivedAt          time.Time // when the kernel took it from the link
}

// Conn is a raw socket of protocol 135. Send may be called from any goroutine, also while Run runs.
type Conn struct {
	addr     netip.Addr
	file     *os.File
	raw      syscall.RawConn
	problems *problemSender
	counters counters
	closed   atomic.Bool
	send     sender
}

// Listen opens a socket that receives the Mobility Headers sent to addr and sends from it. The unspecified address ::
// means every address of this host. It needs CAP_NET_RAW, and an address that has passed duplicate address detection.
func Listen(addr netip.Addr) (*Conn, error) {
	if !addr.Is6() || addr.Is4In6() || addr.IsMulticast() || addr.IsLinkLocalUnicast() {
		return nil, fmt.Errorf("listen for Mobility Headers on %s: want an IPv6 unicast address that is not link-local (the Proxy-CoA or LMA address)", addr)
	}
	fd, err := openSocket(addr)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "mobility-header "+addr.String())
	c := &Conn{addr: addr, file: file}
	if c.raw, err = file.SyscallConn(); err == nil {
		c.problems, err = newProblemSender()
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("listen for Mobility Headers on %s: %w", addr, err)
	}
	c.send.prepare()
	return c, nil
}

func openSocket(addr netip.Addr) (int, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocolMobility)
	if err != nil {
		return -1, fmt.Errorf("open a raw socket for Mobility Headers: %w (run as root or with CAP_NET_RAW)", err)
	}
	if err := configure(fd); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("configure the raw socket for Mobility Headers: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet6{Addr: addr.As16()}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind the raw socket for Mobility Headers to %s: %w (is the address on this host and no longer tentative? see `ip -6 addr`)", addr, err)
	}
	return fd, nil
}

func configure(fd int) error {
	for _, option := range []struct{ level, name, value int }{
		{unix.IPPROTO_IPV6, unix.IPV6_CHECKSUM, checksumOffset},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1},
		{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1},
		{unix.SOL_SOCKET, unix.SO_RCVBUF, ReceiveBuffer},
		{unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer},
	} {
		if err := unix.SetsockoptInt(fd, option.level, option.name, option.value); err != nil {
			return os.NewSyscallError(fmt.Sprintf("setsockopt %d/%d", option.level, option.name), err)
		}
	}
	// Beyond net.core.rmem_max only with CAP_NET_ADMIN; what SO_RCVBUF granted stays otherwise.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, ReceiveBuffer)
	return nil
}

// Addr is the address given to Listen.
func (c *Conn) Addr() netip.Addr { return c.addr }

// Close ends Run and every later Send.
func (c *Conn) Close() error {
	c.closed.Store(true) // the error of a read in progress does not tell
	return errors.Join(c.problems.close(), c.file.Close())
}

// sender keeps what one sendmsg needs, so that sending allocates nothing.
type sender struct {
	mu          sync.Mutex
	payload     []byte
	control     []byte // one IPV6_PKTINFO
	destination unix.SockaddrInet6
	err         error
	call        func(fd uintptr) bool
}

var packetInfoOffset = unix.CmsgLen(0)

func (s *sender) prepare() {
	s.control = unix.PktInfo6(&unix.Inet6Pktinfo{}) // the source address is copied in for each message
	s.call = func(fd uintptr) bool {
		_, s.err = unix.SendmsgN(int(fd), s.payload, s.control, &s.destination, unix.MSG_DONTWAIT)
		return s.err != unix.EINTR // never wait for room: a PBU that cannot leave now is retransmitted by its owner
	}
}

// Send sends one Mobility Header. Its Checksum field is filled in by the kernel. Send never waits; a message that cannot
// leave now is reported as a *SendError and forgotten.
func (c *Conn) Send(source, destination netip.Addr, payload []byte) error {
	reason, err := c.trySend(source, destination, payload)
	if reason == "" {
		c.counters.sent.Add(1)
		return nil
	}
	for i := range sendReasons {
		if sendReasons[i] == reason {
			c.counters.sendErrors[i].Add(1)
		}
	}
	return &SendError{Source: source, Destination: destination, Reason: reason, Err: err}
}

func (c *Conn) trySend(source, destination netip.Addr, payload []byte) (SendReason, error) {
	if !sendable(source) || !sendable(destination) {
		return InvalidAddress, nil
	}
	if len(payload) > MaxPayload {
		return TooBig, nil
	}
	s := &c.send
	s.mu.Lock()
	defer s.mu.Unlock()
	s.payload, s.destination.Addr = payload, destination.As16()
	from := source.As16()
	copy(s.control[packetInfoOffset:], from[:])
	err := c.raw.Write(s.call)
	if err == nil {
		err = s.err
	}
	s.payload = nil
	if err != nil {
		return reasonOf(err), err
	}
	return "", nil
}

func sendable(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

// Run calls handle for every Mobility Header received, one after the other, until ctx ends (it returns nil) or the Conn is
// closed (it returns an error that is os.ErrClosed). A read error is counted and reading goes on, at most ten times a
// second when errors repeat. Run must not be called twice at a time.
func (c *Conn) Run(ctx context.Context, handle func(Message)) error {
	if err := c.file.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	r := newReceiver()
	for ctx.Err() == nil {
		message, err := r.receive(c)
		switch {
		case err == nil:
			c.counters.received.Add(1)
			handle(message)
		case ctx.Err() != nil:
			return nil
		case c.closed.Load():
			return fmt.Errorf("receive Mobility Headers on %s: %w", c.addr, os.ErrClosed)
		case errors.Is(err, errDropped): // counted where it was found
		default:
			c.counters.readErrors.Add(1)
			pause(ctx, 100*time.Millisecond)
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
