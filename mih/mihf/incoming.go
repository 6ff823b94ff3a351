package mihf

import (
	"time"

	"netlmm/internal/timers"
	"netlmm/mih"
	"netlmm/mih/wire"
)

// maximumRequests of one peer may wait for an answer of a user or a link SAP here.
const maximumRequests = 64

// incoming is the destination's side of an exchange: a request of a peer, or a link command of a local user, that waits for its answer.
type incoming struct {
	peer        *peer // nil: of a local user
	from        Endpoint
	key         exchange
	acknowledge bool // it is not acknowledged yet
	extra       []wire.TLV

	user      User // local
	requestID uint64

	handle uint64
	timer  timers.Timer
}

// requestReceived acts on a request of a peer, at once where this MIH Function answers itself.
func (m *MIHF) requestReceived(now time.Time, in *incoming, body wire.Body) IgnoreReason {
	p := in.peer
	if permits := m.cfg.Permits; permits != nil && in.key.id.Service() == wire.ServiceCommand && !permits(p.MIHFID, in.key.id) {
		m.refuse(now, in, body, mih.StatusAuthorizationFailure)
		return IgnoredNotPermitted
	}
	switch b := body.(type) {
	case wire.CapabilityDiscoverRequest:
		m.capable(p, b.Capabilities)
		m.answer(now, in, wire.CapabilityDiscoverResponse{Status: mih.StatusSuccess, Capabilities: m.cfg.Capabilities})
		for _, s := range p.subscriptions { // a peer asks when it starts: it may have lost them
			m.ask(now, s)
		}
	case wire.RegisterRequest:
		m.answer(now, in, m.registered(now, p, b))
	case wire.DeRegisterRequest:
		p.registration.until = time.Time{}
		m.answer(now, in, wire.DeRegisterResponse{Status: mih.StatusSuccess})
	case wire.EventSubscribeRequest:
		m.subscribedBy(now, in, b)
	case wire.EventUnsubscribeRequest:
		m.answer(now, in, m.unsubscribedBy(p, b))
	case wire.LinkGetParametersRequest, wire.LinkConfigureThresholdsRequest, wire.LinkActionsRequest:
		if m.cfg.LinkSAP {
			return m.toSAP(now, in, body)
		}
		return m.toUser(now, in, body)
	case wire.NetHOCommitRequest:
		if _, handled := m.cfg.Handlers[in.key.id]; !handled && m.cfg.LinkSAP && len(b.Actions) > 0 {
			return m.toSAP(now, in, body)
		}
		return m.toUser(now, in, body)
	case wire.UnknownBody, nil:
		if in.key.id.Name() == "" {
			return IgnoredUnknownMessage
		}
		m.refuse(now, in, body, mih.StatusRejected) // it was counted as malformed
	default:
		return m.toUser(now, in, body)
	}
	return ""
}

// toSAP hands a request to the link SAPs here.
func (m *MIHF) toSAP(now time.Time, in *incoming, body wire.Body) IgnoreReason {
	return m.forward(now, in, func(handle uint64) Action { return LinkCommand{handle, body, in.extra} }, body)
}

// toUser hands a request to the local user that answers such requests; one that nobody answers is refused.
func (m *MIHF) toUser(now time.Time, in *incoming, body wire.Body) IgnoreReason {
	user, ok := m.cfg.Handlers[body.MessageID()]
	if !ok {
		m.refuse(now, in, body, mih.StatusRejected)
		return IgnoredNoHandler
	}
	return m.forward(now, in, func(handle uint64) Action { return RequestReceived{user, handle, in.peer.MIHFID, body} }, body)
}

// forward keeps a request until it is answered, for a while.
func (m *MIHF) forward(now time.Time, in *incoming, action func(handle uint64) Action, body wire.Body) IgnoreReason {
	if p := in.peer; p != nil {
		if p.requests >= maximumRequests {
			m.refuse(now, in, body, mih.StatusUnspecifiedFailure)
			return IgnoredTooManyRequests
		}
		p.requests++
	}
	m.lastHandle++
	in.handle = m.lastHandle
	in.timer.Due = func(now time.Time) {
		m.forget(in)
		m.act(Ignored{Reason: IgnoredUnanswered, From: in.from})
		m.refuse(now, in, body, mih.StatusUnspecifiedFailure)
	}
	m.incoming[in.handle] = in
	m.timers.Set(&in.timer, now.Add(m.cfg.ResponseTimeout))
	m.act(action(in.handle))
	return ""
}

func (m *MIHF) forget(in *incoming) {
	m.timers.Stop(&in.timer)
	delete(m.incoming, in.handle)
	if in.peer != nil {
		in.peer.requests--
	}
}

// respond is the answer of a user or a link SAP.
func (m *MIHF) respond(now time.Time, handle uint64, body wire.Body, extra []wire.TLV) {
	in := m.incoming[handle]
	if in == nil {
		m.act(Ignored{Reason: IgnoredLate})
		return
	}
	if body == nil || requestOf(body.MessageID()) != in.key.id || body.MessageID().Opcode() != wire.OpcodeResponse {
		m.act(Ignored{Reason: IgnoredOtherResponse, From: in.from})
		return
	}
	m.forget(in)
	m.answer(now, in, body, extra...)
}

