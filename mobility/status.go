package mobility

import "fmt"

// Status is the Status field of a Proxy Binding Acknowledgement (RFC 6275 section 6.1.8, RFC 5213 section 8.9, and the
// extensions that name further values).
// Values below 128 accept, the others reject.
type Status uint8

// Status values. The names are the RFCs' own.
const (
	StatusAccepted                          Status = 0   // RFC 6275 6.1.8: Binding Update accepted
	StatusPrefixDiscoveryNecessary          Status = 1   // RFC 6275 6.1.8: accepted
	StatusReasonUnspecified                 Status = 128 // RFC 6275 6.1.8
	StatusAdministrativelyProhibited        Status = 129 // RFC 6275 6.1.8
	StatusInsufficientResources             Status = 130 // RFC 6275 6.1.8
	StatusHomeRegistrationNotSupported      Status = 131 // RFC 6275 6.1.8
	StatusNotHomeSubnet                     Status = 132 // RFC 6275 6.1.8
	StatusNotHomeAgentForThisMobileNode     Status = 133 // RFC 6275 6.1.8
	StatusDuplicateAddressDetectionFailed   Status = 134 // RFC 6275 6.1.8
	StatusSequenceNumberOutOfWindow         Status = 135 // RFC 6275 6.1.8
	StatusExpiredHomeNonceIndex             Status = 136 // RFC 6275 6.1.8
	StatusExpiredCareOfNonceIndex           Status = 137 // RFC 6275 6.1.8
	StatusExpiredNonces                     Status = 138 // RFC 6275 6.1.8
	StatusRegistrationTypeChangeDisallowed  Status = 139 // RFC 6275 6.1.8
	StatusServiceAuthorizationFailed        Status = 151 // RFC 5149: SERVICE_AUTHORIZATION_FAILED
	StatusProxyRegNotEnabled                Status = 152 // RFC 5213 8.9: PROXY_REG_NOT_ENABLED
	StatusNotLMAForThisMobileNode           Status = 153 // RFC 5213 8.9: NOT_LMA_FOR_THIS_MOBILE_NODE
	StatusMAGNotAuthorizedForProxyReg       Status = 154 // RFC 5213 8.9: MAG_NOT_AUTHORIZED_FOR_PROXY_REG
	StatusNotAuthorizedForHomeNetworkPrefix Status = 155 // RFC 5213 8.9: NOT_AUTHORIZED_FOR_HOME_NETWORK_PREFIX
	StatusTimestampMismatch                 Status = 156 // RFC 5213 8.9: TIMESTAMP_MISMATCH
	StatusTimestampLowerThanPrevAccepted    Status = 157 // RFC 5213 8.9: TIMESTAMP_LOWER_THAN_PREV_ACCEPTED
	StatusMissingHomeNetworkPrefixOption    Status = 158 // RFC 5213 8.9: MISSING_HOME_NETWORK_PREFIX_OPTION
	StatusBCEPBUPrefixSetDoNotMatch         Status = 159 // RFC 5213 8.9: BCE_PBU_PREFIX_SET_DO_NOT_MATCH
	StatusMissingMNIdentifierOption         Status = 160 // RFC 5213 8.9: MISSING_MN_IDENTIFIER_OPTION
	StatusMissingHandoffIndicatorOption     Status = 161 // RFC 5213 8.9: MISSING_HANDOFF_INDICATOR_OPTION
	StatusMissingAccessTechTypeOption       Status = 162 // RFC 5213 8.9: MISSING_ACCESS_TECH_TYPE_OPTION
	StatusNotAuthorizedForIPv4Mobility      Status = 170 // RFC 5844 3.3.5: NOT_AUTHORIZED_FOR_IPV4_MOBILITY_SERVICE
	StatusNotAuthorizedForIPv4HomeAddress   Status = 171 // RFC 5844 3.3.5: NOT_AUTHORIZED_FOR_IPV4_HOME_ADDRESS
	StatusNotAuthorizedForIPv6Mobility      Status = 172 // RFC 5844 3.3.5: NOT_AUTHORIZED_FOR_IPV6_MOBILITY_SERVICE
	StatusMultipleIPv4NotSupported          Status = 173 // RFC 5844 3.3.5: MULTIPLE_IPV4_HOME_ADDRESS_ASSIGNMENT_NOT_SUPPORTED
	StatusInvalidCareOfAddress              Status = 174 // RFC 6275 6.1.8
)

