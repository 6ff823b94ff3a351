package transport

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// odtone is a peer that opens a connection for each message and reads one message of each connection.
type odtone struct {
	t        *testing.T
	address  netip.Addr
	received chan []byte
}

func newOdtone(t *testing.T, address netip.Addr) *odtone {
	o := &odtone{t, address, make(chan []byte, 100)}
	l := listenPlain(t, address)
	go func() {
		for {
			conn, err := l.AcceptTCP()
			if err != nil {
				return
			}
			buffer := make([]byte, 1500)
			n, _ := conn.Read(buffer)
			o.received <- buffer[:n]
			conn.Close()
		}
	}()
	return o
}

func (o *odtone) send(to netip.Addr, octets []byte) {
	conn := dialPlain(o.t, o.address, to)
	write(o.t, conn, octets)
	conn.Close()
}

func (o *odtone) next() []byte {
	o.t.Helper()
	select {
	case m := <-o.received:
		return m
	case <-time.After(patience):
		o.t.Fatal("the peer receives nothing")
		return nil
	}
}

// await waits for a message. What came before may come again: of a connection that broke nobody knows what had been read.
func (o *odtone) await(want []byte) {
	o.t.Helper()
	for {
		switch got := o.next(); {
		case bytes.Equal(got, want):
			return
		case len(got) != len(want), got[len(got)-1] > want[len(want)-1]:
			o.t.Fatalf("%x, want %x", got, want)
		}
	}
}

// TestAPeerWithAConnectionForEachMessage gets every answer, though it has closed the connection that it would belong to.
func TestAPeerWithAConnectionForEachMessage(t *testing.T) {
	for _, fam := range families {
		for _, plain := range []bool{false, true} { // also when we have not kept more of a message than where it came from
			t.Run(fmt.Sprintf("%s/%v", fam.name, plain), func(t *testing.T) {
				ours := listen(t, fam.a)
				run(t, ours, func(packets []Packet) {
					for i := range packets {
						d := packets[i].Reply()
						if plain {
							d = Destination{Addr: packets[i].From, Protocol: TCP}
						}
						if err := ours.Send(d, packets[i].Payload); err != nil {
							t.Errorf("answer: %v", err)
						}
					}
				})
				peer := newOdtone(t, fam.b)
				for i := range 50 {
					sent := message(30, byte(i))
					peer.send(fam.a, sent)
					peer.await(sent)
				}
			})
		}
	}
}

// TestALateAnswer, when the connection of the question has long ended.
func TestALateAnswer(t *testing.T) {
	ours := listen(t, a6)
	received := collect(t, ours)
	peer := newOdtone(t, b6)
	peer.send(a6, message(30, 1))
	question := next(t, received)
	eventually(t, "the connection has ended", func() bool { return len(ours.Status().Connections) == 0 })
	mustSend(t, ours, Destination{Addr: question.From, Protocol: TCP}, message(30, 2))
	if got := peer.next(); !bytes.Equal(got, message(30, 2)) {
		t.Errorf("%d octets", len(got))
	}
}

// TestSeveralMessagesToSuchAPeer each get a connection once that is known of it.
func TestSeveralMessagesToSuchAPeer(t *testing.T) {
	ours := listen(t, a6)
	collect(t, ours)
	peer := newOdtone(t, b6)
	mustSend(t, ours, to(b6, TCP), message(30, 99))
	peer.next()
	eventually(t, "the connection has ended", func() bool {
		list := ours.Status().Connections
		return len(list) == 1 && !list[0].Stands
	})
	for i := range 10 {
		mustSend(t, ours, to(b6, TCP), message(30, byte(i)))
	}
	for i := range 10 {
		peer.await(message(30, byte(i)))
	}
}
