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
