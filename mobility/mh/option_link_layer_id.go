package mh

import "netlmm/mobility"

// The Mobile Node Link-layer Identifier option is two reserved octets and the identifier (RFC 5213 section 8.6).

func decodeLinkLayerID(data string) mobility.MobileNodeLinkLayerID {
	return mobility.MobileNodeLinkLayerID(data[2:])
}

// linkLayerID aligns by the size of the identifier, as RFC 5213 section 8.6 asks: to the greatest power of two that divides
// it, 8 at most, and not under 2, the width of the reserved field. So it is 8n+4 for an EUI-64, 2n for a MAC address.
func (e *encoder) linkLayerID(id mobility.MobileNodeLinkLayerID) {
	const identifierAt, widest = 4, 8
	natural := 2
	for natural < widest && len(id) > 0 && len(id)%(2*natural) == 0 {
		natural *= 2
	}
	e.align(natural, -identifierAt)
	e.option(OptionMobileNodeLinkLayerID, 2+len(id))
	e.buf = append(e.buf, 0, 0)
	e.buf = append(e.buf, id...)
}
