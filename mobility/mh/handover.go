package mh

import "encoding/binary"

// HandoverInitiate is a Handover Initiate (RFC 5568 section 6.2.1.1); with InitiateProxy one between two MAGs (RFC 5949 section
// 6.1.1).
type HandoverInitiate struct {
	Sequence uint16
	Flags    HandoverInitiateFlags
	Code     HandoverInitiateCode
	Options  Options
}

// HandoverAcknowledge is a Handover Acknowledge (RFC 5568 section 6.2.1.2); with HandoverProxy one between two MAGs (RFC 5949
// section 6.1.2).
type HandoverAcknowledge struct {
	Sequence uint16
	Flags    HandoverAcknowledgeFlags
	Code     HandoverAcknowledgeCode
	Options  Options
}

// Fixed part of both: sequence, flags and code after the checksum.
const handoverFixed = dataAt + 4

// Decode reads a Handover Initiate, on the terms of BindingUpdate.Decode.
func (m *HandoverInitiate) Decode(payload []byte) error {
	*m = HandoverInitiate{Options: m.Options.emptied()}
	b, err := m.Options.decodeMessage(payload, TypeHandoverInitiate, handoverFixed)
	if err != nil {
		return err
	}
	m.decodeFixed(b)
	return nil
}

func (m *HandoverInitiate) decodeFixed(b []byte) {
	m.Sequence = uint16At(b, dataAt)
	m.Flags = HandoverInitiateFlags(b[dataAt+2]) & initiateFlags
	m.Code = HandoverInitiateCode(b[dataAt+3])
}

// AppendTo appends the message, on the terms of BindingUpdate.AppendTo.
func (m *HandoverInitiate) AppendTo(dst []byte) ([]byte, error) {
	return appendHandover(dst, TypeHandoverInitiate, m.Sequence, byte(m.Flags), byte(m.Code), &m.Options)
}

// Decode reads a Handover Acknowledge, on the terms of BindingUpdate.Decode.
func (m *HandoverAcknowledge) Decode(payload []byte) error {
	*m = HandoverAcknowledge{Options: m.Options.emptied()}
	b, err := m.Options.decodeMessage(payload, TypeHandoverAcknowledge, handoverFixed)
	if err != nil {
		return err
	}
	m.decodeFixed(b)
	return nil
}

func (m *HandoverAcknowledge) decodeFixed(b []byte) {
	m.Sequence = uint16At(b, dataAt)
	m.Flags = HandoverAcknowledgeFlags(b[dataAt+2]) & acknowledgeFlags
	m.Code = HandoverAcknowledgeCode(b[dataAt+3])
}

// AppendTo appends the message, on the terms of BindingUpdate.AppendTo.
func (m *HandoverAcknowledge) AppendTo(dst []byte) ([]byte, error) {
	return appendHandover(dst, TypeHandoverAcknowledge, m.Sequence, byte(m.Flags), byte(m.Code), &m.Options)
}

func appendHandover(dst []byte, t Type, sequence uint16, flags, code byte, o *Options) ([]byte, error) {
	e := encoder{start: len(dst), buf: beginMessage(o.grow(dst), t)}
	e.buf = binary.BigEndian.AppendUint16(e.buf, sequence)
	e.buf = append(e.buf, flags, code)
	return e.finish(o)
}
