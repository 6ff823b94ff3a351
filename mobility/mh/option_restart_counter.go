package mh

import "encoding/binary"

// The Restart Counter option is 32 bits (RFC 5847 section 3.4).

func decodeRestartCounter(data string) uint32 { return binary.BigEndian.Uint32([]byte(data)) }

func (e *encoder) restartCounter(counter uint32) {
	e.option(OptionRestartCounter, 4)
	e.buf = binary.BigEndian.AppendUint32(e.buf, counter)
}
