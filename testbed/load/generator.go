package load

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
	"netlmm/mobility/signaling"
)

// How a gateway repeats a request: RFC 5213 section 6.9.4 with INITIAL_BINDACK_TIMEOUT and MAX_BINDACK_TIMEOUT of RFC 6275.
const (
	firstTimeout   = time.Second
	longestTimeout = 32 * time.Second
	// A request whose timestamp the anchor refused is repeated with a fresh one, after a pause: an anchor that is behind
	// with its work would refuse an immediate one as well.
	refusalPause    = 100 * time.Millisecond
	maximumAttempts = 6 // then the request has failed
)

// link sends Mobility Headers; signaling.Conn is one. The payloads are the caller's again when SendBatch returns, which
// answers nil or an entry for each message.
type link interface {
	SendBatch([]signaling.Outgoing) []error
}

// outbox is what leaves through one link at the end of a step, with the buffers that its messages are encoded in.
type outbox struct {
	messages []signaling.Outgoing
	buffers  [][]byte
}

// next is a buffer for the next message.
func (o *outbox) next() []byte {
	if len(o.messages) == len(o.buffers) {
		o.buffers = append(o.buffers, make([]byte, 0, 128))
	}
	return o.buffers[len(o.messages)][:0]
}

// add queues a message, in the buffer that next gave or one that it has outgrown.
func (o *outbox) add(source, destination netip.Addr, payload []byte) {
	o.buffers[len(o.messages)] = payload
	o.messages = append(o.messages, signaling.Outgoing{Source: source, Destination: destination, Payload: payload})
}

// flush sends what is queued.
func (o *outbox) flush(l link, failed func(error)) {
	if len(o.messages) == 0 {
		return
	}
	for _, err := range l.SendBatch(o.messages) {
		if err != nil {
			failed(err)
		}
	}
	o.messages = o.messages[:0]
}

// generator plays the gateways. The sockets' goroutines and the pace share it under one lock: it is one core's work.
type generator struct {
	cfg      Config
	links    []link // one for each of cfg.MAGs
	lifetime uint16

	mu          sync.Mutex
	nodes       []*node
	known       map[mobility.MobileNodeID]*node
	owners      map[netip.Prefix]*node // of bindings that stand
	outstanding []*node
	phase       *phase
	tally       tally

	update mh.BindingUpdate
	ack    mh.BindingAcknowledgement
	out    []outbox // one for each of links
}

func newGenerator(cfg Config, links []link) *generator {
	g := &generator{
		cfg: cfg, links: links, lifetime: uint16(cfg.Lifetime / mh.LifetimeUnit),
		known: make(map[mobility.MobileNodeID]*node, cfg.MobileNodes), owners: make(map[netip.Prefix]*node, cfg.MobileNodes),
		tally: newTally(), out: make([]outbox, len(links)),
	}
	for i := range cfg.MobileNodes {
		n := newNode(i, cfg.Realm, cfg.Compat, i%len(cfg.MAGs))
		g.nodes, g.known[n.id] = append(g.nodes, n), n
	}
	return g
}

// begin starts the request of the phase under way for n.
func (g *generator) begin(n *node, due time.Time) {
	n.prepare(g.phase.operation, len(g.cfg.MAGs))
	n.busy, n.due, n.attempts, n.place = true, due, 0, len(g.outstanding)
	g.outstanding = append(g.outstanding, n)
	g.transmit(n, time.Now())
}

// transmit queues the request of n, for the first time or again; flush sends it.
func (g *generator) transmit(n *node, now time.Time) {
	n.fill(&g.update, g.cfg.Compat, g.phase.operation, now, g.lifetime)
	o := &g.out[n.mag]
	if payload, err := encode(&g.update, g.cfg.Compat, o.next()); err != nil {
		g.notSent(err)
	} else {
		o.add(g.cfg.MAGs[n.mag], g.cfg.LMA, payload)
	}
	if n.attempts > 0 {
		g.phase.retransmissions++
	}
	n.deadline = now.Add(min(firstTimeout<<n.attempts, longestTimeout))
	n.attempts++
	n.unanswered++
}

// flush sends the requests that a step queued, with one system call for many.
func (g *generator) flush() {
	for i := range g.out {
		g.out[i].flush(g.links[i], g.notSent)
	}
}

// notSent counts a request that did not leave: as good as lost, the timeout repairs it.
func (g *generator) notSent(err error) {
	g.tally.sendErrors++
	g.tally.example("request not sent: %v", err)
}

// bunch is how many requests leave together while answers are taken in: if all waited for the last answer, anchor and generator
// would wait for each other, one processor at a time.
const bunch = 16

// receivedAll follows the received ones that came at once: the next requests of the closed loop leave.
func (g *generator) receivedAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flush()
}

