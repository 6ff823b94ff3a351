package mobility

import (
	"encoding/hex"
	"fmt"
	"net"
	"strings"
)

// MobileNodeIDSubtype is the Subtype field of the Mobile Node Identifier option (RFC 4283 section 3, RFC 8371 section 4).
type MobileNodeIDSubtype uint8

// Subtypes of the Mobile Node Identifier option.
const (
	SubtypeNAI   MobileNodeIDSubtype = 1 // RFC 4283 section 3.1: a Network Access Identifier
	SubtypeIPv6  MobileNodeIDSubtype = 2 // RFC 8371 section 4
	SubtypeEUI48 MobileNodeIDSubtype = 5 // RFC 8371 section 4: six octets
	SubtypeEUI64 MobileNodeIDSubtype = 6 // RFC 8371 section 4: eight octets
	SubtypeDUID  MobileNodeIDSubtype = 8 // RFC 8371 section 4
)

// MobileNodeID is the MN-Identifier of RFC 5213 section 2.2: the stable identity of a mobile node in the domain.
// It is comparable and serves as a map key. The zero value means "no identifier".
type MobileNodeID struct {
	Subtype MobileNodeIDSubtype
	Value   string // the option's Identifier field, raw octets
}

// NAI returns the identifier for a Network Access Identifier such as "mn1@example.net".
func NAI(nai string) MobileNodeID { return MobileNodeID{SubtypeNAI, nai} }

// EUI48 returns the identifier for a mobile node that is known by its MAC address only.
func EUI48(mac [6]byte) MobileNodeID { return MobileNodeID{SubtypeEUI48, string(mac[:])} }

// IsZero reports whether id is the zero value: no identifier at all.
func (id MobileNodeID) IsZero() bool { return id == MobileNodeID{} }

// String prints an NAI as it is (quoted when it holds anything but printable ASCII), an EUI-48 as "02:00:00:00:00:01" and every other subtype as "subtype:hex".
func (id MobileNodeID) String() string {
	switch {
	case id.IsZero():
		return "none"
	case id.Subtype == SubtypeNAI:
		for i := 0; i < len(id.Value); i++ {
			if id.Value[i] < ' ' || id.Value[i] > '~' {
				return fmt.Sprintf("%+q", id.Value)
			}
		}
		return id.Value
	case id.Subtype == SubtypeEUI48 && len(id.Value) == 6:
		return net.HardwareAddr(id.Value).String()
	}
	return fmt.Sprintf("%d:%s", id.Subtype, hex.EncodeToString([]byte(id.Value)))
}

// MarshalText writes the form of String.
func (id MobileNodeID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what ParseMobileNodeID reads.
func (id *MobileNodeID) UnmarshalText(text []byte) error {
	parsed, err := ParseMobileNodeID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}

// ParseMobileNodeID reads a MAC address as EUI-48, "subtype:hex" as that subtype and anything else as an NAI. The empty string is an error.
func ParseMobileNodeID(text string) (MobileNodeID, error) {
	if text == "" {
		return MobileNodeID{}, fmt.Errorf("mobile node identifier is empty: want an NAI such as mn1@example.net or a MAC address")
	}
	if mac, err := net.ParseMAC(text); err == nil && len(mac) == 6 {
		return EUI48([6]byte(mac)), nil
	}
	var subtype uint8
	var octets string
	if n, err := fmt.Sscanf(text, "%d:%s", &subtype, &octets); err == nil && n == 2 && !strings.Contains(text, "@") {
		raw, err := hex.DecodeString(octets)
		if err == nil {
			return MobileNodeID{MobileNodeIDSubtype(subtype), string(raw)}, nil
		}
	}
	return NAI(text), nil
}

// MobileNodeLinkLayerID is the MN-LL-Identifier of RFC 5213 section 8.6: raw octets, six of them for an IEEE 802 interface.
// The empty string means that the identifier is not known.
type MobileNodeLinkLayerID string

// LinkLayerID returns the identifier for an IEEE 802 address.
func LinkLayerID(mac [6]byte) MobileNodeLinkLayerID { return MobileNodeLinkLayerID(mac[:]) }

// MAC returns the identifier as an IEEE 802 address, if it has that length.
func (id MobileNodeLinkLayerID) MAC() (mac [6]byte, ok bool) {
	if len(id) != 6 {
		return mac, false
	}
	copy(mac[:], id)
	return mac, true
}

// IsZero reports whether the identifier is absent or all zero; RFC 5213 section 6.9.1.1 forbids to send such a one.
func (id MobileNodeLinkLayerID) IsZero() bool { return strings.Trim(string(id), "\x00") == "" }

// String prints colon-separated hex, or "none".
func (id MobileNodeLinkLayerID) String() string {
	if id == "" {
		return "none"
	}
	return net.HardwareAddr(id).String()
}

// MarshalText writes the form of String.
func (id MobileNodeLinkLayerID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the form of String.
func (id *MobileNodeLinkLayerID) UnmarshalText(text []byte) error {
	if string(text) == "none" {
		*id = ""
		return nil
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(string(text), ":", ""))
	if err != nil {
		return fmt.Errorf("link-layer identifier %q: want hex octets separated by colons", text)
	}
	*id = MobileNodeLinkLayerID(raw)
	return nil
}
