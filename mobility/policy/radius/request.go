package radius

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc3162"
	"layeh.com/radius/rfc4372"
	"layeh.com/radius/rfc5447"
	"layeh.com/radius/rfc6572"

	"netlmm/internal/radiusauth"
	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// authorizeOnly is a Service-Type of RFC 5176 section 3.2.
const authorizeOnly = rfc2865.ServiceType(17)

// NAS is how this gateway names itself to servers; one of the three there must be (RFC 6572 section 5.1).
type NAS struct {
	Identifier  string
	IPv6Address netip.Addr
	IPv4Address netip.Addr
}

// accessRequest writes what a server is asked (RFC 6572 section 5.2). A station that did not authenticate itself is asked about by its
// address, as Call Check (RFC 2865 section 5.6); what a server itself ordered is Authorize Only, with its State (RFC 5176 section 3.2).
// Anything else is Login, which RFC 6572 wants.
func (c *Client) accessRequest(q policy.Query, secret []byte) (*codec.Packet, error) {
	p := codec.New(codec.CodeAccessRequest, secret)
	name, service := q.MobileNodeID.Value, rfc2865.ServiceType_Value_LoginUser
	if q.MobileNodeID.Subtype != mobility.SubtypeNAI {
		name, service = stationText(q.LinkLayerID), rfc2865.ServiceType_Value_CallCheck
	}
	if len(q.State) > 0 {
		service = authorizeOnly
		p.Add(rfc2865.State_Type, codec.Attribute(q.State))
	}
	if err := rfc2865.UserName_AddString(p, name); err != nil {
		return nil, fmt.Errorf("User-Name: %w", err)
	}
	p.Add(rfc2865.ServiceType_Type, codec.NewInteger(uint32(service)))
	if text := stationText(q.LinkLayerID); text != "" {
		p.Add(rfc2865.CallingStationID_Type, codec.Attribute(text))
	}
	if text := stationText(q.PointOfAttachment); text != "" {
		p.Add(rfc2865.CalledStationID_Type, codec.Attribute(text))
	}
	if q.PortType != 0 {
		p.Add(rfc2865.NASPortType_Type, codec.NewInteger(q.PortType))
	}
	p.Add(rfc4372.ChargeableUserIdentity_Type, codec.Attribute{0}) // asks for one (RFC 4372 section 2.1)
	p.Add(rfc5447.MIP6FeatureVector_Type, binary.BigEndian.AppendUint64(nil, uint64(c.cfg.Features)))
	if c.cfg.ServiceSelection != "" {
		p.Add(rfc6572.ServiceSelection_Type, codec.Attribute(c.cfg.ServiceSelection))
	}
	c.cfg.NAS.addTo(p)
	radiusauth.Add(p)
	return p, nil
}

func (n NAS) addTo(p *codec.Packet) {
	if n.Identifier != "" {
		p.Add(rfc2865.NASIdentifier_Type, codec.Attribute(n.Identifier))
	}
	if n.IPv4Address.IsValid() {
		p.Add(rfc2865.NASIPAddress_Type, codec.Attribute(n.IPv4Address.AsSlice()))
	}
	if n.IPv6Address.IsValid() {
		p.Add(rfc3162.NASIPv6Address_Type, codec.Attribute(n.IPv6Address.AsSlice()))
	}
}

// is says whether the identifications of a NAS in a request are this one's.
func (n NAS) is(p *codec.Packet) bool {
	for _, own := range []struct {
		kind  codec.Type
		value string
	}{
		{rfc2865.NASIdentifier_Type, n.Identifier},
		{rfc2865.NASIPAddress_Type, string(n.IPv4Address.AsSlice())},
		{rfc3162.NASIPv6Address_Type, string(n.IPv6Address.AsSlice())},
	} {
		if a, ok := p.Lookup(own.kind); ok && string(a) != own.value {
			return false
		}
	}
	return true
}

// stationText writes an IEEE 802 address as RFC 3580 section 3.21 does; "" for none.
func stationText(id mobility.MobileNodeLinkLayerID) string {
	mac, ok := id.MAC()
	if !ok {
		return ""
	}
	return fmt.Sprintf("%02X-%02X-%02X-%02X-%02X-%02X", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
}