// received judges what a gateway's socket received.
func (g *generator) received(mag int, m signaling.Message) {
	payload := m.Payload
	if g.cfg.Compat == OAI {
		payload = mh.RepairHeaderLen(payload)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	header, err := mh.DecodeHeader(payload)
	if err == nil && header.Type == mh.TypeHeartbeat && g.cfg.Compat == Strict {
		g.heartbeat(mag, payload)
		return
	}
	if err == nil && header.Type != mh.TypeBindingAcknowledgement {
		g.violation(UnexpectedType, "message type %d from %v", header.Type, m.Source)
		return
	}
	if err == nil {
		err = g.ack.Decode(payload)
	}
	if err != nil {
		g.violation(Malformed, "from %v: %v", m.Source, err)
		return
	}
	if m.Source != g.cfg.LMA {
		g.violation(WrongSource, "answer from %v", m.Source)
		return
	}
	n := g.known[g.ack.Options.MobileNodeID]
	if n == nil {
		g.violation(UnknownMobileNode, "%v", g.ack.Options.MobileNodeID)
		return
	}
	g.answered(n, mag, m.ReceivedAt)
	if len(g.out[n.mag].messages) >= bunch {
		g.flush()
	}
}

// answered finds the request that g.ack answers. An answer to an earlier transmission is late: a gateway ignores it.
func (g *generator) answered(n *node, mag int, at time.Time) {
	if n.unanswered == 0 {
		g.violation(Unsolicited, "%v: sequence number %d", n.id, g.ack.Sequence)
		return
	}
	n.unanswered--
	if !n.busy || g.ack.Sequence != n.sequence {
		if behind := n.sequence - g.ack.Sequence; behind > 1<<10 {
			g.violation(WrongSequence, "%v: %d, the last request has %d", n.id, g.ack.Sequence, n.sequence)
		} else {
			g.tally.late++
		}
		return
	}
	if mag != n.mag {
		g.violation(WrongGateway, "%v: to %v, %v asked", n.id, g.cfg.MAGs[mag], g.cfg.MAGs[n.mag])
		return
	}
	g.tally.statuses[g.ack.Status]++
	if wrong, ok := g.echoes(n, &g.ack); !ok {
		g.violation(wrong, "%v: %+v", n.id, g.ack)
	}
	switch {
	case g.ack.Status.Accepted():
		g.accepted(n, at)
	case g.ack.Status == mobility.StatusTimestampMismatch || g.ack.Status == mobility.StatusTimestampLowerThanPrevAccepted:
		n.deadline = time.Now().Add(refusalPause)
	default:
		g.tally.example("%v: %s refused with status %d, %v", n.id, g.phase.operation, uint8(g.ack.Status), g.ack.Status)
		g.end(n, false)
	}
}

func (g *generator) accepted(n *node, at time.Time) {
	op := g.phase.operation
	if wrong, ok := g.grants(n, op, &g.ack); !ok {
		g.violation(wrong, "%v in %s: prefix %v, was %v, lifetime %d", n.id, op, g.ack.Options.HomeNetworkPrefixes, n.prefix, g.ack.Lifetime)
		g.end(n, false)
		return
	}
	prefix := g.ack.Options.HomeNetworkPrefixes[0]
	if n.registered = op != Deregister; n.registered {
		n.prefix = prefix
		if !mh.IsZeroPrefix(prefix) {
			g.owners[prefix] = n
		}
	} else {
		delete(g.owners, prefix)
	}
	g.phase.latency.Add(at.Sub(n.due))
	g.end(n, true)
}

// end closes the request of n and, in the closed loop, begins the next one.
func (g *generator) end(n *node, accepted bool) {
	last := len(g.outstanding) - 1
	g.outstanding[n.place] = g.outstanding[last]
	g.outstanding[n.place].place = n.place
	g.outstanding = g.outstanding[:last]
	n.busy = false
	g.phase.ended(accepted)
	if g.cfg.Rate == 0 {
		g.next(time.Now())
	}
}

// next begins the request of the next mobile node that the phase has work for; false: there is none left.
func (g *generator) next(due time.Time) bool {
	p := g.phase
	for p.position < len(g.nodes) {
		n := g.nodes[p.position]
		p.position++
		if n.wants(p.operation) {
			p.begun++
			g.begin(n, due)
			return true
		}
		p.skipped++
	}
	if p.position == len(g.nodes) && len(g.outstanding) == 0 {
		p.finish()
	}
	return false
}

// repeat sends again what was not answered in time.
func (g *generator) repeat(now time.Time) {
	for i := len(g.outstanding) - 1; i >= 0; i-- {
		if i >= len(g.outstanding) {
			continue // several ended at once
		}
		switch n := g.outstanding[i]; {
		case now.Before(n.deadline):
		case n.attempts == maximumAttempts:
			g.tally.example("%v: %s not answered", n.id, g.phase.operation)
			g.end(n, false)
		default:
			g.transmit(n, now)
		}
	}
}

func (g *generator) violation(v Violation, format string, args ...any) {
	g.tally.violations[v]++
	g.tally.example(string(v)+": "+format, args...)
}

// tally is what is counted over all operations.
type tally struct {
	statuses   map[mobility.Status]uint64
	violations map[Violation]uint64
	late       uint64
	heartbeats uint64
	sendErrors uint64
	examples   []string
}

const maximumExamples = 20

func newTally() tally {
	return tally{statuses: map[mobility.Status]uint64{}, violations: map[Violation]uint64{}}
}

// example keeps the first few things that went wrong, in words.
func (t *tally) example(format string, args ...any) {
	if len(t.examples) < maximumExamples {
		t.examples = append(t.examples, fmt.Sprintf(format, args...))
	}
}
