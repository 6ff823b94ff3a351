package mihf

import "sync/atomic"

// Queue is the bounded way between an MIH Function and one of its users, or between a SAP and the MIH Function. Push never
// blocks; what finds it full is dropped and counted. It is safe for concurrent use.
type Queue[T any] struct {
	items   chan T
	dropped atomic.Uint64
}

// NewQueue makes a queue that holds capacity items.
func NewQueue[T any](capacity int) *Queue[T] { return &Queue[T]{items: make(chan T, capacity)} }

// Push appends an item; false when the queue was full and the item was dropped.
func (q *Queue[T]) Push(item T) bool {
	select {
	case q.items <- item:
		return true
	default:
		q.dropped.Add(1)
		return false
	}
}

// Items is where the queue is read.
func (q *Queue[T]) Items() <-chan T { return q.items }

// Len is the number of items that wait.
func (q *Queue[T]) Len() int { return len(q.items) }

// Dropped counts the items that found the queue full.
func (q *Queue[T]) Dropped() uint64 { return q.dropped.Load() }
