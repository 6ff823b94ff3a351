package mh

import "fmt"

// Error implements error.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("mobility header: %s at offset %d: %s", e.Field, e.Offset, e.Problem)
}

// Header is the fixed part of a Mobility Header (RFC 6275 section 6.1.1).
type Header struct {
	Type   Type
	Length int // whole message, in octets, as the Header Len field says
}

// DecodeHeader reads the fixed part and checks Payload Proto, Header Len and the length of payload. The checksum is the kernel's.
func DecodeHeader(payload []byte) (Header, error) { panic("being written") }

// Decode reads a Binding Update. It reuses the capacity of m's slices and allocates at most once (the octets of its strings).
func (m *BindingUpdate) Decode(payload []byte) error { panic("being written") }

// AppendTo appends the message with a zero checksum, its options aligned and padded. It allocates only to grow dst.
func (m *BindingUpdate) AppendTo(dst []byte) ([]byte, error) { panic("being written") }

// Decode is the counterpart for acknowledgements.
func (m *BindingAcknowledgement) Decode(payload []byte) error { panic("being written") }

// AppendTo is the counterpart for acknowledgements.
func (m *BindingAcknowledgement) AppendTo(dst []byte) ([]byte, error) { panic("being written") }

// Decode is the counterpart for Binding Errors.
func (m *BindingError) Decode(payload []byte) error { panic("being written") }

// AppendTo is the counterpart for Binding Errors.
func (m *BindingError) AppendTo(dst []byte) ([]byte, error) { panic("being written") }

// Decode is the counterpart for messages of every other type.
func (m *Raw) Decode(payload []byte) error { panic("being written") }

// AppendTo is the counterpart for messages of every other type.
func (m *Raw) AppendTo(dst []byte) ([]byte, error) { panic("being written") }
