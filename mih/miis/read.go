package miis

import (
	"net/netip"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// maximumRead bounds how many points of attachment are read from one message.
const maximumRead = 4096

// PointsOfAttachment reads the points of attachment that an information service tells of, in an answer or unasked, from their containers.
// An element that is broken or has no meaning here is passed over, and so is a container without a link address; an element that
// stands outside any container says nothing of a point of attachment.
func PointsOfAttachment(information wire.Information) []PointOfAttachment {
	var points []PointOfAttachment
	for _, answer := range information.BinaryAnswers {
		elements, _ := wire.ReadElements(answer)
		points = readContainers(points, elements, PointOfAttachment{})
	}
	return points
}

// readContainers appends the points of attachment in a list or a network, which all have what is known of the network.
func readContainers(points []PointOfAttachment, elements []mih.Element, network PointOfAttachment) []PointOfAttachment {
	for _, e := range elements {
		network.readNetwork(e)
	}
	for _, e := range elements {
		inside, _ := e.Value.([]mih.Element)
		if inside == nil || len(points) == maximumRead {
			continue
		}
		if e.Type != mih.ElementPointOfAttachment {
			points = readContainers(points, inside, network)
			continue
		}
		p := network
		for _, element := range inside {
			p.readPoint(element)
		}
		if !p.Address.IsZero() {
			points = append(points, p)
		}
	}
	return points
}

// readNetwork takes what an element says of a network.
func (p *PointOfAttachment) readNetwork(e mih.Element) {
	switch v := e.Value.(type) {
	case mih.NetworkType:
		if v.Link != nil {
			p.LinkType = *v.Link
		}
	case mih.OperatorID:
		p.Operator = v
	case mih.NetworkCapabilities:
		p.Capabilities = v
	case string:
		switch e.Type {
		case mih.ElementNetworkID:
			p.NetworkID = v
		case mih.ElementNetworkAuxID:
			p.NetworkAuxID = v
		}
	}
}

// readPoint takes what an element says of a point of attachment.
func (p *PointOfAttachment) readPoint(e mih.Element) {
	switch v := e.Value.(type) {
	case mih.LinkAddress:
		if e.Type == mih.ElementPoALinkAddress {
			p.Address = v
		}
	case mih.Location:
		p.Location = &v
	case mih.ChannelRange:
		p.ChannelRange = v
		p.OperatingClass, p.Channel = ChannelOfRange(v)
	case netip.Prefix:
		p.Subnets = append(p.Subnets, v)
	case netip.Addr:
		if e.Type == mih.ElementPoAIPAddress && !p.Gateway.Address.IsValid() {
			p.Gateway.Address = v
		}
	case mih.Gateway:
		p.Gateway.MIHF, p.Gateway.Name = v.MIHF, v.Name
	case []mih.LinkAddress:
		p.Neighbours = v
	}
}
