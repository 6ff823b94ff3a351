package mh

import (
	"fmt"
	"net/netip"
)

// The options of RFC 5844 section 3.3. A prefix length has six bits; the bits of an address behind it name the mobile node and
// are kept, which is how these options differ from a home network prefix.

// IPv4HomeAddressReply is the value of an IPv4 Home Address Reply option (RFC 5844 section 3.3.2).
type IPv4HomeAddressReply struct {
	Status  IPv4HomeAddressStatus
	Address netip.Prefix // the address with all its bits and the length of its network
}

// IPv4HomeAddressStatus is the Status field of an IPv4 Home Address Reply option. Values below 128 mean success.
type IPv4HomeAddressStatus uint8

// Statuses of an IPv4 Home Address Reply option (RFC 5844 section 3.3.2).
const (
	IPv4HomeAddressSuccess                    IPv4HomeAddressStatus = 0
	IPv4HomeAddressReasonUnspecified          IPv4HomeAddressStatus = 128
	IPv4HomeAddressAdministrativelyProhibited IPv4HomeAddressStatus = 129
	IPv4HomeAddressIncorrect                  IPv4HomeAddressStatus = 130
	IPv4HomeAddressInvalid                    IPv4HomeAddressStatus = 131
	IPv4HomeAddressDynamicNotAvailable        IPv4HomeAddressStatus = 132 // Dynamic IPv4 home address assignment not available
)

var ipv4HomeAddressStatusNames = map[IPv4HomeAddressStatus]string{
	IPv4HomeAddressSuccess:                    "success",
	IPv4HomeAddressReasonUnspecified:          "reason_unspecified",
	IPv4HomeAddressAdministrativelyProhibited: "administratively_prohibited",
	IPv4HomeAddressIncorrect:                  "incorrect_ipv4_home_address",
	IPv4HomeAddressInvalid:                    "invalid_ipv4_address",
	IPv4HomeAddressDynamicNotAvailable:        "dynamic_ipv4_home_address_assignment_not_available",
}

// Accepted reports whether the mobile node has the address.
func (s IPv4HomeAddressStatus) Accepted() bool { return s < 128 }

// String names the status in lower snake case, which is also its metric label.
func (s IPv4HomeAddressStatus) String() string {
	if name, ok := ipv4HomeAddressStatusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("status_%d", uint8(s))
}

// DHCPSupportMode is the S flag of an IPv4 DHCP Support Mode option (RFC 5844 section 3.3.4): what a MAG is to a mobile node.
type DHCPSupportMode uint8

// DHCP support modes.
const (
	DHCPRelay  DHCPSupportMode = 0
	DHCPServer DHCPSupportMode = 1
)

// String is "relay" or "server".
func (m DHCPSupportMode) String() string {
	if m == DHCPServer {
		return "server"
	}
	return "relay"
}

func (o *Options) decodeIPv4HomeAddressRequest(data string, at int) (err error) {
	o.IPv4HomeAddressRequest, err = decodeIPv4HomeAddress(OptionIPv4HomeAddressRequest, data[0], data[2:], at+2)
	return err
}

func (o *Options) decodeIPv4HomeAddressReply(data string, at int) (err error) {
	o.IPv4HomeAddressReply.Status = IPv4HomeAddressStatus(data[0])
	o.IPv4HomeAddressReply.Address, err = decodeIPv4HomeAddress(OptionIPv4HomeAddressReply, data[1], data[2:], at+3)
	return err
}

// decodeIPv4HomeAddress takes the length from the upper six bits of an octet, which stands at the given offset.
func decodeIPv4HomeAddress(t OptionType, length byte, address string, at int) (netip.Prefix, error) {
	bits := int(length >> 2)
	if bits > 32 {
		return netip.Prefix{}, &DecodeError{at, t.String(), fmt.Sprintf("has prefix length %d, want 0 to 32", bits), Drop}
	}
	return netip.PrefixFrom(decodeIPv4(address), bits), nil
}

func decodeIPv4(data string) netip.Addr {
	var octets [4]byte
	copy(octets[:], data)
	return netip.AddrFrom4(octets)
}

func decodeDHCPSupportMode(data string) DHCPSupportMode { return DHCPSupportMode(data[1] & 1) }

func (e *encoder) ipv4HomeAddressRequest(address netip.Prefix) {
	if e.wantIPv4Prefix(OptionIPv4HomeAddressRequest, address) {
		e.option(OptionIPv4HomeAddressRequest, 6)
		e.buf = append(e.buf, byte(address.Bits()<<2), 0)
		e.ipv4(address.Addr())
	}
}

func (e *encoder) ipv4HomeAddressReply(reply IPv4HomeAddressReply) {
	if e.wantIPv4Prefix(OptionIPv4HomeAddressReply, reply.Address) {
		e.option(OptionIPv4HomeAddressReply, 6)
		e.buf = append(e.buf, byte(reply.Status), byte(reply.Address.Bits()<<2))
		e.ipv4(reply.Address.Addr())
	}
}

func (e *encoder) ipv4DefaultRouter(router netip.Addr) {
	if !router.Is4() {
		e.fail(OptionIPv4DefaultRouter, fmt.Sprintf("address %v: want an IPv4 address", router))
		return
	}
	e.option(OptionIPv4DefaultRouter, 6)
	e.buf = append(e.buf, 0, 0)
	e.ipv4(router)
}

func (e *encoder) dhcpSupportMode(mode DHCPSupportMode) {
	e.option(OptionIPv4DHCPSupportMode, 2)
	e.buf = append(e.buf, 0, byte(mode&1))
}

func (e *encoder) wantIPv4Prefix(t OptionType, p netip.Prefix) bool {
	if !p.IsValid() || !p.Addr().Is4() {
		e.fail(t, fmt.Sprintf("address %v: want an IPv4 address with a prefix length, 0.0.0.0/0 to ask for one", p))
		return false
	}
	return true
}

func (e *encoder) ipv4(a netip.Addr) {
	octets := a.As4()
	e.buf = append(e.buf, octets[:]...)
}
