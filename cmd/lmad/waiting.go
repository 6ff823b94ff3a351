package main

import (
	"net/netip"
	"sync"
	"time"

	"netlmm/mobility/lma"
)

// Bounds of the wait for charon's word on who a gateway is.
const (
	identityPatience = 200 * time.Millisecond // for each message; charon lists its associations in much less
	waitingOfOne     = 256                    // messages of one gateway
	waitingOfAll     = 4096
)

// waitingRoom holds messages of gateways whose security association charon has not told us of yet: right after a start, or
// when a gateway's first update is faster than charon's event. They came through IPsec, or the packet filter would have
// stopped them; answered at once they would be refused with status 154, and the gateway would take that for final.
type waitingRoom struct {
	leaves func(lma.MessageReceived)                    // takes a message whose sender's association was announced
	late   func(m lma.MessageReceived, since time.Time) // takes one that waited since then in vain

	mu    sync.Mutex
	of    map[netip.Addr]*queueOfOne
	count int
}

// queueOfOne holds the messages of one gateway, in the order they came.
type queueOfOne struct {
	messages []waitingMessage
	timer    *time.Timer // for the first of them
}

type waitingMessage struct {
	lma.MessageReceived
	since time.Time
}

// enter keeps a message until leave is called for its source, or patience ends; false when the room is full.
func (w *waitingRoom) enter(m lma.MessageReceived) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[netip.Addr]*queueOfOne{}
	}
	q := w.of[m.Source]
	if w.count >= waitingOfAll || q != nil && len(q.messages) >= waitingOfOne {
		return false
	}
	if q == nil {
		q = &queueOfOne{}
		q.timer = time.AfterFunc(identityPatience, func() { w.expire(m.Source, q) })
		w.of[m.Source] = q
	}
	q.messages = append(q.messages, waitingMessage{m, time.Now()})
	w.count++
	return true
}

// leave passes the messages of source on, in the order they came.
func (w *waitingRoom) leave(source netip.Addr) {
	w.mu.Lock()
	var messages []waitingMessage
	if q := w.of[source]; q != nil {
		q.timer.Stop()
		messages = w.take(source, q, len(q.messages))
	}
	w.mu.Unlock()
	for _, m := range messages {
		w.leaves(m.MessageReceived)
	}
}

// expire gives up on those messages of source that have waited long enough. The timer of a queue that has left finds another
// one or none in its place.
func (w *waitingRoom) expire(source netip.Addr, q *queueOfOne) {
	w.mu.Lock()
	var messages []waitingMessage
	if w.of[source] == q {
		n := 0
		for n < len(q.messages) && time.Since(q.messages[n].since) >= identityPatience {
			n++
		}
		messages = w.take(source, q, n)
		if len(q.messages) > 0 {
			q.timer.Reset(identityPatience - time.Since(q.messages[0].since))
		}
	}
	w.mu.Unlock()
	for _, m := range messages {
		w.late(m.MessageReceived, m.since)
	}
}

// take the first n messages out of the queue of source.
func (w *waitingRoom) take(source netip.Addr, q *queueOfOne, n int) []waitingMessage {
	taken := q.messages[:n]
	q.messages = q.messages[n:]
	w.count -= n
	if len(q.messages) == 0 {
		delete(w.of, source)
	}
	return taken
}
