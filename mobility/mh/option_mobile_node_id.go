package mh

import "netlmm/mobility"

// The Mobile Node Identifier option is a Subtype octet and the identifier (RFC 4283 section 3), which may be empty: a local mobility
// anchor must be able to tell such an option from none. What an identifier of a subtype looks like (RFC 8371 section 4) is not
// checked here.

func decodeMobileNodeID(data string) mobility.MobileNodeID {
	return mobility.MobileNodeID{Subtype: mobility.MobileNodeIDSubtype(data[0]), Value: data[1:]}
}

func (e *encoder) mobileNodeID(id mobility.MobileNodeID) {
	e.option(OptionMobileNodeID, 1+len(id.Value))
	e.buf = append(e.buf, byte(id.Subtype))
	e.buf = append(e.buf, id.Value...)
}
