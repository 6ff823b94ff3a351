package mih

import "time"

// LinkStates is LINK_STATES_REQ: which states of a link are asked for.
type LinkStates uint16

// States of a link.
const (
	AskOperationMode LinkStates = 1 << 0
	AskChannel       LinkStates = 1 << 1
)

// LinkDescriptors is LINK_DESC_REQ: which descriptors of a link are asked for.
type LinkDescriptors uint16

// Descriptors of a link.
const (
	AskClassesOfService LinkDescriptors = 1 << 0
	AskQueues           LinkDescriptors = 1 << 1
)

// LinkStatusRequest is LINK_STATUS_REQ: what Link_Get_Parameters asks of each link.
type LinkStatusRequest struct {
	States      LinkStates          `json:"states"`
	Parameters  []LinkParameterType `json:"parameters"`
	Descriptors LinkDescriptors     `json:"descriptors"`
}

// OperationMode is OP_MODE.
type OperationMode uint8

// Modes of operation.
const (
	ModeNormal    OperationMode = 0
	ModePowerSave OperationMode = 1
	ModePowerDown OperationMode = 2
)

// String names the mode.
func (m OperationMode) String() string {
	return nameOf("mode", uint8(m), "normal", "power_save", "power_down")
}

// LinkState is LINK_STATES_RSP: a mode of operation, or a channel when Channel is not nil.
type LinkState struct {
	Mode    OperationMode `json:"mode"`
	Channel *uint16       `json:"channel,omitempty"`
}

// LinkDescriptor is LINK_DESC_RSP: how many classes of service, or queues, a link has.
type LinkDescriptor struct {
	Queues bool  `json:"queues"` // Count is of queues
	Count  uint8 `json:"count"`
}

// LinkStatus is LINK_STATUS_RSP.
type LinkStatus struct {
	States      []LinkState      `json:"states"`
	Parameters  []LinkParameter  `json:"parameters"`
	Descriptors []LinkDescriptor `json:"descriptors"`
}

// LinkStatusOf is STATUS_RSP: the status of one link.
type LinkStatusOf struct {
	Link   LinkID     `json:"link"`
	Status LinkStatus `json:"status"`
}

// DeviceStates is DEV_STATES_REQ: which states of a device are asked for.
type DeviceStates uint16

// States of a device.
const (
	AskDeviceInformation DeviceStates = 1 << 0
	AskBatteryLevel      DeviceStates = 1 << 1
)

// DeviceState is DEV_STATES_RSP: a device's information, or the level of its battery when Battery is not nil.
type DeviceState struct {
	Information string `json:"information,omitempty"`
	Battery     *int8  `json:"battery,omitempty"` // percent; -1: not known
}

// LinkActionType is LINK_AC_TYPE.
type LinkActionType uint8

// Link actions. The last one is of IEEE 802.21b.
const (
	ActionNone       LinkActionType = 0
	ActionDisconnect LinkActionType = 1
	ActionLowPower   LinkActionType = 2
	ActionPowerDown  LinkActionType = 3
	ActionPowerUp    LinkActionType = 4
	ActionConfigure  LinkActionType = 5
)

// String names the action in lower snake case.
func (t LinkActionType) String() string {
	return nameOf("action", uint8(t), "none", "disconnect", "low_power", "power_down", "power_up", "configure")
}

// LinkActionAttributes is LINK_AC_ATTR.
type LinkActionAttributes uint8

// Attributes of a link action.
const (
	ActionScan            LinkActionAttributes = 1 << 0
	ActionRetainResources LinkActionAttributes = 1 << 1
	ActionForwardData     LinkActionAttributes = 1 << 2
)

// LinkAction is LINK_ACTION.
type LinkAction struct {
	Type       LinkActionType       `json:"type"`
	Attributes LinkActionAttributes `json:"attributes"`
}

// LinkActionRequest is LINK_ACTION_REQ: what to do with one link.
type LinkActionRequest struct {
	Link              LinkID        `json:"link"`
	PointOfAttachment LinkAddress   `json:"point_of_attachment,omitzero"` // zero: not said
	Action            LinkAction    `json:"action"`
	After             time.Duration `json:"after"` // LINK_AC_EX_TIME, milliseconds on the wire; 0: now
}

// LinkActionOutcome is LINK_AC_RESULT.
type LinkActionOutcome uint8

// How a link action ended.
const (
	ActionSucceeded LinkActionOutcome = 0
	ActionFailed    LinkActionOutcome = 1
	ActionRefused   LinkActionOutcome = 2
	ActionIncapable LinkActionOutcome = 3
)

// String names the outcome.
func (o LinkActionOutcome) String() string {
	return nameOf("outcome", uint8(o), "success", "failure", "refused", "incapable")
}

// LinkActionResult is LINK_ACTION_RSP: how the action on one link ended, and what a scan found; Scan is nil when none was made.
type LinkActionResult struct {
	Link    LinkID            `json:"link"`
	Outcome LinkActionOutcome `json:"outcome"`
	Scan    []LinkScanResult  `json:"scan,omitempty"`
}

// LinkScanResult is LINK_SCAN_RSP: a point of attachment that a scan found.
type LinkScanResult struct {
	PointOfAttachment LinkAddress    `json:"point_of_attachment"`
	NetworkID         string         `json:"network_id"`
	SignalStrength    SignalStrength `json:"signal_strength"`
}
