package heartbeat

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestInvariants drives two machines that speak with each other over a network that loses, doubles and reorders, through
// restarts with and without their state, and security associations that come and go:
//
//   - nothing is sent without an association,
//   - what is told to be restarted did restart, once for each counter, and in the order of the counters,
//   - PeerFailed and PeerBack come in turns,
//   - once the network works, both ends know each other's counter and nobody is failed.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"":            w.check,
			"tick":        w.tick,
			"deliver":     w.deliver,
			"duplicate":   func(t *rapid.T) { w.network = append(w.network, w.pick(t, false)...) },
			"lose":        func(t *rapid.T) { w.pick(t, true) },
			"association": w.association,
			"restart":     w.restart,
			"sessions":    w.sessions,
		})
		w.settle(t)
	})
}

type world struct {
	now     time.Time
	ends    [2]*end
	network []SendMessage
}

// end is one machine, and what outlives a restart of it.
type end struct {
	address  netip.Addr
	machine  *Machine
	counter  uint32
	kept     bool
	up       bool
	sessions bool
	failed   bool   // as its actions say
	known    bool   // the counter of the other end, as its actions say
	other    uint32 // this counter
}

const interval = 30 * time.Second

func newWorld(t *rapid.T) *world {
	w := &world{now: epoch}
	for i := range w.ends {
		w.ends[i] = &end{address: address(i + 1), sessions: true, counter: rapid.SampledFrom([]uint32{0, 7, 1<<31 - 2, 1<<32 - 2}).Draw(t, "counter")}
	}
	w.boot(t, 0)
	w.boot(t, 1)
	return w
}