// answer sends the response to a request, and has it acknowledged.
func (m *MIHF) answer(now time.Time, in *incoming, body wire.Body, extra ...wire.TLV) {
	if in.peer == nil {
		m.act(Confirm{User: in.user, RequestID: in.requestID, Source: m.cfg.MIHFID, Body: body, Extra: extra})
		return
	}
	p, key := in.peer, exchange{body.MessageID(), in.key.transaction}
	if p.transactions[key] != nil { // the peer uses the number again before it acknowledged the former response
		m.end(now, p.transactions[key], nil, nil, FailedNoAck)
	}
	octets := m.encode(wire.Message{
		Header:      wire.Header{ACKRequest: in.from.acknowledges(), ACKResponse: in.acknowledge, TransactionID: key.transaction},
		Destination: p.MIHFID, Body: body, Extra: extra,
	})
	if octets == nil {
		return
	}
	in.acknowledge = false
	p.seen.answered(in.key, octets)
	if len(p.transactions) >= m.cfg.MaximumOutstanding+m.cfg.MaximumQueued { // answered all the same, once
		m.emit(in.from, octets)
		return
	}
	t := &transaction{peer: p, key: key, octets: octets, to: in.from, expires: now.Add(m.cfg.ResponseTimeout)}
	t.timer.Due = func(now time.Time) { m.transactionDue(now, t) }
	p.transactions[key] = t
	m.transmit(now, t)
}

// refuse answers a request with nothing but its failure.
func (m *MIHF) refuse(now time.Time, in *incoming, body wire.Body, status mih.Status) {
	response := refusal(body, status)
	if _, unread := body.(wire.UnknownBody); unread {
		response = statusOnly(in.key.id, status)
	}
	if response != nil {
		m.answer(now, in, response)
	}
}

// linkOf is the link that a query of the network is about. The response must name one, and none without an address can be written: to a
// query that names none it is that of nobody.
func linkOf(b wire.NetHOCandidateQueryRequest) mih.LinkTupleID {
	if len(b.Suggested) == 0 {
		return mih.LinkTupleID{Link: mih.LinkID{Address: mih.MACAddress([6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})}}
	}
	return mih.LinkTupleID{Link: b.Suggested[0].Link}
}

// statusOnly is the response to a request that could not be read, where nothing of the request has to stand in it.
func statusOnly(request wire.MessageID, status mih.Status) wire.Body {
	switch request {
	case wire.IDCapabilityDiscoverRequest:
		return wire.CapabilityDiscoverResponse{Status: status}
	case wire.IDRegisterRequest:
		return wire.RegisterResponse{Status: status}
	case wire.IDLinkGetParametersRequest:
		return wire.LinkGetParametersResponse{Status: status}
	case wire.IDLinkActionsRequest:
		return wire.LinkActionsResponse{Status: status}
	case wire.IDNetHOCandidateQueryRequest:
		return wire.NetHOCandidateQueryResponse{Status: status, Link: linkOf(wire.NetHOCandidateQueryRequest{})}
	case wire.IDN2NHOQueryResourcesRequest:
		return wire.N2NHOQueryResourcesResponse{Status: status}
	case wire.IDNetHOCommitRequest:
		return wire.NetHOCommitResponse{Status: status}
	case wire.IDGetInformationRequest:
		return wire.GetInformationResponse{Status: status}
	}
	return nil
}

// refusal is the response of a request that says no more than a status, with what must be in it taken from the request.
func refusal(body wire.Body, status mih.Status) wire.Body {
	switch b := body.(type) {
	case wire.LinkGetParametersRequest:
		return wire.LinkGetParametersResponse{Status: status}
	case wire.LinkConfigureThresholdsRequest:
		return wire.LinkConfigureThresholdsResponse{Status: status, Link: b.Link}
	case wire.LinkActionsRequest:
		return wire.LinkActionsResponse{Status: status}
	case wire.NetHOCandidateQueryRequest:
		return wire.NetHOCandidateQueryResponse{Status: status, Link: linkOf(b)}
	case wire.MNHOCandidateQueryRequest:
		return wire.MNHOCandidateQueryResponse{Status: status, Link: b.Link}
	case wire.N2NHOQueryResourcesRequest:
		return wire.N2NHOQueryResourcesResponse{Status: status}
	case wire.MNHOCommitRequest:
		return wire.MNHOCommitResponse{Status: status, LinkType: b.LinkType, Target: b.Target}
	case wire.NetHOCommitRequest:
		return wire.NetHOCommitResponse{Status: status}
	case wire.N2NHOCommitRequest:
		return wire.N2NHOCommitResponse{Status: status, MobileNode: b.MobileNode}
	case wire.MNHOCompleteRequest:
		return wire.MNHOCompleteResponse{Status: status, Link: b.Link, NewLink: b.NewLink}
	case wire.N2NHOCompleteRequest:
		return wire.N2NHOCompleteResponse{Status: status, MobileNode: b.MobileNode, Link: b.Link, NewLink: b.NewLink}
	case wire.GetInformationRequest:
		return wire.GetInformationResponse{Status: status}
	}
	return nil
}
