package signaling

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	protocolMobility = 135 // IANA: Mobility Header
	checksumOffset   = 4   // of the Checksum field, RFC 6275 section 6.1.1

	// Port carries Proxy Mobile IPv6 signalling over IPv4 (RFC 5844 section 4, IANA).
	Port = 5436

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

// Conn is a socket for Mobility Headers: of protocol 135 over IPv6, of UDP port 5436 over IPv4. Send and SendBatch may be
// called from any goroutine, also while Run runs.
type Conn struct {
	addr     netip.Addr
	packets  net.PacketConn
	raw      syscall.RawConn // of packets
	problems *problemSender  // nil over IPv4
	counters counters
	closed   atomic.Bool
	send     sender
	ports    sourcePorts
}

// Listen opens a socket that receives the Mobility Headers sent to addr and sends from it. With an IPv6 address it is a raw
// socket, which needs CAP_NET_RAW and an address that has passed duplicate address detection; with an IPv4 address it is a
// UDP socket of port 5436. The unspecified address of a family means every address of this host.
func Listen(addr netip.Addr) (*Conn, error) {
	if !addr.IsUnspecified() && !sendable(addr) {
		return nil, fmt.Errorf("listen for Mobility Headers on %s: want a unicast address that is not link-local (the Proxy-CoA or LMA address)", addr)
	}
	c := &Conn{addr: addr}
	var err error
	if c.packets, c.raw, err = open(addr); err != nil {
		return nil, err
	}
	if addr.Is6() {
		if c.problems, err = newProblemSender(); err != nil {
			c.packets.Close()
			return nil, fmt.Errorf("listen for Mobility Headers on %s: %w", addr, err)
		}
	}
	c.send.prepare(addr.Is6())
	return c, nil
}

// sendable says whether a Mobility Header may come from or go to this address.
func sendable(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast() && a != broadcast
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// Addr is the address given to Listen.
func (c *Conn) Addr() netip.Addr { return c.addr }

// Close ends Run and every later Send.
func (c *Conn) Close() error {
	c.closed.Store(true) // the error of a read in progress does not tell
	err := c.packets.Close()
	if c.problems != nil {
		err = errors.Join(c.problems.close(), err)
	}
	return err
}

// Run calls handle for every Mobility Header received, one after the other, until ctx ends (it returns nil) or the Conn is
// closed (it returns an error that is os.ErrClosed). A read error is counted and reading goes on, at most ten times a
// second when errors repeat. Run must not be called twice at a time.
func (c *Conn) Run(ctx context.Context, handle func(Message)) error {
	return c.RunBatches(ctx, handle, func() {})
}

// RunBatches is Run for a receiver that works on several messages at once: done is called when all that one system call
// brought were handed over, and their payloads are valid until it returns.
func (c *Conn) RunBatches(ctx context.Context, handle func(Message), done func()) error {
	if err := c.packets.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.packets.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	r := newReceiver()
	for ctx.Err() == nil {
		err := r.receive(c, handle, done)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil
		case c.closed.Load():
			return fmt.Errorf("receive Mobility Headers on %s: %w", c.addr, os.ErrClosed)
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
