package lma

import (
	"time"

	"netlmm/mobility/mh"
)

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

// endRevocation does with the bindings that are still being revoked what their answer says. That is local policy but for a
// success (RFC 5846 section 6.2.2); here it is:
//   - A MAG that does not take the global form, or not this trigger, is told once more in the form that it must know: of each
//     mobile node, with the administrative reason. Else it would forward into nothing until its next extension.
//   - One that cannot carry it out in any form keeps its side of the binding, and can be told so only when it asks for an
//     extension: that is refused.
//   - A mobile node that is attached there after all (132) keeps its binding if the reason was a handover to another MAG:
//     there was none.
//   - Any other answer, or none, leaves the operator's order as it stands: the bindings are deleted.
func (l *LMA) endRevocation(now time.Time, v *revocation, end RevocationEnded) {
	l.forgetRevocation(v)
	end.ProxyCareOfAddress, end.MobileNodeID = v.proxyCareOfAddress, v.id
	switch {
	case v.asks:
		l.formerAnswered(now, v, &end)
	case end.Answered && v.deservesAnother(end.Status):
		l.emit(end)
		l.revokeEach(now, v)
		return
	case end.Answered && cannotRevoke(end.Status):
		end.Bindings = l.awaitExtensions(now, v)
	case end.Answered && end.Status == mh.RevocationMobileNodeAttached && isHandover(v.trigger):
		l.takeBack(now, v)
	default:
		for _, e := range v.sessions {
			if l.revoking[e] == v {
				l.remove(now, e)
				end.Bindings++
			}
		}
	}
	l.emitForwarding()
	l.emit(end)
}

func isHandover(trigger mh.RevocationTrigger) bool {
	return trigger == mh.TriggerHandoverSameAccessType || trigger == mh.TriggerHandoverDifferentAccessType || trigger == mh.TriggerHandoverUnknown
}

// deservesAnother says whether the MAG refused the form of the indication, and there is another one.
func (v *revocation) deservesAnother(status mh.RevocationStatus) bool {
	switch status {
	case mh.RevocationGlobalNotAuthorized, mh.RevocationMobileNodesRequired, mh.RevocationFunctionNotSupported:
		return v.id.IsZero()
	case mh.RevocationTriggerNotSupported:
		return v.trigger != mh.TriggerAdministrativeReason
	}
	return false
}

// revokeEach revokes what v did not, by mobile node.
func (l *LMA) revokeEach(now time.Time, v *revocation) {
	var rest []*entry
	before := make(map[*entry]beforeRevocation, len(v.sessions))
	for i, e := range v.sessions {
		if l.revoking[e] == v {
			rest = append(rest, e)
			before[e] = v.before[i]
		}
	}
	all := l.grouped(rest, nil, mh.TriggerAdministrativeReason)
	for _, each := range all {
		for i, e := range each.sessions {
			each.before[i] = before[e]
		}
	}
	l.startRevocations(now, all)
}

// cannotRevoke: neither this form nor another one will do.
func cannotRevoke(status mh.RevocationStatus) bool {
	switch status {
	case mh.RevocationTriggerNotSupported, mh.RevocationFunctionNotSupported, mh.RevocationProxyBindingNotSupported:
		return true
	}
	return false
}

// awaitExtensions leaves the sessions of v as they are, without their traffic, for as long as their MAG was granted them: an extension of
// what is being revoked is refused (checkUpdate), and that ends it there too. It returns how many v revoked.
func (l *LMA) awaitExtensions(now time.Time, v *revocation) (revoked int) {
	v.refused = true
	for i, e := range v.sessions {
		if l.revoking[e] != v {
			continue
		}
		revoked++
		before := v.before[i]
		if before.state != registered || before.expires <= l.nowAt || e.lastUpdate != before.lastUpdate {
			l.remove(now, e) // the MAG has it no more
			continue
		}
		e.expires = before.expires
		l.timers.set(e, e.expires)
		l.emit(BindingChanged{Change: Deregistered, Entry: l.record(e)})
	}
	return revoked
}

// takeBack makes the sessions of v what they were, if nothing was heard of them since and their time is not over.
func (l *LMA) takeBack(now time.Time, v *revocation) {
	for i, e := range v.sessions {
		if l.revoking[e] != v {
			continue
		}
		before := v.before[i]
		delete(l.revoking, e)
		switch {
		case e.lastUpdate != before.lastUpdate: // it was de-registered meanwhile: it goes when that delay is over
		case before.expires <= l.nowAt:
			l.remove(now, e)
		default:
			l.becomeAsBefore(e, before)
			l.emit(BindingChanged{Change: takenBack[before.state], Entry: l.record(e)})
		}
	}
}

var takenBack = map[state]Change{registered: Extended, deregistered: Deregistered}

// becomeAsBefore undoes becomeRevoked.
func (l *LMA) becomeAsBefore(e *entry, before beforeRevocation) {
	e.state, e.expires = before.state, before.expires
	l.timers.set(e, e.expires)
	l.forward(e)
}
