// Package mos reads and writes the DHCP options that say where mobility services are (RFC 5678): lists of addresses and of
// domain names, one for each service. It sees the octets of an option without its code and length; where DHCPv4 has split a long
// option (RFC 3396) they have been joined.
package mos

import "fmt"

// Codes of the options.
const (
	OptionIPv4Address = 139 // DHCPv4, section 2
	OptionIPv4FQDN    = 140 // DHCPv4, section 3
	OptionIPv6Address = 54  // DHCPv6, section 4
	OptionIPv6FQDN    = 55  // DHCPv6, section 5
)

// Service is one of the mobility services; the values are the sub-option codes of RFC 5678 section 8.
type Service uint8

// The services.
const (
	InformationService Service = 1
	CommandService     Service = 2
	EventService       Service = 3
)

// Services are all that there are.
var Services = []Service{InformationService, CommandService, EventService}

var services = map[Service]string{InformationService: "MIHIS", CommandService: "MIHCS", EventService: "MIHES"}

// String is the service identifier of RFC 5679 section 2.1.
func (s Service) String() string {
	if name, known := services[s]; known {
		return name
	}
	return fmt.Sprintf("mobility service %d", uint8(s))
}

// MarshalText writes the form of String.
func (s Service) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// What is read of one option at most.
const (
	MaximumLists  = 8
	MaximumValues = 32 // of one list; they stand in order of preference
)

// List is a sub-option: the servers of one service, the preferred one first. Without values it says that there is none.
type List[T any] struct {
	Service Service
	Values  []T
}

// Version is that of DHCP, whose sub-options differ in the size of their code and length.
type Version int

// The versions.
const (
	DHCPv4 Version = 4
	DHCPv6 Version = 6
)

// headerSize is that of a sub-option's code, and of its length.
func (v Version) headerSize() int {
	if v == DHCPv4 {
		return 1
	}
	return 2
}

// DecodeError says what is wrong with an option. Such an option is worth nothing: drop it.
type DecodeError struct {
	Offset int // of the sub-option
	Field  string
	Reason string
}

// Error names the place.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("MoS option, octet %d, %s: %s", e.Offset, e.Field, e.Reason)
}

// walk calls read with the values of the first sub-options of services that are known. Others may come to be defined.
func walk(v Version, option []byte, read func(offset int, service Service, value []byte) error) error {
	size, lists := v.headerSize(), 0
	for offset := 0; offset < len(option) && lists < MaximumLists; {
		rest := option[offset:]
		if len(rest) < 2*size {
			return &DecodeError{offset, "sub-option", "it is cut off"}
		}
		code, length := number(rest[:size]), number(rest[size:2*size])
		if rest = rest[2*size:]; len(rest) < length {
			return &DecodeError{offset, "sub-option length", fmt.Sprintf("%d octets, %d are left", length, len(rest))}
		}
		if _, known := services[Service(code)]; known && code < 256 {
			lists++
			if err := read(offset, Service(code), rest[:length]); err != nil {
				return err
			}
		}
		offset += 2*size + length
	}
	return nil
}

func number(octets []byte) (n int) {
	for _, o := range octets {
		n = n<<8 | int(o)
	}
	return n
}

// appendSubOption writes one; the value's length must fit.
func appendSubOption(to []byte, v Version, service Service, value []byte) ([]byte, error) {
	if v == DHCPv6 && len(value) < 1<<16 {
		return append(append(to, 0, byte(service), byte(len(value)>>8), byte(len(value))), value...), nil
	}
	if v == DHCPv4 && len(value) < 1<<8 {
		return append(append(to, byte(service), byte(len(value))), value...), nil
	}
	return nil, fmt.Errorf("%d octets for the servers of %s: too many for a sub-option of DHCPv%d", len(value), service, v)
}
