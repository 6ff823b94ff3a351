package mihf

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

func TestRemoteEvents(t *testing.T) {
	w := newWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	f1.event(SAPIndication{as(apA.up(1), "mn1@example.net")})
	f0.event(EventSubscribe{User: user, Destination: "f1", Events: all})
	w.run(time.Second)
	f0.wantLog("f1 up", "subscribed at f1: success 11111")
	f0.wantSeen("Up 02:00:00:00:00:01@f1 mn1@example.net resync")
	f1.event(SAPIndication{apA.up(2)})
	f1.event(SAPIndication{apA.goingDown(2, time.Second)})
	f1.event(SAPIndication{apA.down(2)})
	f1.event(SAPIndication{apA.up(2)})
	w.run(time.Second)
	f0.wantSeen("Up 02:00:00:00:00:02@f1, Going_Down 02:00:00:00:00:02@f1, Down 02:00:00:00:00:02@f1, Up 02:00:00:00:00:02@f1")
	w.settled()

	f0.event(EventUnsubscribe{User: user, Destination: "f1", Events: all})
	w.run(time.Second)
	f1.event(SAPIndication{apA.down(2)})
	w.run(time.Second)
	f0.wantLog("subscribed at f1: success 00000")
	f0.wantSeen("")
	w.settled()
}

// loseFirst: the next packet from f does not arrive.
func (w *world) loseFirst(f *node) {
	lost := false
	w.spoil = func(p packet) (int, time.Duration) {
		if p.from == f.at && !lost {
			lost = true
			return 0, 0
		}
		return 1, w.delay
	}
}

// TestALostIndicationIsSentAgain, and what follows it on the same link waits for it, so that the order is kept.
func TestALostIndicationIsSentAgain(t *testing.T) {
	w := subscribedWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	w.loseFirst(f1)
	f1.event(SAPIndication{apA.up(1)})
	f1.event(SAPIndication{apA.down(1)})
	f1.event(SAPIndication{apA.up(2)}) // another link does not wait
	w.run(10 * time.Millisecond)
	f0.wantSeen("Up 02:00:00:00:00:02@f1")
	w.run(time.Second)
	f0.wantSeen("Up 02:00:00:00:00:01@f1, Down 02:00:00:00:00:01@f1")
	w.settled()
}

// TestALostAcknowledgementRepeatsNothing: the indication comes again and is delivered once.
func TestALostAcknowledgementRepeatsNothing(t *testing.T) {
	w := subscribedWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	w.loseFirst(f0)
	f1.event(SAPIndication{apA.up(1)})
	w.run(time.Second)
	f0.wantSeen("Up 02:00:00:00:00:01@f1")
	if f0.ignored[IgnoredDuplicate] != 1 {
		t.Errorf("ignored %v, want one duplicate", f0.ignored)
	}
	w.settled()
}

// TestAPeerThatWasStartedAgainTellsAllAgain: its subscriptions went with it, the next refresh brings them back, and a link that
// went meanwhile is found to be gone.
func TestAPeerThatWasStartedAgainTellsAllAgain(t *testing.T) {
	w := subscribedWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	f1.event(SAPIndication{apA.up(1)})
	f1.event(SAPIndication{apA.up(2)})
	w.run(time.Second)
	f0.seen()
	f1.restart()
	f1.event(SAPIndication{apA.up(1)})
	w.run(15 * time.Second)
	f0.wantSeen("Down 02:00:00:00:00:02@f1 resync")
	f1.event(SAPIndication{apA.down(1)})
	w.run(time.Second)
	f0.wantSeen("Down 02:00:00:00:00:01@f1")
}

// TestASubscriberThatWasStartedAgainIsToldAll, although the other end believes that it is subscribed.
func TestASubscriberThatWasStartedAgainIsToldAll(t *testing.T) {
	w := subscribedWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	f1.event(SAPIndication{apA.up(1)})
	w.run(time.Second)
	f0.seen()
	f0.restart()
	f0.event(EventSubscribe{User: user, Destination: "f1", Events: all})
	w.run(time.Second)
	f0.wantSeen("Up 02:00:00:00:00:01@f1 resync")
}

// TestAPeerOutOfReach: events that cannot be told end its subscription; when it is back it is told how things are.
func TestAPeerOutOfReach(t *testing.T) {
	w := subscribedWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	f1.event(SAPIndication{apA.up(1)})
	f1.event(SAPIndication{apA.up(2)})
	w.run(time.Second)
	f0.seen()
	w.spoil = func(packet) (int, time.Duration) { return 0, 0 }
	f1.event(SAPIndication{apA.down(1)})
	f1.event(SAPIndication{apA.up(3)})
	w.run(time.Minute)
	w.settledOnly(f1)
	f0.wantLog("f1 down")
	w.spoil = nil
	w.run(time.Minute)
	f0.wantLog("f1 up")
	f0.wantSeen("Up 02:00:00:00:00:03@f1 resync, Down 02:00:00:00:00:01@f1 resync")
}

