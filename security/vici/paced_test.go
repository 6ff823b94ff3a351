package vici

import (
	"io"
	"net"
	"slices"
	"testing"
)

// However the octets of messages come, govici gets all of them, and at most mostUntaken messages ahead of their reader.
func TestPacedConn(t *testing.T) {
	for _, step := range []int{1, 3, 4, 5, 7, 64} {
		message := []byte{0, 0, 0, 4, 1, 2, 3, 4}
		empty := []byte{0, 0, 0, 0}
		const many = mostUntaken + 10
		far, near := net.Pipe()
		p := newPacedConn(near)
		sent := slices.Repeat(append(slices.Clone(message), empty...), many/2)
		go func() {
			for chunk := range slices.Chunk(sent, step) {
				if _, err := far.Write(chunk); err != nil {
					return
				}
			}
		}()
		arrived := make(chan []byte)
		go func() {
			defer close(arrived)
			for { // as govici reads
				header := make([]byte, 4)
				if _, err := io.ReadFull(p, header); err != nil {
					return
				}
				body := make([]byte, header[3])
				if _, err := io.ReadFull(p, body); err != nil {
					return
				}
				arrived <- append(header, body...)
			}
		}()
		var got []byte
		for range mostUntaken {
			got = append(got, <-arrived...)
		}
		select {
		case m := <-arrived:
			t.Errorf("step %d: % x arrives although nothing was taken", step, m)
		default:
		}
		for range many - mostUntaken {
			p.took()
			got = append(got, <-arrived...)
		}
		if !slices.Equal(got, sent) {
			t.Errorf("step %d: got % x", step, got)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if _, more := <-arrived; more {
			t.Error("a message after the end")
		}
		far.Close()
	}
}
