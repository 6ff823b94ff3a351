package transport

// fifo is a queue that uses its memory again, and gives it back after a rush.
type fifo[T any] struct {
	slots []T
	head  int
}

const keptSlots = 256

func (f *fifo[T]) all() []T { return f.slots[f.head:] }

func (f *fifo[T]) length() int { return len(f.slots) - f.head }

func (f *fifo[T]) push(v T) {
	if len(f.slots) == cap(f.slots) && f.head > len(f.slots)/2 {
		n := copy(f.slots, f.all())
		clear(f.slots[n:])
		f.slots, f.head = f.slots[:n], 0
	}
	f.slots = append(f.slots, v)
}

// pop takes the first, of which there must be one.
func (f *fifo[T]) pop() (v T) {
	v, f.slots[f.head] = f.slots[f.head], v
	if f.head++; f.head == len(f.slots) {
		f.slots, f.head = f.slots[:0], 0
		if cap(f.slots) > keptSlots {
			f.slots = nil
		}
	}
	return v
}
