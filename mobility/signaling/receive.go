package signaling

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

var errDropped = errors.New("message dropped")

// receiver keeps the buffers of one Run, so that receiving allocates only what recvmsg itself does.
type receiver struct {
	payload [MaxPayload + 1]byte // one more, to tell a message that is too long
	control [256]byte

	n, controlLength int
	flags            int
	from             unix.Sockaddr
	err              error
	call             func(fd uintptr) bool
}

func newReceiver() *receiver {
	r := &receiver{}
	r.call = func(fd uintptr) bool {
		r.n, r.controlLength, r.flags, r.from, r.err = unix.Recvmsg(int(fd), r.payload[:], r.control[:], unix.MSG_DONTWAIT)
		return r.err != unix.EAGAIN && r.err != unix.EINTR
	}
	return r
}

// receive waits for one message; errDropped stands for one that was read and not wanted.
func (r *receiver) receive(c *Conn) (Message, error) {
	err := c.raw.Read(r.call)
	if err == nil {
		err = r.err
	}
	if err != nil {
		return Message{}, err
	}
	message := Message{Payload: r.payload[:r.n]}
	r.readControl(c, &message)
	from, ok := r.from.(*unix.SockaddrInet6)
	switch {
	case r.flags&unix.MSG_TRUNC != 0 || r.n > MaxPayload:
		c.counters.oversize.Add(1)
		return Message{}, errDropped
	case !ok || !message.Destination.IsValid():
		c.counters.noDestination.Add(1)
		return Message{}, errDropped
	}
	message.Source = netip.AddrFrom16(from.Addr)
	if message.ReceivedAt.IsZero() {
		message.ReceivedAt = time.Now()
	}
	return message, nil
}

func (r *receiver) readControl(c *Conn, message *Message) {
	rest := r.control[:r.controlLength]
	for len(rest) >= unix.SizeofCmsghdr {
		header, data, remainder, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			return
		}
		rest = remainder
		switch {
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= 16:
			message.Destination = netip.AddrFrom16([16]byte(data))
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SO_TIMESTAMPNS_NEW && len(data) >= 16:
			message.ReceivedAt = time.Unix(int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:])))
		case header.Level == unix.SOL_SOCKET && header.Type == unix.SO_RXQ_OVFL && len(data) >= 4:
			// The kernel reports a running total of this socket with every message that it queues.
			c.counters.kernelDrops.Store(uint64(binary.NativeEndian.Uint32(data)))
		}
	}
}
