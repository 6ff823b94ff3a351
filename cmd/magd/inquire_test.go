package main

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/handover"
	"netlmm/mih/mihf"
	"netlmm/mih/miis"
	"netlmm/mih/wire"
)

const atMost = 20 * time.Second

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(atMost); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never comes to this: %s", what)
		}
	}
}

// freePort is one of loopback that nobody has.
func freePort(t *testing.T) uint16 {
	t.Helper()
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).AddrPort().Port()
}

func onLoopback(id mih.MIHFID, port uint16, peers ...configs.MIHPeer) configs.MIH {
	return configs.MIH{MIHFID: id, Listen: []netip.Addr{netip.IPv6Loopback()}, Port: port, Peers: peers}
}

func peerOnLoopback(id mih.MIHFID, port uint16) configs.MIHPeer {
	return configs.MIHPeer{Name: string(id), MIHFID: id, Address: netip.AddrPortFrom(netip.IPv6Loopback(), port)}
}

// asked is a gateway with an information server that knows of mag2 and its points of attachment 3 and 4.
type asked struct {
	*gateway
	t    *testing.T
	stop func() // the server
}

func newAsked(t *testing.T) *asked {
	there, here := freePort(t), freePort(t)
	information := mihnode.NewInformation()
	information.Map(func(m *miis.Map) {
		gateway := miis.Gateway{MIHF: "mihf.mag2", Address: mag2}
		if err := m.Configure([]miis.PointOfAttachment{
			{Address: poa(1), LinkType: mih.LinkType80211, NetworkID: "blue", Gateway: miis.Gateway{MIHF: "magd"}},
			{Address: poa(3), LinkType: mih.LinkType80211, NetworkID: "blue", Gateway: gateway}, {Address: poa(4), LinkType: mih.LinkType80211, Gateway: gateway},
		}); err != nil {
			t.Fatal(err)
		}
	})
	server, err := mihnode.Open(mihnode.Config{
		MIH: onLoopback("info", there, peerOnLoopback("magd", here)), Information: information, Log: discard,
		Counters: daemon.NewCounters(prometheus.NewRegistry(), nil), User: func(mihf.Action) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := &asked{t: t}
	a.stop = runTasks(t, server)
	cfg := preparing()
	cfg.MIH = onLoopback("magd", here, peerOnLoopback("info", there), functionAt("mag2", "mihf.mag2", mag2))
	cfg.Handover.PointsOfAttachment, cfg.Handover.PreparationTimeout = nil, 200*time.Millisecond
	a.gateway, _ = newGatewayOf(t, cfg)
	t.Cleanup(a.mih.Close)
	eventually(t, "the server is known", func() bool {
		a.mih.Inquire(mihnode.Question{About: poa(byte(time.Now().Nanosecond()))}, time.Millisecond, func() {})
		return a.counts(mihnode.InformationCount, "asked") > 0
	})
	return a
}

func runTasks(t *testing.T, n *mihnode.Node) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	for _, task := range n.Tasks() {
		go task.Run(ctx)
	}
	stop = func() { cancel(); n.Close() }
	t.Cleanup(stop)
	return stop
}

func (a *asked) counts(name, what string) uint64 { return a.counters.Snapshot()[name+"{"+what+"}"] }

func (a *asked) wants(what handover.Reason, n uint64) {
	a.t.Helper()
	eventually(a.t, string(what), func() bool { return a.counts(prepared, string(what)) == n })
}

func (a *asked) says(event mih.LinkEvent) {
	a.handovers.event(handover.Indicated{Indication: mih.Indication{Source: "magd", Interface: "acc0", Event: event}})
}

func imminent(station, to byte) mih.LinkHandoverImminent {
	return mih.LinkHandoverImminent{Link: tupleAt(1, station), NewLink: tupleAt(to, station)}
}

// TestTheGatewayOfATargetIsAskedFor: it is in no map here, and the handover begins all the same. Without an answer there is none.
func TestTheGatewayOfATargetIsAskedFor(t *testing.T) {
	a := newAsked(t)
	a.says(imminent(1, 4))
	a.wants(handover.Begun, 1)
	a.says(imminent(2, 4)) // it is in the map by now
	a.wants(handover.Begun, 2)
	a.says(imminent(3, 77))
	a.wants(handover.NoCandidate, 1)
	a.says(mih.LinkHandoverImminent{Link: tupleAt(1, 4)}) // to where nobody says: to a candidate
	a.wants(handover.Begun, 3)
	if n := a.counts(mihnode.InformationCount, "asked_lately"); n > 0 {
		t.Errorf("%d questions were put twice", n)
	}
}

// TestWhereAStationMayGoIsAskedFor, when one has come.
func TestWhereAStationMayGoIsAskedFor(t *testing.T) {
	a := newAsked(t)
	a.says(mih.LinkUp{Link: tupleAt(1, 1)})
	eventually(t, "the answer is in the map", func() bool { _, known := a.handovers.network.target(poa(3)); return known })
	a.says(mih.LinkGoingDown{Link: tupleAt(1, 1), TimeInterval: time.Second})
	a.wants(handover.Begun, 1)
}

// TestMobileNodesAskForMore than the gateway knows: for the place that one chose, and for places to choose from.
func TestMobileNodesAskForMore(t *testing.T) {
	a := newAsked(t)
	n := a.handovers.network
	for i, e := range []handover.Event{
		handover.Requested{Body: wire.MNHOCommitRequest{Target: mih.TargetNetwork{PointOfAttachment: poa(4)}}},
		handover.Requested{Body: wire.MNHOCandidateQueryRequest{Link: tupleAt(1, 1)}},
	} {
		if _, unknown := n.question(e); !unknown {
			t.Errorf("event %d asks nothing", i)
		}
		a.handovers.event(e)
		eventually(t, "the answer is in the map", func() bool { _, unknown := n.question(e); return !unknown })
	}
	for i, e := range []handover.Event{
		handover.Requested{Body: wire.MNHOCommitRequest{}}, handover.Requested{Body: wire.N2NHOCommitRequest{}}, handover.Confirmed{},
		handover.Indicated{Indication: mih.Indication{Event: mih.LinkDown{Link: tupleAt(9, 1)}}},
	} {
		if q, unknown := n.question(e); unknown {
			t.Errorf("event %d asks %+v", i, q)
		}
	}
}

// TestWhatTheStationDoesOvertakesThePrediction that waits for a server which does not answer any more. Of two predictions one waits.
func TestWhatTheStationDoesOvertakesThePrediction(t *testing.T) {
	a := newAsked(t)
	a.stop()
	a.says(imminent(1, 4))
	a.says(imminent(1, 4))
	a.says(mih.LinkDown{Link: tupleAt(1, 1)})
	a.wants("prediction_overtaken", 1)
	a.says(imminent(2, 4))
	a.wants(handover.NoCandidate, 1)
	if n := a.counts(prepared, string(handover.Begun)); n > 0 || len(a.handovers.predictions.links) > 0 {
		t.Errorf("%d handovers began, %d predictions wait", n, len(a.handovers.predictions.links))
	}
}
