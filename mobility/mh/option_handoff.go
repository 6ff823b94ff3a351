package mh

import "netlmm/mobility"

// The Handoff Indicator and Access Technology Type options are a reserved octet and a value (RFC 5213 sections 8.4 and 8.5).
// Values that IANA has not assigned pass: what they mean is for the core to say.

func decodeHandoffIndicator(data string) mobility.HandoffIndicator {
	return mobility.HandoffIndicator(data[1])
}

func decodeAccessTechnologyType(data string) mobility.AccessTechnologyType {
	return mobility.AccessTechnologyType(data[1])
}

func (e *encoder) handoffIndicator(hi mobility.HandoffIndicator) {
	e.option(OptionHandoffIndicator, 2)
	e.buf = append(e.buf, 0, byte(hi))
}

func (e *encoder) accessTechnologyType(att mobility.AccessTechnologyType) {
	e.option(OptionAccessTechnologyType, 2)
	e.buf = append(e.buf, 0, byte(att))
}
