package mh

import "encoding/binary"

// The Timestamp option is 64 bits (RFC 5213 section 8.8).

func decodeTimestamp(data string) Timestamp {
	var octets [8]byte
	copy(octets[:], data)
	return Timestamp(binary.BigEndian.Uint64(octets[:]))
}

func (e *encoder) timestamp(t Timestamp) {
	e.option(OptionTimestamp, 8)
	e.buf = binary.BigEndian.AppendUint64(e.buf, uint64(t))
}
