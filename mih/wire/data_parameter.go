package wire

import "netlmm/mih"

const (
	leastLinkParameter = 2 + 1 + 2
	leastThreshold     = 3
	perClass           = 3 // a class of service and 16 bits
)

// parameterType is LINK_PARAM_TYPE: a choice of twelve technologies, and a value.
func parameterType(c *coder, v *mih.LinkParameterType) {
	technology, value := uint8(*v>>8), uint8(*v)
	c.choice(&technology, 12)
	if octet(c, &value); !c.encoding {
		*v = mih.LinkParameterType(technology)<<8 | mih.LinkParameterType(value)
	}
}

// parameterValue is LINK_PARAM_VAL of a parameter, and THRESHOLD_VAL. What 16 bits do not hold is written as the nearest that they
// do.
func parameterValue(c *coder, t mih.LinkParameterType, v *int) {
	var u uint16
	if t.Signed() {
		u = uint16(int16(min(max(*v, -0x8000), 0x7fff)))
	} else {
		u = uint16(min(max(*v, 0), 0xffff))
	}
	if uint16s(c, &u); c.encoding {
		return
	}
	if *v = int(u); t.Signed() {
		*v = int(int16(u))
	}
}

// linkParameter is LINK_PARAM.
func linkParameter(c *coder, v *mih.LinkParameter) {
	parameterType(c, &v.Type)
	var selector uint8
	if v.QoS != nil {
		selector = 1
	}
	if c.choice(&selector, 2); selector == 0 {
		parameterValue(c, v.Type, &v.Value)
		return
	}
	if !c.encoding {
		v.QoS = new(mih.QoSValue)
	}
	qosValue(c, v.QoS)
}

// qosValue is QOS_PARAM_VAL.
func qosValue(c *coder, v *mih.QoSValue) {
	kind := uint8(v.Kind)
	if c.choice(&kind, 6); !c.encoding {
		v.Kind = mih.QoSValueKind(kind)
	}
	switch v.Kind {
	case mih.QoSClasses:
		octet(c, &v.Classes)
	case mih.QoSLoss:
		listOf(c, &v.Losses, perClass, classLoss)
	default:
		listOf(c, &v.Delays, perClass, classDelay)
	}
}

func classDelay(c *coder, v *mih.ClassDelay) {
	octet(c, &v.Class)
	milliseconds(c, &v.Delay)
}

func classLoss(c *coder, v *mih.ClassLoss) {
	octet(c, &v.Class)
	uint16s(c, &v.Loss)
}

func qosList(c *coder, v *mih.QoSList) {
	octet(c, &v.Classes)
	listOf(c, &v.MinimumDelay, perClass, classDelay)
	listOf(c, &v.AverageDelay, perClass, classDelay)
	listOf(c, &v.MaximumDelay, perClass, classDelay)
	listOf(c, &v.Jitter, perClass, classDelay)
	listOf(c, &v.Loss, perClass, classLoss)
}

// threshold is THRESHOLD of a parameter.
func threshold(c *coder, t mih.LinkParameterType, v *mih.Threshold) {
	parameterValue(c, t, &v.Value)
	octet(c, &v.Direction)
}

// parameterReport is LINK_PARAM_RPT.
func parameterReport(c *coder, v *mih.LinkParameterReport) {
	linkParameter(c, &v.LinkParameter)
	orNull(c, &v.Crossed, func(c *coder, t *mih.Threshold) { threshold(c, v.Type, t) })
}

// parameterConfiguration is LINK_CFG_PARAM.
func parameterConfiguration(c *coder, v *mih.LinkParameterConfiguration) {
	parameterType(c, &v.Type)
	orNull(c, &v.Interval, milliseconds)
	octet(c, &v.Action)
	listOf(c, &v.Thresholds, leastThreshold, func(c *coder, t *mih.Threshold) { threshold(c, v.Type, t) })
}

// parameterConfigured is LINK_CFG_STATUS.
func parameterConfigured(c *coder, v *mih.LinkParameterConfigured) {
	parameterType(c, &v.Type)
	threshold(c, v.Type, &v.Threshold)
	boolean(c, &v.Success)
}

// detectedConfiguration is LINK_DET_CFG.
func detectedConfiguration(c *coder, v *mih.LinkDetectedConfiguration) {
	orNull(c, &v.NetworkID, octets)
	orNull(c, &v.SignalStrength, signalStrength)
	orNull(c, &v.DataRate, uint32s)
}

// eventConfiguration is EVT_CFG_INFO.
func eventConfiguration(c *coder, v *mih.EventConfiguration) {
	var selector uint8
	if v.Parameters != nil {
		selector = 1
	}
	if c.choice(&selector, 2); selector == 0 {
		listOf(c, &v.Detected, 3, detectedConfiguration)
	} else {
		listOf(c, &v.Parameters, 5, parameterConfiguration)
	}
}
