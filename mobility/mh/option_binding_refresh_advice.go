package mh

import "encoding/binary"

// The Binding Refresh Advice option is a Refresh Interval of 16 bits in units of four seconds (RFC 6275 section 6.2.4).

func decodeBindingRefreshAdvice(data string) uint16 { return binary.BigEndian.Uint16([]byte(data)) }

func (e *encoder) bindingRefreshAdvice(interval uint16) {
	e.option(OptionBindingRefreshAdvice, 2)
	e.buf = binary.BigEndian.AppendUint16(e.buf, interval)
}
