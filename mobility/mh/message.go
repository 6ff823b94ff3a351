// Package mh is the Mobility Header codec: bytes to messages and back (RFC 6275 section 6, RFC 5213 section 8, with the IPv4
// options of RFC 5844, the binding revocation of RFC 5846, the heartbeat of RFC 5847, the fast handovers of RFC 5949 and the options
// of RFC 6058 and RFC 6909). Messages and options that it does not know survive as raw. Decode is strict and for machines; Describe tells people what is in any message, also a broken one.
// It never panics on input from a network and holds no state.
package mh

import (
	"fmt"
	"net/netip"
	"time"

	"netlmm/mobility"
)

// Type is the MH Type field (RFC 6275 section 6.1.1, IANA mobility-parameters).
type Type uint8

// MH types that have a form of their own here.
const (
	TypeBindingRefreshRequest  Type = 0  // RFC 6275 section 6.1.2; only Describe has a form for it, it is two reserved octets
	TypeBindingUpdate          Type = 5  // RFC 6275 section 6.1.7, RFC 5213 section 8.1
	TypeBindingAcknowledgement Type = 6  // RFC 6275 section 6.1.8, RFC 5213 section 8.2
	TypeBindingError           Type = 7  // RFC 6275 section 6.1.9
	TypeFastBindingUpdate      Type = 8  // RFC 5568 section 6.2.2; Describe only, as for the next
	TypeFastBindingAck         Type = 9  // RFC 5568 section 6.2.3
	TypeHeartbeat              Type = 13 // RFC 5847 section 3.3
	TypeHandoverInitiate       Type = 14 // RFC 5568 section 6.2.1.1, RFC 5949 section 6.1.1
	TypeHandoverAcknowledge    Type = 15 // RFC 5568 section 6.2.1.2, RFC 5949 section 6.1.2
	TypeBindingRevocation      Type = 16 // RFC 5846 section 5
)

// LifetimeUnit is the unit of the Lifetime field of updates and acknowledgements (RFC 6275 section 6.1.7): 4 seconds.
const LifetimeUnit = 4 * time.Second

// BindingUpdateFlags are the flag bits of a Binding Update, as the 16-bit field on the wire.
type BindingUpdateFlags uint16

// Flags of a Binding Update.
const (
	UpdateAcknowledge   BindingUpdateFlags = 0x8000 // A, RFC 6275 section 6.1.7
	UpdateHome          BindingUpdateFlags = 0x4000 // H
	UpdateLinkLocal     BindingUpdateFlags = 0x2000 // L
	UpdateKeyManagement BindingUpdateFlags = 0x1000 // K
	UpdateMAP           BindingUpdateFlags = 0x0800 // M, RFC 5380
	UpdateMobileRouter  BindingUpdateFlags = 0x0400 // R, RFC 3963
	UpdateProxy         BindingUpdateFlags = 0x0200 // P, RFC 5213 section 8.1
)

// BindingAcknowledgementFlags are the flag bits of a Binding Acknowledgement, as the 8-bit field on the wire.
type BindingAcknowledgementFlags uint8

// Flags of a Binding Acknowledgement.
const (
	AcknowledgementKeyManagement BindingAcknowledgementFlags = 0x80 // K, RFC 6275 section 6.1.8
	AcknowledgementMobileRouter  BindingAcknowledgementFlags = 0x40 // R, RFC 3963
	AcknowledgementProxy         BindingAcknowledgementFlags = 0x20 // P, RFC 5213 section 8.2
)

// BindingUpdate is a Binding Update; with UpdateProxy a Proxy Binding Update (RFC 5213 section 8.1).
type BindingUpdate struct {
	Sequence uint16
	Flags    BindingUpdateFlags
	Lifetime uint16 // in LifetimeUnit; 0 de-registers
	Options  Options
}

