package wire

import "netlmm/mih"

// LinkGetParametersRequest asks for the state of a device and of its links.
type LinkGetParametersRequest struct {
	Device *mih.DeviceStates
	Links  []mih.LinkID
	Status mih.LinkStatusRequest
}

// LinkGetParametersResponse answers it.
type LinkGetParametersResponse struct {
	Status mih.Status
	Device []mih.DeviceState
	Links  []mih.LinkStatusOf
}

// LinkConfigureThresholdsRequest sets thresholds for Link_Parameters_Report.
type LinkConfigureThresholdsRequest struct {
	Link       mih.LinkTupleID
	Parameters []mih.LinkParameterConfiguration
}

// LinkConfigureThresholdsResponse answers it.
type LinkConfigureThresholdsResponse struct {
	Status     mih.Status
	Link       mih.LinkTupleID
	Thresholds []mih.LinkParameterConfigured
}

// LinkActionsRequest orders actions on links.
type LinkActionsRequest struct{ Actions []mih.LinkActionRequest }

// LinkActionsResponse answers it.
type LinkActionsResponse struct {
	Status  mih.Status
	Results []mih.LinkActionResult
}

func (b *LinkGetParametersRequest) tlvs(c *coder) {
	may(c, TLVDeviceStatesRequest, &b.Device, bitmap16)
	mustList(c, TLVLinkIdentifierList, &b.Links, leastLinkID, linkID)
	must(c, TLVGetStatusRequestSet, &b.Status, statusRequest)
}

func (b *LinkGetParametersResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	mayList(c, TLVDeviceStatesResponseList, &b.Device, 2, deviceState)
	mayList(c, TLVGetStatusResponseList, &b.Links, leastLinkID+3, statusOf)
}

func (b *LinkConfigureThresholdsRequest) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	mustList(c, TLVConfigureRequestList, &b.Parameters, 2+1+1+1, parameterConfiguration)
}

func (b *LinkConfigureThresholdsResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	mayList(c, TLVConfigureResponseList, &b.Thresholds, 2+leastThreshold+1, parameterConfigured)
}

func (b *LinkActionsRequest) tlvs(c *coder) {
	mustList(c, TLVLinkActionsList, &b.Actions, leastActionRequest, actionRequest)
}

func (b *LinkActionsResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	mayList(c, TLVLinkActionsResultList, &b.Results, leastActionResult, actionResult)
}
