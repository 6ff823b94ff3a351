package dhcp6

import (
	"bytes"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

const (
	messageHeader  = 4   // type and transaction
	maximumDUID    = 130 // section 11.1
	maximumIAs     = 8   // of one message; hosts have one
	maximumAddress = 32  // of one identity association
)

// request is a client's message as far as the server cares for it. Options that it does not use are not even parsed.
type request struct {
	kind        dhcpv6.MessageType
	transaction dhcpv6.TransactionID
	client      []byte // DUIDs; nil: none
	server      []byte
	rapidCommit bool
	addresses   []*dhcpv6.OptIANA
	temporary   []*dhcpv6.OptIATA
	delegated   []*dhcpv6.OptIAPD
}

// parse is the parser of the options that the server uses; all others stay bytes.
func parse(code dhcpv6.OptionCode, data []byte) (dhcpv6.Option, error) {
	switch code {
	case dhcpv6.OptionIANA, dhcpv6.OptionIATA, dhcpv6.OptionIAPD:
		return dhcpv6.ParseOption(code, data)
	}
	return raw(code, data)
}

func raw(code dhcpv6.OptionCode, data []byte) (dhcpv6.Option, error) {
	return &dhcpv6.OptionGeneric{OptionCode: code, OptionData: bytes.Clone(data)}, nil
}

func decode(message []byte) (request, Reason) {
	if len(message) < messageHeader {
		return request{}, Malformed
	}
	r := request{kind: dhcpv6.MessageType(message[0]), transaction: dhcpv6.TransactionID(message[1:])}
	var options dhcpv6.Options
	if err := options.FromBytesWithParser(message[messageHeader:], parse); err != nil {
		return request{}, Malformed
	}
	for _, option := range options {
		switch o := option.(type) {
		case *dhcpv6.OptIANA:
			r.addresses = append(r.addresses, o)
		case *dhcpv6.OptIATA:
			r.temporary = append(r.temporary, o)
		case *dhcpv6.OptIAPD:
			r.delegated = append(r.delegated, o)
		case *dhcpv6.OptionGeneric:
			if !r.take(o) {
				return request{}, Malformed
			}
		}
	}
	if len(r.addresses)+len(r.temporary)+len(r.delegated) > maximumIAs {
		return request{}, TooLong
	}
	return r, ""
}

// take notes an option that is not parsed. DUIDs are opaque (section 11) and stand once.
func (r *request) take(o *dhcpv6.OptionGeneric) bool {
	var where *[]byte
	switch o.OptionCode {
	case dhcpv6.OptionRapidCommit:
		r.rapidCommit = true
		return true
	case dhcpv6.OptionClientID:
		where = &r.client
	case dhcpv6.OptionServerID:
		where = &r.server
	default:
		return true
	}
	if *where != nil || len(o.OptionData) < 3 || len(o.OptionData) > maximumDUID {
		return false
	}
	*where = o.OptionData
	return true
}

// validate makes the checks of sections 16.2 to 16.12.
func (r request) validate() Reason {
	client, server := r.client != nil, r.server != nil
	ours := bytes.Equal(r.server, serverDUID)
	switch r.kind {
	case dhcpv6.MessageTypeSolicit, dhcpv6.MessageTypeConfirm, dhcpv6.MessageTypeRebind:
		if !client || server {
			return Malformed
		}
	case dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		switch {
		case !client || !server:
			return Malformed
		case !ours:
			return OtherServer
		}
	case dhcpv6.MessageTypeInformationRequest:
		switch {
		case len(r.addresses)+len(r.temporary)+len(r.delegated) != 0:
			return Malformed
		case server && !ours:
			return OtherServer
		}
	default:
		return NotARequest
	}
	return ""
}

// named are the addresses that the client lists in an identity association.
func named(options dhcpv6.Options) (addresses []netip.Addr) {
	for _, option := range options {
		if a, ok := option.(*dhcpv6.OptIAAddress); ok && len(addresses) < maximumAddress {
			if address, ok := netip.AddrFromSlice(a.IPv6Addr); ok {
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}
