package transport

import (
	"net"
	"time"

	"golang.org/x/sys/unix"

	"netlmm/mih/internal/fifo"
)

// ledger keeps what was written to a connection until it is known to have arrived: that much would be lost with the connection,
// and no acknowledgement of MIH is used over TCP (RFC 5677 section 6). The socket's send buffer bounds it.
//
// The acknowledgement of the peer's TCP says that its kernel has a message. If the peer closes the connection without having
// read it, its kernel says so with a reset in place of an orderly end; therefore the last ones are kept a while longer. That
// does happen: to answers on a connection that was closed after the question, and to what follows the first message to a peer
// that takes one of each connection.
type ledger struct {
	octets  int64 // written
	entries fifo.Queue[entry]
	count   int // of the messages ever written

	recent fifo.Queue[entry] // acknowledged
	size   int               // of their payloads
}

type entry struct {
	queued
	end int64     // how many octets were written with it
	at  time.Time // when
}

const (
	keptMessages = 16 // of at most MaximumMessage octets together
	keptFor      = 2 * time.Second
)

// wrote enters messages of which n octets were written.
func (l *ledger) wrote(items []queued, n int64, now time.Time) {
	end := l.octets
	for _, item := range items {
		end += int64(len(item.payload))
		l.entries.Push(entry{item, end, now})
	}
	l.octets += n
	l.count += len(items)
}

// settle strikes out what is acknowledged.
func (l *ledger) settle(conn *net.TCPConn) {
	arrived := l.octets - waiting(conn, l.octets)
	for l.entries.Len() > 0 && l.entries.All()[0].end <= arrived {
		e := l.entries.Pop()
		l.recent.Push(e)
		l.size += len(e.payload)
		for l.recent.Len() > keptMessages || l.size > MaximumMessage {
			l.size -= len(l.recent.Pop().payload)
		}
	}
}

// waiting is how many of the octets written the peer's TCP has not acknowledged.
func waiting(conn *net.TCPConn, written int64) int64 {
	raw, err := conn.SyscallConn()
	if err != nil {
		return written
	}
	_ = raw.Control(func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			written = int64(n)
		}
	})
	return written
}

// unsettled are the messages that may not have arrived. reset: the peer has not ended the connection in order.
func (l *ledger) unsettled(reset bool, now time.Time) (items []queued) {
	for _, e := range l.recent.All() {
		if reset && now.Sub(e.at) < keptFor {
			items = append(items, e.queued)
		}
	}
	for _, e := range l.entries.All() {
		items = append(items, e.queued)
	}
	return items
}
