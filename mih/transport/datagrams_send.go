package transport

import (
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// batchSize is how many datagrams one system call sends at most.
const batchSize = 32

// The longest payload of UDP: its length field has 16 bits, over IPv4 that of IP has too.
const (
	longestOverIPv4 = 65535 - 20 - 8
	longestOverIPv6 = 65535 - 8
)

// datagramSender keeps what sendmmsg needs.
type datagramSender struct {
	mu       sync.Mutex
	messages [batchSize]ipv6.Message
	names    [batchSize]net.UDPAddr
	octets   [batchSize][16]byte // of the names
	control  [batchSize][]byte   // with room for a source address; nil: the socket has only one
	sourceAt int
	longest  int
}

func (s *datagramSender) prepare(bound netip.Addr) {
	s.longest = longestOverIPv4
	if bound.Is6() {
		s.longest = longestOverIPv6
	}
	for i := range s.messages {
		s.messages[i].Buffers, s.messages[i].Addr = make([][]byte, 1), &s.names[i]
		switch {
		case !bound.IsUnspecified():
		case bound.Is6():
			s.control[i], s.sourceAt = unix.PktInfo6(&unix.Inet6Pktinfo{}), unix.CmsgLen(0)
		default:
			s.control[i], s.sourceAt = unix.PktInfo4(&unix.Inet4Pktinfo{}), unix.CmsgLen(0)+4 // ipi_spec_dst
		}
	}
}

// fill makes message i of the next system call.
func (s *datagramSender) fill(i int, o *Outgoing) {
	s.messages[i].Buffers[0] = o.Payload
	a := o.To.Addr.Addr()
	s.names[i].IP, s.names[i].Port, s.names[i].Zone = into(s.octets[i][:], a), int(o.To.Addr.Port()), a.Zone()
	s.messages[i].OOB = nil
	if s.control[i] != nil && o.To.Source.IsValid() {
		into(s.control[i][s.sourceAt:], o.To.Source)
		s.messages[i].OOB = s.control[i]
	}
}

// into writes the address to the beginning of these octets.
func into(octets []byte, a netip.Addr) []byte {
	if a.Is4() {
		four := a.As4()
		return octets[:copy(octets, four[:])]
	}
	sixteen := a.As16()
	return octets[:copy(octets, sixteen[:])]
}

// sendDatagrams sends up to batchSize messages with as few system calls as can be. The kernel stops at one that it refuses;
// those behind it have their chance.
func (c *Conn) sendDatagrams(d *datagrams, messages []Outgoing, fail func(i int, err *SendError)) {
	s := &d.send
	s.mu.Lock()
	defer s.mu.Unlock()
	var of [batchSize]int
	n := 0
	for i := range messages {
		if len(messages[i].Payload) > s.longest {
			fail(i, &SendError{Reason: TooBig, Maximum: c.MaximumDatagram(messages[i].To)})
			continue
		}
		s.fill(n, &messages[i])
		of[n] = i
		n++
	}
	for first := 0; first < n; {
		sent, err := d.batch.WriteBatch(s.messages[first:n], unix.MSG_DONTWAIT)
		if err == nil && sent > 0 {
			c.add(sentUDP, sent)
			first += sent
			continue
		}
		failed := &SendError{Reason: reasonOf(err), Err: err}
		if failed.Reason == TooBig {
			failed.Maximum = c.tooBig(messages[of[first]].To, len(messages[of[first]].Payload))
		}
		fail(of[first], failed)
		first++
	}
	for i := range n {
		s.messages[i].Buffers[0] = nil
	}
}
