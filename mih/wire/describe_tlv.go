package wire

import (
	"fmt"
	"reflect"

	"netlmm/mih"
)

// tlvForm reads the value of a TLV for a description.
type tlvForm func(*coder) Object

// one is the form of a TLV with a single value: the fields of a structure, else "value".
func one[T any](item func(*coder, *T)) tlvForm {
	return func(c *coder) Object {
		var v T
		item(c, &v)
		if fields, ok := describeValue(reflect.ValueOf(v)).(Object); ok {
			return fields
		}
		return describeField("value", reflect.ValueOf(v))
	}
}

// many is the form of a TLV that is a list.
func many[T any](least int, element func(*coder, *T)) tlvForm {
	return func(c *coder) Object {
		var v []T
		listOf(c, &v, least, element)
		return describeField("list", reflect.ValueOf(v))
	}
}

// Values that need a name for their unit, or another than "type", which is that of the TLV.
type (
	inSeconds struct {
		Seconds uint32 `json:"seconds"`
	}
	inMilliseconds struct {
		Milliseconds uint16 `json:"milliseconds"`
	}
	shortSeconds struct {
		Seconds uint16 `json:"seconds"`
	}
	linkIDFields struct {
		Link mih.LinkID `json:"link"`
	}
)

// lifetimeForm is that of a Time interval in a response to a registration (see RegisterResponse).
var lifetimeForm = one(func(c *coder, v *shortSeconds) { uint16s(c, &v.Seconds) })

// tlvForms are indexed by type; nil has no form.
var tlvForms = [256]tlvForm{
	TLVSource: one(mihfID), TLVDestination: one(mihfID), TLVMobileNodeMIHFID: one(mihfID),
	TLVStatus: one(octet[mih.Status]), TLVLinkType: one(octet[mih.LinkType]),
	TLVEventList: one(bitmap32[mih.EventList]), TLVCommandList: one(bitmap32[mih.CommandList]),
	TLVQueryTypeList: one(bitmap64[mih.QueryTypeList]), TLVTransportList: one(bitmap16[mih.TransportList]),
	TLVLinkAddressList: many(leastNetworkType+leastLinkAddress, networkTypeAddress),
	TLVMakeBeforeBreak: many(2*leastNetworkType+1, makeBeforeBreak), TLVRegisterCode: one(octet[mih.RegisterCode]),
	TLVValidTimeInterval: one(func(c *coder, v *inSeconds) { uint32s(c, &v.Seconds) }),
	TLVLinkIdentifier:    one(linkTupleID), TLVNewLinkIdentifier: one(linkTupleID),
	TLVOldAccessRouter: one(linkAddress), TLVNewAccessRouter: one(linkAddress), TLVPointOfAttachment: one(linkAddress),
	TLVIPRenewalFlag: one(boolean), TLVMobilityManagement: one(bitmap16[mih.MobilityManagement]),
	TLVIPConfigurationMethods: one(bitmap32[mih.IPConfigurationMethods]), TLVLinkDownReason: one(octet[mih.LinkDownReason]),
	TLVTimeInterval:        one(func(c *coder, v *inMilliseconds) { uint16s(c, &v.Milliseconds) }),
	TLVLinkGoingDownReason: one(octet[mih.LinkGoingDownReason]), TLVLinkParameterReportList: many(leastLinkParameter+1, parameterReport),
	TLVDeviceStatesRequest: one(bitmap16[mih.DeviceStates]), TLVLinkIdentifierList: many(leastLinkID, linkID),
	TLVDeviceStatesResponseList: many(2, deviceState), TLVGetStatusRequestSet: one(statusRequest),
	TLVGetStatusResponseList: many(leastLinkID+3, statusOf), TLVConfigureRequestList: many(5, parameterConfiguration),
	TLVConfigureResponseList: many(2+leastThreshold+1, parameterConfigured), TLVListOfLinkPoAList: many(leastLinkID+1, linkPointsOfAttachment),
	TLVPreferredLinkList: many(leastQueriedResources, queriedResources), TLVHandoverResourceQueryList: one(qosList),
	TLVHandoverStatus: one(octet[mih.HandoverStatus]), TLVAccessRouterAddress: one(ipAddress), TLVDHCPServerAddress: one(ipAddress),
	TLVForeignAgentAddress: one(ipAddress), TLVLinkActionsList: many(leastActionRequest, actionRequest),
	TLVLinkActionsResultList: many(leastActionResult, actionResult), TLVHandoverResult: one(octet[mih.HandoverResult]),
	TLVResourceStatus: one(boolean), TLVResourceRetentionStatus: one(boolean),
	TLVQueryBinaryDataList: many(leastBinaryQuery, binaryQuery), TLVQueryRDFDataList: many(leastRDFData, rdfData),
	TLVQueryRDFSchemaURL: one(boolean), TLVQueryRDFSchemaList: many(1, octets[string]), TLVMaximumResponseSize: one(uint16s[uint16]),
	TLVResponseBinaryDataList: many(1, binaryAnswer), TLVResponseRDFDataList: many(leastRDFData, rdfData),
	TLVResponseRDFSchemaURLList: many(1, octets[string]), TLVResponseRDFSchemaList: many(leastRDFData, rdfData),
	TLVQueryResourceReportFlag: one(boolean), TLVEventConfigurationList: many(2, eventConfiguration),
	TLVTargetNetwork: one(targetNetwork), TLVTargetNetworkList: many(3, targetNetwork), TLVAssignedResourceSet: one(assignedResources),
	TLVLinkDetectedList:           many(leastLinkDetected, linkDetected),
	TLVMobileNodeLinkID:           one(func(c *coder, v *linkIDFields) { linkID(c, &v.Link) }),
	TLVUnauthenticatedInformation: one(boolean), TLVNetworkType: one(networkType), TLVRequestedResourceSet: one(requestedResources),
	TLVVendorSpecific: vendorSpecific,
}

// vendorSpecific is an OUI and what its owner makes of the rest.
func vendorSpecific(c *coder) Object {
	oui := c.take(3)
	if oui == nil {
		return nil
	}
	data := c.take(c.end - c.at)
	return Object{{Name: "oui", Value: fmt.Sprintf("%x", oui)}, {Name: "data", Value: hexOf(string(data))}}
}

// tlvHead begins the description of every TLV.
func tlvHead(t TLVType) Object {
	return Object{{Name: "type", Value: uint8(t)}, {Name: "name", Value: t.String()}}
}

// opaque is a TLV without a form, or not in that of its type.
func opaque(t TLVType, data string) Object {
	return append(tlvHead(t), Field{Name: "data", Value: hexOf(data)})
}

// tlvString is a TLV as text: "Status (3): value 0 (success)".
func (o Object) tlvString() string {
	head := fmt.Sprintf("%s (%d)", o[1].Value, o[0].Value)
	if len(o) == 2 {
		return head
	}
	return head + ": " + textOfFields(o[2:])
}
