package miis

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mih"
)

// PointOfAttachment is what is known of an access point, or of another point of attachment. Zero is not known.
type PointOfAttachment struct {
	Address        mih.LinkAddress         `json:"address"`
	LinkType       mih.LinkType            `json:"link_type"`
	NetworkID      string                  `json:"network_id,omitempty"`     // SSID
	NetworkAuxID   string                  `json:"network_aux_id,omitempty"` // HESSID
	Operator       mih.OperatorID          `json:"operator,omitzero"`
	OperatingClass uint8                   `json:"operating_class,omitempty"` // IEEE 802.11 Annex E
	Channel        uint8                   `json:"channel,omitempty"`         // the primary one of 20 MHz
	ChannelRange   mih.ChannelRange        `json:"channel_range,omitzero"`    // zero: that of the channel
	Location       *mih.Location           `json:"location,omitempty"`
	Gateway        Gateway                 `json:"gateway,omitzero"`
	Subnets        []netip.Prefix          `json:"subnets,omitempty"`
	Capabilities   mih.NetworkCapabilities `json:"capabilities,omitempty"`
	Neighbours     []mih.LinkAddress       `json:"neighbours,omitempty"` // the most likely targets of a handover from here first
}

// Gateway is the access router, the mobile access gateway, that serves a point of attachment.
type Gateway struct {
	Name    string     `json:"name,omitempty"`
	MIHF    mih.MIHFID `json:"mihf_id,omitempty"`
	Address netip.Addr `json:"address,omitzero"`
}

// Origin says how a map came to know. A later one is believed before an earlier one.
type Origin uint8

// Origins.
const (
	Seen       Origin = iota + 1 // a MIH Function that serves no point of attachment, such as a mobile node, named it
	Answered                     // an information service said so
	Reported                     // the MIH Function that serves it said so
	Configured                   // it is in the configuration
)

var origins = [...]string{Seen: "seen", Answered: "answered", Reported: "reported", Configured: "configured"}

// String names the origin.
func (o Origin) String() string {
	if int(o) < len(origins) && origins[o] != "" {
		return origins[o]
	}
	return fmt.Sprintf("origin_%d", uint8(o))
}

// Entry is a point of attachment in a Map, and where that comes from. Its slices belong to the map.
type Entry struct {
	PointOfAttachment
	Origin Origin     `json:"origin"`
	Source mih.MIHFID `json:"source,omitempty"` // who said so; "" when only the configuration does
	At     time.Time  `json:"at,omitzero"`      // when it was last said
}

// Age is how long ago somebody spoke of the entry; 0 when only the configuration does.
func (e Entry) Age(now time.Time) time.Duration {
	if e.At.IsZero() {
		return 0
	}
	return now.Sub(e.At)
}

// or completes p by what q knows and p does not.
func (p PointOfAttachment) or(q PointOfAttachment) PointOfAttachment {
	p.LinkType = cmp.Or(p.LinkType, q.LinkType)
	p.NetworkID = cmp.Or(p.NetworkID, q.NetworkID)
	p.NetworkAuxID = cmp.Or(p.NetworkAuxID, q.NetworkAuxID)
	p.Operator = cmp.Or(p.Operator, q.Operator)
	if p.Channel == 0 && p.ChannelRange == (mih.ChannelRange{}) {
		p.OperatingClass, p.Channel, p.ChannelRange = q.OperatingClass, q.Channel, q.ChannelRange
	}
	p.Location = cmp.Or(p.Location, q.Location)
	p.Gateway = cmp.Or(p.Gateway, q.Gateway)
	p.Capabilities = cmp.Or(p.Capabilities, q.Capabilities)
	if p.Subnets == nil {
		p.Subnets = q.Subnets
	}
	if p.Neighbours == nil {
		p.Neighbours = q.Neighbours
	}
	return p
}

// equal reports whether two say the same.
func (p PointOfAttachment) equal(q PointOfAttachment) bool {
	return p.Address == q.Address && p.LinkType == q.LinkType && p.NetworkID == q.NetworkID && p.NetworkAuxID == q.NetworkAuxID &&
		p.Operator == q.Operator && p.OperatingClass == q.OperatingClass && p.Channel == q.Channel && p.ChannelRange == q.ChannelRange &&
		sameLocation(p.Location, q.Location) && p.Gateway == q.Gateway && p.Capabilities == q.Capabilities &&
		slices.Equal(p.Subnets, q.Subnets) && slices.Equal(p.Neighbours, q.Neighbours)
}

func sameLocation(a, b *mih.Location) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// canRoamTo reports whether a station at p may find the same network at q, as far as is known.
func (p PointOfAttachment) canRoamTo(q PointOfAttachment) bool {
	return p.NetworkID == "" || q.NetworkID == "" || p.NetworkID == q.NetworkID && p.LinkType == q.LinkType
}
