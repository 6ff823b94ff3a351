package mihf

import (
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// TestNetworkInitiatedHandover: Net_HO_Commit about a station's link is for the link SAPs, with what comes beside it; any other is for a user.
func TestNetworkInitiatedHandover(t *testing.T) {
	w := newWorld(t, 2, func(_ int, cfg *Config) { cfg.LinkSAP = true })
	f0, f1 := w.order[0], w.order[1]
	channels := []wire.TLV{{Type: wire.TLVChannels, Value: "\x24"}}
	ask := wire.NetHOCommitRequest{
		LinkType: mih.LinkType80211, Targets: []mih.TargetNetwork{{PointOfAttachment: apB.poa}}, Within: 100 * time.Millisecond,
		Actions: []mih.LinkActionRequest{{Link: apA.tuple(1).Link, PointOfAttachment: apA.poa}},
	}
	f0.event(Request{User: user, RequestID: 1, Destination: "f1", Body: ask, Extra: channels})
	w.run(100 * time.Millisecond)
	if len(f1.commands) != 1 {
		t.Fatalf("f1's link SAP got %+v, ignored %v", f1.commands, f1.ignored)
	}
	if octets, ok := wire.Octets(f1.commands[0].Extra, wire.TLVChannels, 1); !ok || octets[0] != 36 {
		t.Errorf("beside it came %+v", f1.commands[0].Extra)
	}
	f1.event(LinkCommandDone{f1.commands[0].CommandID, wire.NetHOCommitResponse{Status: mih.StatusSuccess}})
	ask.Actions = nil
	f0.event(Request{User: user, RequestID: 2, Destination: "f1", Body: ask})
	w.run(time.Second)
	if len(f0.confirms) != 2 || f0.confirms[0].Body.(wire.NetHOCommitResponse).Status != mih.StatusSuccess || f0.confirms[1].Body.(wire.NetHOCommitResponse).Status != mih.StatusRejected {
		t.Errorf("f0 got %+v", f0.confirms)
	}
	w.settled()
}

// TestAQueryThatNobodyTakes is refused, whatever is in it.
func TestAQueryThatNobodyTakes(t *testing.T) {
	w := newWorld(t, 2, nil)
	f0 := w.order[0]
	f0.event(Request{User: user, RequestID: 1, Destination: "f1", Body: wire.NetHOCandidateQueryRequest{}})
	f0.event(Request{User: user, RequestID: 2, Destination: "f1", Body: wire.NetHOCandidateQueryRequest{Suggested: []mih.LinkPointsOfAttachment{{Link: apA.tuple(1).Link}}}})
	w.run(time.Second)
	if len(f0.confirms) != 2 {
		t.Fatalf("f0 got %+v", f0.confirms)
	}
	for _, c := range f0.confirms {
		if answer, ok := c.Body.(wire.NetHOCandidateQueryResponse); !ok || answer.Status != mih.StatusRejected {
			t.Errorf("f0 got %+v", c)
		}
	}
	w.settled()
}

// TestWhatComesBesideAResponse reaches who asked.
func TestWhatComesBesideAResponse(t *testing.T) {
	w := newWorld(t, 2, func(_ int, cfg *Config) {
		cfg.Handlers = map[wire.MessageID]User{wire.IDN2NHOQueryResourcesRequest: {cfg.MIHFID, "handover"}}
	})
	f0, f1 := w.order[0], w.order[1]
	f0.event(Request{User: user, RequestID: 1, Destination: "f1", Body: wire.N2NHOQueryResourcesRequest{}})
	w.run(100 * time.Millisecond)
	f1.event(Respond{Handle: f1.requests[0].Handle, Body: wire.N2NHOQueryResourcesResponse{}, Extra: []wire.TLV{{Type: wire.TLVLoad, Value: "\x32"}}})
	w.run(time.Second)
	if len(f0.confirms) != 1 {
		t.Fatalf("f0 got %+v", f0.confirms)
	}
	if octets, ok := wire.Octets(f0.confirms[0].Extra, wire.TLVLoad, 1); !ok || octets[0] != 50 {
		t.Errorf("f0 got %+v", f0.confirms[0])
	}
	w.settled()
}

// TestPeersSayWhatTheyCanDo: to who asks, and to whom they ask.
func TestPeersSayWhatTheyCanDo(t *testing.T) {
	commands := mih.CommandNetworkHandover
	w := newWorld(t, 2, func(i int, cfg *Config) { cfg.Capabilities.Commands = &commands })
	f0, f1 := w.order[0], w.order[1]
	f0.event(Discover{User: user, RequestID: 7, Destination: "f1"})
	w.run(time.Second)
	for _, n := range []*node{f0, f1} {
		if len(n.capable) != 1 || *n.capable[0].Capabilities.Commands != commands {
			t.Errorf("%s hears %+v", n.cfg.MIHFID, n.capable)
		}
	}
}
