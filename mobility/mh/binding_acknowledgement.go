package mh

import (
	"encoding/binary"

	"netlmm/mobility"
)

// Decode reads a Binding Acknowledgement (RFC 6275 section 6.1.8, RFC 5213 section 8.2), on the terms of
// BindingUpdate.Decode.
func (m *BindingAcknowledgement) Decode(payload []byte) error {
	*m = BindingAcknowledgement{Options: m.Options.emptied()}
	b, err := m.Options.decodeMessage(payload, TypeBindingAcknowledgement, bindingFixed)
	if err != nil {
		return err
	}
	m.decodeFixed(b)
	return nil
}

func (m *BindingAcknowledgement) decodeFixed(b []byte) {
	m.Status = mobility.Status(b[dataAt])
	m.Flags = BindingAcknowledgementFlags(b[dataAt+1])
	m.Sequence = uint16At(b, dataAt+2)
	m.Lifetime = uint16At(b, dataAt+4)
}

// AppendTo appends the message, on the terms of BindingUpdate.AppendTo.
func (m *BindingAcknowledgement) AppendTo(dst []byte) ([]byte, error) {
	e := encoder{start: len(dst), buf: beginMessage(m.Options.grow(dst), TypeBindingAcknowledgement)}
	e.buf = append(e.buf, byte(m.Status), byte(m.Flags))
	e.buf = binary.BigEndian.AppendUint16(e.buf, m.Sequence)
	e.buf = binary.BigEndian.AppendUint16(e.buf, m.Lifetime)
	return e.finish(&m.Options)
}
