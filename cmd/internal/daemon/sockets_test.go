package daemon

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"netlmm/mobility/signaling"
)

// aMessage is a Binding Error, which nobody answers.
var aMessage = append([]byte{59, 2, 7, 0, 0, 0, 2, 0}, make([]byte, 16)...)

// TestSocketsChooseByFamily: a message leaves by the socket of its destination's family, also in a batch of both.
func TestSocketsChooseByFamily(t *testing.T) {
	enterNamespace(t)
	listenWhenUsable(t, ours).Close()
	ipv4 := netip.MustParseAddr("127.0.0.1")
	counters := NewCounters(prometheus.NewRegistry(), map[string]string{"sockets": "s"})
	s, err := OpenSockets(ours, ipv4, counters, "sockets")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	received := make(chan netip.Addr, 10)
	ctx, cancel := context.WithCancel(context.Background())
	tasks := s.Tasks(func() Receiver {
		return Receiver{func(m signaling.Message) { received <- m.Destination }, func() {}}
	})
	ended := make(chan error, len(tasks))
	for _, task := range tasks {
		go func() { ended <- task.Run(ctx) }()
	}
	if err := s.Send(ipv4, ipv4, aMessage); err != nil {
		t.Fatal(err)
	}
	s.SendBatch([]signaling.Outgoing{{Source: ours, Destination: ours, Payload: aMessage}, {Source: ipv4, Destination: ipv4, Payload: aMessage},
		{Source: ours, Destination: ours, Payload: aMessage}}, func(m signaling.Outgoing, err error) { t.Errorf("to %v: %v", m.Destination, err) })
	got := map[netip.Addr]int{}
	for range 4 {
		select {
		case destination := <-received:
			got[destination]++
		case <-time.After(patience):
			t.Fatalf("received %v", got)
		}
	}
	if got[ours] != 2 || got[ipv4] != 2 {
		t.Errorf("received %v", got)
	}
	if n := counters.Snapshot()["sockets{sent}"]; n != 4 {
		t.Errorf("%d counted as sent", n)
	}
	cancel()
	for range tasks {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestSocketsOfOneFamily(t *testing.T) {
	enterNamespace(t)
	ipv4 := netip.MustParseAddr("127.0.0.1")
	s, err := OpenSockets(netip.Addr{}, ipv4, NewCounters(prometheus.NewRegistry(), nil), "sockets")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Send(ours, peer, aMessage); !errors.Is(err, ErrNoSocket) {
		t.Errorf("error %v", err)
	}
	failed := 0
	s.SendBatch([]signaling.Outgoing{{Source: ours, Destination: peer, Payload: aMessage}}, func(_ signaling.Outgoing, err error) {
		if errors.Is(err, ErrNoSocket) {
			failed++
		}
	})
	if failed != 1 || len(s.Tasks(func() Receiver { return Receiver{} })) != 1 {
		t.Errorf("%d failed", failed)
	}
}

// An address that this host does not have, or not yet, is an error that says so.
func TestSocketsOfAnAddressThatIsNotHere(t *testing.T) {
	enterNamespace(t)
	here, elsewhere, elsewhere4 := netip.IPv6Loopback(), netip.MustParseAddr("2001:db8:ffff::1"), netip.MustParseAddr("192.0.2.77")
	for _, addresses := range [][2]netip.Addr{{elsewhere, {}}, {here, elsewhere4}, {{}, elsewhere4}} {
		counters := NewCounters(prometheus.NewRegistry(), map[string]string{"sockets": "s"})
		if s, err := OpenSockets(addresses[0], addresses[1], counters, "sockets"); s != nil || !errors.Is(err, unix.EADDRNOTAVAIL) {
			t.Errorf("%v: %v, %v", addresses, s, err)
		}
	}
}
