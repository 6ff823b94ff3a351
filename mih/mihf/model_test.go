package mihf

import (
	"fmt"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"

	"pgregory.net/rapid"
)

// TestEveryIndicationOnce: whatever a network loses, repeats and overtakes, as long as no message is lost too often, the user of
// another MIH Function sees each event of each link once and in order.
func TestEveryIndicationOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		partial := rapid.Bool().Draw(rt, "partial")
		w := subscribedWorld(t, 2, func(_ int, cfg *Config) { cfg.Partial = partial })
		f0, f1 := w.order[0], w.order[1]
		lost := map[string]int{}
		w.spoil = func(p packet) (int, time.Duration) {
			delay := time.Duration(rapid.IntRange(1, 5).Draw(rt, "delay")) * time.Millisecond
			what := rapid.IntRange(0, 9).Draw(rt, "fate")
			key := string(p.octets[2:6])
			if what < 2 && lost[key] < 2 { // of one exchange, whichever way: the third transmission and its acknowledgement come through
				lost[key]++
				return 0, 0
			}
			if what == 2 {
				return 2, delay
			}
			return 1, delay
		}
		want := map[mih.LinkAddress][]string{}
		for n := range rapid.IntRange(1, 60).Draw(rt, "events") {
			i := rapid.IntRange(1, 5).Draw(rt, "station")
			history := want[station(i)]
			ind := apA.up(i)
			if len(history)%2 == 1 {
				ind = apA.down(i)
			}
			want[station(i)] = append(history, ind.Event.EventType().String())
			f1.event(SAPIndication{ind})
			if n%3 == 0 {
				w.run(time.Duration(rapid.IntRange(0, 30).Draw(rt, "pause")) * time.Millisecond)
			}
		}
		w.run(3 * time.Minute) // the timeout grows with every loss
		got := map[mih.LinkAddress][]string{}
		for _, ind := range f0.events {
			address := ind.Event.LinkTuple().Link.Address
			if _, up := ind.Event.(mih.LinkUp); up && ind.Resync && len(got[address])%2 == 1 { // the subscription began anew, and so late a word of the association looks like a younger one
				continue
			}
			got[address] = append(got[address], ind.Event.EventType().String())
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Fatalf("the user saw\n%v\nwant\n%v\nf0 ignored %v, f1 ignored %v", got, want, f0.ignored, f1.ignored)
		}
	})
}

// TestTheUsersViewFollowsWhateverHappens: after outages, restarts of either end and any loss, with more or less room for what waits,
// once the network is well again the user knows which links are up, also from one who cannot say that it has told of all and was not
// started again.
func TestTheUsersViewFollowsWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		room := rapid.SampledFrom([]int{0, 2}).Draw(rt, "room")
		partial, completes := rapid.Bool().Draw(rt, "partial"), rapid.Bool().Draw(rt, "completes")
		w := subscribedWorld(t, 2, func(i int, cfg *Config) { cfg.MaximumQueued, cfg.Partial = room, partial && i == 1 })
		f0, f1 := w.order[0], w.order[1]
		up, view := map[mih.LinkAddress]bool{}, map[mih.LinkAddress]bool{}
		follow := func() {
			for _, ind := range f0.events {
				switch ev := ind.Event.(type) {
				case mih.LinkUp:
					view[ev.Link.Link.Address] = true
				case mih.LinkDown:
					if ind.Resync && !view[ev.Link.Link.Address] {
						rt.Errorf("the user is told twice that %s left", ev.Link.Link.Address)
					}
					delete(view, ev.Link.Link.Address)
				}
			}
			f0.events = nil
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			step := rapid.IntRange(0, 9).Draw(rt, "step")
			switch {
			case step == 0:
				loss := rapid.IntRange(0, 100).Draw(rt, "loss")
				w.spoil = func(packet) (int, time.Duration) {
					if rapid.IntRange(1, 100).Draw(rt, "fate") <= loss {
						return 0, 0
					}
					return 1, time.Duration(rapid.IntRange(1, 40).Draw(rt, "delay")) * time.Millisecond
				}
			case step == 1 && partial && completes:
				f1.event(PictureComplete{})
			case step == 1 && !partial: // the other end starts again and asks its access point who is there
				f1.restart()
				for address := range up {
					f1.event(SAPIndication{apA.ind(mih.LinkUp{Link: mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: address}, PointOfAttachment: apA.poa}})})
				}
			case step == 2: // this end starts again, with nothing in its head
				f0.restart()
				f0.event(EventSubscribe{User: user, Destination: "f1", Events: all})
				clear(view)
				f0.events = nil
			default:
				i := rapid.IntRange(1, 6).Draw(rt, "station")
				if up[station(i)] {
					delete(up, station(i))
					f1.event(SAPIndication{apA.down(i)})
				} else {
					up[station(i)] = true
					f1.event(SAPIndication{apA.up(i)})
				}
			}
			w.run(time.Duration(rapid.IntRange(0, 3000).Draw(rt, "pause")) * time.Millisecond)
			follow()
		}
		w.spoil = nil
		w.run(2 * time.Minute)
		follow()
		if fmt.Sprint(view) != fmt.Sprint(up) {
			rt.Fatalf("the user believes that %v are up, and %v are; f0 says %v, ignored %v; f1 ignored %v", view, up, f0.log, f0.ignored, f1.ignored)
		}
		for _, n := range w.order {
			for _, p := range n.peers {
				if len(p.seen.messages) > rememberedMessages || len(p.transactions) > 2 || p.waiting != 0 {
					rt.Fatalf("%s holds %d messages, %d transactions and %d indications", n.cfg.MIHFID, len(p.seen.messages), len(p.transactions), p.waiting)
				}
			}
		}
	})
}

