package mh

import (
	"fmt"
	"net/netip"
)

// Fixed part of a Binding Error: status, a reserved octet and the home address after the checksum (RFC 6275 section 6.1.9).
const (
	homeAddressAt     = dataAt + 2
	bindingErrorFixed = homeAddressAt + 16
)

// Decode reads a Binding Error (RFC 6275 section 6.1.9), on the terms of BindingUpdate.Decode.
func (m *BindingError) Decode(payload []byte) error {
	*m = BindingError{Options: m.Options.emptied()}
	b, err := m.Options.decodeMessage(payload, TypeBindingError, bindingErrorFixed)
	if err != nil {
		return err
	}
	m.decodeFixed(b)
	return nil
}

func (m *BindingError) decodeFixed(b []byte) {
	m.Status = BindingErrorStatus(b[dataAt])
	m.HomeAddress = netip.AddrFrom16([16]byte(b[homeAddressAt:]))
}

// AppendTo appends the message, on the terms of BindingUpdate.AppendTo. HomeAddress must be an IPv6 address; where there is
// none to report it is the unspecified address (RFC 6275 section 9.3.3).
func (m *BindingError) AppendTo(dst []byte) ([]byte, error) {
	if !m.HomeAddress.Is6() {
		return dst, fmt.Errorf("mobility header: Binding Error: home address %v: want an IPv6 address, :: if there is none", m.HomeAddress)
	}
	e := encoder{start: len(dst), buf: beginMessage(m.Options.grow(dst), TypeBindingError)}
	e.buf = append(e.buf, byte(m.Status), 0)
	e.address(m.HomeAddress)
	return e.finish(&m.Options)
}
