package mih

import "net/netip"

// HandoverStatus is HO_STATUS: what a candidate query is told.
type HandoverStatus uint8

// Values of HandoverStatus.
const (
	HandoverPermitted HandoverStatus = 0
	HandoverDeclined  HandoverStatus = 1
)

// String names the status.
func (s HandoverStatus) String() string { return nameOf("status", uint8(s), "permitted", "declined") }

// HandoverResult is HO_RESULT.
type HandoverResult uint8

// How a handover ended. A peer exists that writes 3 for rejected; the codec reads it as such.
const (
	HandoverSucceeded HandoverResult = 0
	HandoverFailed    HandoverResult = 1
	HandoverRejected  HandoverResult = 2
)

// String names the result.
func (r HandoverResult) String() string {
	return nameOf("result", uint8(r), "success", "failure", "rejected")
}

// TargetNetwork is TGT_NET_INFO: a network by its name, or by one of its points of attachment when PointOfAttachment is not zero.
type TargetNetwork struct {
	NetworkID         string      `json:"network_id,omitempty"`
	NetworkAuxID      *string     `json:"network_aux_id,omitempty"`
	PointOfAttachment LinkAddress `json:"point_of_attachment,omitzero"`
}

// MethodsAnswer is the part of RQ_RESULT about IP configuration methods: nothing, yes or no to those that were asked for, or a list.
type MethodsAnswer struct {
	Supported *bool                   `json:"supported,omitempty"`
	Methods   *IPConfigurationMethods `json:"methods,omitempty"` // not nil: instead of Supported
}

// AddressAnswer is the part of RQ_RESULT about a server: nothing, yes or no to the address that was asked for, or an address.
type AddressAnswer struct {
	Same    *bool      `json:"same,omitempty"`
	Address netip.Addr `json:"address,omitzero"` // valid: instead of Same
}

// QueriedResources is RQ_RESULT: what a candidate offers.
type QueriedResources struct {
	Candidates   LinkPointsOfAttachment `json:"candidates"`
	QoS          QoSList                `json:"qos"`
	IPMethods    MethodsAnswer          `json:"ip_methods"`
	DHCPServer   AddressAnswer          `json:"dhcp_server"`
	ForeignAgent AddressAnswer          `json:"foreign_agent"`
	AccessRouter AddressAnswer          `json:"access_router"`
}

// TransportContainer is TSP_CONTAINER: a configuration that is known beforehand by its number, or one in words of the technology,
// or neither.
type TransportContainer struct {
	Predefined *int8   `json:"predefined,omitempty"`
	Carrier    *string `json:"carrier,omitempty"` // not nil: instead of Predefined
}

// RequestedResources is REQ_RES_SET.
type RequestedResources struct {
	QoS       QoSList            `json:"qos"`
	Container TransportContainer `json:"container"`
	Cause     LinkDownReason     `json:"cause"` // HO_CAUSE
}

// AssignedResources is ASGN_RES_SET.
type AssignedResources struct {
	QoS       QoSList            `json:"qos"`
	Container TransportContainer `json:"container"`
}
