package lma

import (
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// revocationIndicated is a Binding Revocation Indication of a MAG, by which it gives up bindings of its own (RFC 5846
// sections 6.2.1, 8.2 and 9.2).
func (l *LMA) revocationIndicated(now time.Time, ev MessageReceived) {
	m := &l.indication
	if err := m.Decode(ev.Payload); err != nil {
		l.emit(Ignored{Reason: Malformed, Source: ev.Source, Err: err})
		return
	}
	careOf := ev.Source
	if m.Options.Present.Has(mh.OptionAlternateCareOfAddress) {
		careOf = m.Options.AlternateCareOfAddress
	}
	authorized := l.cfg.Authorized(careOf, ev.PeerIdentity)
	if !authorized && m.Flags&mh.RevocationGlobal == 0 {
		l.emit(Ignored{Reason: RevocationNotAuthorized, Source: ev.Source, MobileNodeID: m.Options.MobileNodeID})
		return
	}
	if authorized && l.indicatedAgain(now, ev) {
		return
	}
	status := checkIndication(m)
	if status.Accepted() && m.Flags&mh.RevocationGlobal != 0 && !(authorized && identifies(m, ev.PeerIdentity)) {
		status = mh.RevocationGlobalNotAuthorized
	}
	var missing []netip.Prefix
	if status.Accepted() {
		status, missing = l.giveUp(now, m, careOf)
	}
	answer := l.answerIndication(ev, m, status, missing)
	if status.Accepted() && answer != nil {
		l.rememberIndication(now, ev, answer)
	}
}

// checkIndication holds an indication against RFC 5846 sections 5.1 and 6.2.1, without a look at the bindings.
func checkIndication(m *mh.BindingRevocationIndication) mh.RevocationStatus {
	global := m.Flags&mh.RevocationGlobal != 0
	o := &m.Options
	switch {
	case m.Trigger > mh.TriggerPossibleOutOfSyncBindingCache && m.Trigger != mh.TriggerPerPeerPolicy:
		return mh.RevocationTriggerNotSupported
	case m.Flags&mh.RevocationProxy == 0, global != m.Trigger.Global():
		return mh.RevocationFunctionNotSupported
	case global && m.Flags&mh.RevocationIPv4Only != 0:
		return mh.RevocationFunctionNotSupported
	case global:
		return mh.RevocationSuccess
	case !o.Present.Has(mh.OptionMobileNodeID):
		return mh.RevocationMobileNodesRequired
	case m.Flags&mh.RevocationIPv4Only != 0 && !o.Present.Has(mh.OptionIPv4HomeAddressRequest):
		return mh.RevocationIPv4HomeAddressRequired
	}
	return mh.RevocationSuccess
}

// identifies says whether a global indication names the MAG that sent it: as the peer that authenticated itself, where that
// is known.
func identifies(m *mh.BindingRevocationIndication, identity string) bool {
	id := m.Options.MobileNodeID
	return m.Options.Present.Has(mh.OptionMobileNodeID) && id.Value != "" && (identity == "" || id.Value == identity)
}

// giveUp ends the bindings at this care-of address that the indication identifies. A MAG has no say over those of others,
// whatever it names. The prefixes that name no such binding are returned.
func (l *LMA) giveUp(now time.Time, m *mh.BindingRevocationIndication, careOf netip.Addr) (mh.RevocationStatus, []netip.Prefix) {
	o := &m.Options
	if m.Flags&mh.RevocationGlobal != 0 {
		l.giveUpAll(now, l.sessionsAt(careOf))
		return mh.RevocationSuccess, nil // section 8.2: also where all of them have been released already
	}
	var sessions []*entry
	if node := l.node(o.MobileNodeID); node != nil {
		for _, e := range node.sessions {
			if e.path.proxyCareOfAddress == careOf {
				sessions = append(sessions, e)
			}
		}
	}
	switch {
	case m.Flags&mh.RevocationIPv4Only != 0:
		return l.giveUpIPv4(now, sessions, o.IPv4HomeAddressRequest.Addr()), nil
	case !o.Present.Has(mh.OptionHomeNetworkPrefix):
		return l.giveUpAll(now, sessions), nil
	}
	var named []*entry
	var missing []netip.Prefix
	for _, prefix := range o.HomeNetworkPrefixes {
		e := l.owner(prefix)
		switch {
		case e == nil || !slices.Contains(sessions, e):
			missing = append(missing, prefix)
		case !slices.Contains(named, e):
			named = append(named, e)
		}
	}
	status := l.giveUpAll(now, named)
	if status == mh.RevocationSuccess && len(missing) > 0 {
		status = mh.RevocationPartialSuccess
	}
	return status, missing
}

func (l *LMA) giveUpAll(now time.Time, sessions []*entry) mh.RevocationStatus {
	if len(sessions) == 0 {
		return mh.RevocationBindingDoesNotExist
	}
	for _, e := range sessions {
		l.remove(now, e)
	}
	return mh.RevocationSuccess
}

// giveUpIPv4 ends the IPv4 part of the session that has address, or the session if it has no other part.
func (l *LMA) giveUpIPv4(now time.Time, sessions []*entry, address netip.Addr) mh.RevocationStatus {
	for _, e := range sessions {
		if home := e.home(); !home.IsValid() || home.Addr() != address {
			continue
		}
		if len(e.prefixes) == 0 {
			l.remove(now, e)
		} else {
			l.dropIPv4(e)
			l.emit(BindingChanged{Change: Extended, Entry: l.record(e)})
		}
		return mh.RevocationSuccess
	}
	return mh.RevocationBindingDoesNotExist
}

// answerIndication is RFC 5846 section 6.1.2. It returns what was sent.
func (l *LMA) answerIndication(ev MessageReceived, m *mh.BindingRevocationIndication, status mh.RevocationStatus, missing []netip.Prefix) []byte {
	if !status.Accepted() {
		l.emit(Ignored{Reason: DropReason("indication_" + status.String()), Source: ev.Source, MobileNodeID: m.Options.MobileNodeID})
	}
	l.emitForwarding()
	if l.compat(ev.Source) == mobility.CompatOPMIP {
		return nil
	}
	ack := mh.BindingRevocationAcknowledgement{Status: status, Sequence: m.Sequence, Flags: m.Flags}
	if len(missing) > 0 {
		ack.Options.Present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix)
		ack.Options.MobileNodeID, ack.Options.HomeNetworkPrefixes = m.Options.MobileNodeID, missing
	}
	payload, err := ack.AppendTo(nil)
	l.transmit(SendMessage{Source: ev.Destination, Destination: ev.Source, Payload: payload, Type: mh.TypeBindingRevocation}, err)
	return payload
}
