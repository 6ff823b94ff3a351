package mh

import "encoding/binary"

// Fixed part of updates and acknowledgements: six octets after the checksum (RFC 6275 sections 6.1.7 and 6.1.8).
const bindingFixed = dataAt + 6

// Decode reads a Binding Update (RFC 6275 section 6.1.7, RFC 5213 section 8.1). Everything that m held before is gone, also
// after an error; the capacity of its slices is reused, so whoever keeps the slices of an earlier message must have copied
// them. Nothing in m refers to payload afterwards. It allocates once, the octets of the strings, if the slices have room.
// The strings share these octets, so one of them keeps up to 2 KiB alive: clone what lives long. Every error is a *DecodeError.
func (m *BindingUpdate) Decode(payload []byte) error {
	*m = BindingUpdate{Options: m.Options.emptied()}
	b, err := m.Options.decodeMessage(payload, TypeBindingUpdate, bindingFixed)
	if err != nil {
		return err
	}
	m.decodeFixed(b)
	return nil
}

func (m *BindingUpdate) decodeFixed(b []byte) {
	m.Sequence = uint16At(b, dataAt)
	m.Flags = BindingUpdateFlags(uint16At(b, dataAt+2))
	m.Lifetime = uint16At(b, dataAt+4)
}

// AppendTo appends the message with a zero checksum, its options aligned and padded. It allocates only to grow dst, and at
// most once. With an error dst comes back as it was.
func (m *BindingUpdate) AppendTo(dst []byte) ([]byte, error) {
	e := encoder{start: len(dst), buf: beginMessage(m.Options.grow(dst), TypeBindingUpdate)}
	e.buf = binary.BigEndian.AppendUint16(e.buf, m.Sequence)
	e.buf = binary.BigEndian.AppendUint16(e.buf, uint16(m.Flags))
	e.buf = binary.BigEndian.AppendUint16(e.buf, m.Lifetime)
	return e.finish(&m.Options)
}
