package mh

import (
	"encoding/hex"
	"strings"
)

// InterfaceID is the interface identifier of an IPv6 address: its last eight octets.
type InterfaceID [8]byte

// String prints colon-separated hex, two octets at a time.
func (i InterfaceID) String() string {
	var groups []string
	for at := 0; at < len(i); at += 2 {
		groups = append(groups, hex.EncodeToString(i[at:at+2]))
	}
	return strings.Join(groups, ":")
}

// MarshalText writes the form of String.
func (i InterfaceID) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// The Mobile Node Link-Local Address Interface Identifier option is two reserved octets and the identifier (RFC 5949 section
// 6.2.3).

func decodeInterfaceID(data string) (i InterfaceID) {
	copy(i[:], data[2:])
	return i
}

func (e *encoder) interfaceID(i InterfaceID) {
	e.option(OptionLinkLocalInterfaceID, 2+len(i))
	e.buf = append(e.buf, 0, 0)
	e.buf = append(e.buf, i[:]...)
}
