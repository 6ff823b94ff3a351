package radius

import (
	"net"
	"slices"
	"strings"
	"time"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
	"layeh.com/radius/rfc3162"
	"layeh.com/radius/rfc4372"
	"layeh.com/radius/rfc5447"
	"layeh.com/radius/rfc6572"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// Attributes that Disconnect- and CoA-Requests may have here. Any other one is refused as a whole (RFC 5176 section 3).
var (
	identifications = []codec.Type{
		rfc2865.UserName_Type, rfc2865.CallingStationID_Type, rfc4372.ChargeableUserIdentity_Type, rfc6572.MobileNodeIdentifier_Type,
	}
	around = []codec.Type{ // the NAS, and the message itself
		rfc2865.NASIdentifier_Type, rfc2865.NASIPAddress_Type, rfc3162.NASIPv6Address_Type, rfc2865.ProxyState_Type, rfc2869.EventTimestamp_Type,
		rfc2869.MessageAuthenticator_Type, rfc2865.ReplyMessage_Type, rfc2865.State_Type, rfc2865.ServiceType_Type,
	}
	changes = []codec.Type{
		rfc2865.SessionTimeout_Type, rfc5447.MIP6FeatureVector_Type, rfc6572.PMIP6HomeLMAIPv6Address_Type, rfc6572.PMIP6VisitedLMAIPv6Address_Type,
		rfc6572.PMIP6HomeLMAIPv4Address_Type, rfc6572.PMIP6VisitedLMAIPv4Address_Type, rfc6572.PMIP6HomeHNPrefix_Type, rfc6572.PMIP6VisitedHNPrefix_Type,
		homeIPv4HoA, visitedIPv4HoA, rfc2865.FilterID_Type,
	}
)

// readDemand reads a Disconnect- or CoA-Request whose sender is known. The cause is 0 when it can be met, as far as its words go.
func readDemand(p *codec.Packet, nas NAS) (d policy.Demand, cause policy.ErrorCause) {
	d.Disconnect = p.Code == codec.CodeDisconnectRequest
	if !nas.is(p) {
		return d, policy.NASIdentificationMismatch
	}
	if cause := checkKinds(p, d.Disconnect); cause != 0 {
		return d, cause
	}
	if cause := readIdentification(p, &d); cause != 0 {
		return d, cause
	}
	if cause := readService(p, &d); cause != 0 || d.Disconnect || d.Reauthorize {
		return d, cause
	}
	// What identifies the session does not change it.
	rest := &codec.Packet{Attributes: slices.DeleteFunc(slices.Clone(p.Attributes), func(a *codec.AVP) bool { return !slices.Contains(changes, a.Type) })}
	grant, err := readGrant(rest)
	_, unclear := offloadPolicy(rest)
	switch {
	case err != nil || unclear != nil:
		return d, policy.InvalidAttributeValue
	case grant.Empty():
		return d, policy.MissingAttribute
	}
	d.Changes = grant
	return d, 0
}

func checkKinds(p *codec.Packet, disconnect bool) policy.ErrorCause {
	for _, a := range p.Attributes {
		known := slices.Contains(identifications, a.Type) || slices.Contains(around, a.Type) || !disconnect && slices.Contains(changes, a.Type) ||
			disconnect && a.Type == rfc2866.AcctTerminateCause_Type
		foreign := a.Type == rfc2865.FilterID_Type && !strings.HasPrefix(string(a.Attribute), offloadFilter)
		if !known || foreign {
			return policy.UnsupportedAttribute
		}
	}
	return 0
}

func readIdentification(p *codec.Packet, d *policy.Demand) policy.ErrorCause {
	if a, ok := p.Lookup(rfc2865.UserName_Type); ok {
		name, err := identifier(a)
		if err != nil {
			return policy.InvalidAttributeValue
		}
		d.UserName = name
	}
	if a, ok := p.Lookup(rfc2865.CallingStationID_Type); ok {
		mac, ok := parseStation(string(a))
		if !ok {
			return policy.InvalidAttributeValue
		}
		d.LinkLayerID = mobility.LinkLayerID(mac)
	}
	for _, kind := range []codec.Type{rfc6572.MobileNodeIdentifier_Type, rfc4372.ChargeableUserIdentity_Type} {
		if a, ok := p.Lookup(kind); ok {
			name, err := identifier(a)
			if err != nil {
				return policy.InvalidAttributeValue
			}
			d.Identifiers = append(d.Identifiers, name)
		}
	}
	if d.UserName == "" && d.LinkLayerID == "" && len(d.Identifiers) == 0 {
		return policy.MissingAttribute
	}
	return 0
}

// readService: with Authorize Only a server orders the gateway to ask it, with the State that it gives (RFC 5176 section 3.2).
func readService(p *codec.Packet, d *policy.Demand) policy.ErrorCause {
	a, ok := p.Lookup(rfc2865.ServiceType_Type)
	if !ok {
		return 0
	}
	service, err := codec.Integer(a)
	switch {
	case err != nil:
		return policy.InvalidAttributeValue
	case rfc2865.ServiceType(service) != authorizeOnly || d.Disconnect:
		return policy.UnsupportedService
	}
	d.State = p.Get(rfc2865.State_Type)
	if len(d.State) == 0 {
		return policy.MissingAttribute
	}
	d.Reauthorize = true
	return 0
}

// parseStation reads an IEEE 802 address as the many kinds of servers write it.
func parseStation(text string) (mac [6]byte, ok bool) {
	if len(text) == 12 {
		text = text[:4] + "." + text[4:8] + "." + text[8:]
	}
	hw, err := net.ParseMAC(text)
	if err != nil || len(hw) != len(mac) {
		return mac, false
	}
	return [6]byte(hw), true
}

// sentAt is the Event-Timestamp of a request; zero: it has none, or not one that can be read.
func sentAt(p *codec.Packet) time.Time {
	at, err := rfc2869.EventTimestamp_Lookup(p)
	if err != nil {
		return time.Time{}
	}
	return at
}
