package mh

import "encoding/binary"

// Heartbeat is a Heartbeat message (RFC 5847 section 3.3). Whether the peer is there is what a request asks; a response echoes
// its sequence number and carries the Restart Counter option (section 3.4).
type Heartbeat struct {
	Flags    HeartbeatFlags
	Sequence uint32 // without meaning in an unsolicited response (section 3.2)
	Options  Options
}

// HeartbeatFlags are the flag bits of a Heartbeat, as in the 16-bit field on the wire. Decode leaves out reserved bits.
type HeartbeatFlags uint16

// Flags of a Heartbeat.
const (
	HeartbeatUnsolicited HeartbeatFlags = 2 // U: a response that nobody asked for, after a restart
	HeartbeatResponse    HeartbeatFlags = 1 // R; not set: a request
)

// Fixed part of a Heartbeat: flags and sequence number after the checksum.
const heartbeatFixed = dataAt + 6

// Decode reads a Heartbeat, on the terms of BindingUpdate.Decode.
func (m *Heartbeat) Decode(payload []byte) error {
	*m = Heartbeat{Options: m.Options.emptied()}
	b, err := m.Options.decodeMessage(payload, TypeHeartbeat, heartbeatFixed)
	if err != nil {
		return err
	}
	m.decodeFixed(b)
	return nil
}

func (m *Heartbeat) decodeFixed(b []byte) {
	m.Flags = HeartbeatFlags(uint16At(b, dataAt)) & (HeartbeatUnsolicited | HeartbeatResponse)
	m.Sequence = binary.BigEndian.Uint32(b[dataAt+2:])
}

// AppendTo appends the message, on the terms of BindingUpdate.AppendTo.
func (m *Heartbeat) AppendTo(dst []byte) ([]byte, error) {
	e := encoder{start: len(dst), buf: beginMessage(m.Options.grow(dst), TypeHeartbeat)}
	e.buf = binary.BigEndian.AppendUint16(e.buf, uint16(m.Flags))
	e.buf = binary.BigEndian.AppendUint32(e.buf, m.Sequence)
	return e.finish(&m.Options)
}
