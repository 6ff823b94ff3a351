package mh

import "fmt"

// RevocationTrigger is the Revocation Trigger field of an indication: why bindings are revoked (RFC 5846 section 5.1).
type RevocationTrigger uint8

// Triggers for the bindings of one mobile node.
const (
	TriggerUnspecified                   RevocationTrigger = 0
	TriggerAdministrativeReason          RevocationTrigger = 1
	TriggerHandoverSameAccessType        RevocationTrigger = 2 // Inter-MAG Handover - same Access Type
	TriggerHandoverDifferentAccessType   RevocationTrigger = 3 // Inter-MAG Handover - different Access Type
	TriggerHandoverUnknown               RevocationTrigger = 4 // Inter-MAG Handover - Unknown
	TriggerUserInitiatedTermination      RevocationTrigger = 5 // User-Initiated Session(s) Termination
	TriggerAccessNetworkTermination      RevocationTrigger = 6 // Access Network Session(s) Termination
	TriggerPossibleOutOfSyncBindingCache RevocationTrigger = 7 // Possible Out-of-Sync BCE State
)

// Triggers for a global revocation, those with RevocationGlobal.
const (
	TriggerPerPeerPolicy             RevocationTrigger = 128
	TriggerRevokingNodeLocalPolicy   RevocationTrigger = 129 // Revoking Mobility Node Local Policy
	firstRevocationTriggerForTesting RevocationTrigger = 250
)

var revocationTriggerNames = map[RevocationTrigger]string{
	TriggerUnspecified:                   "unspecified",
	TriggerAdministrativeReason:          "administrative_reason",
	TriggerHandoverSameAccessType:        "inter_mag_handover_same_access_type",
	TriggerHandoverDifferentAccessType:   "inter_mag_handover_different_access_type",
	TriggerHandoverUnknown:               "inter_mag_handover_unknown",
	TriggerUserInitiatedTermination:      "user_initiated_session_termination",
	TriggerAccessNetworkTermination:      "access_network_session_termination",
	TriggerPossibleOutOfSyncBindingCache: "possible_out_of_sync_bce_state",
	TriggerPerPeerPolicy:                 "per_peer_policy",
	TriggerRevokingNodeLocalPolicy:       "revoking_mobility_node_local_policy",
}

// Global reports whether the trigger is one for a global revocation: 128 and above, without those for tests. RFC 5846 section
// 5.1 says "greater than 128" and in the same place defines 128 as such a one.
func (t RevocationTrigger) Global() bool {
	return t >= TriggerPerPeerPolicy && t < firstRevocationTriggerForTesting
}

// String names the trigger in lower snake case, which is also its metric label.
func (t RevocationTrigger) String() string {
	if name, ok := revocationTriggerNames[t]; ok {
		return name
	}
	return fmt.Sprintf("trigger_%d", uint8(t))
}

// RevocationStatus is the Status field of an acknowledgement (RFC 5846 section 5.2). Values below 128 say that the indication
// was carried out, the others that it was rejected.
type RevocationStatus uint8

// Statuses of a Binding Revocation Acknowledgement.
const (
	RevocationSuccess                  RevocationStatus = 0
	RevocationPartialSuccess           RevocationStatus = 1
	RevocationBindingDoesNotExist      RevocationStatus = 128
	RevocationIPv4HomeAddressRequired  RevocationStatus = 129 // IPv4 Home Address Option Required
	RevocationGlobalNotAuthorized      RevocationStatus = 130
	RevocationMobileNodesRequired      RevocationStatus = 131 // Revoked Mobile Nodes Identity Required
	RevocationMobileNodeAttached       RevocationStatus = 132 // Revocation Failed - MN is Attached
	RevocationTriggerNotSupported      RevocationStatus = 133
	RevocationFunctionNotSupported     RevocationStatus = 134
	RevocationProxyBindingNotSupported RevocationStatus = 135
)

var revocationStatusNames = map[RevocationStatus]string{
	RevocationSuccess:                  "success",
	RevocationPartialSuccess:           "partial_success",
	RevocationBindingDoesNotExist:      "binding_does_not_exist",
	RevocationIPv4HomeAddressRequired:  "ipv4_home_address_option_required",
	RevocationGlobalNotAuthorized:      "global_revocation_not_authorized",
	RevocationMobileNodesRequired:      "revoked_mobile_nodes_identity_required",
	RevocationMobileNodeAttached:       "revocation_failed_mn_is_attached",
	RevocationTriggerNotSupported:      "revocation_trigger_not_supported",
	RevocationFunctionNotSupported:     "revocation_function_not_supported",
	RevocationProxyBindingNotSupported: "proxy_binding_revocation_not_supported",
}

// Accepted reports whether the indication was carried out, at least in part.
func (s RevocationStatus) Accepted() bool { return s < 128 }

// String names the status in lower snake case, which is also its metric label.
func (s RevocationStatus) String() string {
	if name, ok := revocationStatusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("status_%d", uint8(s))
}