func (w *world) settledOnly(n *node) {
	w.t.Helper()
	for _, p := range n.peers {
		if len(p.transactions)+p.waiting != 0 || n.subscriptions.count != 0 {
			w.t.Errorf("%s keeps %d transactions, %d indications and %d subscriptions for a peer out of reach", n.cfg.MIHFID, len(p.transactions), p.waiting, n.subscriptions.count)
		}
	}
}

// TestRequests: a command to a peer's user, to its link SAP, and to nobody.
func TestRequests(t *testing.T) {
	w := newWorld(t, 2, func(i int, cfg *Config) {
		cfg.LinkSAP = true
		cfg.Handlers = map[wire.MessageID]User{wire.IDN2NHOCommitRequest: {cfg.MIHFID, "handover"}}
	})
	f0, f1 := w.order[0], w.order[1]
	commit := wire.N2NHOCommitRequest{MobileNode: "mn1@example.net", Link: apA.tuple(1).Link, PointOfAttachment: apB.poa}
	f0.event(Request{User: user, RequestID: 1, Destination: "f1", Body: commit})
	w.run(100 * time.Millisecond)
	if len(f1.requests) != 1 || f1.requests[0].User.Name != "handover" || f1.requests[0].Source != "f0" {
		t.Fatalf("f1 got %+v", f1.requests)
	}
	f1.event(Respond{Handle: f1.requests[0].Handle, Body: wire.N2NHOCommitResponse{Status: mih.StatusSuccess, MobileNode: "mn1@example.net"}})
	f1.event(Respond{Handle: f1.requests[0].Handle, Body: wire.N2NHOCommitResponse{}}) // a second answer has nobody to go to
	w.run(time.Second)
	if len(f0.confirms) != 1 || f0.confirms[0].RequestID != 1 || f0.confirms[0].Failure != NoFailure || f0.confirms[0].Source != "f1" {
		t.Fatalf("f0 got %+v", f0.confirms)
	}
	if _, ok := f0.confirms[0].Body.(wire.N2NHOCommitResponse); !ok || f1.ignored[IgnoredLate] != 1 {
		t.Errorf("f0 got %+v, f1 ignored %v", f0.confirms[0].Body, f1.ignored)
	}
	w.settled()

	f0.confirms = nil
	f0.event(Request{User: user, RequestID: 2, Destination: "f1", Body: wire.LinkActionsRequest{Actions: []mih.LinkActionRequest{{Link: apA.tuple(1).Link}}}})
	w.run(100 * time.Millisecond)
	if len(f1.commands) != 1 {
		t.Fatalf("f1's link SAP got %+v", f1.commands)
	}
	f1.event(LinkCommandDone{f1.commands[0].CommandID, wire.LinkActionsResponse{Status: mih.StatusSuccess}})
	f0.event(Request{User: user, RequestID: 3, Destination: "f1", Body: wire.GetInformationRequest{}}) // no user for it
	f0.event(Request{User: user, RequestID: 4, Destination: "nobody", Body: commit})
	f0.event(Request{User: user, RequestID: 5, Body: wire.LinkActionsRequest{Actions: []mih.LinkActionRequest{{Link: apA.tuple(1).Link}}}})
	f0.event(LinkCommandDone{f0.commands[0].CommandID, wire.LinkActionsResponse{Status: mih.StatusSuccess}})
	w.run(time.Second)
	var got []string
	for _, c := range f0.confirms {
		got = append(got, fmt.Sprintf("%d %T %s", c.RequestID, c.Body, c.Failure))
	}
	want := "4 <nil> no_peer, 5 wire.LinkActionsResponse , 2 wire.LinkActionsResponse , 3 wire.GetInformationResponse "
	if strings.Join(got, ", ") != want {
		t.Errorf("confirms %q, want %q", got, want)
	}
	if answer := f0.confirms[3].Body.(wire.GetInformationResponse); answer.Status != mih.StatusRejected {
		t.Errorf("a request that nobody takes is answered %s", answer.Status)
	}
	w.settled()
}

// TestAnUnansweredRequestIsConfirmedOnce: by a refusal of the other end, whose user does nothing, or by the time.
func TestAnUnansweredRequestIsConfirmedOnce(t *testing.T) {
	w := newWorld(t, 2, func(i int, cfg *Config) {
		cfg.Handlers = map[wire.MessageID]User{wire.IDGetInformationRequest: {cfg.MIHFID, "information"}}
		cfg.ResponseTimeout = time.Duration(3-i) * time.Second
	})
	f0, f1 := w.order[0], w.order[1]
	f0.event(Request{User: user, RequestID: 1, Destination: "f1", Body: wire.GetInformationRequest{}})
	w.run(10 * time.Second)
	if len(f0.confirms) != 1 || f0.confirms[0].Body.(wire.GetInformationResponse).Status != mih.StatusUnspecifiedFailure || f1.ignored[IgnoredUnanswered] != 1 {
		t.Errorf("f0 got %+v, f1 ignored %v", f0.confirms, f1.ignored)
	}
	f1.cfg.Handlers = nil
	w.spoil = func(packet) (int, time.Duration) { return 0, 0 }
	f0.confirms = nil
	f0.event(Request{User: user, RequestID: 2, Destination: "f1", Body: wire.GetInformationRequest{}})
	w.run(10 * time.Second)
	if len(f0.confirms) != 1 || f0.confirms[0].Failure != FailedNoAck {
		t.Errorf("f0 got %+v", f0.confirms)
	}
	f0.wantLog("f1 up", "f1 down")
	w.settled()
}

