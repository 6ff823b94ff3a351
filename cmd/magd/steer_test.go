package main

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	apadapters "netlmm/ap-adapters"
	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/handover"
	"netlmm/mih/mihf"
	"netlmm/mih/wire"
	"netlmm/mobility"
	"netlmm/mobility/mag"
)

// steering is an access point that steers the phone, and nobody else.
type steering struct {
	targets chan apadapters.Target
}

var _ apadapters.Commander = steering{}

func (steering) Name() string                                                        { return "steering" }
func (steering) Status() apadapters.Status                                           { return apadapters.Status{} }
func (steering) Has(link mih.LinkID) bool                                            { return link.Address == mih.MACAddress(phone) }
func (steering) Act(context.Context, mih.LinkActionRequest) (r mih.LinkActionResult) { return r }
func (steering) Run(ctx context.Context, _ func(mih.Indication) bool) error          { <-ctx.Done(); return nil }
func (steering) Parameters(context.Context, mih.LinkID, mih.LinkStatusRequest) (s mih.LinkStatus, err error) {
	return s, apadapters.ErrIncapable
}
func (steering) ConfigureThresholds(context.Context, mih.LinkTupleID, []mih.LinkParameterConfiguration) ([]mih.LinkParameterConfigured, error) {
	return nil, apadapters.ErrIncapable
}
func (s steering) Steer(_ context.Context, _ mih.LinkID, targets []apadapters.Target, _ time.Duration) error {
	s.targets <- targets[0]
	return nil
}

