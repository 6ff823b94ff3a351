package mihf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/pace"
	"netlmm/mih/wire"
)

// world is MIH Functions in memory with a network between them that a test may spoil.
type world struct {
	t       testing.TB
	now     time.Time
	nodes   map[netip.Addr]*node
	order   []*node
	flight  []packet
	delay   time.Duration
	spoil   func(p packet) (copies int, delay time.Duration) // nil: each once, after delay
	packets int
}

type packet struct {
	at       time.Time
	from, to Endpoint
	octets   []byte
}

// node is one MIH Function with what it said to its users.
type node struct {
	*MIHF
	w        *world
	at       Endpoint
	cfg      Config
	log      []string // confirms, requests, peers' states
	ignored  map[IgnoreReason]int
	events   []mih.Indication
	requests []RequestReceived
	commands []LinkCommand
	confirms []Confirm
	capable  []PeerCapable

	subscribers []mih.EventList // what its only peer was subscribed to, one after the other
}

var fast = pace.Bounds{Initial: 100 * time.Millisecond, Minimum: 20 * time.Millisecond, Maximum: time.Second}

// newWorld makes n MIH Functions who know each other.
func newWorld(t testing.TB, n int, change func(i int, cfg *Config)) *world {
	w := &world{t: t, now: t0, nodes: map[netip.Addr]*node{}, delay: time.Millisecond}
	for i := range n {
		cfg := Config{MIHFID: mih.MIHFID(fmt.Sprintf("f%d", i)), Bounds: fast, First: uint16(i*100 + 1)}
		for j := range n {
			if j != i {
				cfg.Peers = append(cfg.Peers, Peer{MIHFID: mih.MIHFID(fmt.Sprintf("f%d", j)), Endpoint: endpoint(j)})
			}
		}
		if change != nil {
			change(i, &cfg)
		}
		one := &node{w: w, at: endpoint(i), cfg: cfg, ignored: map[IgnoreReason]int{}}
		one.restart()
		w.nodes[one.at.Address.Addr()] = one
		w.order = append(w.order, one)
	}
	return w
}

func endpoint(i int) Endpoint {
	return Endpoint{Address: netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 14: byte(i >> 8), 15: byte(i)}), 4551)}
}

func (n *node) restart() {
	n.cfg.Incarnation++
	n.MIHF = New(n.cfg)
	n.do(n.Start(n.w.now))
}

func (n *node) event(ev Event) { n.do(n.Handle(n.w.now, ev)) }

// do carries actions out.
func (n *node) do(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case SendMessage:
			n.w.carry(packet{from: n.at, to: a.To, octets: a.Payload})
		case Deliver:
			n.events = append(n.events, a.Indication)
		case Ignored:
			n.ignored[a.Reason]++
		case Confirm:
			n.confirms = append(n.confirms, a)
		case RequestReceived:
			n.requests = append(n.requests, a)
		case PeerCapable:
			n.capable = append(n.capable, a)
		case LinkCommand:
			n.commands = append(n.commands, a)
		case EventSubscribeConfirm:
			n.log = append(n.log, fmt.Sprintf("subscribed at %s: %s %05b", a.Destination, a.Status, a.Events))
		case PeerSubscribed:
			n.subscribers = append(n.subscribers, a.Events)
		case PeerStateChanged:
			n.log = append(n.log, fmt.Sprintf("%s %s", a.MIHFID, a.State))
		}
	}
}

func (w *world) carry(p packet) {
	copies, delay := 1, w.delay
	if w.spoil != nil {
		copies, delay = w.spoil(p)
	}
	for range copies {
		p.at = w.now.Add(delay)
		w.flight = append(w.flight, p)
		delay += time.Millisecond
	}
}

// run lets time pass: packets arrive and deadlines come, in their order.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for {
		next, what := end, -1
		for i, p := range w.flight {
			if p.at.Before(next) || what < 0 && !p.at.After(next) {
				next, what = p.at, i
			}
		}
		var due *node
		for _, n := range w.order {
			if at, ok := n.NextDeadline(); ok && at.Before(next) {
				next, due = at, n
			}
		}
		if next.After(w.now) {
			w.now = next
		}
		switch {
		case due != nil:
			due.do(due.Expire(w.now))
		case what >= 0:
			p := w.flight[what]
			w.flight = append(w.flight[:what], w.flight[what+1:]...)
			w.packets++
			if n := w.nodes[p.to.Address.Addr()]; n != nil {
				n.event(MessageReceived{From: p.from, Payload: p.octets})
			}
		default:
			return
		}
	}
}

// seen is the events that a node delivered, as text.
func (n *node) seen() string {
	var out []string
	for _, ind := range n.events {
		tuple := ind.Event.LinkTuple()
		s := fmt.Sprintf("%s %s@%s", strings.TrimPrefix(ind.Event.EventType().String(), "Link_"), tuple.Link.Address, ind.Source)
		if ind.Identity != "" {
			s += " " + ind.Identity
		}
		if ind.Resync {
			s += " resync"
		}
		out = append(out, s)
	}
	n.events = nil
	return strings.Join(out, ", ")
}

func (n *node) wantSeen(want string) {
	n.w.t.Helper()
	if got := n.seen(); got != want {
		n.w.t.Errorf("%s saw %q, want %q", n.cfg.MIHFID, got, want)
	}
}

func (n *node) wantLog(want ...string) {
	n.w.t.Helper()
	if got := strings.Join(n.log, "; "); got != strings.Join(want, "; ") {
		n.w.t.Errorf("%s says %q, want %q", n.cfg.MIHFID, got, strings.Join(want, "; "))
	}
	n.log = nil
}

// settled checks that nothing is left over when all is said.
func (w *world) settled() {
	w.t.Helper()
	for _, n := range w.order {
		for _, p := range n.peers {
			if len(p.transactions)+p.queue.Len()+len(p.order)+p.waiting+len(p.late.latest)+p.requests != 0 {
				w.t.Errorf("%s has with %s %d transactions, %d queued, %d links, %d indications, %d requests left",
					n.cfg.MIHFID, p.MIHFID, len(p.transactions), p.queue.Len(), len(p.order), p.waiting, p.requests)
			}
		}
		if len(n.incoming)+len(n.discovering) != 0 {
			w.t.Errorf("%s has %d requests and %d discoveries left", n.cfg.MIHFID, len(n.incoming), len(n.discovering))
		}
	}
}

var user = User{"f0", "mag"}

// subscribed is a world where f0 has all events of f1.
func subscribedWorld(t testing.TB, n int, change func(int, *Config)) *world {
	w := newWorld(t, n, change)
	for i := 1; i < n; i++ {
		w.order[0].event(EventSubscribe{User: user, Destination: w.order[i].cfg.MIHFID, Events: all})
	}
	w.run(time.Second)
	w.order[0].log = nil
	return w
}

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
