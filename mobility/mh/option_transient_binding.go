package mh

import "time"

// TransientBinding is the value of a Transient Binding option (RFC 6058 section 5.1).
type TransientBinding struct {
	LatePathSwitch bool  // L: the LMA goes on sending to the previous MAG
	Lifetime       uint8 // of the transient state at most, in TransientLifetimeUnit
}

// TransientLifetimeUnit is the unit of TransientBinding.Lifetime.
const TransientLifetimeUnit = 100 * time.Millisecond

const transientLatePathSwitch = 1

func decodeTransientBinding(data string) TransientBinding {
	return TransientBinding{data[0]&transientLatePathSwitch != 0, data[1]}
}

func (e *encoder) transientBinding(t TransientBinding) {
	var flags byte
	if t.LatePathSwitch {
		flags = transientLatePathSwitch
	}
	e.option(OptionTransientBinding, 2)
	e.buf = append(e.buf, flags, t.Lifetime)
}
