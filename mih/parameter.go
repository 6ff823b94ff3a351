package mih

import (
	"fmt"
	"time"
)

// LinkParameterType is LINK_PARAM_TYPE: the choice in the high octet, the value in the low one.
type LinkParameterType uint16

// Link parameters (Annex F.3.4). Those of 802.16, 802.20, 802.22 and Ethernet have no name here.
const (
	ParameterDataRate               LinkParameterType = 0x0000 // LINK_PARAM_GEN 0, kb/s
	ParameterSignalStrength         LinkParameterType = 0x0001 // LINK_PARAM_GEN 1, dBm
	ParameterSINR                   LinkParameterType = 0x0002 // LINK_PARAM_GEN 2, dB
	ParameterThroughput             LinkParameterType = 0x0003 // LINK_PARAM_GEN 3, kb/s
	ParameterPacketErrorRate        LinkParameterType = 0x0004 // LINK_PARAM_GEN 4, percent
	ParameterQoSClasses             LinkParameterType = 0x0100 // LINK_PARAM_QOS 0: how many classes of service at most
	ParameterQoSMinimumDelay        LinkParameterType = 0x0101
	ParameterQoSAverageDelay        LinkParameterType = 0x0102
	ParameterQoSMaximumDelay        LinkParameterType = 0x0103
	ParameterQoSJitter              LinkParameterType = 0x0104
	ParameterQoSLoss                LinkParameterType = 0x0105
	ParameterGSMRxQual              LinkParameterType = 0x0200 // LINK_PARAM_GG, GSM and GPRS
	ParameterGSMRxLevel             LinkParameterType = 0x0201
	ParameterGSMMeanBEP             LinkParameterType = 0x0202
	ParameterGSMDeviationBEP        LinkParameterType = 0x0203
	Parameter80211RSSI              LinkParameterType = 0x0500 // LINK_PARAM_802_11 0, dBm
	Parameter80211NoQoSResource     LinkParameterType = 0x0501
	Parameter80211MulticastLoss     LinkParameterType = 0x0502
	ParameterCDMA2000PilotStrength  LinkParameterType = 0x0600
	ParameterFDDCPICHRSCP           LinkParameterType = 0x0700 // LINK_PARAM_FDD, dBm where it is a power
	ParameterFDDPCCPCHRSCP          LinkParameterType = 0x0701
	ParameterFDDUTRARSSI            LinkParameterType = 0x0702
	ParameterFDDGSMRSSI             LinkParameterType = 0x0703
	ParameterFDDCPICHEcNo           LinkParameterType = 0x0704
	ParameterFDDTransportChannelBER LinkParameterType = 0x0705
	ParameterFDDTransmitPower       LinkParameterType = 0x0706
	ParameterHRPDPilotStrength      LinkParameterType = 0x0800
)

var parameterNames = map[LinkParameterType]string{
	ParameterDataRate: "data_rate", ParameterSignalStrength: "signal_strength", ParameterSINR: "sinr", ParameterThroughput: "throughput",
	ParameterPacketErrorRate: "packet_error_rate", ParameterQoSClasses: "qos_classes", ParameterQoSMinimumDelay: "qos_minimum_delay",
	ParameterQoSAverageDelay: "qos_average_delay", ParameterQoSMaximumDelay: "qos_maximum_delay", ParameterQoSJitter: "qos_jitter",
	ParameterQoSLoss: "qos_loss", ParameterGSMRxQual: "gsm_rxqual", ParameterGSMRxLevel: "gsm_rxlev", ParameterGSMMeanBEP: "gsm_mean_bep",
	ParameterGSMDeviationBEP: "gsm_deviation_bep", Parameter80211RSSI: "802.11_rssi", Parameter80211NoQoSResource: "802.11_no_qos_resource",
	Parameter80211MulticastLoss: "802.11_multicast_loss", ParameterCDMA2000PilotStrength: "cdma2000_pilot_strength",
	ParameterFDDCPICHRSCP: "fdd_cpich_rscp", ParameterFDDPCCPCHRSCP: "fdd_pccpch_rscp", ParameterFDDUTRARSSI: "fdd_utra_rssi",
	ParameterFDDGSMRSSI: "fdd_gsm_rssi", ParameterFDDCPICHEcNo: "fdd_cpich_ec_no", ParameterFDDTransportChannelBER: "fdd_transport_channel_ber",
	ParameterFDDTransmitPower: "fdd_transmit_power", ParameterHRPDPilotStrength: "hrpd_pilot_strength",
}

// String names the parameter in lower snake case.
func (t LinkParameterType) String() string {
	if name := parameterNames[t]; name != "" {
		return name
	}
	return fmt.Sprintf("parameter_0x%04x", uint16(t))
}

// Signed reports whether a value of the parameter is a level in dB or dBm, which travels in two's complement.
func (t LinkParameterType) Signed() bool {
	switch t {
	case ParameterSignalStrength, ParameterSINR, Parameter80211RSSI, ParameterCDMA2000PilotStrength, ParameterHRPDPilotStrength,
		ParameterFDDCPICHRSCP, ParameterFDDPCCPCHRSCP, ParameterFDDUTRARSSI, ParameterFDDGSMRSSI, ParameterFDDCPICHEcNo, ParameterFDDTransmitPower:
		return true
	}
	return false
}

