package mos

import (
	"fmt"
	"net/netip"
)

// ParseAddresses reads an address option (sections 2 and 4). Addresses that no server can have are left out.
func ParseAddresses(v Version, option []byte) (lists []List[netip.Addr], err error) {
	err = walk(v, option, func(offset int, service Service, value []byte) error {
		size := v.addressSize()
		if len(value)%size != 0 {
			return &DecodeError{offset, "addresses", fmt.Sprintf("%d octets are no multiple of %d", len(value), size)}
		}
		list := List[netip.Addr]{Service: service}
		for ; len(value) > 0 && len(list.Values) < MaximumValues; value = value[size:] {
			if a, _ := netip.AddrFromSlice(value[:size]); servable(a) {
				list.Values = append(list.Values, a)
			}
		}
		lists = append(lists, list)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return lists, nil
}

// AppendAddresses writes an address option.
func AppendAddresses(to []byte, v Version, lists []List[netip.Addr]) (_ []byte, err error) {
	for _, list := range lists {
		var value []byte
		for _, a := range list.Values {
			if a.Is4() != (v == DHCPv4) {
				return nil, fmt.Errorf("server %s of %s in an option of DHCPv%d: wrong family", a, list.Service, v)
			}
			value = append(value, a.AsSlice()...)
		}
		if to, err = appendSubOption(to, v, list.Service, value); err != nil {
			return nil, err
		}
	}
	return to, nil
}

func (v Version) addressSize() int {
	if v == DHCPv4 {
		return 4
	}
	return 16
}

// servable says whether somebody far away can have this address. A link-local one is of no link that is known here.
func servable(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.Is4In6()
}