// BindingAcknowledgement is a Binding Acknowledgement; with AcknowledgementProxy a Proxy Binding Acknowledgement (RFC
// 5213 section 8.2).
type BindingAcknowledgement struct {
	Status   mobility.Status
	Flags    BindingAcknowledgementFlags
	Sequence uint16
	Lifetime uint16 // in LifetimeUnit
	Options  Options
}

// BindingError is a Binding Error (RFC 6275 section 6.1.9).
type BindingError struct {
	Status      BindingErrorStatus
	HomeAddress netip.Addr
	Options     Options
}

// BindingErrorStatus is the Status field of a Binding Error.
type BindingErrorStatus uint8

// Binding Error statuses, RFC 6275 section 6.1.9.
const (
	UnknownBinding BindingErrorStatus = 1
	UnknownMHType  BindingErrorStatus = 2
)

// String names the status in lower snake case, which is also its metric label.
func (s BindingErrorStatus) String() string {
	switch s {
	case UnknownBinding:
		return "unknown_binding"
	case UnknownMHType:
		return "unknown_mh_type"
	}
	return fmt.Sprintf("status_%d", uint8(s))
}

// Raw is a message of a type without a form of its own: Data is all octets after the Checksum field.
type Raw struct {
	Type Type
	Data []byte
}

// OptionType is the Type field of a mobility option (IANA mobility-parameters).
type OptionType uint8

// Padding, and the mobility options that have a field in Options.
const (
	OptionPad1                   OptionType = 0
	OptionPadN                   OptionType = 1
	OptionBindingRefreshAdvice   OptionType = 2  // RFC 6275 section 6.2.4
	OptionAlternateCareOfAddress OptionType = 3  // RFC 6275 section 6.2.5
	OptionLinkLayerAddress       OptionType = 7  // RFC 5568 section 6.4.4, Mobility Header Link-Layer Address
	OptionMobileNodeID           OptionType = 8  // RFC 4283
	OptionServiceSelection       OptionType = 20 // RFC 5149 section 3
	OptionHomeNetworkPrefix      OptionType = 22 // RFC 5213 section 8.3
	OptionHandoffIndicator       OptionType = 23 // RFC 5213 section 8.4
	OptionAccessTechnologyType   OptionType = 24 // RFC 5213 section 8.5
	OptionMobileNodeLinkLayerID  OptionType = 25 // RFC 5213 section 8.6
	OptionLinkLocalAddress       OptionType = 26 // RFC 5213 section 8.7
	OptionTimestamp              OptionType = 27 // RFC 5213 section 8.8
	OptionRestartCounter         OptionType = 28 // RFC 5847 section 3.4
	OptionAddressPrefix          OptionType = 34 // RFC 5568 section 6.4.2, Mobility Header IPv6 Address/Prefix
	OptionIPv4HomeAddressRequest OptionType = 36 // RFC 5844 section 3.3.1
	OptionIPv4HomeAddressReply   OptionType = 37 // RFC 5844 section 3.3.2
	OptionIPv4DefaultRouter      OptionType = 38 // RFC 5844 section 3.3.3
	OptionIPv4DHCPSupportMode    OptionType = 39 // RFC 5844 section 3.3.4
	OptionContextRequest         OptionType = 40 // RFC 5949 section 6.2.1
	OptionLMAAddress             OptionType = 41 // RFC 5949 section 6.2.2
	OptionLinkLocalInterfaceID   OptionType = 42 // RFC 5949 section 6.2.3, Mobile Node Link-Local Address Interface Identifier
	OptionTransientBinding       OptionType = 43 // RFC 6058 section 5.1

	OptionIPv4TrafficOffloadSelector OptionType = 53 // RFC 6909 section 3.1
)

