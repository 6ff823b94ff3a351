package transport

import (
	"context"
	"net"
	"time"
)

// write writes what is queued until the connection or ctx ends. When Run ends, what is queued by then still leaves if the peer
// takes it.
func (s *stream) write(ctx context.Context) {
	for {
		most := messagesAtOnce
		if s.once {
			most = 1
		}
		items, expiredOnes := s.queue.take(most, time.Now())
		s.h.c.add(expired, expiredOnes)
		switch {
		case len(items) > 0:
			if !s.writeAll(ctx, items) || s.once && !s.awaitClose(ctx) {
				return
			}
		case ctx.Err() != nil:
			return
		default:
			select {
			case <-s.queue.wake:
			case <-ctx.Done():
			}
		}
	}
}

func (s *stream) writeAll(ctx context.Context, items []queued) bool {
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if ctx.Err() != nil {
		if s.h.ctx.Err() == nil {
			s.written.wrote(items, 0, time.Now()) // the peer has ended the connection
			return false
		}
		if s.final.IsZero() {
			s.final = time.Now().Add(lastWrite)
		}
		_ = s.conn.SetWriteDeadline(s.final)
	}
	buffers := make(net.Buffers, len(items))
	for i := range items {
		buffers[i] = items[i].payload
	}
	n, err := buffers.WriteTo(s.conn)
	now := time.Now()
	s.written.wrote(items, n, now)
	s.written.settle(s.conn)
	s.touch(now)
	if err != nil {
		s.noteReset(err)
		return false
	}
	s.h.c.add(sentTCP, len(items))
	return true
}

// awaitClose waits for the peer to close the connection, as it did with others after one message. false: it did.
func (s *stream) awaitClose(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(awaitedClose):
		s.once = false
		return true
	}
}
