package transport

import (
	"testing"
	"time"
)

func TestQueueKeepsItsBounds(t *testing.T) {
	now := time.Unix(1000, 0)
	q := newQueue(&Config{QueueMessages: 3, QueueOctets: 100})
	item := queued{until: now.Add(time.Second)}
	if !q.put(item, make([]byte, 200)) {
		t.Error("one that is longer than the bound has to have its chance")
	}
	if q.put(item, make([]byte, 1)) {
		t.Error("beyond the octets")
	}
	q.take(1, now)
	for i, want := range []bool{true, true, true, false} {
		if got := q.put(item, []byte{byte(i)}); got != want {
			t.Errorf("message %d is taken: %v", i, got)
		}
	}
	items, _ := q.take(2, now)
	q.putBack(items)
	items, expired := q.take(10, now)
	if len(items) != 3 || expired != 0 || items[0].payload[0] != 0 || items[2].payload[0] != 2 {
		t.Errorf("%v, %d too old", items, expired)
	}
	q.put(item, []byte{1})
	if q.expire(now.Add(2*time.Second)) != 1 || q.length() != 0 || q.size != 0 {
		t.Errorf("%d messages, %d octets", q.length(), q.size)
	}
}

// TestTheCallersPayloadIsItsOwn when Send has returned.
func TestTheCallersPayloadIsItsOwn(t *testing.T) {
	a, b := listen(t, a6), listen(t, b6)
	collect(t, a)
	received := collect(t, b)
	payload := message(20, 1)
	mustSend(t, a, to(b6, TCP), payload)
	clear(payload)
	if p := next(t, received); p.Payload[19] != 1 {
		t.Error("the message has changed on its way")
	}
}
