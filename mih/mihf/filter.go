package mihf

import (
	"slices"

	"netlmm/mih"
)

// passes says whether an event is one that a subscription's filter lets through: EVT_CFG_INFO narrows Link_Detected and
// Link_Parameters_Report, the events that would else come all the time.
func passes(filter []mih.EventConfiguration, ev mih.LinkEvent) bool {
	switch e := ev.(type) {
	case mih.LinkDetected:
		found, any := false, false
		for _, f := range filter {
			any = any || len(f.Detected) > 0
			found = found || slices.ContainsFunc(f.Detected, func(d mih.LinkDetectedConfiguration) bool { return detected(d, e) })
		}
		return found || !any
	case mih.LinkParametersReport:
		found, any := false, false
		for _, f := range filter {
			any = any || len(f.Parameters) > 0
			found = found || slices.ContainsFunc(f.Parameters, func(c mih.LinkParameterConfiguration) bool { return reported(c, e) })
		}
		return found || !any
	}
	return true
}

// detected says whether a network that was seen is one that was asked for.
func detected(want mih.LinkDetectedConfiguration, e mih.LinkDetected) bool {
	return (want.NetworkID == nil || *want.NetworkID == e.NetworkID) &&
		(want.SignalStrength == nil || want.SignalStrength.Percentage == e.SignalStrength.Percentage && e.SignalStrength.Value >= want.SignalStrength.Value) &&
		(want.DataRate == nil || e.DataRate >= *want.DataRate)
}

// reported says whether a report has a parameter that was asked for, beyond one of the thresholds if there are any.
func reported(want mih.LinkParameterConfiguration, e mih.LinkParametersReport) bool {
	return slices.ContainsFunc(e.Parameters, func(r mih.LinkParameterReport) bool {
		if r.Type != want.Type {
			return false
		}
		return len(want.Thresholds) == 0 || slices.ContainsFunc(want.Thresholds, func(t mih.Threshold) bool { return beyond(r.Value, t) })
	})
}

func beyond(value int, t mih.Threshold) bool {
	if t.Direction == mih.ThresholdBelow {
		return value < t.Value
	}
	return value > t.Value
}
