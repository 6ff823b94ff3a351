package lma

import (
	"bytes"
	"encoding/binary"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// revocation is a Binding Revocation Indication that its MAG has not answered yet (RFC 5846 sections 6.3 and 8.1). Its
// sessions are deregistered until it ends; those that a newer registration took back are no longer its own. One that asks
// (see askFormer) leaves its session as it is until the answer.
type revocation struct {
	pathKey
	id       mobility.MobileNodeID // zero: all of the MAG's
	trigger  mh.RevocationTrigger
	asks     bool
	refused  bool // its MAG could not carry it out, see awaitExtensions
	sessions []*entry
	before   []beforeRevocation // of each of them
	sequence uint16
	payload  []byte // the same in each transmission; nil: it has not begun
	retries  int
	timeout  time.Duration
	place    int32
}

// beforeRevocation is what a session was when its revocation began.
type beforeRevocation struct {
	state               state
	expires, lastUpdate instant
}

func (v *revocation) slot() *int32 { return &v.place }

// due sends the indication again, or gives up.
func (v *revocation) due(l *LMA, now time.Time) {
	if v.retries >= l.cfg.BRIMaxRetriesNumber {
		l.endRevocation(now, v, RevocationEnded{})
		return
	}
	v.retries++
	v.timeout = min(2*v.timeout, l.cfg.MaxBRAckTimeout)
	l.indicate(now, v)
}

// revoke ends bindings by the operator's order and tells their MAGs: each with one indication, where that can say which
// bindings are meant.
func (l *LMA) revoke(now time.Time, order Revoke) {
	sessions := l.ordered(order)
	if len(sessions) == 0 {
		l.emit(Ignored{Reason: NothingToRevoke, Source: order.ProxyCareOfAddress, MobileNodeID: order.MobileNodeID})
		return
	}
	global := map[*path]bool{} // told as a whole
	if order.MobileNodeID.IsZero() {
		for _, e := range sessions {
			if _, known := global[e.path]; !known {
				global[e.path] = l.isWholePeer(e.path.pathKey)
			}
		}
	}
	l.startRevocations(now, l.grouped(sessions, global, order.Trigger))
}

// isWholePeer says whether the path is all that its MAG has here. A global indication has no option by which one Proxy-CoA
// of several could be told (RFC 5846 sections 8.1 and 9.1): it is all of the peer's, or none of it.
func (l *LMA) isWholePeer(key pathKey) bool {
	if key.peer != key.proxyCareOfAddress {
		return false
	}
	for other := range l.paths { // as many as there are MAGs
		if other.peer == key.peer && other.lmaAddress == key.lmaAddress && other != key {
			return false
		}
	}
	return true
}

// grouped makes the revocations of these sessions, in their order: one of a path that is told as a whole, else one of each
// mobile node there.
func (l *LMA) grouped(sessions []*entry, global map[*path]bool, trigger mh.RevocationTrigger) (all []*revocation) {
	type group struct {
		path *path
		node *mobileNode // nil: all
	}
	found := map[group]*revocation{}
	for _, e := range sessions {
		g := group{e.path, e.node}
		if global[e.path] {
			g.node = nil
		}
		v := found[g]
		if v == nil {
			v = &revocation{pathKey: e.path.pathKey, trigger: mh.TriggerPerPeerPolicy}
			if g.node != nil {
				v.id, v.trigger = e.node.id(), perNode(trigger)
			}
			found[g] = v
			all = append(all, v)
		}
		v.add(e)
		if former := l.revoking[e]; former != nil && former.refused {
			v.before[len(v.before)-1].state = registered // until it expires, as far as the MAG knows
		}
	}
	return all
}

// perNode is the trigger of an indication about one mobile node.
func perNode(trigger mh.RevocationTrigger) mh.RevocationTrigger {
	if trigger == mh.TriggerUnspecified || trigger >= mh.TriggerPerPeerPolicy {
		return mh.TriggerAdministrativeReason
	}
	return trigger
}

func (v *revocation) add(e *entry) {
	v.sessions = append(v.sessions, e)
	v.before = append(v.before, beforeRevocation{e.state, e.expires, e.lastUpdate})
}

// ordered are the sessions that an order concerns, without those that are being revoked already; where the MAG could not
// carry it out, the operator may try again. What waits there to get one
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
		if v := l.revoking[e]; v != nil && !v.refused || !wanted(e.path) {
			continue
		}
		if w := l.waiting[e.node]; w != nil && w.request.proxyCareOfAddress == order.ProxyCareOfAddress {
			l.forgetWaiting(e.node)
		}
		if v := l.asked[e]; v != nil {
			l.forgetRevocation(v) // the order is the stronger word
		}
		sessions = append(sessions, e)
	}
	return sessions
}

