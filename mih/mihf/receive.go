package mihf

import (
	"errors"
	"net/netip"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// Strangers may ask what this MIH Function can do: so many at one stroke, and so many a second.
const (
	strangersBurst  = 20
	strangersSecond = 10
)

// discovery names a capability discovery at an address whose MIH Function is not known.
type discovery struct {
	address     netip.Addr
	transaction uint16
}

// messageReceived takes a datagram: a message, or a fragment of one.
func (m *MIHF) messageReceived(now time.Time, from Endpoint, octets []byte) {
	whole, _ := m.reassembler.Add(now, from.Address, octets)
	if whole == nil {
		return // more to come, or dropped, and said so
	}
	msg, err := wire.Decode(whole)
	var wrong *wire.DecodeError
	if errors.As(err, &wrong) {
		m.act(Ignored{Reason: IgnoredMalformed, From: from, Err: err})
		if wrong.Reaction == wire.Drop || wrong.Reaction == wire.Reassemble {
			return
		}
		msg.Body = wire.UnknownBody{} // acknowledged, so that it does not come again; a request is refused where no more is needed for that than its identifier
	}
	if reason := m.take(now, from, &msg, whole); reason != "" {
		m.act(Ignored{Reason: reason, From: from})
	}
}

// take judges who sent a message, and acts on it. "" is no reason to ignore it.
func (m *MIHF) take(now time.Time, from Endpoint, msg *wire.Message, octets []byte) IgnoreReason {
	discover := msg.Header.MessageID == wire.IDCapabilityDiscoverRequest
	switch {
	case msg.Source == m.cfg.MIHFID:
		return IgnoredOwnSource
	case msg.Destination != m.cfg.MIHFID && !(msg.Destination == "" && discover):
		return IgnoredOtherDestination
	}
	p := m.peers[msg.Source]
	if p == nil {
		return m.stranger(now, from, msg)
	}
	switch {
	case p.Endpoint.Address.Addr() != from.Address.Addr():
		return IgnoredOtherAddress
	case !p.ready():
		return IgnoredUnprotected
	}
	p.received++
	m.becomePeerUp(p, now)
	if discover && msg.Destination == "" {
		m.act(Announced{from})
	}
	return m.known(now, p, from, msg, octets)
}

// stranger answers a capability discovery, and takes the answer to ours.
func (m *MIHF) stranger(now time.Time, from Endpoint, msg *wire.Message) IgnoreReason {
	switch body := msg.Body.(type) {
	case wire.CapabilityDiscoverRequest:
		if !m.strangers.take(now) {
			return IgnoredStrangersPaced
		}
		if msg.Destination == "" {
			m.act(Announced{from})
		}
		answer := wire.CapabilityDiscoverResponse{Status: mih.StatusSuccess, Capabilities: m.cfg.Capabilities}
		header := wire.Header{ACKResponse: msg.Header.ACKRequest, TransactionID: msg.Header.TransactionID}
		m.emit(from, m.encode(wire.Message{Header: header, Destination: msg.Source, Body: answer}))
		return ""
	case wire.CapabilityDiscoverResponse:
		reason := m.discovered(now, from, msg, body)
		if reason == "" && msg.Header.ACKRequest {
			m.pureAcknowledgement(from, msg)
		}
		return reason
	case nil:
		if t := m.discovering[discovery{from.Address.Addr(), msg.Header.TransactionID}]; t != nil {
			m.acknowledge(now, t.peer, t.key)
			return ""
		}
	}
	return IgnoredStranger
}

// discovered takes the answer to a discovery of an address.
func (m *MIHF) discovered(now time.Time, from Endpoint, msg *wire.Message, body wire.CapabilityDiscoverResponse) IgnoreReason {
	t := m.discovering[discovery{from.Address.Addr(), msg.Header.TransactionID}]
	switch {
	case t == nil && m.announced.answeredBy(now, msg):
		if !m.strangers.take(now) {
			return IgnoredStrangersPaced
		}
		m.act(Announced{from})
		return ""
	case t == nil:
		return IgnoredNoTransaction
	case !t.peer.ready():
		return IgnoredUnprotected
	}
	t.source = msg.Source
	m.end(now, t, body, msg.Extra, NoFailure)
	return ""
}

// known takes a message of a configured peer: acknowledgements first, then what it says.
func (m *MIHF) known(now time.Time, p *peer, from Endpoint, msg *wire.Message, octets []byte) IgnoreReason {
	id, transaction := msg.Header.MessageID, msg.Header.TransactionID
	if msg.Body == nil && msg.Header.ACKResponse {
		if !m.acknowledge(now, p, exchange{id, transaction}) {
			return IgnoredNoTransaction
		}
		return ""
	}
	switch id.Opcode() {
	case wire.OpcodeResponse:
		if msg.Header.ACKRequest { // also the second time: our acknowledgement may have been lost
			m.pureAcknowledgement(from, msg)
		}
		if m.responseReceived(now, p, msg) {
			return ""
		}
		if body, ok := msg.Body.(wire.CapabilityDiscoverResponse); ok { // its address was asked, whoever is there
			m.capable(p, body.Capabilities)
			return m.discovered(now, from, msg, body)
		}
		return IgnoredNoTransaction
	case wire.OpcodeRequest, wire.OpcodeIndication:
		return m.once(now, p, from, msg, octets)
	}
	return IgnoredUnknownMessage
}

// once acts on a request or an indication the first time that it comes. The second time its acknowledgement was lost, or its
// answer.
func (m *MIHF) once(now time.Time, p *peer, from Endpoint, msg *wire.Message, octets []byte) IgnoreReason {
	key := exchange{msg.Header.MessageID, msg.Header.TransactionID}
	old, duplicate := p.seen.take(now, key, octets)
	if duplicate {
		p.duplicates++
		switch {
		case old.answer != nil:
			m.emit(from, old.answer)
		case msg.Header.ACKRequest:
			m.pureAcknowledgement(from, msg)
		}
		return IgnoredDuplicate
	}
	if key.id.Opcode() == wire.OpcodeIndication {
		if msg.Header.ACKRequest {
			m.pureAcknowledgement(from, msg)
		}
		return m.indicationReceived(now, p, msg)
	}
	in := &incoming{peer: p, from: from, key: key, acknowledge: msg.Header.ACKRequest, extra: msg.Extra}
	reason := m.requestReceived(now, in, msg.Body)
	if in.acknowledge { // nothing was answered at once that could carry it
		m.pureAcknowledgement(from, msg)
	}
	return reason
}

// pureAcknowledgement acknowledges a message: its identifier and transaction, and nothing else (section 8.2.2).
func (m *MIHF) pureAcknowledgement(to Endpoint, msg *wire.Message) {
	header := wire.Header{ACKResponse: true, MessageID: msg.Header.MessageID, TransactionID: msg.Header.TransactionID}
	m.emit(to, m.encode(wire.Message{Header: header, Destination: msg.Source}))
}

// bucket is a token bucket.
type bucket struct {
	tokens float64
	filled time.Time
}

func (b *bucket) take(now time.Time) bool {
	if b.filled.IsZero() {
		b.tokens, b.filled = strangersBurst, now
	}
	if passed := now.Sub(b.filled); passed > 0 {
		b.tokens, b.filled = min(b.tokens+passed.Seconds()*strangersSecond, strangersBurst), now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
