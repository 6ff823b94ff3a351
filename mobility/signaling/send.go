package signaling

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// batchSize is how many messages one system call moves at most.
const batchSize = 32

// Outgoing is one Mobility Header to be sent.
type Outgoing struct {
	Source, Destination netip.Addr
	Payload             []byte
}

// sender keeps what sendmmsg needs, so that sending allocates nothing.
type sender struct {
	mu  sync.Mutex
	raw bool                    // IPv6: the kernel fills in the checksum
	out [batchSize]ipv6.Message // each with its own control message, address and buffers
	of  [batchSize]int          // which of the caller's messages it is
}

// Where the source address stands in the control messages IPV6_PKTINFO and IP_PKTINFO (ipi_spec_dst).
var source6At, source4At = unix.CmsgLen(0), unix.CmsgLen(0) + 4

// Over IPv4 the Checksum field is sent as zero from here, and the payload remains the caller's.
var noChecksum = make([]byte, 2)

const afterChecksum = checksumOffset + 2

func (s *sender) prepare(raw bool) {
	s.raw = raw
	for i := range s.out {
		m := &s.out[i]
		if raw { // addresses are copied in for each message
			m.OOB = unix.PktInfo6(&unix.Inet6Pktinfo{})
			m.Addr, m.Buffers = &net.IPAddr{IP: make(net.IP, net.IPv6len)}, make([][]byte, 1)
		} else {
			m.OOB = unix.PktInfo4(&unix.Inet4Pktinfo{})
			m.Addr, m.Buffers = &net.UDPAddr{IP: make(net.IP, net.IPv4len)}, make([][]byte, 3)
		}
	}
}

// Send sends one Mobility Header. Over IPv6 its Checksum field is filled in by the kernel; over IPv4 it leaves as zero, and the
// UDP checksum stands in for it (RFC 5844 section 4.1.3.2). Send never waits; a message that cannot leave now is reported as
// a *SendError and forgotten.
func (c *Conn) Send(source, destination netip.Addr, payload []byte) (failed error) {
	one := [...]Outgoing{{source, destination, payload}}
	c.sendAll(one[:], func(_ int, err error) { failed = err })
	return failed
}

// SendBatch sends several Mobility Headers in their order, with one system call for every 32 of them. It answers nil when all
// left; else one entry for each message, nil or what Send would have answered. Like Send it never waits.
func (c *Conn) SendBatch(messages []Outgoing) (failed []error) {
	c.sendAll(messages, func(i int, err error) {
		if failed == nil {
			failed = make([]error, len(messages))
		}
		failed[i] = err
	})
	return failed
}

func (c *Conn) sendAll(messages []Outgoing, failed func(i int, err error)) {
	fail := func(i int, reason SendReason, err error) {
		c.counters.notSent(reason)
		failed(i, &SendError{Source: messages[i].Source, Destination: messages[i].Destination, Reason: reason, Err: err})
	}
	s := &c.send
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for i := range messages {
		if reason := c.unfit(&messages[i]); reason != "" {
			fail(i, reason, nil)
			continue
		}
		s.fill(n, &messages[i], c.ports.of(messages[i].Destination))
		s.of[n] = i
		if n++; n == batchSize {
			c.flush(n, fail)
			n = 0
		}
	}
	c.flush(n, fail)
}

// unfit says why a message cannot even be tried.
func (c *Conn) unfit(m *Outgoing) SendReason {
	is4 := c.addr.Is4()
	switch {
	case !sendable(m.Source), !sendable(m.Destination), m.Source.Is4() != is4, m.Destination.Is4() != is4:
		return InvalidAddress
	case len(m.Payload) > MaxPayload:
		return TooBig
	}
	return ""
}

// fill makes message n of the next system call.
func (s *sender) fill(n int, m *Outgoing, port uint16) {
	out := &s.out[n]
	if s.raw {
		source, destination := m.Source.As16(), m.Destination.As16()
		copy(out.OOB[source6At:], source[:])
		copy(out.Addr.(*net.IPAddr).IP, destination[:])
		out.Buffers[0] = m.Payload
		return
	}
	source, destination := m.Source.As4(), m.Destination.As4()
	copy(out.OOB[source4At:], source[:])
	to := out.Addr.(*net.UDPAddr)
	copy(to.IP, destination[:])
	to.Port = int(port)
	if len(m.Payload) < afterChecksum {
		out.Buffers = append(out.Buffers[:0], m.Payload)
	} else {
		out.Buffers = append(out.Buffers[:0], m.Payload[:checksumOffset], noChecksum, m.Payload[afterChecksum:])
	}
}

// flush sends the first n messages of out. The kernel stops at one that it refuses; those behind it have their chance.
func (c *Conn) flush(n int, fail func(i int, reason SendReason, err error)) {
	s := &c.send
	for done := 0; done < n; {
		sent, err := c.batches.WriteBatch(s.out[done:n], unix.MSG_DONTWAIT)
		if sent > 0 {
			c.counters.sent.Add(uint64(sent))
			done += sent
			continue
		}
		if errors.Is(err, unix.EINTR) {
			continue
		}
		fail(s.of[done], reasonOf(err), err)
		done++
	}
	for i := range s.out[:n] {
		clear(s.out[i].Buffers)
	}
}
