package signaling

import (
	"context"
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

const burst = 32

// BenchmarkBurst sends PBU-sized messages over a link, 32 at one stroke, as an anchor answers after a power-cut or a gateway
// refreshes its bindings. The processor time is that of both ends. System calls: run it under strace -f -c.
func BenchmarkBurst(b *testing.B) {
	for _, f := range families {
		b.Run(f.name+"/Send", func(b *testing.B) {
			benchmarkBurst(b, f, func(from *Conn, messages []Outgoing) error {
				for _, m := range messages {
					if err := from.Send(m.Source, m.Destination, m.Payload); err != nil {
						return err
					}
				}
				return nil
			})
		})
		b.Run(f.name+"/SendBatch", func(b *testing.B) {
			benchmarkBurst(b, f, func(from *Conn, messages []Outgoing) error { return errors.Join(from.SendBatch(messages)...) })
		})
	}
}

func benchmarkBurst(b *testing.B, f family, send func(*Conn, []Outgoing) error) {
	from, to := listenAt(b, newLink(b), f.far), listenAt(b, "", f.near)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	arrived, complete := 0, make(chan struct{}, 1)
	go func() {
		_ = to.Run(ctx, func(Message) {
			if arrived++; arrived%burst == 0 {
				complete <- struct{}{}
			}
		})
	}()
	messages := slices.Repeat([]Outgoing{{f.far, f.near, header(96, 1)}}, burst)
	before := processorTime(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := send(from, messages); err != nil {
			b.Fatal(err)
		}
		<-complete
	}
	total := float64(b.N * burst)
	b.ReportMetric(float64(processorTime(b)-before)/total, "cpu-ns/msg")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/total, "ns/msg")
}

// processorTime used by this process so far, in nanoseconds.
func processorTime(b *testing.B) int64 {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}
