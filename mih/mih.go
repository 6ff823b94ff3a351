// Package mih is the vocabulary of IEEE 802.21 Media Independent Handover: identifiers of functions and links, and link
// events. Field names are the standard's. It imports the standard library only and knows nothing of Proxy Mobile IPv6.
package mih

import (
	"fmt"
	"net"
	"time"
)

// MIHFID identifies an MIH Function: an NAI of at most 253 octets (IEEE 802.21 Annex F.3.11).
type MIHFID string

// LinkType is LINK_TYPE of Annex F.3.4.
type LinkType uint8

// Link types.
const (
	LinkTypeEthernet LinkType = 15
	LinkTypeWireless LinkType = 18 // wireless, other
	LinkType80211    LinkType = 19
)

// String names the technology.
func (t LinkType) String() string {
	switch t {
	case LinkTypeEthernet:
		return "Ethernet"
	case LinkTypeWireless:
		return "wireless"
	case LinkType80211:
		return "IEEE 802.11"
	}
	return fmt.Sprintf("link type %d", uint8(t))
}

// LinkAddress is LINK_ADDR restricted to MAC_ADDR (Annex F.3.4), in six octets; the zero value means "none".
type LinkAddress [6]byte

// IsZero reports whether there is no address.
func (a LinkAddress) IsZero() bool { return a == LinkAddress{} }

// String prints colon-separated hex.
func (a LinkAddress) String() string { return net.HardwareAddr(a[:]).String() }

// MarshalText writes the form of String.
func (a LinkAddress) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the form of String.
func (a *LinkAddress) UnmarshalText(text []byte) error {
	mac, err := net.ParseMAC(string(text))
	if err != nil || len(mac) != 6 {
		return fmt.Errorf("link address %q: want six octets such as 02:00:00:00:00:01", text)
	}
	copy(a[:], mac)
	return nil
}

// LinkID is LINK_ID: a type and the address of the link's mobile end, that is the station.
type LinkID struct {
	Type    LinkType    `json:"type"`
	Address LinkAddress `json:"address"`
}

// LinkTupleID is LINK_TUPLE_ID: a link and the point of attachment at its other end (zero: not known).
type LinkTupleID struct {
	Link              LinkID      `json:"link"`
	PointOfAttachment LinkAddress `json:"point_of_attachment"`
}

// EventType is a bit number of LINK_EVENT_LIST (Annex F.3.11).
type EventType uint8

// Link events.
const (
	EventLinkDetected         EventType = 0
	EventLinkUp               EventType = 1
	EventLinkDown             EventType = 2
	EventLinkParametersReport EventType = 3
	EventLinkGoingDown        EventType = 4
)

var eventNames = [...]string{"Link_Detected", "Link_Up", "Link_Down", "Link_Parameters_Report", "Link_Going_Down"}

// String is the standard's name of the event.
func (t EventType) String() string {
	if int(t) < len(eventNames) {
		return eventNames[t]
	}
	return fmt.Sprintf("event %d", uint8(t))
}

// EventList is a set of event types: LINK_EVENT_LIST, bit i = EventType(i).
type EventList uint32

// Events returns the set of the given types.
func Events(types ...EventType) EventList {
	var l EventList
	for _, t := range types {
		l |= 1 << t
	}
	return l
}

// Has reports whether t is in the set.
func (l EventList) Has(t EventType) bool { return t < 32 && l&(1<<t) != 0 }

// LinkEvent is a link event of IEEE 802.21 section 6.3: one of the types below.
type LinkEvent interface {
	EventType() EventType
	LinkTuple() LinkTupleID
}

// LinkDetected: a station was seen, without an attachment (Link_Detected).
type LinkDetected struct {
	Link           LinkTupleID
	NetworkID      string // SSID
	SignalStrength int8   // dBm; 0: not known
}

// LinkUp: layer 2 is established and ready for traffic (Link_Up).
type LinkUp struct{ Link LinkTupleID }