// TestStrangers may discover capabilities, at a bounded rate, and nothing else.
func TestStrangers(t *testing.T) {
	events := mih.Events(mih.EventLinkUp)
	w := newWorld(t, 2, func(i int, cfg *Config) {
		cfg.Peers = nil
		cfg.Capabilities.Events = &events
	})
	f0, f1 := w.order[0], w.order[1]
	f0.event(Discover{User: user, RequestID: 7, Endpoint: f1.at})
	w.run(time.Second)
	if len(f0.confirms) != 1 || f0.confirms[0].Source != "f1" || *f0.confirms[0].Body.(wire.CapabilityDiscoverResponse).Events != events {
		t.Fatalf("f0 got %+v", f0.confirms)
	}
	f0.event(PeerChanged{Peer{MIHFID: "f1", Endpoint: f1.at}})
	f0.event(EventSubscribe{User: user, Destination: "f1", Events: all})
	w.run(time.Second)
	if f1.ignored[IgnoredStranger] == 0 || f1.subscriptions.count != 0 {
		t.Errorf("f1 ignored %v and has %d subscriptions", f1.ignored, f1.subscriptions.count)
	}
	for i := range 1000 {
		octets := New(Config{MIHFID: "f0"}).encode(wire.Message{Header: wire.Header{TransactionID: uint16(i + 1)}, Body: wire.CapabilityDiscoverRequest{}})
		f1.event(MessageReceived{From: endpoint(1000 + i), Payload: octets})
	}
	if f1.ignored[IgnoredStrangersPaced] < 900 {
		t.Errorf("f1 ignored %v", f1.ignored)
	}
}

// TestProtectedPeersWait for their security association, both ways.
func TestProtectedPeersWait(t *testing.T) {
	w := newWorld(t, 2, func(_ int, cfg *Config) { cfg.Peers[0].Protected = true })
	f0, f1 := w.order[0], w.order[1]
	f0.event(EventSubscribe{User: user, Destination: "f1", Events: all})
	w.run(time.Minute)
	if w.packets != 0 {
		t.Fatalf("%d packets without an association", w.packets)
	}
	f0.event(SecurityAssociationChanged{f1.at.Address.Addr(), true})
	w.run(time.Second)
	if w.packets == 0 || f1.ignored[IgnoredUnprotected] == 0 || f1.subscriptions.count != 0 {
		t.Errorf("f1 took %d packets without an association of its own, ignored %v", w.packets, f1.ignored)
	}
	f1.event(SecurityAssociationChanged{f0.at.Address.Addr(), true})
	w.run(time.Minute)
	if f1.subscriptions.count != 1 {
		t.Error("no subscription under the association")
	}
}

func TestRegistration(t *testing.T) {
	w := newWorld(t, 2, func(i int, cfg *Config) {
		cfg.Peers[0].Register = i == 0
		cfg.RegistrationLifetime = 100 * time.Second
	})
	w.run(time.Second)
	first := w.order[1].peers["f0"].registration.until
	w.run(90 * time.Second)
	if again := w.order[1].peers["f0"].registration.until; first.IsZero() || !again.After(first) {
		t.Errorf("registered until %v, then until %v", first, again)
	}
	w.settled()
}

// TestWrongSource: an identifier is believed from its own address only.
func TestWrongSource(t *testing.T) {
	w := newWorld(t, 3, nil)
	f0 := w.order[0]
	octets := New(Config{MIHFID: "f1"}).encode(wire.Message{Header: wire.Header{TransactionID: 1, ACKRequest: true}, Destination: "f0", Body: wire.DeRegisterRequest{}})
	f0.event(MessageReceived{From: endpoint(2), Payload: octets})
	if f0.ignored[IgnoredOtherAddress] != 1 || len(w.flight) != 0 {
		t.Errorf("ignored %v, sent %d", f0.ignored, len(w.flight))
	}
}

// TestOverTCPNothingIsAcknowledged: RFC 5677 section 6 leaves that to TCP. Events and answers arrive all the same.
func TestOverTCPNothingIsAcknowledged(t *testing.T) {
	w := subscribedWorld(t, 2, func(_ int, cfg *Config) { cfg.Peers[0].Endpoint.Transport = TCP })
	f0, f1 := w.order[0], w.order[1]
	f0.at.Transport, f1.at.Transport = TCP, TCP
	f1.event(SAPIndication{apA.up(1)})
	f1.event(SAPIndication{apA.down(1)})
	for _, p := range w.flight {
		if m, err := wire.Decode(p.octets); err != nil || m.Header.ACKRequest || m.Header.ACKResponse {
			t.Errorf("%+v over TCP, %v", m.Header, err)
		}
	}
	w.run(time.Second)
	f0.wantSeen("Up 02:00:00:00:00:01@f1, Down 02:00:00:00:00:01@f1")
	w.settled()
}
