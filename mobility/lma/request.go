package lma

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// request is one Proxy Binding Update on its way through the checks.
type request struct {
	now                 time.Time
	receivedAt          time.Time // not after now, unless the clock was set back meanwhile
	source, destination netip.Addr
	peerIdentity        string
	sequence            uint16
	lifetime            uint16 // in mh.LifetimeUnit
	options             *mh.Options

	proxyCareOfAddress netip.Addr                     // the Alternate Care-of Address if there is one, else the source
	linkLayerID        mobility.MobileNodeLinkLayerID // empty also when the option is all zero

	profile mobility.Profile // known once the mobile node is
	match   match            // known once the order of messages was checked
}

// receive applies RFC 6275 section 9.2 to a message and hands a Proxy Binding Update on.
func (l *LMA) receive(now time.Time, ev MessageReceived) {
	ignore := func(reason DropReason, err error) {
		l.emit(Ignored{Reason: reason, Source: ev.Source, Err: err})
	}
	if !l.addresses[ev.Destination] {
		ignore(NotLMAAddress, nil)
		return
	}
	if !ev.Source.Is6() || ev.Source.IsUnspecified() || ev.Source.IsMulticast() {
		ignore(NotUnicastSource, nil)
		return
	}
	header, err := mh.DecodeHeader(ev.Payload)
	switch {
	case header.Type > mh.TypeBindingError: // beyond RFC 6275; the codec knows more types than this anchor has a use for
		l.bindingError(now, ev)
		return
	case err != nil:
		ignore(Malformed, err)
		return
	case header.Type != mh.TypeBindingUpdate:
		ignore(UnexpectedMessageType, nil)
		return
	}
	if err := l.update.Decode(ev.Payload); err != nil {
		ignore(Malformed, err)
		return
	}
	if l.update.Flags&mh.UpdateProxy == 0 {
		l.refuseMobileNode(ev)
		return
	}
	r := requestOf(now, ev, &l.update)
	if !routable(r.proxyCareOfAddress) {
		l.ignore(&r, InvalidProxyCareOfAddress) // RFC 6275 section 9.5.1: discarded, as a care-of address is unicast routable
		return
	}
	l.register(&r)
}

func requestOf(now time.Time, ev MessageReceived, update *mh.BindingUpdate) request {
	r := request{
		now: now, receivedAt: ev.ReceivedAt, source: ev.Source, destination: ev.Destination, peerIdentity: ev.PeerIdentity,
		sequence: update.Sequence, lifetime: update.Lifetime, options: &update.Options,
		proxyCareOfAddress: ev.Source,
	}
	if r.receivedAt.IsZero() {
		r.receivedAt = now
	}
	if r.options.Present.Has(mh.OptionAlternateCareOfAddress) {
		r.proxyCareOfAddress = r.options.AlternateCareOfAddress
	}
	if r.options.Present.Has(mh.OptionMobileNodeLinkLayerID) && !r.options.MobileNodeLinkLayerID.IsZero() {
		r.linkLayerID = r.options.MobileNodeLinkLayerID
	}
	return r
}

// clone is a copy that outlives Handle and keeps nothing else of the message alive.
func (r *request) clone() *request {
	c, options := *r, *r.options
	options.MobileNodeID.Value = strings.Clone(options.MobileNodeID.Value)
	options.MobileNodeLinkLayerID = mobility.MobileNodeLinkLayerID(strings.Clone(string(options.MobileNodeLinkLayerID)))
	c.linkLayerID = mobility.MobileNodeLinkLayerID(strings.Clone(string(c.linkLayerID)))
	options.ServiceSelection = strings.Clone(options.ServiceSelection)
	options.HomeNetworkPrefixes = slices.Clone(options.HomeNetworkPrefixes)
	options.Unknown = nil // reviewed already
	c.options = &options
	return &c
}

// asksForPrefix says whether the request names a home network prefix, not only all-zero ones.
func (r *request) asksForPrefix() bool {
	return slices.ContainsFunc(r.options.HomeNetworkPrefixes, func(p netip.Prefix) bool { return !mh.IsZeroPrefix(p) })
}

func (l *LMA) ignore(r *request, reason DropReason) {
	l.emit(Ignored{Reason: reason, Source: r.source, MobileNodeID: r.options.MobileNodeID})
}