// LinkDown: layer 2 is gone (Link_Down).
type LinkDown struct {
	Link   LinkTupleID
	Reason LinkDownReason
}

// LinkGoingDown: layer 2 is expected to be lost within TimeInterval (Link_Going_Down).
type LinkGoingDown struct {
	Link         LinkTupleID
	TimeInterval time.Duration // milliseconds on the wire
	Reason       LinkGoingDownReason
}

// LinkParametersReport: parameters crossed a threshold or were asked for (Link_Parameters_Report).
type LinkParametersReport struct {
	Link       LinkTupleID
	Parameters []LinkParameter
}

// EventType and LinkTuple implement LinkEvent.
func (LinkDetected) EventType() EventType             { return EventLinkDetected }
func (LinkUp) EventType() EventType                   { return EventLinkUp }
func (LinkDown) EventType() EventType                 { return EventLinkDown }
func (LinkGoingDown) EventType() EventType            { return EventLinkGoingDown }
func (LinkParametersReport) EventType() EventType     { return EventLinkParametersReport }
func (e LinkDetected) LinkTuple() LinkTupleID         { return e.Link }
func (e LinkUp) LinkTuple() LinkTupleID               { return e.Link }
func (e LinkDown) LinkTuple() LinkTupleID             { return e.Link }
func (e LinkGoingDown) LinkTuple() LinkTupleID        { return e.Link }
func (e LinkParametersReport) LinkTuple() LinkTupleID { return e.Link }

// LinkParameter is LINK_PARAM: one value of one parameter.
type LinkParameter struct {
	Type  LinkParameterType
	Value int // in the parameter's own unit: dBm, kb/s, ...
}

// LinkParameterType is LINK_PARAM_TYPE: the choice in the high octet, the value in the low one.
type LinkParameterType uint16

// Link parameters (Annex F.3.4).
const (
	ParameterDataRate       LinkParameterType = 0x0000 // LINK_PARAM_GEN 0, kb/s
	ParameterSignalStrength LinkParameterType = 0x0001 // LINK_PARAM_GEN 1, dBm
	Parameter80211RSSI      LinkParameterType = 0x0500 // LINK_PARAM_802_11 0, dBm
)

// Status is STATUS: how a request ended.
type Status uint8

// Values of Status.
const (
	StatusSuccess              Status = 0
	StatusUnspecifiedFailure   Status = 1
	StatusRejected             Status = 2
	StatusAuthorizationFailure Status = 3
	StatusNetworkError         Status = 4
)

// LinkDownReason is LINK_DN_REASON.
type LinkDownReason uint8

// Reasons of Link_Down.
const (
	DownExplicitDisconnect    LinkDownReason = 0
	DownPacketTimeout         LinkDownReason = 1
	DownNoResource            LinkDownReason = 2
	DownNoBroadcast           LinkDownReason = 3
	DownAuthenticationFailure LinkDownReason = 4
	DownBillingFailure        LinkDownReason = 5
)

// LinkGoingDownReason is LINK_GD_REASON.
type LinkGoingDownReason uint8

// Reasons of Link_Going_Down.
const (
	GoingDownExplicitDisconnect LinkGoingDownReason = 0
	GoingDownParameterDegrading LinkGoingDownReason = 1
	GoingDownLowPower           LinkGoingDownReason = 2
	GoingDownNoResource         LinkGoingDownReason = 3
)

// Indication is a link event on its way from a link SAP to the users of an MIH Function, with what the event's source
// knew beyond the standard's fields.
type Indication struct {
	Source     MIHFID    // the MIH Function whose link SAP saw it
	SAP        string    // the adapter: "hostapd", "ciscosyslog", ...
	Interface  string    // local access interface that serves the point of attachment; "" when the source is remote
	Identity   string    // the station's authenticated identity (an NAI); "" when only its address is known
	ReceivedAt time.Time // when the SAP saw it
	Resync     bool      // found by comparing views with the access point; false: the SAP saw it happen
	Since      time.Time // of a Link_Up with Resync: when the link came up, to the second; zero: not known
	Event      LinkEvent
}
