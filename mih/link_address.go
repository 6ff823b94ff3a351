package mih

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
)

// LinkAddressKind says which choice of LINK_ADDR an address is (IEEE 802.21 Annex F.3.4). On the wire the selector is one
// less: the zero value here is "no address".
type LinkAddressKind uint8

// Kinds of link addresses.
const (
	LinkAddressNone LinkAddressKind = iota
	LinkAddressMAC
	LinkAddress3GPP3GCell // PLMN (3 octets), cell identity (4 octets)
	LinkAddress3GPP2GCell // PLMN (3 octets), location area code (2 octets), cell identity (2 octets)
	LinkAddress3GPP
	LinkAddress3GPP2
	LinkAddressOther
)

var linkAddressKinds = [...]string{
	LinkAddressNone: "none", LinkAddressMAC: "mac", LinkAddress3GPP3GCell: "3gpp-3g-cell", LinkAddress3GPP2GCell: "3gpp-2g-cell",
	LinkAddress3GPP: "3gpp", LinkAddress3GPP2: "3gpp2", LinkAddressOther: "other",
}

// String names the kind as the text of an address begins.
func (k LinkAddressKind) String() string {
	if int(k) < len(linkAddressKinds) {
		return linkAddressKinds[k]
	}
	return fmt.Sprintf("link address kind %d", uint8(k))
}

// fixedOctets is how many octets an address of the kind has; 0: any number.
func (k LinkAddressKind) fixedOctets() int {
	switch k {
	case LinkAddressMAC:
		return 6
	case LinkAddress3GPP3GCell, LinkAddress3GPP2GCell:
		return 7
	}
	return 0
}

// LinkAddress is LINK_ADDR (Annex F.3.4): the address of a link's end in any of the standard's forms. It can be compared and be
// the key of a map; the zero value means "none". A MAC address costs no memory of its own.
type LinkAddress struct {
	kind  LinkAddressKind
	fixed [7]byte // of the kinds with a fixed number of octets
	other string  // octets of the other kinds
}

// MACAddress is the link address of a MAC address; one of zeros is none.
func MACAddress(mac [6]byte) LinkAddress {
	if mac == [6]byte{} {
		return LinkAddress{}
	}
	a := LinkAddress{kind: LinkAddressMAC}
	copy(a.fixed[:], mac[:])
	return a
}

// Cell3G is the address of a 3G cell.
func Cell3G(plmn [3]byte, cell uint32) LinkAddress {
	a := LinkAddress{kind: LinkAddress3GPP3GCell}
	copy(a.fixed[:], plmn[:])
	binary.BigEndian.PutUint32(a.fixed[3:], cell)
	return a
}

// Cell2G is the address of a 2G cell.
func Cell2G(plmn [3]byte, area, cell uint16) LinkAddress {
	a := LinkAddress{kind: LinkAddress3GPP2GCell}
	copy(a.fixed[:], plmn[:])
	binary.BigEndian.PutUint16(a.fixed[3:], area)
	binary.BigEndian.PutUint16(a.fixed[5:], cell)
	return a
}

// LinkAddressOf makes an address of any kind from its octets, as a message has them, so that a MAC address of zeros is one; ok is
// false when the kind has another number of them, or is none.
func LinkAddressOf(kind LinkAddressKind, octets []byte) (a LinkAddress, ok bool) {
	a.kind = kind
	switch n := kind.fixedOctets(); {
	case n != 0 && len(octets) == n:
		copy(a.fixed[:], octets)
		return a, true
	case n == 0 && kind >= LinkAddress3GPP && kind <= LinkAddressOther:
		a.other = string(octets)
		return a, true
	}
	return LinkAddress{}, false
}

// Kind says which choice of LINK_ADDR the address is.
func (a LinkAddress) Kind() LinkAddressKind { return a.kind }

// AppendOctets appends the address's own octets, six for a MAC address.
func (a LinkAddress) AppendOctets(dst []byte) []byte {
	return append(append(dst, a.fixed[:a.kind.fixedOctets()]...), a.other...)
}

// MAC is the MAC address; ok is false for an address of another kind and for none.
func (a LinkAddress) MAC() (mac [6]byte, ok bool) {
	return [6]byte(a.fixed[:6]), a.kind == LinkAddressMAC
}

// IsZero reports whether there is no address.
func (a LinkAddress) IsZero() bool { return a.kind == LinkAddressNone }

// Compare orders addresses by kind and octets.
func (a LinkAddress) Compare(b LinkAddress) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), bytes.Compare(a.fixed[:], b.fixed[:]), cmp.Compare(a.other, b.other))
}

// String prints a MAC address as colon-separated hex, no address as one of zeros, any other as its kind and its octets in hex:
// "3gpp-3g-cell:00f11000000001".
func (a LinkAddress) String() string {
	if a.kind <= LinkAddressMAC {
		return net.HardwareAddr(a.fixed[:6]).String()
	}
	return a.kind.String() + ":" + hex.EncodeToString(a.AppendOctets(nil))
}

// MarshalText writes the form of String.
func (a LinkAddress) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the form of String, and a MAC address in any spelling of net.ParseMAC.
func (a *LinkAddress) UnmarshalText(text []byte) error {
	name, octets, _ := strings.Cut(string(text), ":")
	for kind := LinkAddress3GPP3GCell; kind <= LinkAddressOther; kind++ {
		if name != kind.String() {
			continue
		}
		raw, err := hex.DecodeString(octets)
		parsed, ok := LinkAddressOf(kind, raw)
		if err != nil || !ok {
			return fmt.Errorf("link address %q: want %s and its octets in hex", text, kind)
		}
		*a = parsed
		return nil
	}
	mac, err := net.ParseMAC(string(text))
	if err != nil || len(mac) != 6 {
		return fmt.Errorf("link address %q: want six octets such as 02:00:00:00:00:01", text)
	}
	*a = MACAddress([6]byte(mac))
	return nil
}
