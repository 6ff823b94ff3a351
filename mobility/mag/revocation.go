package mag

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// revocation is a Binding Revocation Indication that is worth an answer.
type revocation struct {
	from, to netip.Addr
	payload  string // to know it again
	sequence uint16
	flags    mh.RevocationFlags
	unknown  []netip.Prefix // that it named, and nobody has here
	id       mobility.MobileNodeID
}

// answeredRevocation is one that was carried out: its sender repeats it when the answer is lost, and the network may. What it
// meant is gone; what it would mean now is another binding.
type answeredRevocation struct {
	from            netip.Addr
	payload, answer string
	at              time.Time
}

// Bounds of what is kept of revocations: longer than a sender repeats (RFC 5846 section 11: MAX_BRACK_TIMEOUT 2 s).
const (
	revocationsKept = 64
	revocationKept  = 30 * time.Second

	globalRevocationInterval = 100 * time.Millisecond // between two global ones of an LMA; RFC 5846 section 11: repeated after 500 ms
)

// revocationReceived processes a Binding Revocation message: the common checks (RFC 5846 section 6.2, 6.2.1), then section 9.1.
// What is no indication, did not come under the LMA's SA, or is not the word of who may revoke, is dropped without an answer.
func (m *MAG) revocationReceived(now time.Time, ev MessageReceived) {
	bri := &m.indication
	err := bri.Decode(ev.Payload)
	reason := DropReason("")
	switch kind := mh.RevocationTypeOf(ev.Payload); {
	case kind == mh.RevocationAcknowledgement:
		reason, err = DropUnmatched, nil // section 6.2.2: this MAG sends no indication
	case err != nil:
		reason = DropMalformed
	case m.compat(ev.Source) != mobility.CompatStrict:
		reason = DropUnexpectedMessage // these peers know no such message; no answer may reach them
	case !m.answerable(ev):
		reason = DropSourceMismatch
	case !m.mayRevoke(ev):
		reason = DropUnauthorizedRevocation
	}
	if reason != "" {
		m.do(Ignored{Reason: reason, Source: ev.Source, Err: err})
		return
	}
	r := &revocation{
		from: ev.Source, to: ev.Destination, payload: string(ev.Payload), sequence: bri.Sequence, flags: bri.Flags, id: bri.Options.MobileNodeID,
	}
	if status, rejected := m.checkRevocation(ev, bri); rejected {
		m.answerRevocation(r, status)
		return
	}
	global := bri.Flags&mh.RevocationGlobal != 0
	switch {
	case m.repeated(now, r): // whoever attached since is not meant
		return
	case global && m.globalPaced(now, r.from):
		m.do(Ignored{Reason: DropRateLimited, Source: r.from})
		return
	case global:
		m.revokeGlobally(now, r, bri)
	case bri.Flags&mh.RevocationIPv4Only != 0:
		m.revokeIPv4(now, r, bri)
		return
	default:
		named := bri.Options.HomeNetworkPrefixes
		aboutNothingElse := len(named) > 0 && m.allKnown(bri.Options.MobileNodeID, named)
		m.revokeMobileNode(now, r, bri)
		if aboutNothingElse {
			return
		}
	}
	m.askAnew(now, r, global)
}

// allKnown: each of the prefixes is one of a session of the mobile node.
func (m *MAG) allKnown(id mobility.MobileNodeID, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if !slices.ContainsFunc(m.nodes[id], func(s *session) bool { return s.hasPrefix(p) }) {
			return false
		}
	}
	return true
}

