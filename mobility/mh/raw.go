package mh

// Decode reads a message of any type whose fixed part is in order. It reuses the capacity of Data and keeps nothing of payload.
// After an error m is empty.
func (m *Raw) Decode(payload []byte) error {
	*m = Raw{Data: m.Data[:0]}
	h, err := DecodeHeader(payload)
	if err != nil {
		return err
	}
	m.Type = h.Type
	m.Data = append(m.Data, payload[dataAt:h.Length]...)
	return nil
}

// AppendTo appends the message with a zero checksum. Only who knows the type knows how to pad it: six octets and Data must
// make a multiple of eight. With an error dst comes back as it was.
func (m *Raw) AppendTo(dst []byte) ([]byte, error) {
	return finishMessage(append(beginMessage(dst, m.Type), m.Data...), len(dst))
}
