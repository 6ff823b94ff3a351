package mih

import (
	"fmt"
	"time"
)

// EventType is a bit number of LINK_EVENT_LIST (Annex F.3.11).
type EventType uint8

// Link events. EventPDUTransmitStatus is known by its bit only: no message carries it between MIH Functions.
const (
	EventLinkDetected         EventType = 0
	EventLinkUp               EventType = 1
	EventLinkDown             EventType = 2
	EventLinkParametersReport EventType = 3
	EventLinkGoingDown        EventType = 4
	EventLinkHandoverImminent EventType = 5
	EventLinkHandoverComplete EventType = 6
	EventPDUTransmitStatus    EventType = 7
)

var eventNames = [...]string{
	"Link_Detected", "Link_Up", "Link_Down", "Link_Parameters_Report", "Link_Going_Down", "Link_Handover_Imminent", "Link_Handover_Complete",
	"Link_PDU_Transmit_Status",
}

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

// LinkDetected: a station was seen, without an attachment (Link_Detected, LINK_DET_INFO). Seen from a mobile node it is a network
// that was seen.
type LinkDetected struct {
	Link                LinkTupleID         `json:"link"`
	NetworkID           string              `json:"network_id"`      // SSID
	NetworkAuxID        string              `json:"network_aux_id"`  // HESSID
	SignalStrength      SignalStrength      `json:"signal_strength"` // zero: not known
	SINR                uint16              `json:"sinr"`
	DataRate            uint32              `json:"data_rate"` // kb/s
	MIHCapabilities     MIHCapabilities     `json:"mih_capabilities"`
	NetworkCapabilities NetworkCapabilities `json:"network_capabilities"`
}

// LinkUp: layer 2 is established and ready for traffic (Link_Up).
type LinkUp struct {
	Link               LinkTupleID
	OldAccessRouter    LinkAddress // zero: not said
	NewAccessRouter    LinkAddress // zero: not said
	IPRenewal          *bool       // the IP address has to change
	MobilityManagement *MobilityManagement
}

// LinkDown: layer 2 is gone (Link_Down).
type LinkDown struct {
	Link            LinkTupleID
	OldAccessRouter LinkAddress // zero: not said
	Reason          LinkDownReason
}

// LinkGoingDown: layer 2 is expected to be lost within TimeInterval (Link_Going_Down).
type LinkGoingDown struct {
	Link         LinkTupleID
	TimeInterval time.Duration // milliseconds on the wire, at most 65,535
	Reason       LinkGoingDownReason
}

// LinkParametersReport: parameters crossed a threshold or were asked for (Link_Parameters_Report).
type LinkParametersReport struct {
	Link       LinkTupleID
	Parameters []LinkParameterReport
}

// LinkHandoverImminent: a handover to another link of the same technology is about to begin (Link_Handover_Imminent).
type LinkHandoverImminent struct {
	Link            LinkTupleID // the link that is left
	NewLink         LinkTupleID
	OldAccessRouter LinkAddress // zero: not said
	NewAccessRouter LinkAddress // zero: not said
}

// LinkHandoverComplete: that handover has ended (Link_Handover_Complete).
type LinkHandoverComplete struct {
	Link            LinkTupleID // the link that was left
	NewLink         LinkTupleID
	OldAccessRouter LinkAddress // zero: not said
	NewAccessRouter LinkAddress // zero: not said
	Status          *Status     // the standard has one always; a peer exists that leaves it out
}

// EventType and LinkTuple implement LinkEvent.
func (LinkDetected) EventType() EventType             { return EventLinkDetected }
func (LinkUp) EventType() EventType                   { return EventLinkUp }
func (LinkDown) EventType() EventType                 { return EventLinkDown }
func (LinkGoingDown) EventType() EventType            { return EventLinkGoingDown }
func (LinkParametersReport) EventType() EventType     { return EventLinkParametersReport }
func (LinkHandoverImminent) EventType() EventType     { return EventLinkHandoverImminent }
func (LinkHandoverComplete) EventType() EventType     { return EventLinkHandoverComplete }
func (e LinkDetected) LinkTuple() LinkTupleID         { return e.Link }
func (e LinkUp) LinkTuple() LinkTupleID               { return e.Link }
func (e LinkDown) LinkTuple() LinkTupleID             { return e.Link }
func (e LinkGoingDown) LinkTuple() LinkTupleID        { return e.Link }
func (e LinkParametersReport) LinkTuple() LinkTupleID { return e.Link }
func (e LinkHandoverImminent) LinkTuple() LinkTupleID { return e.Link }
func (e LinkHandoverComplete) LinkTuple() LinkTupleID { return e.Link }

// LinkDownReason is LINK_DN_REASON, and HO_CAUSE, which has the same values.
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

// String names the reason in lower snake case.
func (r LinkDownReason) String() string {
	return nameOf("reason", uint8(r), "explicit_disconnect", "packet_timeout", "no_resource", "no_broadcast", "authentication_failure", "billing_failure")
}

// LinkGoingDownReason is LINK_GD_REASON.
type LinkGoingDownReason uint8

// Reasons of Link_Going_Down.
const (
	GoingDownExplicitDisconnect LinkGoingDownReason = 0
	GoingDownParameterDegrading LinkGoingDownReason = 1
	GoingDownLowPower           LinkGoingDownReason = 2
	GoingDownNoResource         LinkGoingDownReason = 3
)

// String names the reason in lower snake case.
func (r LinkGoingDownReason) String() string {
	return nameOf("reason", uint8(r), "explicit_disconnect", "parameter_degrading", "low_power", "no_resource")
}