// askAnew sends a newer PBU for those that are about to be registered: theirs crossed the indication. If the LMA had bound them
// by then, it has given that up, and its answer, which is still under way, promises what is no more. The newer one is the last
// word for both. The mobile node is asked for first, as before every repetition (RFC 5213 section 6.9.4(2)).
func (m *MAG) askAnew(now time.Time, r *revocation, global bool) {
	candidates := m.nodes[r.id]
	if a := m.associations[r.from]; global && a != nil {
		candidates = nil
		for e := a.sessions.Front(); e != nil; e = e.Next() {
			candidates = append(candidates, e.Value.(*session))
		}
	}
	var crossed []*session
	for _, s := range slices.Clone(candidates) {
		switch {
		case s.lma() != r.from || s.state != Registering || s.purpose != Registration:
		case s.provisional:
			m.begin(s, Registration, s.handoff)
			m.becomeConfirmingPresence(now, s) // it may have reached another MAG meanwhile
		case !s.isBound():
			m.withdrawRequest(s)
			crossed = append(crossed, s)
		}
	}
	m.registerAgain(now, crossed)
}

// mayRevoke: the peer is who it says to be, and trusted with revocations of its own bindings at all.
func (m *MAG) mayRevoke(ev MessageReceived) bool {
	return m.isProtected(ev.Source) && (m.config.AcceptRevocation == nil || m.config.AcceptRevocation(ev.Source, ev.PeerIdentity, false))
}

// isProtected: the SA to this LMA stands, or none is needed.
func (m *MAG) isProtected(lma netip.Addr) bool {
	a := m.associations[lma]
	return !m.config.RequireSecurityAssociation || a != nil && a.up
}

// checkRevocation rejects what this MAG cannot do (RFC 5846 sections 6.2.1 and 9.1): a trigger it does not know, one that does not
// go with the flags, flags or options that have no meaning together, and a global one by who may not.
func (m *MAG) checkRevocation(ev MessageReceived, bri *mh.BindingRevocationIndication) (mh.RevocationStatus, bool) {
	global, ipv4Only := bri.Flags&mh.RevocationGlobal != 0, bri.Flags&mh.RevocationIPv4Only != 0
	options := bri.Options.Present != 0 || len(bri.Options.Unknown) > 0
	switch {
	case bri.Trigger > mh.TriggerPossibleOutOfSyncBindingCache && bri.Trigger != mh.TriggerPerPeerPolicy && bri.Trigger != mh.TriggerRevokingNodeLocalPolicy:
		return mh.RevocationTriggerNotSupported, true
	case bri.Flags&mh.RevocationProxy == 0, bri.Trigger.Global() != global, global && ipv4Only:
		return mh.RevocationFunctionNotSupported, true
	case global && bri.Trigger == mh.TriggerPerPeerPolicy && options:
		return mh.RevocationFunctionNotSupported, true
	case global && m.config.AcceptRevocation != nil && !m.config.AcceptRevocation(ev.Source, ev.PeerIdentity, true):
		return mh.RevocationGlobalNotAuthorized, true
	case ipv4Only && !bri.Options.Present.Has(mh.OptionIPv4HomeAddressRequest):
		return mh.RevocationIPv4HomeAddressRequired, true
	}
	return 0, false
}

// isElsewhere: the indication is about another Proxy-CoA than this MAG's.
func (m *MAG) isElsewhere(r *revocation, o *mh.Options) bool {
	return o.Present.Has(mh.OptionAlternateCareOfAddress) && o.AlternateCareOfAddress != m.proxyCareOfAddress(r.from)
}

// revokeGlobally ends all bindings with the LMA, or those of one realm. Nobody's bindings at all are a success with the first
// and an error with the second (RFC 5846 section 9.1).
func (m *MAG) revokeGlobally(now time.Time, r *revocation, bri *mh.BindingRevocationIndication) {
	o := &bri.Options
	var targets []*session
	if bri.Trigger == mh.TriggerPerPeerPolicy {
		targets = m.sessionsWith(r.from, func(*session) bool { return true })
	} else if realm, ok := realmOf(o); ok && !m.isElsewhere(r, o) {
		targets = m.sessionsWith(r.from, func(s *session) bool {
			own, ok := realmIn(s.id)
			return ok && strings.EqualFold(own, realm)
		})
	}
	if len(targets) == 0 && bri.Trigger != mh.TriggerPerPeerPolicy {
		m.answerRevocation(r, mh.RevocationMobileNodesRequired)
		return
	}
	m.revoke(now, r, targets)
}

