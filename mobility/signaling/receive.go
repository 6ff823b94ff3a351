package signaling

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// controlSize has room for the addresses, the time and the count of dropped messages.
const controlSize = 256

// receiver keeps the buffers of one Run.
type receiver struct {
	in [batchSize]ipv6.Message
}

func newReceiver() *receiver {
	r := &receiver{}
	for i := range r.in {
		r.in[i].Buffers = [][]byte{make([]byte, MaxPayload+1)} // one more, to tell a message that is too long
		r.in[i].OOB = make([]byte, controlSize)
	}
	return r
}

// receive waits for messages and hands over those that are wanted: as many as have queued up, with one system call. done
// follows the last.
func (r *receiver) receive(c *Conn, handle func(Message), done func()) error {
	n, err := c.batches.ReadBatch(r.in[:], 0)
	if err != nil {
		return err
	}
	for i := range r.in[:n] {
		if message, wanted := c.read(&r.in[i]); wanted {
			c.counters.received.Add(1)
			handle(message)
		}
	}
	done()
	return nil
}

// read takes one message apart, and counts it if it is not wanted.
func (c *Conn) read(in *ipv6.Message) (message Message, wanted bool) {
	message.Payload = in.Buffers[0][:in.N]
	c.readControl(in.OOB[:in.NN], &message)
	port := uint16(Port)
	switch from := in.Addr.(type) {
	case *net.IPAddr:
		message.Source, _ = netip.AddrFromSlice(from.IP)
	case *net.UDPAddr:
		message.Source, _ = netip.AddrFromSlice(from.IP)
		port = uint16(from.Port)
	}
	switch {
	case in.Flags&unix.MSG_TRUNC != 0 || in.N > MaxPayload:
		c.counters.oversize.Add(1)
		return message, false
	case !message.Source.IsValid() || !message.Destination.IsValid():
		c.counters.noDestination.Add(1)
		return message, false
	}
	if message.ReceivedAt.IsZero() {
		message.ReceivedAt = time.Now()
	}
	c.ports.saw(message.Source, port)
	return message, true
}

func (c *Conn) readControl(rest []byte, message *Message) {
	for len(rest) >= unix.SizeofCmsghdr {
		header, data, remainder, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			return
		}
		rest = remainder
		switch {
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			message.Destination = netip.AddrFrom16([16]byte(data))
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			message.Destination = netip.AddrFrom4([4]byte(data[8:])) // ipi_addr, of the packet's header
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SO_TIMESTAMPNS_NEW && len(data) >= 16:
			message.ReceivedAt = time.Unix(int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:])))
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SO_RXQ_OVFL && len(data) >= 4:
			// The kernel reports a running total of this socket with every message that it queues.
			c.counters.kernelDrops.Store(uint64(binary.NativeEndian.Uint32(data)))
		}
	}
}
