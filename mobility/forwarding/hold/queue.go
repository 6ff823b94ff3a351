package hold

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	nfqueue "github.com/florianl/go-nfqueue/v2"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"netlmm/mobility/forwarding/internal/namespace"
)

const (
	// firstQueue and the numbers behind it are tried until one is nobody's.
	firstQueue = 21300
	lastQueue  = firstQueue + 99
	// queueLength is how many packets wait in the kernel for us to read them, at most.
	queueLength = 4096
	// receiveBuffer is what they may take there, in octets of the kernel's counting, about twice theirs.
	receiveBuffer = 16 << 20
	wholePackets  = 0xffff
)

// queue is the line of nfnetlink_queue.
type queue struct {
	number   uint16
	space    namespace.Space
	counts   *os.File // the kernel's counters of queues
	received func(octets []byte, whole bool) (keep bool)

	mu     sync.Mutex
	socket *nfqueue.Nfqueue
	cancel context.CancelFunc // ends the reading of socket
	failed atomic.Bool        // it ended by itself
}

// newQueue takes the first queue that is free in the network namespace of the calling thread. received is called in one goroutine.
func newQueue(received func(octets []byte, whole bool) (keep bool)) (*queue, error) {
	space, err := namespace.Current()
	if err != nil {
		return nil, fmt.Errorf("hold: %w", err)
	}
	q := &queue{received: received, space: space}
	for q.number = firstQueue; q.number <= lastQueue; q.number++ {
		if err = q.bind(); err == nil || !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EBUSY) {
			break
		}
	}
	if err == nil { // which is there once there is a queue
		q.counts, err = os.Open("/proc/thread-self/net/netfilter/nfnetlink_queue")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold: take a queue of nfnetlink_queue (CAP_NET_ADMIN and CONFIG_NETFILTER_NETLINK_QUEUE, module nfnetlink_queue): %w", err), q.close())
	}
	return q, nil
}

// bind opens the queue and begins to read it.
func (q *queue) bind() error {
	socket, err := nfqueue.Open(&nfqueue.Config{NfQueue: q.number, NetNS: q.space.FD(), MaxPacketLen: wholePackets, MaxQueueLen: queueLength,
		Copymode: nfqueue.NfQnlCopyPacket})
	if err != nil {
		return err
	}
	_ = socket.Con.SetReadBuffer(receiveBuffer) // what it is otherwise will do, for less
	err = socket.SetOption(netlink.NoENOBUFS, true)
	ctx, cancel := context.WithCancel(context.Background())
	if err == nil {
		take := func(a nfqueue.Attribute) int { return q.take(socket, a) }
		err = socket.RegisterWithErrorFunc(ctx, take, q.trouble)
	}
	if err != nil {
		cancel()
		_ = socket.Con.Close()
		return err
	}
	q.socket, q.cancel = socket, cancel
	q.failed.Store(false)
	return nil
}

// take decides about one packet.
func (q *queue) take(socket *nfqueue.Nfqueue, a nfqueue.Attribute) int {
	if a.PacketID == nil {
		return 0
	}
	verdict := nfqueue.NfAccept
	if a.Payload != nil && q.received(*a.Payload, a.CapLen == nil) {
		verdict = nfqueue.NfDrop
	}
	_ = socket.SetVerdict(*a.PacketID, verdict) // one that failed keeps a place in the queue until that is bound again
	return 0
}

// trouble says whether reading ends.
func (q *queue) trouble(err error) int {
	var op *netlink.OpError
	if errors.As(err, &op) && (op.Timeout() || op.Temporary()) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EINTR) {
		return 0
	}
	q.failed.Store(true)
	return 1
}

// quiet implements line.
func (q *queue) quiet() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.socket == nil {
		return true
	}
	raw, err := q.socket.Con.SyscallConn()
	if err != nil {
		return true
	}
	ready := 0
	err = raw.Control(func(fd uintptr) {
		ready, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	})
	return err != nil || ready == 0
}

// overrun implements line.
func (q *queue) overrun() uint64 {
	text, err := io.ReadAll(io.NewSectionReader(q.counts, 0, 1<<20))
	if err != nil {
		return 0
	}
	return overrunOf(text, q.number)
}

// overrunOf finds a queue in what the kernel says of all: its number, who reads it, packets waiting, copy mode and range, dropped
// because too many waited, dropped because they could not be handed over, identifiers given, 1.
func overrunOf(text []byte, number uint16) uint64 {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var n, reader, waiting, mode, length, full, refused uint64
		if _, err := fmt.Sscan(lines.Text(), &n, &reader, &waiting, &mode, &length, &full, &refused); err == nil && n == uint64(number) {
			return full + refused
		}
	}
	return 0
}

// mend implements line: it binds the queue again after reading ended by itself.
func (q *queue) mend() error {
	if !q.failed.Load() {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.socket != nil {
		q.cancel()
		_ = q.socket.Close()
		q.socket = nil
	}
	if err := q.bind(); err != nil {
		return fmt.Errorf("hold: bind queue %d again: %w", q.number, err)
	}
	return nil
}

// close implements line.
func (q *queue) close() error {
	q.mu.Lock()
	socket := q.socket
	q.socket = nil
	q.mu.Unlock()
	var errs []error
	if socket != nil {
		q.cancel() // Close waits for that
		errs = append(errs, socket.Close())
	}
	if q.counts != nil {
		errs = append(errs, q.counts.Close())
	}
	return errors.Join(append(errs, q.space.Close())...)
}
