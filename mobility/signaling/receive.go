package signaling

import (
	"encoding/binary"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSize has room for the addresses, the time and the count of dropped messages.
const controlSize = 256

// receiveSize is how many messages one system call receives at most. It is less than what one sends: who answers all that came
// at once lets its peers wait for the first answer until the last is ready, and works while they rest; with half of it each
// side has something to do. With 32 clients at an anchor that forwards, 16 made some 15 % to 30 % more registrations a second.
const receiveSize = 16

// receiver keeps the buffers of one Run.
type receiver struct {
	frames
	payloads [receiveSize][MaxPayload + 1]byte // one more, to tell a message that is too long
	n        int                               // of the last system call
	errno    unix.Errno
}

func newReceiver() *receiver {
	r := &receiver{n: receiveSize}
	for i := range r.payloads {
		r.set(i, 0, r.payloads[i][:])
		h := &r.headers[i].header
		h.Iov, h.Name, h.Control = &r.vectors[i][0], (*byte)(unsafe.Pointer(&r.names[i])), &r.control[i][0]
		h.SetIovlen(1)
	}
	return r
}

// receive waits for messages and hands over those that are wanted: as many as have queued up, with one system call. done
// follows the last.
func (r *receiver) receive(c *Conn, handle func(Message), done func()) error {
	for i := range r.n { // the kernel has written how much of the room it used
		r.names[i].Family = unix.AF_UNSPEC
		r.headers[i].header.Namelen = uint32(unsafe.Sizeof(r.names[i]))
		r.headers[i].header.SetControllen(controlSize)
	}
	r.n = 0
	if err := c.raw.Read(r.attempt); err != nil {
		return err
	}
	if err := failedCall("recvmmsg", r.errno); err != nil {
		return err
	}
	for i := range r.n {
		if message, wanted := r.read(c, i); wanted {
			c.counters.received.Add(1)
			handle(message)
		}
	}
	done()
	return nil
}

// attempt receives what there is; false: it has to be called again when there is something.
func (r *receiver) attempt(fd uintptr) bool {
	n, errno := r.transfer(unix.SYS_RECVMMSG, fd, 0, receiveSize)
	if r.errno = errno; errno == unix.EAGAIN {
		return false
	}
	if errno == 0 {
		r.n = n
	}
	return true
}

// read takes message i apart, and counts it if it is not wanted.
func (r *receiver) read(c *Conn, i int) (message Message, wanted bool) {
	header, length := &r.headers[i].header, int(r.headers[i].length)
	message.Payload = r.payloads[i][:length:length]
	c.readControl(r.control[i][:header.Controllen], &message)
	port := uint16(0)
	message.Source, port = r.from(i)
	switch {
	case header.Flags&unix.MSG_TRUNC != 0 || length > MaxPayload:
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
