package mihf

import (
	"bytes"
	"time"

	"netlmm/internal/timers"
	"netlmm/mih"
	"netlmm/mih/pace"
	"netlmm/mih/wire"
)

const (
	maximumTransactionID = 4095 // 12 bits; 0 is not used

	alwaysFits = 548 // octets that pass every path in one datagram (RFC 5677 section 6.1)
)

// transaction is the source's side of an exchange (IEEE 802.21 section 8.4): a message that is sent until it is acknowledged, and a request
// until it is answered as well.
type transaction struct {
	peer   *peer
	key    exchange
	octets []byte
	to     Endpoint     // over TCP nothing is acknowledged by an MIH ACK, nor sent again (RFC 5677 section 6)
	timer  timers.Timer // of the next retransmission, or the end

	expires      time.Time // of the whole
	sent         time.Time // first; zero: waits in the queue
	again        time.Time // last
	attempts     int
	acknowledged bool
	answer       wire.MessageID                                                         // the response that ends it; 0: its acknowledgement does
	ended        func(now time.Time, body wire.Body, extra []wire.TLV, failure Failure) // nil: nobody cares
	link         *inOrder                                                               // of an indication
	source       mih.MIHFID                                                             // who answered, of a discovery of a stranger
}

// request begins a transaction that its response ends.
func (m *MIHF) request(now time.Time, p *peer, body wire.Body, ended func(time.Time, wire.Body, []wire.TLV, Failure), extra ...wire.TLV) {
	id := body.MessageID()
	t := m.newTransaction(now, p, id)
	if t == nil {
		ended(now, nil, nil, FailedQueueFull)
		return
	}
	t.answer, t.ended = id.Response(), ended
	m.enqueue(now, t, body, extra)
}

// indicate begins a transaction that its acknowledgement ends; false: there is no room.
func (m *MIHF) indicate(now time.Time, p *peer, body wire.Body) bool {
	t := m.newTransaction(now, p, body.MessageID())
	if t == nil {
		return false
	}
	m.enqueue(now, t, body, nil)
	return true
}

// indicateNext begins the transaction of the indication whose turn it is in its link; false: there is no room.
func (m *MIHF) indicateNext(now time.Time, p *peer, link *inOrder) bool {
	t := m.newTransaction(now, p, wire.EventBody(link.next.Event).MessageID())
	if t == nil {
		return false
	}
	t.link = link
	p.queue.Push(t)
	m.send(now, p)
	return true
}

// newTransaction gives a message to p its transaction identifier; nil: too many wait.
func (m *MIHF) newTransaction(now time.Time, p *peer, id wire.MessageID) *transaction {
	if p.queue.Len() >= m.cfg.MaximumQueued || len(p.transactions) >= m.cfg.MaximumOutstanding+m.cfg.MaximumQueued {
		return nil
	}
	key := exchange{id: id}
	for range maximumTransactionID {
		key.transaction = p.next
		p.next = following(p.next)
		if _, used := p.transactions[key]; !used {
			t := &transaction{peer: p, key: key, to: p.Endpoint, expires: now.Add(m.cfg.ResponseTimeout)}
			t.timer.Due = func(now time.Time) { m.transactionDue(now, t) }
			p.transactions[key] = t
			return t
		}
	}
	return nil
}

// following is the transaction identifier after one.
func following(transaction uint16) uint16 { return transaction%maximumTransactionID + 1 }

// enqueue encodes the message and sends it as soon as it may leave.
func (m *MIHF) enqueue(now time.Time, t *transaction, body wire.Body, extra []wire.TLV) {
	if m.compose(t, body, extra); t.octets == nil {
		m.end(now, t, nil, nil, FailedUnencodable)
		return
	}
	if t.answer != 0 { // a user waits; an indication waits as long as it must
		m.timers.Set(&t.timer, t.expires)
	}
	t.peer.queue.Push(t)
	m.send(now, t.peer)
}

// compose makes the octets of a transaction; none: they cannot be made.
func (m *MIHF) compose(t *transaction, body wire.Body, extra []wire.TLV) {
	t.octets = m.encode(wire.Message{
		Header:      wire.Header{ACKRequest: t.to.acknowledges(), TransactionID: t.key.transaction},
		Destination: t.peer.MIHFID, Body: body, Extra: extra,
	})
}

// send lets out what may leave: over UDP at the pace of the peer (RFC 5677 section 6.2), and no more than may be outstanding.
func (m *MIHF) send(now time.Time, p *peer) {
	for p.queue.Len() > 0 && p.ready() {
		t := p.queue.All()[0]
		if len(p.transactions)-p.queue.Len() >= m.cfg.MaximumOutstanding {
			return // the next acknowledgement makes room
		}
		if t.to.Transport == UDP && !p.pacer.Take(now, p.rtt.Smoothed()) {
			m.timers.Set(&p.pump, p.pacer.Next(now, p.rtt.Smoothed()))
			return
		}
		p.queue.Pop()
		m.transmit(now, t)
	}
}