// other is an MIH Function that answers requests as it is told.
func other(t *testing.T, id mih.MIHFID, port, magd uint16, answers map[wire.MessageID]wire.Body, adapters ...apadapters.Adapter) {
	t.Helper()
	handlers, commands := map[wire.MessageID]mihf.User{}, mih.CommandNetworkHandover
	for message := range answers {
		handlers[message] = mihf.User{Name: "test"}
	}
	var n *mihnode.Node
	n, err := mihnode.Open(mihnode.Config{
		MIH: onLoopback(id, port, peerOnLoopback("magd", magd)), Handlers: handlers, Capabilities: wire.Capabilities{Commands: &commands}, Log: discard,
		Counters: daemon.NewCounters(prometheus.NewRegistry(), nil),
		User: func(a mihf.Action) {
			if r, ok := a.(mihf.RequestReceived); ok {
				n.Post(mihf.Respond{Handle: r.Handle, Body: answers[r.Body.MessageID()]})
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range adapters {
		n.Add(a)
	}
	runTasks(t, n)
}

// leaving is a gateway with the phone behind the access point "ap" which is about to leave for one of mag2, and the mobile node's own MIH
// Function where it has one.
func leaving(t *testing.T, mobile map[wire.MessageID]wire.Body) (*asked, chan apadapters.Target, chan mag.Event) {
	here, atAP, atGateway, atMobile := freePort(t), freePort(t), freePort(t), freePort(t)
	targets := make(chan apadapters.Target, 1)
	other(t, "ap", atAP, here, nil, steering{targets})
	other(t, "mihf.mag2", atGateway, here, map[wire.MessageID]wire.Body{
		wire.IDN2NHOQueryResourcesRequest: wire.N2NHOQueryResourcesResponse{}, wire.IDN2NHOCommitRequest: wire.N2NHOCommitResponse{},
	})
	cfg := preparing()
	cfg.MIH = onLoopback("magd", here, peerOnLoopback("ap", atAP), peerOnLoopback("mihf.mag2", atGateway))
	cfg.MIH.Peers[0].Interface = "acc0"
	cfg.Handover.Weights = configs.Weights{Signal: 70, Preferred: 90}
	cfg.Handover.PreparationTimeout, cfg.Handover.CandidateTimeout = 10*time.Second, 10*time.Second // a busy machine
	speaker := mih.MIHFID("ap")
	if mobile != nil {
		speaker = "mn1@example.net"
		other(t, speaker, atMobile, here, mobile)
		cfg.MIH.Peers = append(cfg.MIH.Peers, peerOnLoopback(speaker, atMobile))
	}
	a := &asked{t: t}
	var events chan mag.Event
	a.gateway, events = newGatewayOf(t, cfg)
	t.Cleanup(a.mih.Close)
	a.handovers.network.mu.Lock()
	a.handovers.network.functions[mag2] = "mihf.mag2"
	a.handovers.network.mu.Unlock()
	eventually(t, "what the others can do is known", func() bool {
		return a.mih.Takes("ap", mih.CommandNetworkHandover) && a.mih.Takes(speaker, mih.CommandNetworkHandover)
	})
	tuple := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress(phone)}, PointOfAttachment: poa(2)}
	a.handovers.event(handover.Indicated{Indication: mih.Indication{Source: "magd", Interface: "acc0", Event: mih.LinkDetected{
		Link: mih.LinkTupleID{Link: tuple.Link, PointOfAttachment: poa(3)}, SignalStrength: mih.SignalStrength{Value: -40},
	}}})
	a.handovers.event(handover.Indicated{Indication: mih.Indication{
		Source: "ap", Interface: "acc0", Identity: "mn1@example.net", Event: mih.LinkGoingDown{Link: tuple, TimeInterval: time.Minute},
	}})
	eventually(t, "the handover is agreed on", func() bool { return a.counts(prepared, string(handover.Begun)) == 1 })
	a.handovers.event(handover.Indicated{Indication: mih.Indication{ // it goes sooner
		Source: "ap", Interface: "acc0", Identity: "mn1@example.net", Event: mih.LinkGoingDown{Link: tuple, TimeInterval: 100 * time.Millisecond},
	}})
	return a, targets, events
}

// packetsMove has the MAG's machine say that the packets are handed over.
func (a *asked) packetsMove(events chan mag.Event) mag.PrepareHandover {
	a.t.Helper()
	var p mag.PrepareHandover
	eventually(a.t, "the packets are to be handed over", func() (ok bool) {
		select {
		case e := <-events:
			p, ok = e.(mag.PrepareHandover)
		default:
		}
		return ok
	})
	a.handovers.outcome(mag.HandoverPrepared{Handover: mag.Handover{
		CorrelationID: p.CorrelationID, Side: mag.PreviousMAG, MobileNodeLinkLayerID: mobility.LinkLayerID(phone), OtherGateway: p.NewMAG,
	}})
	return p
}

// TestSteeringWhereTheAccessPointIsAnothers: over 802.21, through its MIH Function, to its adapter.
func TestSteeringWhereTheAccessPointIsAnothers(t *testing.T) {
	a, targets, events := leaving(t, nil)
	a.packetsMove(events)
	if got := <-targets; got != (apadapters.Target{PointOfAttachment: poa(3), Channel: 36}) {
		t.Errorf("to %+v", got)
	}
	a.wants(handover.AskedToMove, 1)
}

// TestAMobileNodeIsAskedAndTold where to go; its access point is not.
func TestAMobileNodeIsAskedAndTold(t *testing.T) {
	at := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress(phone)}, PointOfAttachment: poa(2)}
	like := wire.NetHOCandidateQueryResponse{Link: at, Preferred: []mih.QueriedResources{{
		Candidates: mih.LinkPointsOfAttachment{Link: at.Link, PointsOfAttachment: []mih.LinkAddress{poa(4)}},
	}}}
	a, targets, events := leaving(t, map[wire.MessageID]wire.Body{wire.IDNetHOCandidateQueryRequest: like, wire.IDNetHOCommitRequest: wire.NetHOCommitResponse{}})
	a.packetsMove(events)
	a.wants(handover.MobileConsulted, 1)
	a.wants(handover.AskedToMove, 1)
	select {
	case got := <-targets:
		t.Errorf("steered to %+v", got)
	default:
	}
}
