package mag

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// messageReceived processes a PBA in the order of RFC 5213 section 6.9.1.2.
func (m *MAG) messageReceived(now time.Time, ev MessageReceived) {
	pba := &m.acknowledgement
	reason, err := decode(ev.Payload, pba)
	var s *session
	switch reason {
	case "":
		s, reason = m.match(now, ev, pba)
	case DropUnknownMessageType:
		reason = m.bindingError(now, ev)
	}
	if reason == "" && s.purpose != DeRegistration && pba.Status.Accepted() {
		reason, err = checkGrant(now, s, pba)
	}
	switch {
	case reason != "":
		m.do(Ignored{Reason: reason, Source: ev.Source, MobileNodeID: pba.Options.MobileNodeID, Err: err})
		return
	case s.purpose == DeRegistration:
		m.deregistrationAnswered(s, ev, pba)
		return
	}
	s.lastStatus, s.updated, s.association.heard = pba.Status, now, now
	m.withdrawRequest(s)
	if pba.Status.Accepted() {
		m.accept(now, s, pba)
	} else {
		m.refuse(now, s, pba)
	}
}

// decode reads a PBA: steps 1 and 2. Its authentication was IPsec's.
func decode(payload []byte, pba *mh.BindingAcknowledgement) (DropReason, error) {
	pba.Options.MobileNodeID = mobility.MobileNodeID{} // of the message before
	header, err := mh.DecodeHeader(payload)
	switch {
	case header.Type > mh.TypeBindingError: // beyond RFC 6275; the codec knows more types than this gateway has a use for
		return DropUnknownMessageType, nil
	case err != nil:
		return DropMalformed, err
	case header.Type != mh.TypeBindingAcknowledgement:
		return DropUnexpectedMessage, nil
	}
	if err := pba.Decode(payload); err != nil {
		return DropMalformed, err
	}
	if pba.Flags&mh.AcknowledgementProxy == 0 {
		return DropNotProxy, nil
	}
	return "", nil
}

// bindingError answers a message of an unknown type (RFC 6275 section 9.2) and says how that counts: one that was not sent to
// the Proxy-CoA, or not from a unicast address, gets no answer.
func (m *MAG) bindingError(now time.Time, ev MessageReceived) DropReason {
	if ev.Destination != m.config.ProxyCareOfAddress || !ev.Source.Is6() || ev.Source.IsUnspecified() || ev.Source.IsMulticast() {
		return DropUnknownMessageType
	}
	if now.Before(m.nextBindingError) {
		return DropBindingErrorPaced
	}
	message := mh.BindingError{Status: mh.UnknownMHType, HomeAddress: netip.IPv6Unspecified()}
	payload, err := message.AppendTo(nil)
	if err != nil {
		return DropEncodingFailed
	}
	m.nextBindingError = now.Add(bindingErrorInterval)
	m.do(SendMessage{Source: ev.Destination, Destination: ev.Source, Payload: payload, Kind: BindingError, Attempt: 1})
	return DropUnknownMessageType
}

// match finds the session whose PBU this answers: steps 3, 5 and 6.
func (m *MAG) match(now time.Time, ev MessageReceived, pba *mh.BindingAcknowledgement) (*session, DropReason) {
	options := &pba.Options
	s := m.requests[m.requestKey(options.MobileNodeID, pba.Sequence)]
	if pba.Status == mobility.StatusSequenceNumberOutOfWindow {
		s = m.matchOutOfWindow(pba)
	}
	switch {
	case s == nil, !options.Present.Has(mh.OptionMobileNodeID), s.id != options.MobileNodeID && !echoesTimestamp(pba, s):
		return nil, DropUnmatched
	case ev.Source != s.lma() || ev.Destination != m.config.ProxyCareOfAddress:
		return nil, DropSourceMismatch
	case options.Present.Has(mh.OptionTimestamp) && !carriesLMAClock(pba.Status) && s.request.timestamp != 0 && options.Timestamp != s.request.timestamp:
		return nil, DropTimestampMismatch
	case differs(options, s) && carriesLMAClock(pba.Status):
		return nil, DropUnmatched // with no timestamp of ours to tell by, an answer to a PBU of before a restart is likelier
	case differs(options, s):
		// Step 6: no retransmission until an administrative action; a new attachment is a new request.
		if s.purpose != DeRegistration {
			m.becomeRefused(now, s, 0)
		}
		return nil, DropOptionMismatch
	}
	return s, ""
}

// matchOutOfWindow matches status 135, which carries the LMA's last sequence number in place of ours (RFC 6275 section
// 11.7.3). One that is lower than ours answers an earlier PBU.
func (m *MAG) matchOutOfWindow(pba *mh.BindingAcknowledgement) *session {
	s := m.sessions[sessionKey{pba.Options.MobileNodeID, pba.Options.MobileNodeLinkLayerID}]
	if s == nil || !s.request.outstanding || int16(s.request.sequence-pba.Sequence) > 0 {
		return nil
	}
	return s
}

// carriesLMAClock: with these the Timestamp option is the LMA's time of day (RFC 5213 section 5.5(8) and (9)).
func carriesLMAClock(status mobility.Status) bool {
	return status == mobility.StatusTimestampMismatch || status == mobility.StatusTimestampLowerThanPrevAccepted
}

