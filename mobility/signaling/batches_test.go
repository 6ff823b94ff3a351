package signaling

import (
	"context"
	"testing"
)

// TestPayloadsLiveAsLongAsTheirBatch keeps payloads until done, as RunBatches allows.
func TestPayloadsLiveAsLongAsTheirBatch(t *testing.T) {
	namespace := newLink(t)
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			from, to := listenAt(t, namespace, f.far), listenAt(t, "", f.near)
			const count = 2*batchSize + 3
			var messages []Outgoing
			for i := range count {
				messages = append(messages, Outgoing{f.far, f.near, header(88, byte(i))})
			}
			if failed := from.SendBatch(messages); failed != nil { // all wait in the socket before the first is read
				t.Fatal(failed)
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var held []Message
			arrived, batches := 0, 0
			err := to.RunBatches(ctx, func(m Message) { held = append(held, m) }, func() {
				batches++
				for _, m := range held {
					if m.Payload[87] != byte(arrived) {
						t.Errorf("message %d has the payload of %d", arrived, m.Payload[87])
					}
					arrived++
				}
				held = held[:0]
				if arrived == count {
					cancel()
				}
			})
			if err != nil || batches >= count {
				t.Errorf("%d messages in %d batches, %v", arrived, batches, err)
			}
		})
	}
}
