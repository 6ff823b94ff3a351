package mihf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/pace"
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

	announced []Endpoint

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
		case Announced:
			n.announced = append(n.announced, a.From)
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
