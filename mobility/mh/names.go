package mh

import "fmt"

// typeNames are the names of the MH types in the IANA registry, those of Proxy Mobile IPv6's extensions among them.
var typeNames = [...]string{
	TypeBindingRefreshRequest:  "Binding Refresh Request",
	1:                          "Home Test Init", // RFC 6275, and the next three
	2:                          "Care-of Test Init",
	3:                          "Home Test",
	4:                          "Care-of Test",
	TypeBindingUpdate:          "Binding Update",
	TypeBindingAcknowledgement: "Binding Acknowledgement",
	TypeBindingError:           "Binding Error",
	TypeFastBindingUpdate:      "Fast Binding Update",
	TypeFastBindingAck:         "Fast Binding Acknowledgement",
	10:                         "Fast Neighbor Advertisement", // RFC 5568, which deprecates it
	11:                         "Experimental",                // RFC 5096
	12:                         "Home Agent Switch",           // RFC 5142
	TypeHeartbeat:              "Heartbeat",
	TypeHandoverInitiate:       "Handover Initiate",
	TypeHandoverAcknowledge:    "Handover Acknowledge",
	TypeBindingRevocation:      "Binding Revocation",
	17:                         "Localized Routing Initiation", // RFC 6705, and the next
	18:                         "Localized Routing Acknowledgment",
	19:                         "Update Notification", // RFC 7077, and the next
	20:                         "Update Notification Acknowledgement",
	21:                         "Flow Binding",       // RFC 7109
	22:                         "Subscription Query", // RFC 7161, and the next
	23:                         "Subscription Response",
}

// String is the name of the type in the IANA registry, or "MH type 99".
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("MH type %d", uint8(t))
}

// optionNames are the names of the mobility options in the IANA registry; "" has none, or none that concerns Proxy Mobile IPv6.
var optionNames = [...]string{
	OptionPad1:                       "Pad1",
	OptionPadN:                       "PadN",
	OptionBindingRefreshAdvice:       "Binding Refresh Advice",
	OptionAlternateCareOfAddress:     "Alternate Care-of Address",
	4:                                "Nonce Indices", // RFC 6275, and the next
	5:                                "Binding Authorization Data",
	6:                                "Mobile Network Prefix", // RFC 3963
	OptionLinkLayerAddress:           "Mobility Header Link-layer Address",
	OptionMobileNodeID:               "Mobile Node Identifier",
	OptionVendorSpecific:             "Vendor Specific",
	OptionServiceSelection:           "Service Selection",
	OptionHomeNetworkPrefix:          "Home Network Prefix",
	OptionHandoffIndicator:           "Handoff Indicator",
	OptionAccessTechnologyType:       "Access Technology Type",
	OptionMobileNodeLinkLayerID:      "Mobile Node Link-layer Identifier",
	OptionLinkLocalAddress:           "Link-local Address",
	OptionTimestamp:                  "Timestamp",
	OptionRestartCounter:             "Restart Counter",
	29:                               "IPv4 Home Address", // RFC 5555, and the next three
	30:                               "IPv4 Address Acknowledgement",
	31:                               "NAT Detection",
	32:                               "IPv4 Care-of Address",
	33:                               "GRE Key", // RFC 5845
	OptionAddressPrefix:              "Mobility Header IPv6 Address/Prefix",
	35:                               "Binding Identifier", // RFC 5648
	OptionIPv4HomeAddressRequest:     "IPv4 Home Address Request",
	OptionIPv4HomeAddressReply:       "IPv4 Home Address Reply",
	OptionIPv4DefaultRouter:          "IPv4 Default-Router Address",
	OptionIPv4DHCPSupportMode:        "IPv4 DHCP Support Mode",
	OptionContextRequest:             "Context Request",
	OptionLMAAddress:                 "Local Mobility Anchor Address",
	OptionLinkLocalInterfaceID:       "Mobile Node Link-local Address Interface Identifier",
	OptionTransientBinding:           "Transient Binding",
	44:                               "Flow Summary", // RFC 6089, and the next
	45:                               "Flow Identification",
	46:                               "Redirect-Capability", // RFC 6463, and the next three
	47:                               "Redirect",
	48:                               "Load Information",
	49:                               "Alternate IPv4 Care-of Address",
	50:                               "Mobile Node Group Identifier", // RFC 6602
	51:                               "MAG IPv6 Address",             // RFC 6705
	52:                               "Access Network Identifier",    // RFC 6757
	OptionIPv4TrafficOffloadSelector: "IPv4 Traffic Offload Selector",
	54:                               "Dynamic IP Multicast Selector",      // RFC 7028
	55:                               "Delegated Mobile Network Prefix",    // RFC 7148
	56:                               "Active Multicast Subscription IPv4", // RFC 7161, and the next
	57:                               "Active Multicast Subscription IPv6",
	58:                               "Quality of Service",     // RFC 7222
	59:                               "LMA User-Plane Address", // RFC 7389
	60:                               "Multicast Mobility",     // RFC 7411, and the next
	61:                               "Multicast Acknowledgement",
	62:                               "LMA-Controlled MAG Parameters", // RFC 8127
	63:                               "MAG Multipath Binding",         // RFC 8278, and the next
	64:                               "MAG Identifier",
	65:                               "Anchored Prefix", // RFC 8885, and the rest
	66:                               "Local Prefix",
	67:                               "Previous MAAR",
	68:                               "Serving MAAR",
	69:                               "Distributed Logical Interface Link-local Address",
	70:                               "Distributed Logical Interface Link-layer Address",
}

// Name is the name of the option in the IANA registry, or "option 99".
func (t OptionType) Name() string {
	if int(t) < len(optionNames) && optionNames[t] != "" {
		return optionNames[t]
	}
	return fmt.Sprintf("option %d", uint8(t))
}

// String names an option as messages to people do: "Timestamp option", "option 99".
func (t OptionType) String() string {
	if int(t) < len(optionNames) && optionNames[t] != "" {
		return optionNames[t] + " option"
	}
	return t.Name()
}
