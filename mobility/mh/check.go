package mh

import "fmt"

// minimumLengths are the lengths in octets below which a message of a type is none (RFC 6275 section 6.1, RFC 5568, RFC 5846, RFC 5847).
var minimumLengths = map[Type]int{
	TypeBindingRefreshRequest:  unit,
	1:                          2 * unit, // Home Test Init
	2:                          2 * unit, // Care-of Test Init
	3:                          3 * unit, // Home Test
	4:                          3 * unit, // Care-of Test
	TypeBindingUpdate:          bindingFixed,
	TypeBindingAcknowledgement: bindingFixed,
	TypeBindingError:           bindingErrorFixed,
	TypeHeartbeat:              heartbeatFixed,
	TypeHandoverInitiate:       handoverFixed,
	TypeHandoverAcknowledge:    handoverFixed,
	TypeBindingRevocation:      revocationFixed,
}

// Check does those checks of RFC 6275 section 9.2, in their order, that need the fixed part of a message only: a known type, the
// Payload Proto, and a Header Len that is not below the type's. The Reaction of its *DecodeError is what the section asks for.
func Check(payload []byte) error {
	h, err := DecodeHeader(payload)
	least, known := minimumLengths[h.Type]
	switch {
	case len(payload) < unit:
		return err
	case !known:
		return &DecodeError{typeAt, "MH Type", fmt.Sprintf("is %d, which is unknown", h.Type), SendBindingError2}
	case err != nil:
		return err
	case h.Length < least:
		return &DecodeError{headerLenAt, "Header Len", fmt.Sprintf("says %d octets, MH type %d has at least %d", h.Length, h.Type, least), SendParameterProblem}
	}
	return nil
}