var statusNames = map[Status]string{
	StatusAccepted:                          "accepted",
	StatusPrefixDiscoveryNecessary:          "accepted_but_prefix_discovery_necessary",
	StatusReasonUnspecified:                 "reason_unspecified",
	StatusAdministrativelyProhibited:        "administratively_prohibited",
	StatusInsufficientResources:             "insufficient_resources",
	StatusHomeRegistrationNotSupported:      "home_registration_not_supported",
	StatusNotHomeSubnet:                     "not_home_subnet",
	StatusNotHomeAgentForThisMobileNode:     "not_home_agent_for_this_mobile_node",
	StatusDuplicateAddressDetectionFailed:   "duplicate_address_detection_failed",
	StatusSequenceNumberOutOfWindow:         "sequence_number_out_of_window",
	StatusExpiredHomeNonceIndex:             "expired_home_nonce_index",
	StatusExpiredCareOfNonceIndex:           "expired_care_of_nonce_index",
	StatusExpiredNonces:                     "expired_nonces",
	StatusRegistrationTypeChangeDisallowed:  "registration_type_change_disallowed",
	StatusServiceAuthorizationFailed:        "service_authorization_failed",
	StatusProxyRegNotEnabled:                "proxy_reg_not_enabled",
	StatusNotLMAForThisMobileNode:           "not_lma_for_this_mobile_node",
	StatusMAGNotAuthorizedForProxyReg:       "mag_not_authorized_for_proxy_reg",
	StatusNotAuthorizedForHomeNetworkPrefix: "not_authorized_for_home_network_prefix",
	StatusTimestampMismatch:                 "timestamp_mismatch",
	StatusTimestampLowerThanPrevAccepted:    "timestamp_lower_than_prev_accepted",
	StatusMissingHomeNetworkPrefixOption:    "missing_home_network_prefix_option",
	StatusBCEPBUPrefixSetDoNotMatch:         "bce_pbu_prefix_set_do_not_match",
	StatusMissingMNIdentifierOption:         "missing_mn_identifier_option",
	StatusMissingHandoffIndicatorOption:     "missing_handoff_indicator_option",
	StatusMissingAccessTechTypeOption:       "missing_access_tech_type_option",
	StatusNotAuthorizedForIPv4Mobility:      "not_authorized_for_ipv4_mobility_service",
	StatusNotAuthorizedForIPv4HomeAddress:   "not_authorized_for_ipv4_home_address",
	StatusNotAuthorizedForIPv6Mobility:      "not_authorized_for_ipv6_mobility_service",
	StatusMultipleIPv4NotSupported:          "multiple_ipv4_home_address_assignment_not_supported",
	StatusInvalidCareOfAddress:              "invalid_care_of_address",

	// Of extensions that netlmm does not speak, so that people can read what a peer says.
	2:   "gre_key_option_not_required",                // RFC 5845
	3:   "gre_tunneling_but_tlv_header_not_supported", // RFC 5845
	6:   "pbu_accepted_tb_ignored_settingsmismatch",   // RFC 6058
	163: "gre_key_option_required",                    // RFC 5845
	175: "invalid_mobile_node_group_identifier",       // RFC 6602
	177: "not_authorized_for_delegated_mnp",           // RFC 7148
	178: "requested_dmnp_in_use",                      // RFC 7148
	179: "cannot_meet_qos_service_request",            // RFC 7222
	180: "cannot_support_multipath_binding",           // RFC 8278
}

// Accepted reports whether the binding update was accepted (RFC 6275 section 6.1.8: values less than 128).
func (s Status) Accepted() bool { return s < 128 }

// String names the status in lower snake case, which is also its metric label.
func (s Status) String() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("status_%d", uint8(s))
}
