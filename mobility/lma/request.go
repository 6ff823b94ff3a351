package lma

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// request is one Proxy Binding Update on its way through the checks. What the anchor goes by is beside the options: a
// peer's profile may have it read them differently, and the answer repeats them as they came.
type request struct {
	now                 time.Time
	receivedAt          time.Time // not after now, unless the clock was set back meanwhile
	source, destination netip.Addr
	peerIdentity        string
	compat              mobility.Compat
	sequence            uint16
	lifetime            uint16 // in mh.LifetimeUnit
	flags               mh.BindingUpdateFlags
	options             *mh.Options

	id                 mobility.MobileNodeID
	prefixes           []netip.Prefix                 // home network prefixes asked for
	timestamp          mh.Timestamp                   // 0: ordered by sequence number
	proxyCareOfAddress netip.Addr                     // the Alternate Care-of Address if there is one, else the source
	linkLayerID        mobility.MobileNodeLinkLayerID // empty also when the option is all zero

	profile    mobility.Profile         // known once the mobile node is
	match      match                    // known once the order of messages was checked
	ipv4Status mh.IPv4HomeAddressStatus // why the IPv4 home address is refused, if the request is for its sake
}

// receive applies RFC 6275 section 9.2 to a message and hands it on by its type.
func (l *LMA) receive(now time.Time, ev MessageReceived) {
	if !l.addresses[ev.Destination] {
		l.emit(Ignored{Reason: NotLMAAddress, Source: ev.Source})
		return
	}
	if !ev.Source.IsValid() || ev.Source.Is4In6() || ev.Source.IsUnspecified() || ev.Source.IsMulticast() {
		l.emit(Ignored{Reason: NotUnicastSource, Source: ev.Source})
		return
	}
	header, err := mh.DecodeHeader(ev.Payload)
	switch {
	case header.Type == mh.TypeHeartbeat: // has a machine of its own, and a peer that sends one to this door knows it
		l.emit(Ignored{Reason: UnexpectedMessageType, Source: ev.Source})
	case header.Type == mh.TypeBindingRevocation:
		l.receiveRevocation(now, ev)
	case header.Type > mh.TypeBindingError: // beyond RFC 6275; the codec knows more types than this anchor has a use for
		l.bindingError(now, ev)
	case err != nil:
		l.emit(Ignored{Reason: Malformed, Source: ev.Source, Err: err})
	case header.Type != mh.TypeBindingUpdate:
		l.emit(Ignored{Reason: UnexpectedMessageType, Source: ev.Source})
	default:
		l.receiveUpdate(now, ev)
	}
}

// receiveUpdate hands a Proxy Binding Update on.
func (l *LMA) receiveUpdate(now time.Time, ev MessageReceived) {
	compat := l.compat(ev.Source)
	if compat == mobility.CompatOAI {
		ev.Payload = mh.RepairHeaderLen(ev.Payload)
	}
	if err := l.update.Decode(ev.Payload); err != nil {
		l.emit(Ignored{Reason: Malformed, Source: ev.Source, Err: err})
		return
	}
	if l.update.Flags&mh.UpdateProxy == 0 {
		l.refuseMobileNode(ev)
		return
	}
	l.request = requestOf(now, ev, &l.update)
	r := &l.request
	if r.compat = compat; compat == mobility.CompatOAI {
		l.readAsOAI(r)
	}
	if !routable(r.proxyCareOfAddress) || r.proxyCareOfAddress.Is4() != r.destination.Is4() {
		l.ignore(r, InvalidProxyCareOfAddress) // RFC 6275 section 9.5.1: discarded, as a care-of address is unicast routable
		return
	}
	l.register(r)
}

func requestOf(now time.Time, ev MessageReceived, update *mh.BindingUpdate) request {
	r := request{
		now: now, receivedAt: ev.ReceivedAt, source: ev.Source, destination: ev.Destination, peerIdentity: ev.PeerIdentity,
		sequence: update.Sequence, lifetime: update.Lifetime, flags: update.Flags, options: &update.Options,
		id: update.Options.MobileNodeID, prefixes: update.Options.HomeNetworkPrefixes, timestamp: update.Options.Timestamp,
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
	c.id.Value = strings.Clone(c.id.Value)
	c.linkLayerID = mobility.MobileNodeLinkLayerID(strings.Clone(string(c.linkLayerID)))
	c.prefixes = slices.Clone(c.prefixes)
	options.MobileNodeID.Value = strings.Clone(options.MobileNodeID.Value)
	options.MobileNodeLinkLayerID = mobility.MobileNodeLinkLayerID(strings.Clone(string(options.MobileNodeLinkLayerID)))
	options.ServiceSelection = strings.Clone(options.ServiceSelection)
	options.HomeNetworkPrefixes = slices.Clone(options.HomeNetworkPrefixes)
	options.IPv4TrafficOffloadSelectors = slices.Clone(options.IPv4TrafficOffloadSelectors)
	for i := range options.IPv4TrafficOffloadSelectors {
		selector := &options.IPv4TrafficOffloadSelectors[i]
		selector.Data = strings.Clone(selector.Data)
	}
	options.Unknown = nil // reviewed already; the rest is for gateways among themselves
	options.LinkLayerAddress, options.AddressPrefixes, options.ContextRequest = mh.LinkLayerAddress{}, nil, nil
	c.options = &options
	return &c
}

// path is where a session of this request is reached.
func (r *request) path() pathKey {
	return pathKey{lmaAddress: r.destination, peer: r.source, proxyCareOfAddress: r.proxyCareOfAddress}
}

// stamped says whether the request is ordered by its timestamp.
func (r *request) stamped() bool {
	return r.options.Present.Has(mh.OptionTimestamp) && r.compat != mobility.CompatOAI
}

// wantsIPv6 says whether the request concerns home network prefixes at all.
func (r *request) wantsIPv6() bool { return r.options.Present.Has(mh.OptionHomeNetworkPrefix) }

// wantsIPv4 says whether the request concerns an IPv4 home address at all (RFC 5844 section 3.1.2.1).
func (r *request) wantsIPv4() bool { return r.options.Present.Has(mh.OptionIPv4HomeAddressRequest) }

// concerns says whether e has anything of an IP version that the request is for.
func (r *request) concerns(e *entry) bool {
	return r.wantsIPv6() && len(e.prefixes) > 0 || r.wantsIPv4() && e.home().IsValid()
}

// namesPrefix says whether the request names a home network prefix, not only all-zero ones.
func (r *request) namesPrefix() bool {
	return slices.ContainsFunc(r.prefixes, func(p netip.Prefix) bool { return !mh.IsZeroPrefix(p) })
}

// namesIPv4 says whether the request names an IPv4 home address, not 0.0.0.0.
func (r *request) namesIPv4() bool {
	return r.wantsIPv4() && !r.options.IPv4HomeAddressRequest.Addr().IsUnspecified()
}

// namedHost is the IPv4 home address that the request names, as a key.
func (r *request) namedHost() netip.Prefix { return hostOf(r.options.IPv4HomeAddressRequest) }

func (l *LMA) ignore(r *request, reason DropReason) {
	l.emit(Ignored{Reason: reason, Source: r.source, MobileNodeID: r.id})
}