// sessionsWith are the sessions with an LMA that fit, the oldest first.
func (m *MAG) sessionsWith(lma netip.Addr, fits func(*session) bool) (targets []*session) {
	a := m.associations[lma]
	if a == nil {
		return nil
	}
	for e := a.sessions.Front(); e != nil; e = e.Next() {
		if s := e.Value.(*session); s.isRevocable() && fits(s) {
			targets = append(targets, s)
		}
	}
	return targets
}

// globalPaced: a global indication looks at all sessions with its LMA, so that not many of them are taken in a row. The LMA
// repeats what is not answered.
func (m *MAG) globalPaced(now time.Time, lma netip.Addr) bool {
	a := m.associations[lma]
	if a == nil {
		return false // and so no session
	}
	if now.Before(a.nextGlobal) {
		return true
	}
	a.nextGlobal = now.Add(globalRevocationInterval)
	return false
}

// realmOf is the realm that an indication names (RFC 5846 section 8.1): what stands behind the "@" of an NAI.
func realmOf(o *mh.Options) (string, bool) {
	if !o.Present.Has(mh.OptionMobileNodeID) {
		return "", false
	}
	return realmIn(o.MobileNodeID)
}

func realmIn(id mobility.MobileNodeID) (string, bool) {
	_, realm, ok := strings.Cut(id.Value, "@")
	return realm, ok && realm != "" && id.Subtype == mobility.SubtypeNAI
}

// revokeMobileNode ends the bindings of one mobile node: those whose prefixes are named, or all. When the reason is that it is at
// another MAG by now, it is asked for first (RFC 5846 section 9.1).
func (m *MAG) revokeMobileNode(now time.Time, r *revocation, bri *mh.BindingRevocationIndication) {
	o := &bri.Options
	var targets []*session
	if o.Present.Has(mh.OptionMobileNodeID) && !m.isElsewhere(r, o) {
		for _, s := range m.nodes[o.MobileNodeID] {
			if s.lma() == r.from && s.isRevocable() && (len(o.HomeNetworkPrefixes) == 0 || slices.ContainsFunc(o.HomeNetworkPrefixes, s.hasPrefix)) {
				targets = append(targets, s)
			}
		}
	}
	if len(targets) == 0 {
		m.answerRevocation(r, mh.RevocationBindingDoesNotExist)
		return
	}
	for _, p := range o.HomeNetworkPrefixes {
		if !slices.ContainsFunc(targets, func(s *session) bool { return s.hasPrefix(p) }) {
			r.unknown = append(r.unknown, p)
		}
	}
	switch bri.Trigger {
	case mh.TriggerHandoverSameAccessType, mh.TriggerHandoverDifferentAccessType, mh.TriggerHandoverUnknown:
		m.askBeforeRevocation(now, r, targets)
	default:
		m.revoke(now, r, targets)
	}
}

// isRevocable: the LMA may mean this one. One that only just attached has nothing that could be revoked: its PBU crosses the indication,
// and the LMA's answer to that is a later word.
func (s *session) isRevocable() bool {
	return s.isBound() && !s.provisional || s.held && s.state != Registering
}

func (s *session) hasPrefix(p netip.Prefix) bool {
	return slices.Contains(s.bound, p) || slices.Contains(s.known, p)
}

// revoke ends the sessions and says so. First the packets stop, then the LMA hears of it, then everybody else: a global one may
// take long to tell.
func (m *MAG) revoke(now time.Time, r *revocation, targets []*session) {
	changed := false
	for _, s := range targets {
		m.closeHandovers(now, s, HandoverEndedByLMA)
		m.tellLater(s, func() { changed = m.endRevoked(now, s) || changed })
	}
	if changed {
		m.do(ApplyForwarding{})
	}
	status := mh.RevocationSuccess
	if len(r.unknown) > 0 {
		status = mh.RevocationPartialSuccess
	}
	m.remember(now, r, m.answerRevocation(r, status))
	m.tellSome(now)
}

