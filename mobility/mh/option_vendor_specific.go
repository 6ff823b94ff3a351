package mh

import "encoding/binary"

// OptionVendorSpecific is the Vendor Specific option (RFC 5094 section 3). It has no field in Options: what it says is known to
// its vendor only, and a message may have several.
const OptionVendorSpecific OptionType = 19

const vendorSpecificFixed = 4 + 1 // vendor and subtype

// Vendor takes a Vendor Specific option apart: the vendor's number in IANA's list of private enterprises, the subtype, which is
// the vendor's, and its data. It is not ok for any other option and for one that is too short.
func (o RawOption) Vendor() (vendor uint32, subtype uint8, data string, ok bool) {
	if o.Type != OptionVendorSpecific || len(o.Data) < vendorSpecificFixed {
		return 0, 0, "", false
	}
	return binary.BigEndian.Uint32([]byte(o.Data[:4])), o.Data[4], o.Data[vendorSpecificFixed:], true
}