// transmit sends a message, for the first time or again.
func (m *MIHF) transmit(now time.Time, t *transaction) {
	if t.sent.IsZero() {
		t.sent = now
		if t.answer == 0 {
			t.expires = now.Add(m.cfg.ResponseTimeout)
		}
		if t.link != nil { // only now it is known how old it is by the time that it leaves
			if m.compose(t, wire.EventBody(t.link.next.Event), extraOf(now, t.link.next)); t.octets == nil {
				m.end(now, t, nil, nil, FailedUnencodable)
				return
			}
		}
	} else {
		t.peer.retransmitted++
	}
	t.again = now
	t.attempts++
	if t.peer.ready() { // the association may have gone since the first time
		t.peer.sent++
		m.emit(t.to, t.octets)
	}
	switch {
	case t.to.acknowledges():
		m.timers.Set(&t.timer, earlier(now.Add(t.peer.rtt.Timeout()), t.expires))
	case t.answer == 0:
		m.end(now, t, nil, nil, NoFailure)
	default:
		m.timers.Set(&t.timer, t.expires)
	}
}

// emit hands a message out, in fragments where the way is too narrow for it (section 8.4.2).
func (m *MIHF) emit(to Endpoint, octets []byte) {
	switch {
	case len(octets) == 0:
		return
	case len(octets) <= alwaysFits, m.cfg.MaximumSize == nil:
		m.act(SendMessage{to, octets})
		return
	}
	fragments, err := wire.Fragment(octets, m.cfg.MaximumSize(to))
	if err != nil {
		m.act(Ignored{Reason: IgnoredUnencodable, From: to, Err: err})
	}
	for _, fragment := range fragments {
		m.act(SendMessage{to, fragment})
	}
}

// encode is a message of this MIH Function in octets; nil: it says what no message can hold.
func (m *MIHF) encode(msg wire.Message) []byte {
	msg.Source = m.cfg.MIHFID
	octets, err := msg.Append(m.scratch[:0])
	if err != nil {
		m.act(Ignored{Reason: IgnoredUnencodable, Err: err})
		return nil
	}
	m.scratch = octets
	return bytes.Clone(octets)
}

// transactionDue sends a message again that was not acknowledged, until that was often enough (RFC 5677 section 6.3), and ends
// a request that was not answered.
func (m *MIHF) transactionDue(now time.Time, t *transaction) {
	p := t.peer
	switch {
	case t.sent.IsZero():
		m.end(now, t, nil, nil, FailedTimeout)
	case t.acknowledged:
		m.lost(now, t, FailedTimeout)
	case !t.to.acknowledges():
		m.lost(now, t, FailedNoAck)
	default:
		p.timedOut(now, t)
		if t.attempts > pace.MaximumRetransmissions || !now.Before(t.expires) {
			m.lost(now, t, FailedNoAck)
		} else {
			m.transmit(now, t)
		}
	}
}

// timedOut counts all messages that were on the way together as one loss.
func (p *peer) timedOut(now time.Time, t *transaction) {
	if t.again.After(p.timedOutAt) {
		p.timedOutAt = now
		p.rtt.TimedOut()
		p.pacer.Lost(now, p.rtt.Smoothed())
	}
}

// lost ends a transaction with a peer that does not do its part.
func (m *MIHF) lost(now time.Time, t *transaction, failure Failure) {
	m.end(now, t, nil, nil, failure)
	if failure == FailedNoAck && t.peer.MIHFID != "" {
		m.becomePeerDown(t.peer)
	}
}

// acknowledge notes that a message arrived. It ends indications and responses.
func (m *MIHF) acknowledge(now time.Time, p *peer, key exchange) bool {
	t := p.transactions[key]
	if t == nil || t.sent.IsZero() {
		return false
	}
	if !t.acknowledged {
		p.rtt.Acknowledged(t.sent, now, t.attempts > 1)
		p.pacer.Acknowledged(now, p.rtt.Smoothed())
	}
	t.acknowledged = true
	if t.answer == 0 {
		m.end(now, t, nil, nil, NoFailure)
	} else {
		m.timers.Set(&t.timer, t.expires)
	}
	return true
}

// end takes a transaction out and tells who began it.
func (m *MIHF) end(now time.Time, t *transaction, body wire.Body, extra []wire.TLV, failure Failure) {
	p := t.peer
	m.timers.Stop(&t.timer)
	delete(p.transactions, t.key)
	if p.MIHFID == "" {
		delete(m.discovering, discovery{p.Endpoint.Address.Addr(), t.key.transaction})
	}
	if t.sent.IsZero() {
		p.queue.Remove(func(waits *transaction) bool { return waits == t })
	}
	if t.link != nil {
		m.indicated(now, p, t.link, failure)
	}
	if t.ended != nil {
		t.ended(now, body, extra, failure)
	}
	m.catchUp(now, p)
	m.send(now, p)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// responseReceived ends the request that a response answers.
func (m *MIHF) responseReceived(now time.Time, p *peer, msg *wire.Message) bool {
	key := exchange{requestOf(msg.Header.MessageID), msg.Header.TransactionID}
	t := p.transactions[key]
	if t == nil || t.sent.IsZero() || t.answer != msg.Header.MessageID {
		return false
	}
	if !t.acknowledged { // a response proves that the request arrived, whether it says so or not
		p.rtt.Acknowledged(t.sent, now, t.attempts > 1)
		p.pacer.Acknowledged(now, p.rtt.Smoothed())
	}
	if msg.Body == nil || msg.Body.MessageID() != t.answer { // it says nothing, or nothing that can be read
		m.end(now, t, nil, nil, FailedMalformed)
		return true
	}
	m.end(now, t, msg.Body, msg.Extra, NoFailure)
	return true
}

// requestOf is the identifier of the request that a response answers.
func requestOf(response wire.MessageID) wire.MessageID {
	return wire.NewMessageID(response.Service(), wire.OpcodeRequest, response.Action())
}
