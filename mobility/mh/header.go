package mh

import (
	"encoding/binary"
	"fmt"
)

// Layout of the fixed part (RFC 6275 section 6.1.1), offsets in octets.
const (
	payloadProtoAt = 0
	headerLenAt    = 1
	typeAt         = 2
	dataAt         = 6 // after the two octets of the checksum

	unit      = 8          // of the Header Len field, which does not count the first unit
	maxLength = 256 * unit // the longest message that Header Len can express

	noNextHeader = 59 // IPPROTO_NONE, the only Payload Proto there is
)

// Header is the fixed part of a Mobility Header (RFC 6275 section 6.1.1).
type Header struct {
	Type   Type
	Length int // whole message, in octets, as the Header Len field says
}

// Known reports whether RFC 6275 section 6.1 defines the type or this package has a form for it. A message of any other type
// calls for a Binding Error with status UnknownMHType (RFC 6275 section 9.2). So does one of a known type above TypeBindingError
// from a receiver that does without its RFC (RFC 5846 section 6.2): that a receiver has to know by itself.
func (t Type) Known() bool {
	return t <= TypeBindingError || TypeHeartbeat <= t && t <= TypeBindingRevocation
}

// DecodeHeader reads the fixed part and checks Payload Proto, Header Len and the length of payload. The checksum is the
// kernel's. Octets after the end that Header Len gives are no part of the message: nothing follows an IPPROTO_NONE. With an
// error the Header is still what the octets say, as long as there are eight, so that a caller can look at the type first as
// RFC 6275 section 9.2 orders the checks.
func DecodeHeader(payload []byte) (Header, error) {
	if len(payload) < unit {
		return Header{}, &DecodeError{len(payload), "message", fmt.Sprintf("has %d octets, want at least %d", len(payload), unit), Drop}
	}
	h := Header{Type: Type(payload[typeAt]), Length: unit * (1 + int(payload[headerLenAt]))}
	if proto := payload[payloadProtoAt]; proto != noNextHeader {
		return h, &DecodeError{payloadProtoAt, "Payload Proto", fmt.Sprintf("is %d, want %d", proto, noNextHeader), SendParameterProblem}
	}
	if h.Length > len(payload) {
		return h, &DecodeError{headerLenAt, "Header Len", fmt.Sprintf("says %d octets, the packet has %d", h.Length, len(payload)), Drop}
	}
	return h, nil
}

// message returns the octets of the one message in payload after the checks that every message of a known type shares, in the
// order of RFC 6275 section 9.2. fixed is where the options of that type begin.
func message(payload []byte, want Type, fixed int) ([]byte, error) {
	h, err := DecodeHeader(payload)
	if len(payload) >= unit && h.Type != want {
		reaction := Drop
		if !h.Type.Known() {
			reaction = SendBindingError2
		}
		return nil, &DecodeError{typeAt, "MH Type", fmt.Sprintf("is %d, want %d", h.Type, want), reaction}
	}
	if err != nil {
		return nil, err
	}
	if h.Length < fixed {
		problem := fmt.Sprintf("says %d octets, MH type %d has at least %d", h.Length, want, fixed)
		return nil, &DecodeError{headerLenAt, "Header Len", problem, SendParameterProblem}
	}
	return payload[:h.Length], nil
}

// beginMessage appends the fixed part with room for Header Len and a zero checksum.
func beginMessage(dst []byte, t Type) []byte { return append(dst, noNextHeader, 0, byte(t), 0, 0, 0) }

// finishMessage writes Header Len of the message that begins at start; dst ends where the message ends.
func finishMessage(dst []byte, start int) ([]byte, error) {
	length := len(dst) - start
	if length < unit || length%unit != 0 || length > maxLength {
		return dst[:start], fmt.Errorf("mobility header: message of %d octets: want a multiple of %d up to %d", length, unit, maxLength)
	}
	dst[start+headerLenAt] = byte(length/unit - 1)
	return dst, nil
}

func uint16At(b []byte, at int) uint16 { return binary.BigEndian.Uint16(b[at:]) }
