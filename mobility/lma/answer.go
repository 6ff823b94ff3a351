package lma

import (
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// bindingErrorInterval paces Binding Errors (RFC 6275 section 9.3.3) over all peers together.
const bindingErrorInterval = 100 * time.Millisecond

// acknowledge answers an accepted request for e (RFC 5213 section 5.3.6). It is sent whether or not the A flag asks for
// it: a MAG acts on nothing else.
func (l *LMA) acknowledge(r *request, e *entry) {
	ack := l.acceptance(r, e)
	l.send(r, &ack)
}

// answerAgain repeats the answer to the request that e was last changed by.
func (l *LMA) answerAgain(r *request, e *entry) {
	l.ignore(r, RepeatedUpdate)
	ack := l.acceptance(r, e)
	if e.state == registered {
		ack.Lifetime = uint16(time.Duration(e.expires-e.lastUpdate) / mh.LifetimeUnit)
	}
	l.send(r, &ack)
}

// acceptance is the answer to an accepted request for e. It speaks of the IP versions that the request has (RFC 5844 section
// 3.1.2.6).
func (l *LMA) acceptance(r *request, e *entry) mh.BindingAcknowledgement {
	ack := acknowledgement(r, mobility.StatusAccepted)
	if r.wantsIPv6() {
		ack.Options.HomeNetworkPrefixes = l.prefixesFor(r, e.prefixes)
	}
	if e.state == registered {
		ack.Lifetime = uint16(time.Duration(e.expires-l.nowAt) / mh.LifetimeUnit)
	}
	if e.linkLocalAddress != nil && ack.Options.Present.Has(mh.OptionLinkLocalAddress) {
		ack.Options.LinkLocalAddress = netip.AddrFrom16(*e.linkLocalAddress)
	}
	if home := e.home(); r.wantsIPv4() && home.IsValid() {
		ack.Options.Present.Add(mh.OptionIPv4HomeAddressReply, mh.OptionIPv4DefaultRouter, mh.OptionIPv4DHCPSupportMode)
		ack.Options.IPv4HomeAddressReply.Address = home
		_, ack.Options.IPv4DefaultRouter, _ = l.ipv4Pool.home(home)
		ack.Options.IPv4DHCPSupportMode = l.cfg.DHCPSupportMode
	}
	if policy := l.offloadOf(e); !policy.IsZero() && l.asksOffload(r) { // an answer without a selector is none (RFC 6909 section 3.1)
		ack.Options.SetOffloadPolicy(policy)
	}
	return ack
}

// reject answers a request that the anchor refuses.
func (l *LMA) reject(r *request, status mobility.Status) {
	l.ignore(r, rejection(status))
	if r.compat == mobility.CompatOPMIP && !l.paced(r.now) {
		return
	}
	ack := acknowledgement(r, status)
	ack.Options.HomeNetworkPrefixes = r.options.HomeNetworkPrefixes
	if !r.wantsIPv6() && !r.wantsIPv4() {
		ack.Options.HomeNetworkPrefixes = allZeroPrefix
	}
	if r.wantsIPv4() {
		ack.Options.Present.Add(mh.OptionIPv4HomeAddressReply)
		ack.Options.IPv4HomeAddressReply.Address = r.options.IPv4HomeAddressRequest
		ack.Options.IPv4HomeAddressReply.Status = max(r.ipv4Status, mh.IPv4HomeAddressReasonUnspecified)
	}
	switch status {
	case mobility.StatusTimestampMismatch, mobility.StatusTimestampLowerThanPrevAccepted:
		if !l.cfg.MobileNodeGeneratedTimestampInUse { // else the same one goes back (RFC 5213 section 5.5, 7)
			ack.Options.Timestamp = mh.TimestampOf(r.now) // section 5.5, 8 and 9
		}
	case mobility.StatusSequenceNumberOutOfWindow:
		ack.Sequence = r.match.entry.sequence // RFC 6275 section 9.5.1
	}
	l.send(r, &ack)
}

// refusalInterval paces refusals to peers that repeat a refused request at once.
const refusalInterval = time.Second

// paced says whether such a refusal may go out now.
func (l *LMA) paced(now time.Time) bool {
	if now.Before(l.nextRefusal) {
		return false
	}
	l.nextRefusal = now.Add(refusalInterval)
	return true
}

// allZeroPrefix is the Home Network Prefix option of a rejection when the request had none (RFC 5213 section 5.3.6).
var allZeroPrefix = []netip.Prefix{netip.PrefixFrom(netip.IPv6Unspecified(), 0)}

// acknowledgement copies from the request what RFC 5213 section 5.3.6 wants copied whatever the status: an option that is
// mandatory in the answer stands with a zero value where the request had none.
func acknowledgement(r *request, status mobility.Status) mh.BindingAcknowledgement {
	ack := mh.BindingAcknowledgement{
		Status:   status,
		Flags:    mh.AcknowledgementProxy,
		Sequence: r.sequence,
		Options: mh.Options{
			MobileNodeID:          r.options.MobileNodeID,
			HandoffIndicator:      r.options.HandoffIndicator,
			AccessTechnologyType:  r.options.AccessTechnologyType,
			MobileNodeLinkLayerID: r.options.MobileNodeLinkLayerID,
			LinkLocalAddress:      r.options.LinkLocalAddress,
			Timestamp:             r.options.Timestamp,
		},
	}
	present := &ack.Options.Present
	present.Add(mh.OptionMobileNodeID, mh.OptionHandoffIndicator, mh.OptionAccessTechnologyType)
	if r.wantsIPv6() || !r.wantsIPv4() { // RFC 5844 section 3.1.2.6
		present.Add(mh.OptionHomeNetworkPrefix)
	}
	for _, option := range [...]mh.OptionType{mh.OptionTimestamp, mh.OptionMobileNodeLinkLayerID, mh.OptionLinkLocalAddress} {
		if r.options.Present.Has(option) {
			present.Add(option)
		}
	}
	if !r.options.Present.Has(mh.OptionMobileNodeID) {
		ack.Options.MobileNodeID.Subtype = mobility.SubtypeNAI
	}
	return ack
}

// send swaps the addresses of the request; an Alternate Care-of Address does not change where the answer goes.
func (l *LMA) send(r *request, ack *mh.BindingAcknowledgement) {
	payload, err := ack.AppendTo(nil)
	l.transmit(SendMessage{Source: r.destination, Destination: r.source, Payload: payload, Type: mh.TypeBindingAcknowledgement, Status: ack.Status}, err)
}

// transmit emits a message unless it could not be encoded: an answer can be longer than a Mobility Header may be, because
// it pads the options that a request crammed.
func (l *LMA) transmit(message SendMessage, err error) {
	if err != nil {
		l.emit(Ignored{Reason: UnencodableAnswer, Source: message.Destination, Err: err})
		return
	}
	l.emit(message)
}

// bindingError answers a message of an unknown type (RFC 6275 section 9.2).
func (l *LMA) bindingError(now time.Time, ev MessageReceived) {
	if now.Before(l.nextBindingError) {
		l.emit(Ignored{Reason: BindingErrorPaced, Source: ev.Source})
		return
	}
	l.nextBindingError = now.Add(bindingErrorInterval)
	l.emit(Ignored{Reason: UnknownMessageType, Source: ev.Source})
	if l.compat(ev.Source) == mobility.CompatOPMIP { // which hears nothing any more after a type that it does not know
		return
	}
	message := mh.BindingError{Status: mh.UnknownMHType, HomeAddress: netip.IPv6Unspecified()}
	payload, err := message.AppendTo(make([]byte, 0, 24))
	l.transmit(SendMessage{Source: ev.Destination, Destination: ev.Source, Payload: payload, Type: mh.TypeBindingError}, err)
}

// refuseMobileNode deals with a Binding Update without the P flag: a mobile node that speaks Mobile IPv6 itself. A home
// registration gets status 131 (RFC 6275 section 10.3.1: not configured as a home agent). A correspondent registration
// is discarded (section 9.5.1): it would need nonces that this anchor never gave out.
func (l *LMA) refuseMobileNode(ev MessageReceived) {
	l.emit(Ignored{Reason: NotProxyRegistration, Source: ev.Source})
	if l.update.Flags&mh.UpdateHome == 0 {
		return
	}
	ack := mh.BindingAcknowledgement{Status: mobility.StatusHomeRegistrationNotSupported, Sequence: l.update.Sequence}
	payload, err := ack.AppendTo(make([]byte, 0, 16))
	l.transmit(SendMessage{Source: ev.Destination, Destination: ev.Source, Payload: payload, Type: mh.TypeBindingAcknowledgement, Status: ack.Status}, err)
}
