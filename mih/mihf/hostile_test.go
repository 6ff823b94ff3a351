package mihf

import (
	"strings"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// TestAnAnswerThatIsNone ends the request that it seems to answer, and nothing else.
func TestAnAnswerThatIsNone(t *testing.T) {
	for name, body := range map[string]wire.Body{"empty": wire.UnknownBody{}, "nothing": nil} {
		w := newWorld(t, 2, nil)
		f0, f1 := w.order[0], w.order[1]
		w.spoil = func(p packet) (int, time.Duration) { // the other end never gets anything, and answers all the same
			if p.from != f0.at {
				return 1, w.delay
			}
			m, err := wire.Decode(p.octets)
			if err != nil || m.Header.MessageID.Opcode() != wire.OpcodeRequest {
				return 0, 0
			}
			header := wire.Header{TransactionID: m.Header.TransactionID, MessageID: m.Header.MessageID.Response()}
			octets := New(Config{MIHFID: "f1"}).encode(wire.Message{Header: header, Destination: "f0", Body: body})
			w.carry(packet{from: f1.at, to: f0.at, octets: octets})
			return 0, 0
		}
		f0.event(EventSubscribe{User: user, Destination: "f1", Events: all})
		f0.event(Request{User: user, RequestID: 1, Destination: "f1", Body: wire.GetInformationRequest{}})
		w.run(time.Minute)
		if len(f0.confirms) != 1 || f0.confirms[0].Failure != FailedMalformed {
			t.Errorf("%s: confirms %+v", name, f0.confirms)
		}
	}
}

// TestCommandsAreForThoseWhoMay: others are told so.
func TestCommandsAreForThoseWhoMay(t *testing.T) {
	w := newWorld(t, 3, func(i int, cfg *Config) {
		cfg.LinkSAP = true
		cfg.Permits = func(from mih.MIHFID, _ wire.MessageID) bool { return from == "f1" }
	})
	f0 := w.order[0]
	for _, from := range w.order[1:] {
		from.event(Request{User: User{from.cfg.MIHFID, "u"}, RequestID: 1, Destination: "f0", Body: wire.LinkActionsRequest{Actions: []mih.LinkActionRequest{{Link: apA.tuple(1).Link}}}})
	}
	w.run(time.Second)
	if len(f0.commands) != 1 || f0.ignored[IgnoredNotPermitted] != 1 {
		t.Errorf("%d commands, ignored %v", len(f0.commands), f0.ignored)
	}
	if answers := w.order[2].confirms; len(answers) != 1 || answers[0].Body.(wire.LinkActionsResponse).Status != mih.StatusAuthorizationFailure {
		t.Errorf("the other one is told %+v", answers)
	}
}

// TestARepetitionIsFoundAtAnyRate: thousands of messages later it is one still, and when the identifiers have all been used again it is not.
func TestARepetitionIsFoundAtAnyRate(t *testing.T) {
	var s seen
	message := func(i int) (exchange, []byte) {
		return exchange{wire.IDLinkUp, uint16(1 + i%maximumTransactionID)}, []byte("the same each time")
	}
	take := func(i int) bool {
		key, octets := message(i)
		_, duplicate := s.take(t0, key, octets)
		return duplicate
	}
	for i := range 3 * maximumTransactionID {
		if take(i) {
			t.Fatalf("message %d counts as a repetition", i)
		}
		if i >= 2000 && i%500 == 0 && !take(i-2000) {
			t.Fatalf("message %d is not known 2000 later", i-2000)
		}
	}
	if len(s.messages) > rememberedMessages {
		t.Errorf("%d messages are remembered", len(s.messages))
	}
}

// TestAMalformedRequestIsRefused where its response needs nothing of it; otherwise it is acknowledged, and that is all.
func TestAMalformedRequestIsRefused(t *testing.T) {
	handlers := map[wire.MessageID]User{wire.IDGetInformationRequest: user}
	for id, refused := range map[wire.MessageID]bool{wire.IDGetInformationRequest: true, wire.IDRegisterRequest: true, wire.IDEventSubscribeRequest: false} {
		w := newWorld(t, 2, func(_ int, cfg *Config) { cfg.Handlers = handlers })
		f0, f1 := w.order[0], w.order[1]
		header := wire.Header{ACKRequest: true, TransactionID: 9, MessageID: id}
		octets := New(Config{MIHFID: "f1"}).encode(wire.Message{Header: header, Destination: "f0", Body: wire.UnknownBody{}})
		octets = append(octets, byte(wire.TLVLinkIdentifier)) // and no length
		octets[7]++
		var got []wire.Message
		w.spoil = func(p packet) (int, time.Duration) {
			if p.from == f0.at {
				m, err := wire.Decode(p.octets)
				if err != nil {
					t.Error(err)
				}
				got = append(got, m)
			}
			return 1, w.delay
		}
		w.carry(packet{from: f1.at, to: f0.at, octets: octets})
		w.run(time.Second / 10)
		if len(got) == 0 || !got[0].Header.ACKResponse || (got[0].Body != nil) != refused || f0.ignored[IgnoredMalformed] != 1 {
			t.Errorf("%v: the answers are %+v, ignored %v", id, got, f0.ignored)
		}
	}
}

// TestAPeerHasItsShare of the subscriptions, and leaves the others theirs.
func TestAPeerHasItsShare(t *testing.T) {
	w := newWorld(t, 3, func(_ int, cfg *Config) { cfg.MaximumSubscriptions = 4 * shares })
	f0, f1, f2 := w.order[0], w.order[1], w.order[2]
	for i := range 100 {
		f1.event(EventSubscribe{User: user, Destination: "f0", Link: apA.tuple(i), Events: all})
		w.run(time.Second / 10)
	}
	f2.event(EventSubscribe{User: user, Destination: "f0", Events: all})
	w.run(time.Second)
	if n := f0.subscriptions.count; n != 5 || f0.subscriptions.of(User{MIHF: "f2"}) != 1 {
		t.Errorf("%d subscriptions", n)
	}
}

// TestFragmentsThatWaitInVain are counted when their time is over, though nothing else comes.
func TestFragmentsThatWaitInVain(t *testing.T) {
	w := newWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	whole := New(Config{MIHFID: "f1"}).encode(wire.Message{Destination: "f0", Body: wire.PushInformation{Information: wire.Information{RDFSchemaURLs: []string{strings.Repeat("a", 2000)}}}})
	fragments, err := wire.Fragment(whole, 1000)
	if err != nil {
		t.Fatal(err)
	}
	w.carry(packet{from: f1.at, to: f0.at, octets: fragments[0]})
	w.run(time.Minute)
	if f0.ignored[IgnoreReason(wire.DropTimeout)] != 1 {
		t.Errorf("ignored %v", f0.ignored)
	}
}
