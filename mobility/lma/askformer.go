package lma

import (
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// askFormer asks the MAG of session whether it still has the mobile node, which another one registered with an unknown
// handoff state, in place of waiting for its de-registration (RFC 5846 section 8.1). It reports whether that was done: the
// registration waits for the answer then, or for the end of the retransmissions.
func (l *LMA) askFormer(now time.Time, session *entry) bool {
	switch {
	case !l.cfg.RevokeAtUnknownHandover || session.state != registered:
		return false
	case l.asked[session] != nil:
		return true
	}
	v := &revocation{pathKey: session.path.pathKey, id: session.node.id(), trigger: mh.TriggerHandoverUnknown, asks: true}
	v.add(session)
	if !l.prepare(v) {
		return false
	}
	l.asked[session] = v
	l.indicate(now, v)
	return true
}

// formerAnswered is what RFC 5846 section 8.1 makes of each answer. A MAG that released the binding, or has none, has
// de-registered it. Where the mobile node is attached there, or no answer came, there was no de-registration: the
// registration that waits is one for a new session.
func (l *LMA) formerAnswered(now time.Time, v *revocation, end *RevocationEnded) {
	e := v.sessions[0]
	released := end.Answered && (end.Status.Accepted() || end.Status == mh.RevocationBindingDoesNotExist)
	back := e.lastUpdate != v.before[0].lastUpdate && e.handoffIndicator != mobility.HandoffStateNotChanged
	switch w := l.waiting[e.node]; {
	case e.state != registered || e.path.pathKey != v.pathKey || back:
		// It was de-registered, it moved, or it attached there anew, after the MAG had released it.
	case released:
		end.Bindings++
		l.becomeReleased(e, now)
		l.emit(BindingChanged{Change: Deregistered, Entry: l.record(e)})
		l.emitForwarding()
		l.resumeWaiting(now, e)
	case w != nil && w.session == e && w.place == 0:
		w.due(l, now)
	}
	if w := l.waiting[e.node]; w != nil && w.session == e && w.place == 0 {
		l.timers.set(w, l.instantOf(now.Add(l.cfg.MaxDelayBeforeNewBCEAssign)))
	}
}

// becomeReleased is becomeDeregistered without a PBU that would say so.
func (l *LMA) becomeReleased(e *entry, now time.Time) {
	e.state = deregistered
	l.expireAt(e, now.Add(l.cfg.MinDelayBeforeBCEDelete))
	l.forward(e)
}
