package mag

// DropReason is why a MAG ignored an event; its text is a metric label.
type DropReason string

// Reasons to ignore an event.
const (
	DropStopping                 DropReason = "stopping"                   // Stop was handled
	DropInvalidAttachment        DropReason = "invalid_attachment"         // LinkAttached lacks what a PBU needs
	DropBindingUpdateListFull    DropReason = "binding_update_list_full"   // MaximumMobileNodes
	DropNotAttached              DropReason = "not_attached"               // no such mobile node on that access link
	DropNotRegistered            DropReason = "not_registered"             // RFC 5213 6.9.2: no Router Advertisement without a binding
	DropRateLimited              DropReason = "rate_limited"               // a Router Solicitation, or a global revocation, too soon after the last
	DropAdministrativelyRefused  DropReason = "administratively_refused"   // RFC 5213 6.9.1.2(7): status 152 stands
	DropRevoked                  DropReason = "revoked"                    // RFC 5846: its LMA revoked the binding, and it did not attach anew
	DropFixedLinkLocalAddress    DropReason = "fixed_link_local_address"   // RFC 5213 6.8: no other one is to be used on the link
	DropPresenceDoubted          DropReason = "presence_doubted"           // it is asked for already, or about to be
	DropMalformed                DropReason = "malformed"                  // not a Mobility Header, or a broken one
	DropUnknownMessageType       DropReason = "unknown_message_type"       // answered with a Binding Error, RFC 6275 9.2
	DropBindingErrorPaced        DropReason = "binding_error_paced"        // RFC 6275 9.3.3: as above, but one went out a moment ago
	DropUnexpectedMessage        DropReason = "unexpected_message"         // of a type that is known, but not for this machine
	DropUnauthorizedRevocation   DropReason = "unauthorized_revocation"    // RFC 5846 6.2: not under the SA of the LMA, or not its word
	DropRevocationPending        DropReason = "revocation_pending"         // RFC 5846 9.1: the mobile node is being asked for
	DropNotProxy                 DropReason = "not_proxy"                  // RFC 5213 6.9.1.2(1): without the P flag
	DropUnmatched                DropReason = "unmatched"                  // RFC 5213 6.9.1.2(5): answers no PBU sent recently
	DropSourceMismatch           DropReason = "source_mismatch"            // not from the LMA that the PBU went to
	DropTimestampMismatch        DropReason = "timestamp_mismatch"         // RFC 5213 5.5(7): another timestamp than was sent
	DropOptionMismatch           DropReason = "option_mismatch"            // RFC 5213 6.9.1.2(6)
	DropInvalidGrant             DropReason = "invalid_grant"              // accepted without a usable prefix or lifetime
	DropInvalidOffloadPolicy     DropReason = "invalid_offload_policy"     // RFC 6909 3.1: nothing is offloaded; the rest of the PBA is taken
	DropDeRegistrationRefused    DropReason = "de_registration_refused"    // RFC 5213 6.9.1.4: only status 0 or the timeout end it
	DropEncodingFailed           DropReason = "encoding_failed"            // a PBU could not be written
	DropSecurityAssociationKnown DropReason = "security_association_known" // the SA is in that state already
	DropUnknownLMA               DropReason = "unknown_lma"                // no mobile node uses this LMA
	DropUnauthorizedGateway      DropReason = "unauthorized_gateway"       // RFC 5949 7: no gateway, not under its SA, or not its identity
	DropHandoverRefused          DropReason = "handover_refused"           // RFC 5949 6.1.2: answered with a code of 128 or more
	DropHandoverPending          DropReason = "handover_pending"           // the same preparation is under way, or done
	DropNoHandover               DropReason = "no_handover"                // of this mobile node with that gateway, or none is possible
	DropRepeatedHandover         DropReason = "repeated_handover"          // answered again as before
	DropStaleHandover            DropReason = "stale_handover"             // older than the last one of that gateway about this mobile node
	DropUnusableContext          DropReason = "unusable_context"           // of another LMA or interface, or somebody else has its prefix here
)

// EndReason is why a binding ended; its text is a metric label.
type EndReason string

// Reasons why a binding ended.
const (
	EndDetached         EndReason = "detached"          // the mobile node left, RFC 5213 6.9.1.4
	EndReattached       EndReason = "reattached"        // it came back before its de-registration was answered
	EndReplaced         EndReason = "replaced"          // another identity attached with its link-layer address
	EndLMAChanged       EndReason = "lma_changed"       // policy names another LMA now
	EndPrefixReassigned EndReason = "prefix_reassigned" // the LMA gave its prefix to another mobile node here
	EndRefused          EndReason = "refused"           // a PBA with a status of 128 or more
	EndLifetimeExpired  EndReason = "lifetime_expired"  // the granted lifetime ended: the LMA was silent, or the mobile node
	EndPresenceUnknown  EndReason = "presence_unknown"  // RFC 5213 6.13: it did not answer; it is back with its next LinkAttached
	EndRevoked          EndReason = "revoked"           // RFC 5846: by its LMA; it is back when it attaches anew
	EndDisplaced        EndReason = "displaced"         // it did not answer, and a newcomer needed its place in the full list
	EndStopped          EndReason = "stopped"           // Stop with Deregister
	EndHandedOver       EndReason = "handed_over"       // RFC 5949: another gateway has registered it; no PBU follows
)