// echoesTimestamp reports whether the answer has the timestamp of the PBU, which no other PBU of that number has: not one of
// before a restart, after which the numbers begin anew.
func echoesTimestamp(pba *mh.BindingAcknowledgement, s *session) bool {
	return pba.Options.Present.Has(mh.OptionTimestamp) && pba.Options.Timestamp == s.request.timestamp && !carriesLMAClock(pba.Status)
}

// differs reports whether an option that the LMA is to echo came back changed (RFC 5213 section 6.9.1.2(6)).
func differs(options *mh.Options, s *session) bool {
	has := options.Present.Has
	return has(mh.OptionMobileNodeID) && options.MobileNodeID != s.id ||
		has(mh.OptionHandoffIndicator) && options.HandoffIndicator != s.request.handoff ||
		has(mh.OptionAccessTechnologyType) && options.AccessTechnologyType != s.accessTechnology ||
		has(mh.OptionMobileNodeLinkLayerID) && options.MobileNodeLinkLayerID != s.linkLayerID
}

// checkGrant says why an acceptance is of no use. The PBU then goes unanswered.
func checkGrant(now time.Time, s *session, pba *mh.BindingAcknowledgement) (DropReason, error) {
	if err := checkPrefixes(pba.Options.HomeNetworkPrefixes); err != nil {
		return DropInvalidGrant, err
	}
	if !s.request.sent.Add(granted(pba)).After(now) {
		return DropInvalidGrant, errors.New("the granted lifetime is over already")
	}
	return "", nil
}

func granted(pba *mh.BindingAcknowledgement) time.Duration {
	return time.Duration(pba.Lifetime) * mh.LifetimeUnit
}

// accept: steps 12 to 14. The lifetime counts from the PBU, so that it never ends later here than at the LMA.
func (m *MAG) accept(now time.Time, s *session, pba *mh.BindingAcknowledgement) {
	m.becomeBound(s, slices.Clone(pba.Options.HomeNetworkPrefixes), s.request.sent.Add(granted(pba)))
	m.becomeRegistered(s, granted(pba))
	m.do(BindingAccepted{m.entry(s)})
	m.do(ApplyForwarding{s.correlationID})
	m.advertiseRouter(now, s)
}

// refuse: steps 7 to 11. Whatever the status, the mobile node gets no service; whether and when to ask again is retryAfter's.
func (m *MAG) refuse(now time.Time, s *session, pba *mh.BindingAcknowledgement) {
	m.do(BindingEnded{Entry: m.entry(s), Reason: EndRefused, Status: pba.Status})
	s.held = len(s.bound) > 0 // a rejected extension leaves the binding of before
	if m.becomeUnbound(s) {
		m.do(ApplyForwarding{s.correlationID})
	}
	handoff := s.handoff
	if s.purpose == ReRegistration {
		handoff = mobility.HandoffStateUnknown
	}
	m.begin(s, Registration, handoff)
	s.refusals++
	delay, retry := m.retryAfter(s, pba.Status)
	switch pba.Status {
	case mobility.StatusSequenceNumberOutOfWindow:
		s.sequence = pba.Sequence
	case mobility.StatusNotAuthorizedForHomeNetworkPrefix, mobility.StatusBCEPBUPrefixSetDoNotMatch:
		s.known = nil // step 10: not the same prefixes again
	}
	if retry && delay == 0 {
		// Without a probe this could race with the other MAG that the mobile node has reached meanwhile, and win.
		m.becomeConfirmingPresence(now, s)
		return
	}
	m.becomeRefused(now, s, delay)
	m.withdrawRouter(s)
}

// retryAfter is how long to wait with the next PBU after a rejection; presence is confirmed before each.
func (m *MAG) retryAfter(s *session, status mobility.Status) (delay time.Duration, retry bool) {
	backoff := func(n int) time.Duration {
		return min(m.config.InitialBindackTimeout<<min(n, 16), m.config.MaxBindackTimeout)
	}
	switch status {
	case mobility.StatusProxyRegNotEnabled, mobility.StatusAdministrativelyProhibited:
		return 0, false // step 7
	case mobility.StatusTimestampLowerThanPrevAccepted, mobility.StatusSequenceNumberOutOfWindow:
		// Step 8, RFC 6275 section 11.7.3: assert the presence again; a clock that lags must not make a storm of it.
		if s.refusals == 1 {
			return 0, true
		}
		return backoff(s.refusals - 2), true
	case mobility.StatusTimestampMismatch:
		// Step 9: our clock is not set by the LMA's. Whether it is right again only another PBU tells; and one that merely
		// was delayed beyond the LMA's window is mended by the next.
		return backoff(s.refusals - 1), true
	case mobility.StatusNotAuthorizedForHomeNetworkPrefix, mobility.StatusBCEPBUPrefixSetDoNotMatch:
		if len(s.known) > 0 {
			return 0, true // step 10: one all-zero prefix
		}
	}
	return m.config.MaxBindackTimeout, true // what the operator of the LMA may mend, such as 130, 153 and 154
}

// deregistrationAnswered: RFC 5213 section 6.9.1.4 waits for status 0 or for the timeout.
func (m *MAG) deregistrationAnswered(s *session, ev MessageReceived, pba *mh.BindingAcknowledgement) {
	s.lastStatus = pba.Status
	if pba.Status != mobility.StatusAccepted {
		m.do(Ignored{Reason: DropDeRegistrationRefused, Source: ev.Source, MobileNodeID: s.id})
		return
	}
	m.end(s, s.ending)
}
