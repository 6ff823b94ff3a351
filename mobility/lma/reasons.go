package lma

import "netlmm/mobility"

// DropReason is why an LMA ignored or rejected a message; its text is a metric label.
type DropReason string

// Reasons to ignore a message without an answer, or with a Binding Error. A rejected PBU has the name of its status as reason.
const (
	Malformed                 DropReason = "malformed"                            // RFC 6275 9.2
	UnknownMessageType        DropReason = "unknown_message_type"                 // RFC 6275 9.2: answered with Binding Error 2
	BindingErrorPaced         DropReason = "binding_error_paced"                  // RFC 6275 9.3.3: as above, but one went out a moment ago
	UnexpectedMessageType     DropReason = "unexpected_message_type"              // a message that an LMA has no use for
	NotLMAAddress             DropReason = "not_lma_address"                      // sent to an address that is not the anchor's
	NotUnicastSource          DropReason = "not_unicast_source"                   // RFC 6275 9.5.4
	InvalidProxyCareOfAddress DropReason = "invalid_proxy_care_of_address"        // not a routable unicast IPv6 address
	NotProxyRegistration      DropReason = "not_proxy_registration"               // a Binding Update without the P flag
	DeregistrationUnmatched   DropReason = "deregistration_without_binding"       // RFC 5213 5.4.1: silently ignored
	DeregistrationFromFormer  DropReason = "deregistration_from_other_mag"        // RFC 5213 5.3.5, 1
	WaitingForDeregistration  DropReason = "waiting_for_deregistration"           // RFC 5213 5.4.1.2, 4: answered later
	SupersededWhileWaiting    DropReason = "older_than_the_one_that_waits"        // reordered while one newer waits
	WaitingMobileNodeLeft     DropReason = "waiting_mobile_node_left"             // its MAG de-registered it before it was answered
	NothingToRevoke           DropReason = "nothing_to_revoke"                    // Revoke of what has no binding, or is being revoked
	UnknownMobileNode         DropReason = "unknown_mobile_node"                  // Delete of a mobile node without a binding
	RepeatedUpdate            DropReason = "repeated_update"                      // of a peer that repeats its sequence number: answered again
	UnmatchedRevocation       DropReason = "revocation_acknowledgement_unmatched" // RFC 5846 6.2.2: no indication with that number is outstanding there
	RevocationNotAuthorized   DropReason = "revocation_not_authorized"            // RFC 5846 6.2: not from a MAG of this anchor
	RepeatedIndication        DropReason = "revocation_indication_repeated"       // answered as it was a moment ago
	InvalidOffloadProposal    DropReason = "invalid_offload_proposal"             // RFC 6909 3.1: counts as none; the rest of the PBU is taken
	TooManyOffloadPolicies    DropReason = "too_many_offload_policies"            // different ones, of all sessions: this one goes without
	UnencodableAnswer         DropReason = "answer_does_not_fit_mobility_header"  // a PBA longer than a Mobility Header can be
)

// A MAG's revocation that was answered with a refusal has "indication_" and the name of that status as reason.

// rejection is the reason of a PBU that was answered with status.
func rejection(status mobility.Status) DropReason { return DropReason(status.String()) }
