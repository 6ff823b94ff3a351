package lma

import (
	"bytes"
	"encoding/binary"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// revocation is a Binding Revocation Indication that its MAG has not answered yet (RFC 5846 sections 6.3 and 8.1). Its
// sessions are deregistered until it ends; those that a newer registration took back are no longer its own.
type revocation struct {
	pathKey
	id       mobility.MobileNodeID // zero: all of the MAG's
	sessions []*entry
	sequence uint16
	payload  []byte // the same in each transmission
	retries  int
	timeout  time.Duration
	place    int32
}

func (v *revocation) slot() *int32 { return &v.place }

// due sends the indication again, or gives up.
func (v *revocation) due(l *LMA, now time.Time) {
	if v.retries < l.cfg.BRIMaxRetriesNumber {
		v.retries++
		v.timeout = min(2*v.timeout, l.cfg.MaxBRAckTimeout)
		l.indicate(now, v)
		return
	}
	l.endRevocation(now, v, RevocationEnded{})
}

// revoke ends bindings by the operator's order and tells their MAGs, each with one indication.
func (l *LMA) revoke(now time.Time, order Revoke) {
	sessions := l.ordered(order)
	if len(sessions) == 0 {
		l.emit(Ignored{Reason: NothingToRevoke, Source: order.ProxyCareOfAddress, MobileNodeID: order.MobileNodeID})
		return
	}
	var all []*revocation // one a path, in the order of the sessions
	for _, e := range sessions {
		var v *revocation
		for _, other := range all {
			if other.pathKey == e.path.pathKey {
				v = other
			}
		}
		if v == nil {
			v = &revocation{pathKey: e.path.pathKey, id: order.MobileNodeID, timeout: l.cfg.InitMINDelayBRIs}
			all = append(all, v)
		}
		v.sessions = append(v.sessions, e)
	}
	for _, v := range all {
		l.startRevocation(now, v, order.Trigger)
	}
}

// ordered are the sessions that an order concerns, without those that are being revoked already. What waits there to get one
// of them is forgotten.
func (l *LMA) ordered(order Revoke) []*entry {
	wanted := func(p *path) bool {
		return !order.ProxyCareOfAddress.IsValid() || p.proxyCareOfAddress == order.ProxyCareOfAddress
	}
	var candidates, sessions []*entry
	if order.MobileNodeID.IsZero() {
		candidates = l.sessionsAt(order.ProxyCareOfAddress)
	} else if node := l.node(order.MobileNodeID); node != nil {
		l.forgetWaiting(node)
		candidates = node.sessions
	}
	for _, e := range candidates {
		if l.revoking[e] != nil || !wanted(e.path) {
			continue
		}
		if w := l.waiting[e.node]; w != nil && w.request.proxyCareOfAddress == order.ProxyCareOfAddress {
			l.forgetWaiting(e.node)
		}
		sessions = append(sessions, e)
	}
	return sessions
}

// startRevocation stops the traffic of the sessions (RFC 5846 section 8.1 lets the tunnel go before the answer) and sends
// the indication. A peer that is known not to understand one gets none.
func (l *LMA) startRevocation(now time.Time, v *revocation, trigger mh.RevocationTrigger) {
	if l.compat(v.peer) != mobility.CompatStrict || len(l.revocations) == 1<<16 {
		l.endRevocation(now, v, RevocationEnded{})
		return
	}
	l.number(v)
	indication := v.indication(trigger)
	payload, err := indication.AppendTo(nil)
	if err != nil { // too many prefixes: the mobile node alone says as much
		indication.Options.HomeNetworkPrefixes = nil
		indication.Options.Present &^= 1 << mh.OptionHomeNetworkPrefix
		payload, err = indication.AppendTo(nil)
	}
	if err != nil {
		l.emit(Ignored{Reason: UnencodableAnswer, Source: v.peer, MobileNodeID: v.id, Err: err})
		l.endRevocation(now, v, RevocationEnded{})
		return
	}
	v.payload = payload
	l.revocations[v.sequence] = v
	for _, e := range v.sessions {
		l.becomeRevoked(e, v, now)
		l.emit(BindingChanged{Change: Deregistered, Entry: l.record(e)})
	}
	l.emitForwarding()
	l.indicate(now, v)
	for _, e := range v.sessions {
		l.resumeWaiting(now, e) // at another MAG: no de-registration will come
	}
}

// number gives v a sequence number that no outstanding revocation has, the first one at random.
func (l *LMA) number(v *revocation) {
	if l.revoked == 0 {
		var random [2]byte
		l.cfg.Random(random[:])
		l.revoked = binary.BigEndian.Uint16(random[:])
	}
	for l.revoked++; l.revocations[l.revoked] != nil; {
		l.revoked++
	}
	v.sequence = l.revoked
}

// indication is the message (RFC 5846 sections 5.1 and 8.1).
func (v *revocation) indication(trigger mh.RevocationTrigger) mh.BindingRevocationIndication {
	m := mh.BindingRevocationIndication{Sequence: v.sequence, Flags: mh.RevocationProxy, Trigger: trigger}
	if v.peer != v.proxyCareOfAddress { // as section 8.1 has it; a global one has no other option
		m.Options.Present.Add(mh.OptionAlternateCareOfAddress)
		m.Options.AlternateCareOfAddress = v.proxyCareOfAddress
	}
	if v.id.IsZero() {
		m.Flags |= mh.RevocationGlobal
		m.Trigger = mh.TriggerPerPeerPolicy
		return m
	}
	if trigger == mh.TriggerUnspecified || trigger >= mh.TriggerPerPeerPolicy {
		m.Trigger = mh.TriggerAdministrativeReason
	}
	m.Options.Present.Add(mh.OptionMobileNodeID)
	m.Options.MobileNodeID = v.id
	for _, e := range v.sessions {
		if len(e.prefixes) == 0 { // which no prefix names: all that this mobile node has at this MAG
			m.Options.HomeNetworkPrefixes = nil
			return m
		}
		m.Options.HomeNetworkPrefixes = append(m.Options.HomeNetworkPrefixes, e.prefixes...)
	}
	m.Options.Present.Add(mh.OptionHomeNetworkPrefix)
	return m
}

// becomeRevoked keeps the entry, without its traffic, until the revocation ends (RFC 5846 section 8.1). Should the anchor be
// started again before that, the entry ends as after a de-registration.
func (l *LMA) becomeRevoked(e *entry, v *revocation, now time.Time) {
	e.state = deregistered
	l.revoking[e] = v
	wait, timeout := l.cfg.InitMINDelayBRIs, l.cfg.InitMINDelayBRIs
	for range l.cfg.BRIMaxRetriesNumber {
		timeout = min(2*timeout, l.cfg.MaxBRAckTimeout)
		wait += timeout
	}
	l.expireAt(e, now.Add(max(wait+time.Second, l.cfg.MinDelayBeforeBCEDelete)))
	l.forward(e)
}

// indicate sends the indication and waits for the answer.
func (l *LMA) indicate(now time.Time, v *revocation) {
	l.timers.set(v, l.instantOf(now.Add(v.timeout)))
	l.emit(SendMessage{Source: v.lmaAddress, Destination: v.peer, Payload: bytes.Clone(v.payload), Type: mh.TypeBindingRevocation})
}

// endRevocation deletes the bindings that are still being revoked, whatever the answer was: the operator's order stands
// (RFC 5846 section 6.2.2 leaves it to local policy).
func (l *LMA) endRevocation(now time.Time, v *revocation, end RevocationEnded) {
	l.timers.stop(v)
	if l.revocations[v.sequence] == v {
		delete(l.revocations, v.sequence)
	}
	for _, e := range v.sessions {
		if e.state != removed && (v.payload == nil || l.revoking[e] == v) {
			l.remove(now, e)
			end.Bindings++
		}
	}
	l.emitForwarding()
	end.ProxyCareOfAddress, end.MobileNodeID = v.proxyCareOfAddress, v.id
	l.emit(end)
}

// receiveRevocation tells the two messages of that type apart.
func (l *LMA) receiveRevocation(now time.Time, ev MessageReceived) {
	if mh.RevocationTypeOf(ev.Payload) == mh.RevocationAcknowledgement {
		l.revocationAcknowledged(now, ev)
	} else {
		l.revocationIndicated(now, ev)
	}
}

// revocationAcknowledged is RFC 5846 section 6.2.2.
func (l *LMA) revocationAcknowledged(now time.Time, ev MessageReceived) {
	var ack mh.BindingRevocationAcknowledgement
	if err := ack.Decode(ev.Payload); err != nil {
		l.emit(Ignored{Reason: Malformed, Source: ev.Source, Err: err})
		return
	}
	v := l.revocations[ack.Sequence]
	named := ack.Options.Present.Has(mh.OptionMobileNodeID)
	if v == nil || ev.Source != v.peer || ev.Destination != v.lmaAddress ||
		named && !v.id.IsZero() && ack.Options.MobileNodeID != v.id {
		l.emit(Ignored{Reason: UnmatchedRevocation, Source: ev.Source})
		return
	}
	l.endRevocation(now, v, RevocationEnded{Answered: true, Status: ack.Status})
}
