package mag

import (
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// messageReceived processes a PBA in the order of RFC 5213 section 6.9.1.2, and a Binding Revocation by RFC 5846.
func (m *MAG) messageReceived(now time.Time, ev MessageReceived) {
	compat := m.compat(ev.Source)
	ev.Payload = repaired(compat, ev.Payload)
	header, err := mh.DecodeHeader(ev.Payload)
	switch {
	case err == nil && header.Type == mh.TypeBindingRevocation:
		m.revocationReceived(now, ev)
		return
	case err == nil && header.Type == mh.TypeHandoverInitiate && m.config.Gateways != nil:
		m.handoverInitiated(now, ev)
		return
	case err == nil && header.Type == mh.TypeHandoverAcknowledge && m.config.Gateways != nil:
		m.handoverAcknowledged(now, ev)
		return
	}
	pba := &m.acknowledgement
	reason, err := m.decode(ev.Payload, pba, compat)
	var s *session
	var g grant
	switch reason {
	case "":
		s, reason = m.match(now, ev, pba)
	case DropUnknownMessageType:
		reason = m.bindingError(now, ev)
	}
	if reason == "" && s.request.release {
		m.releaseAnswered(now, s, pba)
		return
	}
	if reason == "" && s.purpose != DeRegistration && pba.Status.Accepted() {
		g, reason, err = readGrant(now, s, pba, compat)
	}
	if g.status != 0 {
		pba.Status = g.status
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
		m.accept(now, s, g, pba)
	} else {
		m.refuse(now, s, pba)
	}
}

// decode reads a PBA: steps 1 and 2. Its authentication was IPsec's.
func (m *MAG) decode(payload []byte, pba *mh.BindingAcknowledgement, compat mobility.Compat) (DropReason, error) {
	pba.Options.MobileNodeID = mobility.MobileNodeID{} // of the message before
	header, err := mh.DecodeHeader(payload)
	switch {
	case !header.Type.Known() || isHandover(header.Type) && m.config.Gateways == nil:
		return DropUnknownMessageType, nil
	case err != nil:
		return DropMalformed, err
	case header.Type != mh.TypeBindingAcknowledgement:
		return DropUnexpectedMessage, nil
	}
	if err := pba.Decode(payload); err != nil {
		return DropMalformed, err
	}
	if pba.Flags&mh.AcknowledgementProxy == 0 && compat != mobility.CompatOAI {
		return DropNotProxy, nil
	}
	return "", nil
}

func isHandover(t mh.Type) bool {
	return t == mh.TypeHandoverInitiate || t == mh.TypeHandoverAcknowledge
}

// bindingError answers a message of an unknown type (RFC 6275 section 9.2) and says how that counts: one that was not sent to
// the Proxy-CoA, or not from a unicast address, gets no answer, nor does OPMIP, which a message that it does not know deafens.
func (m *MAG) bindingError(now time.Time, ev MessageReceived) DropReason {
	if !m.answerable(ev) || m.compat(ev.Source) == mobility.CompatOPMIP {
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

// answerable: the message came to this MAG's own address from one that can be answered.
func (m *MAG) answerable(ev MessageReceived) bool {
	return ev.Source.IsValid() && !ev.Source.IsUnspecified() && !ev.Source.IsMulticast() && ev.Destination == m.proxyCareOfAddress(ev.Source)
}

// match finds the session whose PBU this answers: steps 3, 5 and 6.
func (m *MAG) match(now time.Time, ev MessageReceived, pba *mh.BindingAcknowledgement) (*session, DropReason) {
	options := &pba.Options
	oai := m.compat(ev.Source) == mobility.CompatOAI
	s := m.requests[m.requestKey(ev.Source, options.MobileNodeID, pba.Sequence)]
	if pba.Status == mobility.StatusSequenceNumberOutOfWindow {
		s = m.matchOutOfWindow(pba)
	}
	switch {
	case s == nil, !options.Present.Has(mh.OptionMobileNodeID), s.id != options.MobileNodeID && !echoesTimestamp(pba, s):
		return nil, DropUnmatched
	case ev.Source != s.lma() || ev.Destination != m.proxyCareOfAddress(s.lma()):
		return nil, DropSourceMismatch
	case !oai && options.Present.Has(mh.OptionTimestamp) && !carriesLMAClock(pba.Status) && s.request.timestamp != 0 && options.Timestamp != s.request.timestamp:
		return nil, DropTimestampMismatch
	case m.ofAnotherSession(options, s):
		return nil, DropUnmatched
	case differs(options, s) && (carriesLMAClock(pba.Status) || pba.Status == mobility.StatusSequenceNumberOutOfWindow):
		return nil, DropUnmatched // neither timestamp nor number of it are ours: an answer to an earlier PBU is likelier
	case differs(options, s):
		// Step 6: no retransmission until an administrative action; a new attachment is a new request.
		if s.purpose != DeRegistration && !s.request.release {
			m.becomeRefused(now, s, 0)
		}
		return nil, DropOptionMismatch
	}
	return s, ""
}

// ofAnotherSession: without timestamps a number counts within its session, which the link-layer identifier names. An answer to
// a PBU of before a restart, for another interface of the same mobile node, can have the number of this session's PBU.
func (m *MAG) ofAnotherSession(options *mh.Options, s *session) bool {
	return !m.config.TimestampBasedApproachInUse && options.Present.Has(mh.OptionMobileNodeLinkLayerID) &&
		options.MobileNodeLinkLayerID != s.request.linkLayerID
}

// matchOutOfWindow matches status 135, which carries the LMA's last sequence number in place of ours (RFC 6275 section
// 11.7.3). One that is lower than ours answers an earlier PBU. Which interface it is about, the link-layer identifier tells;
// not every LMA sends it back.
func (m *MAG) matchOutOfWindow(pba *mh.BindingAcknowledgement) *session {
	o := &pba.Options
	for _, s := range m.nodes[o.MobileNodeID] {
		other := o.Present.Has(mh.OptionMobileNodeLinkLayerID) && o.MobileNodeLinkLayerID != s.request.linkLayerID
		if !other && s.request.outstanding && int16(s.request.sequence-pba.Sequence) <= 0 {
			return s
		}
	}
	return nil
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
		has(mh.OptionMobileNodeLinkLayerID) && options.MobileNodeLinkLayerID != s.request.linkLayerID
}
