package timers

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestDueInOrder: whatever is set, set again and stopped, each timer is due once, at its last deadline, and in order.
func TestDueInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Heap
		start := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
		timers, want := make([]*Timer, 8), map[int]time.Time{}
		var due []int
		for i := range timers {
			timers[i] = &Timer{Due: func(time.Time) { due = append(due, i) }}
		}
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			i := rapid.IntRange(0, 7).Draw(t, "timer")
			if rapid.IntRange(0, 3).Draw(t, "stop") == 0 {
				h.Stop(timers[i])
				delete(want, i)
				continue
			}
			want[i] = start.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "at")) * time.Second)
			h.Set(timers[i], want[i])
		}
		if h.Len() != len(want) {
			t.Fatalf("%d timers are set, want %d", h.Len(), len(want))
		}
		for i, timer := range timers {
			if _, wanted := want[i]; timer.IsSet() != wanted {
				t.Fatalf("timer %d is set: %t, want %t", i, timer.IsSet(), wanted)
			}
		}
		h.Expire(start.Add(time.Hour))
		if _, left := h.Next(); left || len(due) != len(want) {
			t.Fatalf("%d were due, want %d", len(due), len(want))
		}
		for n := 1; n < len(due); n++ {
			if want[due[n]].Before(want[due[n-1]]) {
				t.Fatalf("%v came before %v", want[due[n-1]], want[due[n]])
			}
		}
	})
}

// TestStopAll: what one that is due stops is not due, and can be set again.
func TestStopAll(t *testing.T) {
	var h Heap
	var due []string
	start := time.Unix(1000, 0)
	first := &Timer{Due: func(time.Time) { due = append(due, "first"); h.StopAll() }}
	second := &Timer{Due: func(time.Time) { due = append(due, "second") }}
	h.Set(second, start.Add(time.Second))
	h.Set(first, start)
	if h.ExpireOne(start.Add(-1)) {
		t.Error("due before its time")
	}
	h.Expire(start.Add(time.Minute))
	if len(due) != 1 || due[0] != "first" || first.IsSet() || second.IsSet() || h.Len() != 0 {
		t.Errorf("due %q, %d set", due, h.Len())
	}
	h.Set(second, start)
	if !h.ExpireOne(start) || len(due) != 2 || h.ExpireOne(start) {
		t.Errorf("due %q", due)
	}
}
