// Package fifo is the one queue that the packages of MIH have.
package fifo

import "slices"

// Queue uses its memory again, and gives it back after a rush. The zero value is empty.
type Queue[T any] struct {
	slots []T
	head  int
}

const keptSlots = 256

// Of is a queue that holds these, which are the queue's from then on.
func Of[T any](slots []T) Queue[T] { return Queue[T]{slots: slots} }

// All are those that wait, the first one first. They are the queue's.
func (q *Queue[T]) All() []T { return q.slots[q.head:] }

// Len is how many wait.
func (q *Queue[T]) Len() int { return len(q.slots) - q.head }

// Push appends one.
func (q *Queue[T]) Push(v T) {
	if len(q.slots) == cap(q.slots) && q.head > len(q.slots)/2 {
		n := copy(q.slots, q.All())
		clear(q.slots[n:])
		q.slots, q.head = q.slots[:n], 0
	}
	q.slots = append(q.slots, v)
}

// Pop takes the first, of which there must be one.
func (q *Queue[T]) Pop() (v T) {
	v, q.slots[q.head] = q.slots[q.head], v
	if q.head++; q.head == len(q.slots) {
		q.slots, q.head = q.slots[:0], 0
		if cap(q.slots) > keptSlots {
			q.slots = nil
		}
	}
	return v
}

// Remove takes out those that unwanted names. The others stay in order.
func (q *Queue[T]) Remove(unwanted func(T) bool) {
	kept := slices.DeleteFunc(q.All(), unwanted)
	q.slots = q.slots[:q.head+len(kept)]
}
