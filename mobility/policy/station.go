package policy

import (
	"net/netip"
	"time"

	"netlmm/mobility"
)

// Station is a mobile node's interface on an access link.
type Station struct {
	Interface   string // the access link
	LinkLayerID mobility.MobileNodeLinkLayerID
}

// Attachment is what is known of a station that came, before anybody has decided about it.
type Attachment struct {
	Station
	MobileNodeID      mobility.MobileNodeID // what it authenticated as, else its address (RFC 8371)
	PointOfAttachment mobility.MobileNodeLinkLayerID
	Trigger           string // who said so
	At                time.Time
	Unconfirmed       bool       // only an access point's list says so, or nobody did lately
	PreviousMAG       netip.Addr // where it comes from, if that is known and may be asked
}

// Source is where profiles come from.
type Source string

// Sources of profiles.
const (
	File   Source = "file"   // the configuration, and the file of profiles that it names
	RADIUS Source = "radius" // Access-Requests (RFC 6572)
)

// Rule says what becomes of a second link-layer address under one identity: a user's other device, or the same one with a private
// address (IEEE 802.11 lets stations draw a new one for each network, and some do so every day).
type Rule string

// Rules for several link-layer addresses of one identity.
const (
	Interfaces Rule = "interfaces" // another interface of one mobile node, with a mobility session of its own (RFC 5213 section 5.4)
	Replace    Rule = "replace"    // the same mobile node, whose session moves to it (Handoff Indicator 2)
	Separate   Rule = "separate"   // a mobile node of its own, known by its address
	Refuse     Rule = "refuse"     // not served while the first one is here
)
