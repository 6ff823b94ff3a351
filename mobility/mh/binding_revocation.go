package mh

import (
	"encoding/binary"
	"fmt"
)

// RevocationType is the Binding Revocation Type field, which tells the two messages of TypeBindingRevocation apart (RFC 5846
// section 5).
type RevocationType uint8

// Types of a Binding Revocation message.
const (
	RevocationIndication      RevocationType = 1
	RevocationAcknowledgement RevocationType = 2
)

// RevocationFlags are the flag bits of both messages, as in the 16-bit field on the wire (RFC 5846 sections 5.1 and 5.2). Decode
// leaves out reserved bits, so that an acknowledgement may repeat the flags of its indication.
type RevocationFlags uint16

// Flags of a Binding Revocation message.
const (
	RevocationProxy    RevocationFlags = 0x8000 // P: of Proxy Mobile IPv6 bindings
	RevocationIPv4Only RevocationFlags = 0x4000 // V: of the binding of the IPv4 home address only
	RevocationGlobal   RevocationFlags = 0x2000 // G: of all bindings with the peer, or all that share an identifier

	revocationFlags = RevocationProxy | RevocationIPv4Only | RevocationGlobal
)

// BindingRevocationIndication is a Binding Revocation Indication (RFC 5846 section 5.1).
type BindingRevocationIndication struct {
	Trigger  RevocationTrigger
	Sequence uint16
	Flags    RevocationFlags
	Options  Options
}

// BindingRevocationAcknowledgement is a Binding Revocation Acknowledgement (RFC 5846 section 5.2).
type BindingRevocationAcknowledgement struct {
	Status   RevocationStatus
	Sequence uint16 // of the indication
	Flags    RevocationFlags
	Options  Options
}

// Fixed part of both messages: type, trigger or status, sequence number and flags after the checksum.
const (
	revocationTypeAt = dataAt
	revocationFixed  = dataAt + 6
)

// RevocationTypeOf says which of the two a message of TypeBindingRevocation is, before it is decoded. It is 0, which is
// reserved, for a payload that is too short to say.
func RevocationTypeOf(payload []byte) RevocationType {
	if len(payload) <= revocationTypeAt {
		return 0
	}
	return RevocationType(payload[revocationTypeAt])
}

// Decode reads a Binding Revocation Indication, on the terms of BindingUpdate.Decode.
func (m *BindingRevocationIndication) Decode(payload []byte) error {
	*m = BindingRevocationIndication{Options: m.Options.emptied()}
	b, err := decodeRevocation(&m.Options, payload, RevocationIndication)
	if err != nil {
		return err
	}
	m.decodeFixed(b)
	return nil
}

func (m *BindingRevocationIndication) decodeFixed(b []byte) {
	m.Trigger = RevocationTrigger(b[dataAt+1])
	m.Sequence = uint16At(b, dataAt+2)
	m.Flags = RevocationFlags(uint16At(b, dataAt+4)) & revocationFlags
}

// AppendTo appends the message, on the terms of BindingUpdate.AppendTo.
func (m *BindingRevocationIndication) AppendTo(dst []byte) ([]byte, error) {
	return appendRevocation(dst, RevocationIndication, byte(m.Trigger), m.Sequence, m.Flags, &m.Options)
}

// Decode reads a Binding Revocation Acknowledgement, on the terms of BindingUpdate.Decode.
func (m *BindingRevocationAcknowledgement) Decode(payload []byte) error {
	*m = BindingRevocationAcknowledgement{Options: m.Options.emptied()}
	b, err := decodeRevocation(&m.Options, payload, RevocationAcknowledgement)
	if err != nil {
		return err
	}
	m.decodeFixed(b)
	return nil
}

func (m *BindingRevocationAcknowledgement) decodeFixed(b []byte) {
	m.Status = RevocationStatus(b[dataAt+1])
	m.Sequence = uint16At(b, dataAt+2)
	m.Flags = RevocationFlags(uint16At(b, dataAt+4)) & revocationFlags
}

// AppendTo appends the message, on the terms of BindingUpdate.AppendTo.
func (m *BindingRevocationAcknowledgement) AppendTo(dst []byte) ([]byte, error) {
	return appendRevocation(dst, RevocationAcknowledgement, byte(m.Status), m.Sequence, m.Flags, &m.Options)
}

// decodeRevocation is Options.decodeMessage for one of the two messages. One of the other type, or of a type that nobody has assigned,
// is not for this receiver: RFC 5846 knows no answer to it.
func decodeRevocation(o *Options, payload []byte, want RevocationType) ([]byte, error) {
	b, err := message(payload, TypeBindingRevocation, revocationFixed)
	if err != nil {
		return nil, err
	}
	if got := RevocationTypeOf(b); got != want {
		return nil, &DecodeError{revocationTypeAt, "B.R. Type", fmt.Sprintf("is %d, want %d", got, want), Drop}
	}
	return b, o.decode(b, revocationFixed)
}

func appendRevocation(dst []byte, t RevocationType, triggerOrStatus byte, sequence uint16, flags RevocationFlags, o *Options) ([]byte, error) {
	e := encoder{start: len(dst), buf: beginMessage(o.grow(dst), TypeBindingRevocation)}
	e.buf = append(e.buf, byte(t), triggerOrStatus)
	e.buf = binary.BigEndian.AppendUint16(e.buf, sequence)
	e.buf = binary.BigEndian.AppendUint16(e.buf, uint16(flags))
	return e.finish(o)
}
