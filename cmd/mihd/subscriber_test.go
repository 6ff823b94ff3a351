package main

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/mihf"
)

// subscriber is an MIH Function that wants the events of the one at the access point, as a gateway does.
type subscriber struct {
	*mihnode.Node
	t   *testing.T
	got chan mih.Indication
}

func newSubscriber(t *testing.T) *subscriber {
	t.Helper()
	s := &subscriber{t: t, got: make(chan mih.Indication, 100)}
	me, ap := netip.MustParseAddr("2001:db8:f0::1"), netip.MustParseAddrPort("[2001:db8:f0::21]:4551")
	var err error
	s.Node, err = mihnode.Open(mihnode.Config{
		MIH: configs.MIH{MIHFID: "mag", Listen: []netip.Addr{me}, Port: 4551, Peers: []configs.MIHPeer{{Name: "ap", MIHFID: "ap", Address: ap}}},
		Log: slog.New(slog.DiscardHandler), Counters: daemon.NewCounters(prometheus.NewRegistry(), mihnode.Help), User: s.take,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	for _, task := range s.Tasks() {
		tasks.Go(func() { _ = task.Run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		tasks.Wait()
		s.Close()
	})
	s.Send(mihf.EventSubscribe{User: mihf.User{Name: "test"}, Destination: "ap", Events: mih.Events(mih.EventLinkUp, mih.EventLinkDown)})
	return s
}

func (s *subscriber) take(action mihf.Action) {
	if d, ok := action.(mihf.Deliver); ok {
		s.got <- d.Indication
	}
}

// expect waits for the next event, which is to be this one.
func (s *subscriber) expect(want mih.EventType, station mih.LinkAddress) mih.Indication {
	s.t.Helper()
	var ind mih.Indication
	eventually(s.t, want.String()+" of "+station.String(), func() bool {
		select {
		case ind = <-s.got:
			return true
		default:
			return false
		}
	})
	if ind.Event.EventType() != want || ind.Event.LinkTuple().Link.Address != station {
		s.t.Fatalf("got %s of %v, want %s of %s", ind.Event.EventType(), ind.Event.LinkTuple(), want, station)
	}
	return ind
}
