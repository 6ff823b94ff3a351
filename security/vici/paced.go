package vici

import (
	"encoding/binary"
	"net"
	"sync"
)

// mostUntaken is how many messages may wait in govici for whoever reads a list. govici itself has room for 128, and throws away
// what comes beyond, without a word: a snapshot would lack SAs that stand, and a lost reply would end the session.
const mostUntaken = 64

// pacedConn is a connection to charon from which govici reads no further message while mostUntaken of them wait. charon waits
// meanwhile.
type pacedConn struct {
	net.Conn

	// Where in a message the reader is; of use to it alone.
	header []byte // as far as it came, of the four octets of length before each message
	left   uint32 // octets of the message

	mu      sync.Mutex
	room    *sync.Cond
	untaken int
	closed  bool
}

func newPacedConn(c net.Conn) *pacedConn {
	p := &pacedConn{Conn: c, header: make([]byte, 0, 4)}
	p.room = sync.NewCond(&p.mu)
	return p
}

// Read waits for room before the first octet of each message.
func (p *pacedConn) Read(b []byte) (int, error) {
	if len(p.header) == 0 {
		p.mu.Lock()
		for p.untaken >= mostUntaken && !p.closed {
			p.room.Wait()
		}
		p.mu.Unlock()
	}
	n, err := p.Conn.Read(b)
	p.follow(b[:n])
	return n, err
}

// follow finds the ends of messages in what was read.
func (p *pacedConn) follow(b []byte) {
	for len(b) > 0 {
		if missing := 4 - len(p.header); missing > 0 {
			part := b[:min(missing, len(b))]
			p.header, b = append(p.header, part...), b[len(part):]
			if len(p.header) < 4 {
				return
			}
			p.left = binary.BigEndian.Uint32(p.header)
		}
		part := min(uint64(p.left), uint64(len(b)))
		p.left, b = p.left-uint32(part), b[part:]
		if p.left == 0 {
			p.header = p.header[:0]
			p.mu.Lock()
			p.untaken++
			p.mu.Unlock()
		}
	}
}

// took says that one message was taken from govici.
func (p *pacedConn) took() {
	p.mu.Lock()
	p.untaken = max(0, p.untaken-1)
	p.mu.Unlock()
	p.room.Signal()
}

// begin a command: nothing of an earlier one waits.
func (p *pacedConn) begin() {
	p.mu.Lock()
	p.untaken = 0
	p.mu.Unlock()
	p.room.Signal()
}

// Close wakes a reader that waits for room.
func (p *pacedConn) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.room.Broadcast()
	return p.Conn.Close()
}
