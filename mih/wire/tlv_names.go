package wire

import "fmt"

// tlvNames are the standard's names (Annex L), by type.
var tlvNames = [...]string{
	TLVSource: "Source MIHF ID", TLVDestination: "Destination MIHF ID", TLVStatus: "Status", TLVLinkType: "Link type",
	TLVEventList: "MIH event list", TLVCommandList: "MIH command list", TLVQueryTypeList: "MIIS query type list",
	TLVTransportList: "Transport option list", TLVLinkAddressList: "Link address list", TLVMakeBeforeBreak: "MBB handover support",
	TLVRegisterCode: "Register request code", TLVValidTimeInterval: "Valid time interval", TLVLinkIdentifier: "Link identifier",
	TLVNewLinkIdentifier: "New link identifier", TLVOldAccessRouter: "Old access router", TLVNewAccessRouter: "New access router",
	TLVIPRenewalFlag: "IP renewal flag", TLVMobilityManagement: "Mobility management support",
	TLVIPConfigurationMethods: "IP address configuration methods", TLVLinkDownReason: "Link down reason", TLVTimeInterval: "Time interval",
	TLVLinkGoingDownReason: "Link going down reason", TLVLinkParameterReportList: "Link parameter report list",
	TLVDeviceStatesRequest: "Device states request", TLVLinkIdentifierList: "Link identifier list",
	TLVDeviceStatesResponseList: "Device states response list", TLVGetStatusRequestSet: "Get status request set",
	TLVGetStatusResponseList: "Get status response list", TLVConfigureRequestList: "Configure request list",
	TLVConfigureResponseList: "Configure response list", TLVListOfLinkPoAList: "List of link PoA list",
	TLVPreferredLinkList: "Preferred link list", TLVHandoverResourceQueryList: "Handover resource query list",
	TLVHandoverStatus: "Handover status", TLVAccessRouterAddress: "Access router address", TLVDHCPServerAddress: "DHCP server address",
	TLVForeignAgentAddress: "FA address", TLVLinkActionsList: "Link actions list", TLVLinkActionsResultList: "Link actions result list",
	TLVHandoverResult: "Handover result", TLVResourceStatus: "Resource status", TLVResourceRetentionStatus: "Resource retention status",
	TLVQueryBinaryDataList: "Info query binary data list", TLVQueryRDFDataList: "Info query RDF data list",
	TLVQueryRDFSchemaURL: "Info query RDF schema URL", TLVQueryRDFSchemaList: "Info query RDF schema list",
	TLVMaximumResponseSize: "Max response size", TLVResponseBinaryDataList: "Info response binary data list",
	TLVResponseRDFDataList: "Info response RDF data list", TLVResponseRDFSchemaURLList: "Info response RDF schema URL list",
	TLVResponseRDFSchemaList: "Info response RDF schema list", TLVMobileNodeMIHFID: "Mobile node MIHF ID",
	TLVQueryResourceReportFlag: "Query resource report flag", TLVEventConfigurationList: "Event configuration info list",
	TLVTargetNetwork: "Target network info", TLVTargetNetworkList: "List of target network info",
	TLVAssignedResourceSet: "Assigned resource set", TLVLinkDetectedList: "Link detected info list", TLVMobileNodeLinkID: "MN link ID",
	TLVPointOfAttachment: "PoA", TLVUnauthenticatedInformation: "Unauthenticated information request", TLVNetworkType: "Network type",
	TLVRequestedResourceSet: "Requested resource set",
}

// String is the standard's name of the TLV.
func (t TLVType) String() string {
	switch {
	case int(t) < len(tlvNames) && tlvNames[t] != "":
		return tlvNames[t]
	case t == TLVVendorSpecific:
		return "Vendor specific"
	case t > TLVVendorSpecific:
		return fmt.Sprintf("experimental %d", uint8(t))
	}
	return fmt.Sprintf("reserved %d", uint8(t))
}
