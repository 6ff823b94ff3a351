package fifo

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestQueueIsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f Queue[int]
		var model []int
		for i := range rapid.IntRange(0, 1000).Draw(t, "steps") {
			if len(model) > 0 && rapid.IntRange(0, 2).Draw(t, "pop") == 0 {
				if got := f.Pop(); got != model[0] {
					t.Fatalf("%d, want %d", got, model[0])
				}
				model = model[1:]
			} else {
				f.Push(i)
				model = append(model, i)
			}
			if f.Len() != len(model) || !slices.Equal(f.All(), model) {
				t.Fatalf("%v, want %v", f.All(), model)
			}
		}
	})
}
