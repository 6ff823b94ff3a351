package transport

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkPingPong is one message of an event's size there and its acknowledgement back, over loopback.
func BenchmarkPingPong(b *testing.B) {
	for _, protocol := range []Protocol{UDP, TCP} {
		b.Run(protocol.String(), func(b *testing.B) {
			a, z := listen(b, a6), listen(b, b6)
			back := make(chan struct{}, 1)
			echo(b, z)
			run(b, a, func([]Packet) { back <- struct{}{} })
			payload, took := message(100, 1), make([]time.Duration, 0, b.N)
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				mustSend(b, a, to(b6, protocol), payload)
				<-back
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
		})
	}
}

// BenchmarkStream is the cost of a message and its acknowledgement when many are under way: both sides send in batches, and the
// acknowledgements of what arrived together leave together.
func BenchmarkStream(b *testing.B) {
	for _, protocol := range []Protocol{UDP, TCP} {
		for _, window := range []int{32, 256} {
			b.Run(fmt.Sprintf("%s/window%d", protocol, window), func(b *testing.B) { benchmarkStream(b, protocol, window) })
		}
	}
}

func benchmarkStream(b *testing.B, protocol Protocol, window int) {
	a, z := listen(b, a6), listen(b, b6)
	acknowledgement := message(24, 2)
	var answers []Outgoing
	run(b, z, func(packets []Packet) {
		answers = answers[:0]
		for i := range packets {
			answers = append(answers, Outgoing{packets[i].Reply(), acknowledgement})
		}
		if failed := z.SendBatch(answers); failed != nil {
			b.Error(failed)
		}
	})
	credit := make(chan int, 1+window)
	run(b, a, func(packets []Packet) { credit <- len(packets) })
	credit <- window
	batch := make([]Outgoing, window)
	for i := range batch {
		batch[i] = Outgoing{to(b6, protocol), message(100, 1)}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for sent, room := 0, 0; sent < b.N; {
		if room == 0 {
			room = <-credit
		}
		n := min(room, b.N-sent)
		if failed := a.SendBatch(batch[:n]); failed != nil {
			b.Fatal(failed)
		}
		sent, room = sent+n, room-n
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func TestSendAllocations(t *testing.T) {
	a := listen(t, a6)
	payload := message(100, 1)
	d := to(b6, UDP)
	if got := testing.AllocsPerRun(1000, func() { _ = a.Send(d, payload) }); got > 12 {
		t.Errorf("Send allocates %v times", got)
	}
}