// LinkParameter is LINK_PARAM: one value of one parameter.
type LinkParameter struct {
	Type  LinkParameterType `json:"type"`
	Value int               `json:"value"`         // in the parameter's own unit: dBm, kb/s, ...; 16 bits on the wire
	QoS   *QoSValue         `json:"qos,omitempty"` // not nil: instead of Value
}

// QoSValueKind is the choice of QOS_PARAM_VAL.
type QoSValueKind uint8

// Choices of QOS_PARAM_VAL.
const (
	QoSClasses      QoSValueKind = 0
	QoSMinimumDelay QoSValueKind = 1
	QoSAverageDelay QoSValueKind = 2
	QoSMaximumDelay QoSValueKind = 3
	QoSJitter       QoSValueKind = 4
	QoSLoss         QoSValueKind = 5
)

// String names the kind.
func (k QoSValueKind) String() string {
	return nameOf("kind", uint8(k), "classes", "minimum_delay", "average_delay", "maximum_delay", "jitter", "loss")
}

// QoSValue is QOS_PARAM_VAL. Classes counts with QoSClasses, Losses with QoSLoss, Delays with the others.
type QoSValue struct {
	Kind    QoSValueKind `json:"kind"`
	Classes uint8        `json:"classes,omitempty"`
	Delays  []ClassDelay `json:"delays,omitempty"`
	Losses  []ClassLoss  `json:"losses,omitempty"`
}

// ClassDelay is a delay or its jitter in one class of service, milliseconds on the wire.
type ClassDelay struct {
	Class uint8         `json:"class"`
	Delay time.Duration `json:"delay"`
}

// ClassLoss is PK_LOSS_RATE: the packet loss in one class of service, as -100 times the decimal logarithm of the ratio.
type ClassLoss struct {
	Class uint8  `json:"class"`
	Loss  uint16 `json:"loss"`
}

// QoSList is QOS_LIST: the quality of service that is asked for, or to be had.
type QoSList struct {
	Classes      uint8        `json:"classes"` // number of classes of service
	MinimumDelay []ClassDelay `json:"minimum_delay"`
	AverageDelay []ClassDelay `json:"average_delay"`
	MaximumDelay []ClassDelay `json:"maximum_delay"`
	Jitter       []ClassDelay `json:"jitter"`
	Loss         []ClassLoss  `json:"loss"`
}

// ThresholdDirection is THRESHOLD_XDIR.
type ThresholdDirection uint8

// Directions in which a threshold is crossed.
const (
	ThresholdAbove ThresholdDirection = 0
	ThresholdBelow ThresholdDirection = 1
)

// String names the direction.
func (d ThresholdDirection) String() string { return nameOf("direction", uint8(d), "above", "below") }

// Threshold is THRESHOLD: a value of the parameter it stands beside.
type Threshold struct {
	Value     int                `json:"value"` // 16 bits on the wire
	Direction ThresholdDirection `json:"direction"`
}

// LinkParameterReport is LINK_PARAM_RPT: a parameter, and the threshold that it crossed if it did.
type LinkParameterReport struct {
	LinkParameter
	Crossed *Threshold `json:"crossed,omitempty"`
}

// ThresholdAction is TH_ACTION.
type ThresholdAction uint8

// What to do with thresholds.
const (
	ThresholdNormal  ThresholdAction = 0 // report each time
	ThresholdOneShot ThresholdAction = 1 // report once
	ThresholdCancel  ThresholdAction = 2
)

// String names the action.
func (a ThresholdAction) String() string {
	return nameOf("action", uint8(a), "normal", "one_shot", "cancel")
}

// LinkParameterConfiguration is LINK_CFG_PARAM: when a parameter is to be reported.
type LinkParameterConfiguration struct {
	Type       LinkParameterType `json:"type"`
	Interval   *time.Duration    `json:"interval,omitempty"` // report each so long; milliseconds on the wire
	Action     ThresholdAction   `json:"action"`
	Thresholds []Threshold       `json:"thresholds"`
}

// LinkParameterConfigured is LINK_CFG_STATUS: whether one threshold has been set.
type LinkParameterConfigured struct {
	Type      LinkParameterType `json:"type"`
	Threshold Threshold         `json:"threshold"`
	Success   bool              `json:"success"`
}

// LinkDetectedConfiguration is LINK_DET_CFG: which detected links are of interest. nil: any.
type LinkDetectedConfiguration struct {
	NetworkID      *string         `json:"network_id,omitempty"`
	SignalStrength *SignalStrength `json:"signal_strength,omitempty"` // at least
	DataRate       *uint32         `json:"data_rate,omitempty"`       // at least, kb/s
}

// EventConfiguration is EVT_CFG_INFO: a filter of a subscription, for Link_Detected, or for Link_Parameters_Report when Parameters
// is not nil.
type EventConfiguration struct {
	Detected   []LinkDetectedConfiguration  `json:"detected,omitempty"`
	Parameters []LinkParameterConfiguration `json:"parameters,omitempty"`
}
