package signaling

import (
	"context"
	"slices"
	"testing"
	"time"
)

func TestSendAllocations(t *testing.T) {
	c := listen(t, mag)
	payload := header(88, 1)
	got := testing.AllocsPerRun(1000, func() {
		if err := c.Send(mag, lma, payload); err != nil {
			t.Fatal(err)
		}
	})
	if got > 1 { // one where the race detector empties the pool of x/net
		t.Errorf("Send allocates %v times", got)
	}
	batch := []Outgoing{{mag, lma, payload}, {mag, lma, payload}}
	if got := testing.AllocsPerRun(1000, func() {
		if failed := c.SendBatch(batch); failed != nil {
			t.Fatal(failed)
		}
	}); got > 1 {
		t.Errorf("SendBatch allocates %v times", got)
	}
}

// BenchmarkPingPong is one PBU-sized message there and one back, over loopback.
func BenchmarkPingPong(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a, z := listen(b, mag), listen(b, lma)
	payload, back := header(96, 1), make(chan struct{}, 1)
	go func() { _ = z.Run(ctx, func(m Message) { _ = z.Send(m.Destination, m.Source, m.Payload) }) }()
	go func() { _ = a.Run(ctx, func(Message) { back <- struct{}{} }) }()
	took := make([]time.Duration, 0, b.N)
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if err := a.Send(mag, lma, payload); err != nil {
			b.Fatal(err)
		}
		<-back
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}