// TestAThousandPeers: each hears of what it asked for, and what one event costs does not grow with those who did not.
func TestAThousandPeers(t *testing.T) {
	const peers = 1000
	w := newWorld(t, peers+1, func(i int, cfg *Config) {
		if i > 0 {
			cfg.Peers = []Peer{{MIHFID: "f0", Endpoint: endpoint(0)}}
		}
	})
	f0 := w.order[0]
	for i, n := range w.order[1:] {
		n.event(EventSubscribe{User: User{n.cfg.MIHFID, "mag"}, Destination: "f0", Events: all, Link: apA.tuple(i % 10)})
	}
	w.run(5 * time.Second)
	f0.event(SAPIndication{apA.up(3)})
	w.run(time.Second)
	for i, n := range w.order[1:] {
		want := ""
		if i%10 == 3 {
			want = "Up 02:00:00:00:00:03@f0"
		}
		n.wantSeen(want)
	}
	w.settled()
}

// TestAPeerThatNeverAcknowledges costs a bounded number of messages and nothing afterwards.
func TestAPeerThatNeverAcknowledges(t *testing.T) {
	w := subscribedWorld(t, 2, nil)
	f1 := w.order[1]
	w.spoil = func(p packet) (int, time.Duration) {
		if p.from == f1.at {
			return 1, w.delay
		}
		return 0, 0 // nothing comes back
	}
	before := w.packets
	for i := range 5000 {
		f1.event(SAPIndication{apA.up(i%100 + 1)})
		w.run(time.Millisecond)
	}
	w.run(time.Minute)
	w.settledOnly(f1)
	if sent := w.packets - before; sent > 400 { // three times a hundred links at most, before it is given up
		t.Errorf("%d messages to a peer that never acknowledges", sent)
	}
	if f1.ignored[IgnoredIndicationLost] == 0 {
		t.Errorf("ignored %v", f1.ignored)
	}
}

// TestNonsense: whatever comes, the MIH Function lives, answers nobody it should not, and says what happened.
func TestNonsense(t *testing.T) {
	w := subscribedWorld(t, 2, nil)
	f0, f1 := w.order[0], w.order[1]
	for name, octets := range map[string]string{
		"empty":         "",
		"bare header":   "\x10\x00\x2c\x02\x00\x01\x00\x00",
		"truncated TLV": "\x18\x00\x2c\x02\x00\x01\x00\x04\x01\x06\x05f",
		"other first":   "\x18\x00\x2c\x02\x00\x01\x00\x08\x02\x03\x02f0\x01\x01\x00",
		"no link":       string(New(Config{MIHFID: "f1"}).encode(wire.Message{Header: wire.Header{ACKRequest: true, TransactionID: 9, MessageID: wire.IDLinkUp}, Destination: "f0", Body: wire.UnknownBody{}})),
	} {
		before, flight := total(f0.ignored), len(w.flight)
		f0.event(MessageReceived{From: f1.at, Payload: []byte(octets)})
		if total(f0.ignored) == before || len(w.flight) > flight+1 {
			t.Errorf("%s: ignored %v, sent %d", name, f0.ignored, len(w.flight)-flight)
		}
	}
	f1.event(SAPIndication{apA.up(1)})
	w.run(time.Second)
	f0.wantSeen("Up 02:00:00:00:00:01@f1")
}

