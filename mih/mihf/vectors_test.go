package mihf

import (
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// The captured exchanges of two MIH Functions of the independent implementation ODTONE, mihf1 at port 4551 and mihf2 at 4552.
const (
	mihf1 = "mihf1"
	mihf2 = "mihf2"
)

func loopback(port uint16) Endpoint {
	return Endpoint{Address: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)}
}

type capturedFrame struct {
	fromFirst bool
	octets    []byte
	wire.Message
}

func capturedFrames(t *testing.T) (frames []capturedFrame) {
	t.Helper()
	lines, err := os.ReadFile("../wire/testdata/mih-frames.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		octets, err := hex.DecodeString(fields[4])
		if err != nil {
			t.Fatal(err)
		}
		f := capturedFrame{fromFirst: fields[1] == "4551", octets: octets}
		if f.Message, err = wire.Decode(octets); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
	return frames
}

// odtonePeer is an MIH Function of ours that knows the other one of the capture.
func odtonePeer(t *testing.T, own, other mih.MIHFID, port uint16) *node {
	w := &world{t: t, now: t0, nodes: map[netip.Addr]*node{}}
	n := &node{w: w, at: loopback(port), ignored: map[IgnoreReason]int{}, cfg: Config{
		MIHFID: own, LinkSAP: true, Bounds: fast, Handlers: map[wire.MessageID]User{},
		Peers: []Peer{{MIHFID: other, Endpoint: loopback(9103 - port), Compat: ODTONE}},
	}}
	for _, id := range []wire.MessageID{wire.IDMNHOCommitRequest, wire.IDMNHOCompleteRequest, wire.IDMNHOCandidateQueryRequest} {
		n.cfg.Handlers[id] = User{own, "user"}
	}
	n.MIHF = New(n.cfg)
	w.order = []*node{n}
	return n
}

// sent takes what the node sent.
func (n *node) sent() (messages []wire.Message) {
	n.w.t.Helper()
	for _, p := range n.w.flight {
		m, err := wire.Decode(p.octets)
		if err != nil {
			n.w.t.Fatalf("%x: %v", p.octets, err)
		}
		messages = append(messages, m)
	}
	n.w.flight = nil
	return messages
}

// status is the Status TLV of a message.
func status(t *testing.T, m wire.Message) byte {
	t.Helper()
	octets, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for rest := octets[8:]; len(rest) > 2; rest = rest[2+int(rest[1]):] {
		if wire.TLVType(rest[0]) == wire.TLVStatus {
			return rest[2]
		}
	}
	t.Fatalf("%x has no status", octets)
	return 0
}

// TestAnswersAsTheIndependentImplementation: every request of the capture is acknowledged and answered with the types, identifiers
// and status of ODTONE's own answer, and the captured acknowledgement of that answer is what ours waits for.
func TestAnswersAsTheIndependentImplementation(t *testing.T) {
	frames := capturedFrames(t)
	n := odtonePeer(t, mihf2, mihf1, 4552)
	requests := 0
	for i, f := range frames {
		if !f.fromFirst || f.Header.MessageID.Opcode() == wire.OpcodeIndication {
			continue
		}
		n.event(MessageReceived{From: loopback(4551), Payload: f.octets})
		if f.Body == nil || f.Header.MessageID.Opcode() != wire.OpcodeRequest {
			if len(n.w.flight) != 0 {
				t.Errorf("an acknowledgement %v is answered", f.Header)
			}
			continue
		}
		requests++
		n.answerAll()
		compareAnswer(t, f, frames[i:], n.sent())
	}
	if requests != 11 {
		t.Errorf("%d requests in the capture", requests)
	}
	for _, one := range n.peers[mihf1].transactions {
		if one.key.id != wire.IDCapabilityDiscoverResponse && one.key.id != wire.IDEventUnsubscribeResponse { // ODTONE asks for no acknowledgement of these
			t.Errorf("the captured acknowledgements leave %+v open", one.key)
		}
	}
	if p := n.peers[mihf1]; p.duplicates != 0 || n.ignored[IgnoredMalformed]+n.ignored[IgnoredNoHandler] != 0 {
		t.Errorf("%d duplicates, ignored %v", p.duplicates, n.ignored)
	}
}

// answerAll has users and link SAPs answer with success.
func (n *node) answerAll() {
	for _, r := range n.requests {
		n.event(Respond{Handle: r.Handle, Body: refusal(r.Body, mih.StatusSuccess)})
	}
	for _, c := range n.commands {
		n.event(LinkCommandDone{c.CommandID, refusal(c.Body, mih.StatusSuccess)})
	}
	n.requests, n.commands = nil, nil
}

// compareAnswer finds the captured answer to a request, and compares ours.
func compareAnswer(t *testing.T, request capturedFrame, later []capturedFrame, ours []wire.Message) {
	t.Helper()
	id := request.Header.MessageID
	acknowledged, answered := false, false
	for _, m := range ours {
		if m.Header.TransactionID != request.Header.TransactionID || m.Source != mihf2 || m.Destination != mihf1 {
			t.Errorf("%v: we send %+v", id, m.Header)
		}
		acknowledged = acknowledged || m.Header.ACKResponse
		if m.Body == nil {
			continue
		}
		answered = true
		for _, f := range later {
			if !f.fromFirst && f.Body != nil && f.Header.MessageID == m.Header.MessageID && f.Header.TransactionID == m.Header.TransactionID {
				if got, want := status(t, m), status(t, f.Message); got != want {
					t.Errorf("%v: status %d, ODTONE's %d", id, got, want)
				}
				return
			}
		}
		t.Errorf("%v: no captured answer like %v", id, m.Header)
	}
	if !answered || acknowledged != request.Header.ACKRequest {
		t.Errorf("%v: answered %v, acknowledged %v", id, answered, acknowledged)
	}
}

// TestAcknowledgesAsTheIndependentImplementation: each captured indication is acknowledged, octet by octet as ODTONE did.
func TestAcknowledgesAsTheIndependentImplementation(t *testing.T) {
	n := odtonePeer(t, mihf1, mihf2, 4551)
	n.event(EventSubscribe{User: User{mihf1, "user"}, Destination: mihf2, Events: supported})
	for range 2 { // the end of a former subscription, and the new one
		for _, m := range n.sent() {
			var answer wire.Body = wire.EventUnsubscribeResponse{Status: mih.StatusRejected, Link: apA.tuple(1)}
			if body, ok := m.Body.(wire.EventSubscribeRequest); ok {
				answer = wire.EventSubscribeResponse{Status: mih.StatusSuccess, Link: body.Link, Events: &body.Events}
			}
			octets, err := wire.Message{Header: wire.Header{TransactionID: m.Header.TransactionID, ACKResponse: true}, Source: mihf2, Destination: mihf1, Body: answer}.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			n.event(MessageReceived{From: loopback(4552), Payload: octets})
		}
	}
	frames := capturedFrames(t)
	indications := 0
	for _, f := range frames {
		if f.fromFirst || f.Header.MessageID.Opcode() != wire.OpcodeIndication || f.Body == nil {
			continue
		}
		indications++
		n.event(MessageReceived{From: loopback(4552), Payload: f.octets})
		var want []byte
		for _, ack := range frames {
			if ack.fromFirst && ack.Body == nil && ack.Header.MessageID == f.Header.MessageID && ack.Header.TransactionID == f.Header.TransactionID {
				want = ack.octets
			}
		}
		if len(n.w.flight) != 1 || want != nil && string(n.w.flight[0].octets) != string(want) {
			t.Errorf("%v: we send %+v, ODTONE %x", f.Header.MessageID, n.w.flight, want)
		}
		n.w.flight = nil
	}
	if indications != 8 || len(n.events)+n.ignored[IgnoredNotUp] != indications {
		t.Errorf("%d indications: %d delivered, ignored %v", indications, len(n.events), n.ignored)
	}
}

// TestAsksAsTheIndependentImplementation: our requests are octet by octet those of the capture.
func TestAsksAsTheIndependentImplementation(t *testing.T) {
	for _, f := range capturedFrames(t) {
		if !f.fromFirst || f.Body == nil || f.Header.MessageID.Opcode() != wire.OpcodeRequest {
			continue
		}
		if len(f.Extra) > 0 { // the query that was captured is not all that the standard has in it
			continue
		}
		n := odtonePeer(t, mihf1, mihf2, 4551)
		n.peers[mihf2].next = f.Header.TransactionID
		n.event(Request{User: User{mihf1, "user"}, Destination: mihf2, Body: f.Body})
		if len(n.w.flight) != 1 || string(n.w.flight[0].octets) != string(f.octets) {
			t.Errorf("%v: we send %+v, ODTONE %x", f.Header.MessageID, n.w.flight, f.octets)
		}
	}
}
