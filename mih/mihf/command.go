package mihf

import (
	"time"

	"netlmm/mih/wire"
)

// command carries a user's request or indication to a peer, or a link command to the link SAPs here.
func (m *MIHF) command(now time.Time, r Request) {
	failed := func(failure Failure) {
		m.act(Confirm{User: r.User, RequestID: r.RequestID, Source: r.Destination, Failure: failure})
	}
	if r.Body == nil {
		failed(FailedNoRequest)
		return
	}
	if r.Destination == "" || r.Destination == m.cfg.MIHFID {
		m.localCommand(now, r, failed)
		return
	}
	p := m.peers[r.Destination]
	switch opcode := r.Body.MessageID().Opcode(); {
	case p == nil:
		failed(FailedNoPeer)
	case opcode == wire.OpcodeIndication:
		if !m.indicate(now, p, r.Body) {
			m.act(Ignored{Reason: IgnoredIndicationsOverflow, From: p.Endpoint})
		}
	case opcode != wire.OpcodeRequest || r.Body.MessageID() == 0:
		failed(FailedNoRequest)
	default:
		m.request(now, p, r.Body, func(_ time.Time, body wire.Body, extra []wire.TLV, failure Failure) {
			m.act(Confirm{User: r.User, RequestID: r.RequestID, Source: p.MIHFID, Body: body, Extra: extra, Failure: failure})
		}, r.Extra...)
	}
}

// localCommand is for the link SAPs, or for the user here who answers such requests.
func (m *MIHF) localCommand(now time.Time, r Request, failed func(Failure)) {
	in := &incoming{key: exchange{id: r.Body.MessageID()}, user: r.User, requestID: r.RequestID}
	switch r.Body.(type) {
	case wire.LinkGetParametersRequest, wire.LinkConfigureThresholdsRequest, wire.LinkActionsRequest:
		if !m.cfg.LinkSAP {
			failed(FailedNoSAP)
			return
		}
		m.forward(now, in, func(handle uint64) Action { return LinkCommand{handle, r.Body, r.Extra} }, r.Body)
	default:
		user, ok := m.cfg.Handlers[r.Body.MessageID()]
		if !ok {
			failed(FailedNoPeer)
			return
		}
		m.forward(now, in, func(handle uint64) Action { return RequestReceived{user, handle, m.cfg.MIHFID, r.Body} }, r.Body)
	}
}

// discover asks a peer, or whoever is at an address, what it can do.
func (m *MIHF) discover(now time.Time, d Discover) {
	p := m.peers[d.Destination]
	if d.Endpoint.Address.IsValid() && d.Destination == "" {
		p = m.newPeer(Peer{Endpoint: d.Endpoint, Protected: d.Protected})
	}
	if p == nil {
		m.act(Confirm{User: d.User, RequestID: d.RequestID, Source: d.Destination, Failure: FailedNoPeer})
		return
	}
	if p.MIHFID == "" {
		m.discoverStranger(now, p, d)
		return
	}
	m.request(now, p, wire.CapabilityDiscoverRequest{Capabilities: m.cfg.Capabilities}, func(_ time.Time, body wire.Body, _ []wire.TLV, failure Failure) {
		if answer, ok := body.(wire.CapabilityDiscoverResponse); ok {
			m.capable(p, answer.Capabilities)
		}
		m.act(Confirm{User: d.User, RequestID: d.RequestID, Source: p.MIHFID, Body: body, Failure: failure})
	})
}

// discoverStranger is a discovery with an empty destination (section 8.3.1): whoever answers says who it is.
func (m *MIHF) discoverStranger(now time.Time, p *peer, d Discover) {
	if len(m.discovering) >= m.cfg.MaximumOutstanding {
		m.act(Confirm{User: d.User, RequestID: d.RequestID, Failure: FailedQueueFull})
		return
	}
	p.next = m.discoveries
	for m.discovering[discovery{d.Endpoint.Address.Addr(), p.next}] != nil {
		p.next = following(p.next)
	}
	m.discoveries = following(p.next)
	t := m.newTransaction(now, p, wire.IDCapabilityDiscoverRequest)
	t.answer = wire.IDCapabilityDiscoverResponse
	t.ended = func(_ time.Time, body wire.Body, _ []wire.TLV, failure Failure) {
		m.act(Confirm{User: d.User, RequestID: d.RequestID, Source: t.source, Body: body, Failure: failure})
	}
	m.discovering[discovery{d.Endpoint.Address.Addr(), t.key.transaction}] = t
	m.enqueue(now, t, wire.CapabilityDiscoverRequest{Capabilities: m.cfg.Capabilities}, nil)
}