// prepare gives v its number and its message; false: there is none.
func (l *LMA) prepare(v *revocation) bool {
	if l.compat(v.peer) != mobility.CompatStrict || len(l.revocations) == 1<<16 {
		return false
	}
	l.number(v)
	indication := v.indication()
	payload, err := indication.AppendTo(nil)
	if err != nil { // too many prefixes: the mobile node alone says as much
		indication.Options.HomeNetworkPrefixes = nil
		indication.Options.Present &^= 1 << mh.OptionHomeNetworkPrefix
		payload, err = indication.AppendTo(nil)
	}
	if err != nil {
		l.emit(Ignored{Reason: UnencodableAnswer, Source: v.peer, MobileNodeID: v.id, Err: err})
		return false
	}
	v.payload, v.timeout = payload, l.cfg.InitMINDelayBRIs
	l.revocations[v.sequence] = v
	return true
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

// indication is the message (RFC 5846 sections 5.1 and 8.1). A global one has no option at all.
func (v *revocation) indication() mh.BindingRevocationIndication {
	m := mh.BindingRevocationIndication{Sequence: v.sequence, Flags: mh.RevocationProxy, Trigger: v.trigger}
	if v.id.IsZero() {
		m.Flags |= mh.RevocationGlobal
		return m
	}
	m.Options.Present.Add(mh.OptionMobileNodeID)
	m.Options.MobileNodeID = v.id
	if v.peer != v.proxyCareOfAddress {
		m.Options.Present.Add(mh.OptionAlternateCareOfAddress)
		m.Options.AlternateCareOfAddress = v.proxyCareOfAddress
	}
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

// becomeRevoked keeps the entry, without its traffic, until the revocation ends whose indication goes out at that instant
// (RFC 5846 section 8.1). Should the anchor be
// started again before that, the revocation goes on: see restoreRevocations.
func (l *LMA) becomeRevoked(e *entry, v *revocation, at time.Time) {
	e.state = deregistered
	l.revoking[e] = v
	wait, timeout := l.cfg.InitMINDelayBRIs, l.cfg.InitMINDelayBRIs
	for range l.cfg.BRIMaxRetriesNumber {
		timeout = min(2*timeout, l.cfg.MaxBRAckTimeout)
		wait += timeout
	}
	l.expireAt(e, at.Add(max(wait+time.Second, l.cfg.MinDelayBeforeBCEDelete)))
	l.forward(e)
}

// indicate sends the indication and waits for the answer.
func (l *LMA) indicate(now time.Time, v *revocation) {
	l.timers.set(v, l.instantOf(now.Add(v.timeout)))
	l.emit(SendMessage{Source: v.lmaAddress, Destination: v.peer, Payload: bytes.Clone(v.payload), Type: mh.TypeBindingRevocation})
}

// forgetRevocation: an answer is not awaited any more.
func (l *LMA) forgetRevocation(v *revocation) {
	l.timers.stop(v)
	if l.revocations[v.sequence] == v {
		delete(l.revocations, v.sequence)
	}
	for _, e := range v.sessions {
		if l.asked[e] == v {
			delete(l.asked, e)
		}
	}
}
