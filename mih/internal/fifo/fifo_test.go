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
			switch what := rapid.IntRange(0, 8).Draw(t, "what"); {
			case len(model) > 0 && what < 3:
				if got := f.Pop(); got != model[0] {
					t.Fatalf("%d, want %d", got, model[0])
				}
				model = model[1:]
			case what == 3:
				divisor := rapid.IntRange(1, 5).Draw(t, "divisor")
				unwanted := func(n int) bool { return n%divisor == 0 }
				f.Remove(unwanted)
				model = slices.DeleteFunc(model, unwanted)
			default:
				f.Push(i)
				model = append(model, i)
			}
			if f.Len() != len(model) || !slices.Equal(f.All(), model) {
				t.Fatalf("%v, want %v", f.All(), model)
			}
		}
	})
}
