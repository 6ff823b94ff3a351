package signaling

import (
	"net/netip"
	"sync"
	"unsafe"

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
	frames
	mu   sync.Mutex
	ipv6 bool           // the kernel fills in the checksum
	of   [batchSize]int // which of the caller's messages it is

	write      func(fd uintptr) bool // one system call, for the messages from first to end
	first, end int
	sent       int
	errno      unix.Errno
}

// Where the source address stands in the control messages IPV6_PKTINFO and IP_PKTINFO (ipi_spec_dst).
var source6At, source4At = unix.CmsgLen(0), unix.CmsgLen(0) + 4

// Over IPv4 the Checksum field is sent as zero from here, and the payload remains the caller's.
var noChecksum = make([]byte, 2)

const afterChecksum = checksumOffset + 2

func (s *sender) prepare(ipv6 bool) {
	s.ipv6 = ipv6
	source, name := unix.PktInfo4(&unix.Inet4Pktinfo{}), unsafe.Sizeof(unix.RawSockaddrInet4{})
	if ipv6 {
		source, name = unix.PktInfo6(&unix.Inet6Pktinfo{}), unsafe.Sizeof(unix.RawSockaddrInet6{})
	}
	for i := range s.headers {
		h := &s.headers[i].header
		h.Iov, h.Name, h.Control = &s.vectors[i][0], (*byte)(unsafe.Pointer(&s.names[i])), &s.control[i][0]
		h.Namelen = uint32(name)
		h.SetControllen(copy(s.control[i][:], source))
	}
	s.write = func(fd uintptr) bool {
		s.sent, s.errno = s.transfer(unix.SYS_SENDMMSG, fd, s.first, s.end)
		return true
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
	s.to(n, m.Destination, port)
	parts := 1
	switch {
	case s.ipv6:
		source := m.Source.As16()
		copy(s.control[n][source6At:], source[:])
		s.set(n, 0, m.Payload)
	default:
		source := m.Source.As4()
		copy(s.control[n][source4At:], source[:])
		if len(m.Payload) < afterChecksum {
			s.set(n, 0, m.Payload)
			break
		}
		s.set(n, 0, m.Payload[:checksumOffset])
		s.set(n, 1, noChecksum)
		s.set(n, 2, m.Payload[afterChecksum:])
		parts = 3
	}
	s.headers[n].header.SetIovlen(parts)
}

// flush sends the first n messages. The kernel stops at one that it refuses; those behind it have their chance.
func (c *Conn) flush(n int, fail func(i int, reason SendReason, err error)) {
	s := &c.send
	for s.first, s.end = 0, n; s.first < n; {
		err := c.raw.Write(s.write)
		if err == nil && s.errno == 0 && s.sent > 0 {
			c.counters.sent.Add(uint64(s.sent))
			s.first += s.sent
			continue
		}
		if err == nil {
			err = failedCall("sendmmsg", s.errno)
		}
		fail(s.of[s.first], reasonOf(err), err)
		s.first++
	}
	clear(s.vectors[:n])
}
