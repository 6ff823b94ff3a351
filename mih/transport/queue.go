package transport

import (
	"bytes"
	"net/netip"
	"slices"
	"sync"
	"time"

	"netlmm/mih/internal/fifo"
)

// queued is a message that waits for a TCP connection.
type queued struct {
	payload []byte
	source  netip.Addr
	dial    netip.AddrPort // where it can go if its connection ends; zero: nowhere
	until   time.Time      // when it is too old
}

// queue is what waits for one TCP connection, in order. Whoever puts something never waits.
type queue struct {
	messages, octets int // the bounds

	mu    sync.Mutex
	items fifo.Queue[queued]
	size  int           // of the payloads
	wake  chan struct{} // holds one element when there may be something to take
}

func newQueue(c *Config) *queue {
	return &queue{messages: c.QueueMessages, octets: c.QueueOctets, wake: make(chan struct{}, 1)}
}

// put appends a copy; false: the queue is full.
func (q *queue) put(item queued, payload []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.items.Len() >= q.messages || q.items.Len() > 0 && q.size+len(payload) > q.octets {
		return false
	}
	item.payload = bytes.Clone(payload)
	q.items.Push(item)
	q.size += len(payload)
	q.signal()
	return true
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// putBack puts messages before all others: they were taken before those came. They have been within the bounds.
func (q *queue) putBack(items []queued) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, item := range items {
		q.size += len(item.payload)
	}
	q.items = fifo.Of(slices.Concat(items, q.items.All()))
	q.signal()
}

// take takes up to so many messages, and says how many were dropped because they had become too old.
func (q *queue) take(most int, now time.Time) (items []queued, expired int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for q.items.Len() > 0 && now.After(q.items.All()[0].until) {
			q.pop()
			expired++
		}
		if q.items.Len() == 0 || len(items) == most {
			return items, expired
		}
		if items == nil {
			items = make([]queued, 0, min(most, q.items.Len()))
		}
		items = append(items, q.pop())
	}
}

// pop takes the first one, of which there must be one.
func (q *queue) pop() queued {
	first := q.items.Pop()
	q.size -= len(first.payload)
	return first
}

// expire drops the messages that have become too old, and says how many.
func (q *queue) expire(now time.Time) int {
	_, expired := q.take(0, now)
	return expired
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items.Len()
}
