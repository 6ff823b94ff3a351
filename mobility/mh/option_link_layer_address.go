package mh

// LinkLayerAddress is the value of a Mobility Header Link-Layer Address option (RFC 5568 section 6.4.4).
type LinkLayerAddress struct {
	Code    uint8  // LinkLayerAddressOfMobileNode; others are those of the neighbour discovery option (section 6.4.3)
	Address string // raw octets; how many there are, the link layer says
}

// LinkLayerAddressOfMobileNode is the one Option-Code that RFC 5568 section 6.4.4 defines.
const LinkLayerAddressOfMobileNode = 2

func decodeLinkLayerAddress(data string) LinkLayerAddress { return LinkLayerAddress{data[0], data[1:]} }

func (e *encoder) linkLayerAddress(a LinkLayerAddress) {
	e.option(OptionLinkLayerAddress, 1+len(a.Address))
	e.buf = append(e.buf, a.Code)
	e.buf = append(e.buf, a.Address...)
}