// endRevoked reports whether forwarding changed.
func (m *MAG) endRevoked(now time.Time, s *session) (changed bool) {
	m.keepKnown(s)
	changed = m.becomeUnbound(s)
	if s.purpose == DeRegistration {
		m.end(s, s.ending) // it left already
		return changed
	}
	m.deny(now, s, denial{revoked: true})
	m.end(s, EndRevoked)
	m.withdrawRouter(s)
	return changed
}

// revokeIPv4 takes the IPv4 home address only (RFC 5846 section 9.1, RFC 5844). A mobile node that has nothing else is left with
// nothing.
func (m *MAG) revokeIPv4(now time.Time, r *revocation, bri *mh.BindingRevocationIndication) {
	o := &bri.Options
	address := o.IPv4HomeAddressRequest.Addr()
	has := func(s *session) bool {
		return s.lma() == r.from && !s.provisional && s.home.address.IsValid() && s.home.address.Addr() == address
	}
	i := slices.IndexFunc(m.nodes[o.MobileNodeID], has)
	if i < 0 || !o.Present.Has(mh.OptionMobileNodeID) || m.isElsewhere(r, o) {
		m.answerRevocation(r, mh.RevocationBindingDoesNotExist)
		return
	}
	s := m.nodes[o.MobileNodeID][i]
	if len(s.bound) == 0 {
		m.revoke(now, r, []*session{s})
		return
	}
	m.release(s, s.home.route())
	s.home, s.knownIPv4, s.holds.ipv4 = homeAddress{}, netip.Prefix{}, false
	s.request.wants.ipv4 = false // an answer that was under way before does not bring it back
	m.deny(now, s, denial{revokedIPv4: true})
	m.do(ApplyForwarding{s.correlationID})
	m.remember(now, r, m.answerRevocation(r, mh.RevocationSuccess))
	if s.offered {
		m.offerAddresses(now, s)
	}
}

// repeated answers an indication that was carried out a moment ago as it was answered then.
func (m *MAG) repeated(now time.Time, r *revocation) bool {
	for _, old := range m.revocations {
		if old.from == r.from && old.payload == r.payload && now.Sub(old.at) < revocationKept {
			m.sendRevocationAnswer(r, []byte(old.answer))
			return true
		}
	}
	return false
}

// remember keeps the answer to r, and forgets the oldest.
func (m *MAG) remember(now time.Time, r *revocation, answer []byte) {
	if len(m.revocations) >= revocationsKept {
		m.revocations = m.revocations[1:]
	}
	m.revocations = append(m.revocations, answeredRevocation{r.from, r.payload, string(answer), now})
}

// answerRevocation sends the acknowledgement (RFC 5846 section 6.1.2): number and flags are those of the indication.
func (m *MAG) answerRevocation(r *revocation, status mh.RevocationStatus) []byte {
	bra := mh.BindingRevocationAcknowledgement{Status: status, Sequence: r.sequence, Flags: r.flags}
	if status == mh.RevocationPartialSuccess {
		bra.Options.MobileNodeID, bra.Options.HomeNetworkPrefixes = r.id, r.unknown
		bra.Options.Present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix)
	}
	payload, err := bra.AppendTo(nil)
	if err != nil {
		m.do(Ignored{Reason: DropEncodingFailed, Source: r.from, Err: err})
		return nil
	}
	m.sendRevocationAnswer(r, payload)
	return payload
}

// sendRevocationAnswer: nothing leaves without the SA, which may be gone since the question came. The LMA will ask again.
func (m *MAG) sendRevocationAnswer(r *revocation, payload []byte) {
	if !m.isProtected(r.from) {
		m.do(Ignored{Reason: DropUnauthorizedRevocation, Source: r.from, MobileNodeID: r.id})
		return
	}
	m.do(SendMessage{Source: r.to, Destination: r.from, Payload: payload, Kind: RevocationAcknowledgement, Attempt: 1})
}