func (w *world) boot(t *rapid.T, i int) {
	e, o := w.ends[i], w.ends[1-i]
	var err error
	e.machine, err = New(Config{
		Local: e.address, RestartCounter: e.counter, HeartbeatInterval: interval, StateKept: e.kept,
		Sessions: func(netip.Addr) bool { return e.sessions },
		Peers:    []Peer{{Address: o.address, Known: e.known, RestartCounter: e.other}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.failed = false
	w.carry(t, e, o, e.machine.Handle(w.now, AssociationChanged{Peer: o.address, Up: e.up}))
}

// carry does what a machine wants done, and holds it against what is true.
func (w *world) carry(t *rapid.T, e, o *end, actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case SendMessage:
			if !e.up {
				t.Fatalf("%v sends without an association", e.address)
			}
			w.network = append(w.network, a)
		case PeerRestarted:
			if e.known && int32(a.RestartCounter-e.other) <= 0 {
				t.Fatalf("%v: restarted with counter %d after %d", e.address, a.RestartCounter, e.other)
			}
			e.learn(t, o, a.RestartCounter)
		case PeerSeen:
			if e.known {
				t.Fatalf("%v: seen again", e.address)
			}
			e.learn(t, o, a.RestartCounter)
		case PeerFailed, PeerBack:
			if _, failed := a.(PeerFailed); failed == e.failed {
				t.Fatalf("%v: %T twice", e.address, a)
			}
			e.failed = !e.failed
		case PeerMuted:
			t.Fatalf("%v: muted", e.address)
		case Ignored:
			if a.Err != nil {
				t.Fatalf("%v: %v", e.address, a.Err)
			}
		}
	}
}

// learn: no counter is known that the other end has not had yet.
func (e *end) learn(t *rapid.T, o *end, counter uint32) {
	if int32(o.counter-counter) < 0 {
		t.Fatalf("%v: counter %d of a peer that has %d", e.address, counter, o.counter)
	}
	e.known, e.other = true, counter
}

func (w *world) check(t *rapid.T) {
	for i, e := range w.ends {
		p := e.machine.Peers()[0]
		if p.Failed != e.failed || p.Up != e.up || (p.RestartCounter != nil) != e.known || e.known && *p.RestartCounter != e.other {
			t.Fatalf("%v: status %+v, by its actions %+v", e.address, p, *e)
		}
		if p.Address != w.ends[1-i].address {
			t.Fatalf("%v: peer %v", e.address, p.Address)
		}
	}
}

func (w *world) tick(t *rapid.T) {
	w.advance(t, time.Duration(rapid.SampledFrom([]int{1, 100, 1000, 10_000, 30_000, 200_000}).Draw(t, "ms"))*time.Millisecond)
}

// advance lets time pass from deadline to deadline.
func (w *world) advance(t *rapid.T, d time.Duration) {
	for limit := w.now.Add(d); ; {
		next := limit
		for _, e := range w.ends {
			if at, ok := e.machine.NextDeadline(); ok && at.Before(next) {
				next = at
			}
		}
		w.now = next
		for i, e := range w.ends {
			w.carry(t, e, w.ends[1-i], e.machine.Expire(w.now))
			if at, ok := e.machine.NextDeadline(); ok && !at.After(w.now) {
				t.Fatalf("after Expire(%v) the next deadline is %v", w.now, at)
			}
		}
		if next.Equal(limit) {
			return
		}
	}
}

// pick chooses a message under way, and takes it out.
func (w *world) pick(t *rapid.T, out bool) []SendMessage {
	if len(w.network) == 0 {
		return nil
	}
	i := rapid.IntRange(0, len(w.network)-1).Draw(t, "message")
	m := w.network[i]
	if out {
		w.network = slices.Delete(w.network, i, i+1)
	}
	return []SendMessage{m}
}

func (w *world) deliver(t *rapid.T) {
	for _, m := range w.pick(t, true) {
		w.hand(t, m)
	}
}

func (w *world) hand(t *rapid.T, m SendMessage) {
	for i, e := range w.ends {
		if e.address == m.Destination {
			w.carry(t, e, w.ends[1-i], e.machine.Handle(w.now, MessageReceived{Source: m.Source, Destination: m.Destination, Payload: m.Payload}))
		}
	}
}

func (w *world) draw(t *rapid.T) (e, o *end) {
	i := rapid.IntRange(0, 1).Draw(t, "end")
	return w.ends[i], w.ends[1-i]
}

func (w *world) association(t *rapid.T) {
	e, o := w.draw(t)
	e.up = !e.up
	w.carry(t, e, o, e.machine.Handle(w.now, AssociationChanged{Peer: o.address, Up: e.up}))
}

func (w *world) sessions(t *rapid.T) {
	e, _ := w.draw(t)
	e.sessions = !e.sessions
}

// restart begins a new run of one end: with its sessions, or without them and with the next counter. What it knows of the
// other end's counter may be lost.
func (w *world) restart(t *rapid.T) {
	i := rapid.IntRange(0, 1).Draw(t, "end")
	e := w.ends[i]
	if e.kept = rapid.Bool().Draw(t, "kept"); !e.kept {
		e.counter++
	}
	if rapid.Bool().Draw(t, "forgets") {
		e.known = false
	}
	w.boot(t, i)
}

// settle lets everything work, and waits two intervals for both ends to agree.
func (w *world) settle(t *rapid.T) {
	for i, e := range w.ends {
		o := w.ends[1-i]
		e.up, e.sessions = true, true
		w.carry(t, e, o, e.machine.Handle(w.now, AssociationChanged{Peer: o.address, Up: true}))
	}
	for range 2 * interval / time.Second {
		w.advance(t, time.Second)
		for len(w.network) > 0 {
			m := w.network[0]
			w.network = w.network[1:]
			w.hand(t, m)
		}
	}
	w.check(t)
	for i, e := range w.ends {
		if o := w.ends[1-i]; e.failed || !e.known || e.other != o.counter {
			t.Fatalf("%v: failed %t, counter %d (%t), the other end has %d", e.address, e.failed, e.other, e.known, o.counter)
		}
	}
}