// Options are the mobility options of a message. A field counts only when its type is in Present: an option may be there
// with a zero value (the all-zero Home Network Prefix, an access technology of 0). Order on the wire is not kept; Unknown
// keeps every other option in its order.
type Options struct {
	Present OptionSet

	MobileNodeID           mobility.MobileNodeID
	HomeNetworkPrefixes    []netip.Prefix // one per Home Network Prefix option, in order
	HandoffIndicator       mobility.HandoffIndicator
	AccessTechnologyType   mobility.AccessTechnologyType
	MobileNodeLinkLayerID  mobility.MobileNodeLinkLayerID
	LinkLocalAddress       netip.Addr
	Timestamp              Timestamp
	AlternateCareOfAddress netip.Addr
	BindingRefreshAdvice   uint16               // Refresh Interval, in LifetimeUnit
	ServiceSelection       string               // the identifier of the service, UTF-8, not checked
	RestartCounter         uint32               // of the sender of a heartbeat response
	IPv4HomeAddressRequest netip.Prefix         // the address with all its bits and the length of its network; 0.0.0.0 asks for one
	IPv4HomeAddressReply   IPv4HomeAddressReply // the answer to IPv4HomeAddressRequest
	IPv4DefaultRouter      netip.Addr           // of the mobile node's IPv4 home network
	IPv4DHCPSupportMode    DHCPSupportMode      // what the MAG has to be
	LinkLayerAddress       LinkLayerAddress     // RFC 5568
	AddressPrefixes        []AddressPrefix      // one per option, in order
	ContextRequest         []RequestedContext   // of one option, in order
	LMAAddress             netip.Addr           // of the anchor that serves the mobile node, IPv6 or IPv4
	LinkLocalInterfaceID   InterfaceID          // of the mobile node's link-local address
	TransientBinding       TransientBinding     //
	Unknown                []RawOption

	IPv4TrafficOffloadSelectors []IPv4TrafficOffloadSelector // one per traffic selector, or per option without any, in order
}

// RawOption is an option without a field in Options, or one of these that stands a second time where once is allowed.
type RawOption struct {
	Type OptionType
	Data string // octets after the Option Length field
}

// OptionSet is a set of option types below 64, the bit of type t being 1<<t.
type OptionSet uint64

// Has reports whether t is in the set.
func (s OptionSet) Has(t OptionType) bool { return t < 64 && s&(1<<t) != 0 }

// Add puts the types into the set.
func (s *OptionSet) Add(types ...OptionType) {
	for _, t := range types {
		*s |= 1 << t
	}
}

// Timestamp is the value of a Timestamp option (RFC 5213 section 8.8): seconds since 1970 UTC in the upper 48 bits,
// 1/65536 s in the lower 16. Zero means none.
type Timestamp uint64

// TimestampOf converts an instant, rounded down to 1/65536 s.
func TimestampOf(t time.Time) Timestamp {
	return Timestamp(uint64(t.Unix())<<16 | uint64(t.Nanosecond())<<16/1e9)
}

// Time is the instant of the timestamp, rounded up to 1 ns so that TimestampOf leads back to the same timestamp.
func (t Timestamp) Time() time.Time {
	return time.Unix(int64(t>>16), int64(((uint64(t)&0xffff)*1e9+0xffff)>>16))
}

// Reaction is what RFC 6275 section 9.2 asks of a receiver of a message that could not be decoded.
type Reaction uint8

// Reactions to a message that could not be decoded.
const (
	Drop                 Reaction = iota + 1 // silently
	SendBindingError2                        // Binding Error with status 2, unknown MH type
	SendParameterProblem                     // ICMPv6 Parameter Problem code 0 at Offset
)

const errorPrefix = "mobility header: "

// DecodeError says what is wrong with a message: where, in which field, and what to do.
type DecodeError struct {
	Offset   int    // octets from the start of the Mobility Header
	Field    string // "Payload Proto", "Home Network Prefix option", ...
	Problem  string
	Reaction Reaction
}

// Error implements error.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("%s%s at offset %d: %s", errorPrefix, e.Field, e.Offset, e.Problem)
}
