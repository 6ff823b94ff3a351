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
	ack := acknowledgement(r, mobility.StatusAccepted)
	ack.Options.HomeNetworkPrefixes = e.HomeNetworkPrefixes
	if e.state == registered {
		ack.Lifetime = uint16(e.Expires.Sub(r.now) / mh.LifetimeUnit)
	}
	if ack.Options.Present.Has(mh.OptionLinkLocalAddress) {
		ack.Options.LinkLocalAddress = e.LinkLocalAddress
	}
	l.send(r, &ack)
}

// reject answers a request that the anchor refuses.
func (l *LMA) reject(r *request, status mobility.Status) {
	l.ignore(r, rejection(status))
	ack := acknowledgement(r, status)
	ack.Options.HomeNetworkPrefixes = r.options.HomeNetworkPrefixes
	if len(ack.Options.HomeNetworkPrefixes) == 0 {
		ack.Options.HomeNetworkPrefixes = allZeroPrefix
	}
	switch status {
	case mobility.StatusTimestampMismatch, mobility.StatusTimestampLowerThanPrevAccepted:
		ack.Options.Timestamp = mh.TimestampOf(r.now) // RFC 5213 section 5.5, 8 and 9
	case mobility.StatusSequenceNumberOutOfWindow:
		ack.Sequence = r.match.entry.SequenceNumber // RFC 6275 section 9.5.1
	}
	l.send(r, &ack)
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
	present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix, mh.OptionHandoffIndicator, mh.OptionAccessTechnologyType)
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
	payload, err := ack.AppendTo(make([]byte, 0, 128))
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