func total(counts map[IgnoreReason]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// TestLongMessagesInFragments, which come in any order.
func TestLongMessagesInFragments(t *testing.T) {
	w := newWorld(t, 2, func(_ int, cfg *Config) {
		cfg.MaximumSize = func(Endpoint) int { return 1232 }
		cfg.Handlers = map[wire.MessageID]User{wire.IDGetInformationRequest: {cfg.MIHFID, "information"}}
	})
	f0, f1 := w.order[0], w.order[1]
	f0.event(Request{User: user, RequestID: 1, Destination: "f1", Body: wire.GetInformationRequest{}})
	w.run(10 * time.Millisecond)
	answer := wire.GetInformationResponse{Status: mih.StatusSuccess}
	for range 60 {
		answer.BinaryAnswers = append(answer.BinaryAnswers, mih.BinaryAnswer{{Type: 0x10000001, Value: string(make([]byte, 1000))}})
	}
	i := 0
	w.spoil = func(packet) (int, time.Duration) {
		i++
		return 1, time.Duration(i*7%50+1) * time.Millisecond
	}
	f1.event(Respond{Handle: f1.requests[0].Handle, Body: answer})
	w.run(time.Second)
	if len(f0.confirms) != 1 || len(f0.confirms[0].Body.(wire.GetInformationResponse).BinaryAnswers) != 60 {
		t.Errorf("f0 got %d confirms", len(f0.confirms))
	}
	w.settled()
}

func FuzzMessageReceived(f *testing.F) {
	seeds := New(Config{MIHFID: "f1"})
	for _, body := range []wire.Body{nil, wire.CapabilityDiscoverRequest{}, wire.RegisterRequest{}, wire.EventSubscribeRequest{Link: onWire(mih.LinkTupleID{}), Events: all},
		wire.LinkUp{Link: apA.tuple(1)}, wire.LinkActionsRequest{}, wire.GetInformationRequest{}} {
		f.Add(seeds.encode(wire.Message{Header: wire.Header{ACKRequest: true, TransactionID: 7}, Destination: "f0", Body: body}), true)
	}
	f.Fuzz(func(t *testing.T, octets []byte, known bool) {
		w := subscribedWorld(t, 2, func(_ int, cfg *Config) { cfg.LinkSAP = true })
		f0 := w.order[0]
		from := endpoint(9)
		if known {
			from = w.order[1].at
		}
		before := len(w.flight)
		f0.event(MessageReceived{From: from, Payload: octets})
		if sent := len(w.flight) - before; sent > 2 || !known && sent > 1 {
			t.Errorf("%d messages for one", sent)
		}
		w.run(time.Minute)
	})
}

// BenchmarkIndication is one event from a link SAP to the user of another MIH Function and its acknowledgement.
func BenchmarkIndication(b *testing.B) {
	w := subscribedWorld(b, 2, func(_ int, cfg *Config) { cfg.MaximumLinks = 1 << 20 })
	f0, f1 := w.order[0], w.order[1]
	b.ReportAllocs()
	now := w.now
	for i := 0; b.Loop(); i++ {
		now = now.Add(50 * time.Microsecond)
		for _, a := range f1.Handle(now, SAPIndication{apA.up(i%1000 + 1)}) {
			for _, a := range f0.Handle(now, MessageReceived{From: f1.at, Payload: a.(SendMessage).Payload}) {
				if ack, ok := a.(SendMessage); ok {
					f1.Handle(now, MessageReceived{From: f0.at, Payload: ack.Payload})
				}
			}
		}
		if at, ok := f1.NextDeadline(); ok && !at.After(now) {
			f1.Expire(now)
		}
	}
}
