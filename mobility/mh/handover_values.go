package mh

import "fmt"

// HandoverInitiateFlags are the flag bits of a Handover Initiate, as the 8-bit field on the wire. Decode leaves out reserved bits.
type HandoverInitiateFlags uint8

// Flags of a Handover Initiate.
const (
	InitiateAssignedAddress HandoverInitiateFlags = 0x80 // S, RFC 5568 section 6.2.1.1: a care-of address is asked for; never with P
	InitiateBuffer          HandoverInitiateFlags = 0x40 // U, RFC 5568 section 6.2.1.1: packets to the mobile node are to be kept
	InitiateProxy           HandoverInitiateFlags = 0x20 // P, RFC 5949 section 6.1.1
	InitiateForwarding      HandoverInitiateFlags = 0x10 // F, RFC 5949 section 6.1.1: packets to the mobile node are to be forwarded

	initiateFlags = InitiateAssignedAddress | InitiateBuffer | InitiateProxy | InitiateForwarding
)

// HandoverAcknowledgeFlags are the flag bits of a Handover Acknowledge, as the 8-bit field on the wire. They do not stand where
// those of a Handover Initiate do. Decode leaves out reserved bits.
type HandoverAcknowledgeFlags uint8

// Flags of a Handover Acknowledge, all of RFC 5949 section 6.1.2.
const (
	HandoverBuffer     HandoverAcknowledgeFlags = 0x80 // U
	HandoverProxy      HandoverAcknowledgeFlags = 0x40 // P
	HandoverForwarding HandoverAcknowledgeFlags = 0x20 // F

	acknowledgeFlags = HandoverBuffer | HandoverProxy | HandoverForwarding
)

// HandoverInitiateCode is the Code field of a Handover Initiate.
type HandoverInitiateCode uint8

// Codes of a Handover Initiate. With InitiateProxy zero says nothing more (RFC 5949 section 6.1.1).
const (
	InitiateFromPreviousAddress   HandoverInitiateCode = 0 // RFC 5568: the FBU came from the PCoA
	InitiateFromNewAddress        HandoverInitiateCode = 1 // RFC 5568: it did not
	InitiateForwardingCompleted   HandoverInitiateCode = 2 // RFC 5949 section 6.1.1: indicate the completion of forwarding
	InitiateAllContextTransferred HandoverInitiateCode = 3 // RFC 5949 section 6.1.1: all available context transferred
)

var handoverInitiateCodeNames = [...]string{
	InitiateFromPreviousAddress: "unspecified", InitiateFromNewAddress: "fbu_not_from_pcoa",
	InitiateForwardingCompleted: "forwarding_completed", InitiateAllContextTransferred: "all_available_context_transferred",
}

// String names the code in lower snake case, as it is meant between MAGs.
func (c HandoverInitiateCode) String() string {
	if int(c) < len(handoverInitiateCodeNames) {
		return handoverInitiateCodeNames[c]
	}
	return fmt.Sprintf("code_%d", uint8(c))
}

// HandoverAcknowledgeCode is the Code field of a Handover Acknowledge.
type HandoverAcknowledgeCode uint8

// Codes of a Handover Acknowledge.
const (
	HandoverAccepted                   HandoverAcknowledgeCode = 0   // RFC 5949 section 6.1.2; RFC 5568: with the NCoA valid
	HandoverAcceptedAddressNotValid    HandoverAcknowledgeCode = 1   // RFC 5568 section 6.2.1.2, and the next three
	HandoverAcceptedAddressAssigned    HandoverAcknowledgeCode = 2   //
	HandoverAcceptedUsePreviousCoA     HandoverAcknowledgeCode = 3   //
	HandoverUnsolicited                HandoverAcknowledgeCode = 4   // no answer, but sent to trigger a Handover Initiate
	HandoverContextAccepted            HandoverAcknowledgeCode = 5   // RFC 5949 section 6.1.2, and the next
	HandoverAllContextTransferred      HandoverAcknowledgeCode = 6   //
	HandoverNotAccepted                HandoverAcknowledgeCode = 128 // RFC 5568: reason unspecified
	HandoverAdministrativelyProhibited HandoverAcknowledgeCode = 129 // RFC 5568
	HandoverInsufficientResources      HandoverAcknowledgeCode = 130 // RFC 5568
	HandoverContextNotAvailable        HandoverAcknowledgeCode = 131 // RFC 5949 section 6.1.2, and the next
	HandoverForwardingNotAvailable     HandoverAcknowledgeCode = 132 //
)

var handoverAcknowledgeCodeNames = map[HandoverAcknowledgeCode]string{
	HandoverAccepted:                   "accepted",
	HandoverAcceptedAddressNotValid:    "accepted_ncoa_not_valid",
	HandoverAcceptedAddressAssigned:    "accepted_ncoa_assigned",
	HandoverAcceptedUsePreviousCoA:     "accepted_use_pcoa",
	HandoverUnsolicited:                "unsolicited",
	HandoverContextAccepted:            "context_transfer_accepted",
	HandoverAllContextTransferred:      "all_available_context_transferred",
	HandoverNotAccepted:                "not_accepted",
	HandoverAdministrativelyProhibited: "administratively_prohibited",
	HandoverInsufficientResources:      "insufficient_resources",
	HandoverContextNotAvailable:        "requested_context_not_available",
	HandoverForwardingNotAvailable:     "forwarding_not_available",
}

// Accepted reports whether the code is one of consent.
func (c HandoverAcknowledgeCode) Accepted() bool { return c < 128 && c != HandoverUnsolicited }

// String names the code in lower snake case, which is also its metric label.
func (c HandoverAcknowledgeCode) String() string {
	if name, ok := handoverAcknowledgeCodeNames[c]; ok {
		return name
	}
	return fmt.Sprintf("code_%d", uint8(c))
}
