package miis

import (
	"slices"

	"netlmm/mih"
)

// template is a report template (RPT_TEMPL, section 6.5.6.2): which elements an answer has and in which containers. A container that is
// named without anything that belongs into it is meant whole. One that is named with such has what is named, in the containers that
// are on the way to it. What is named outside any container stands by itself. Without a template, it is the list of networks, whole.
type template struct {
	networks  []mih.ElementType // elements of a network
	points    []mih.ElementType // elements of a point of attachment; none: there is no part for each of these
	inList    bool              // containers that the parts stand in
	inNetwork bool
	inPoint   bool
}

// The elements that a Service can tell, in the order of an answer.
var (
	networkElements = []mih.ElementType{mih.ElementNetworkType, mih.ElementOperatorID, mih.ElementNetworkID, mih.ElementNetworkAuxID, mih.ElementNetworkCapabilities}
	pointElements   = []mih.ElementType{mih.ElementPoALinkAddress, mih.ElementPoALocation, mih.ElementPoAChannelRange, mih.ElementPoASubnet,
		mih.ElementPoAIPAddress, mih.ElementGateway, mih.ElementNeighbours}
)

// queryTypes are those elements by the bits of IQ_TYPE_LIST.
const queryTypes = 1<<mih.QueryBinaryData | 1<<mih.QueryNetworkType | 1<<mih.QueryOperator | 1<<mih.QueryNetworkID | 1<<mih.QueryNetworkAuxID |
	1<<mih.QueryNetworkCapabilities | 1<<mih.QueryPoALinkAddress | 1<<mih.QueryPoALocation | 1<<mih.QueryPoAChannelRange |
	1<<mih.QueryPoASubnet | 1<<mih.QueryPoAIPAddress

// public are the elements that tell no more than a station hears from a point of attachment before it is let in.
var public = []mih.ElementType{mih.ElementNetworkType, mih.ElementOperatorID, mih.ElementNetworkID, mih.ElementNetworkAuxID,
	mih.ElementNetworkCapabilities, mih.ElementPoALinkAddress, mih.ElementPoAChannelRange}

func experimental(e mih.ElementType) bool {
	return e == mih.ElementGateway || e == mih.ElementNeighbours
}

// newTemplate reads a template, for one who is told only what is public or for another.
func newTemplate(types []mih.ElementType, onlyPublic bool) template {
	named := make(map[mih.ElementType]bool, len(types))
	ofNetwork, ofPoint := false, false
	for _, e := range types {
		named[e] = true
		ofNetwork = ofNetwork || e >= mih.ElementNetworkType && e < mih.ElementPoALinkAddress
		ofPoint = ofPoint || e >= mih.ElementPoALinkAddress && e < mih.ElementNetworkList || experimental(e)
	}
	var t template
	t.inList = named[mih.ElementNetworkList] || len(types) == 0
	t.inNetwork = t.inList || named[mih.ElementNetwork]
	t.inPoint = t.inNetwork || named[mih.ElementPointOfAttachment]
	wholeNetwork := t.inNetwork && !ofNetwork && !ofPoint && !named[mih.ElementPointOfAttachment]
	wholePoint := wholeNetwork || named[mih.ElementPointOfAttachment] && !ofPoint
	choose := func(elements []mih.ElementType, whole bool) (chosen []mih.ElementType) {
		for _, e := range elements {
			if (named[e] || whole && !experimental(e)) && (!onlyPublic || slices.Contains(public, e)) {
				chosen = append(chosen, e)
			}
		}
		return chosen
	}
	t.networks, t.points = choose(networkElements, wholeNetwork), choose(pointElements, wholePoint)
	return t
}

// knows reports whether there is an element to tell.
func (p *PointOfAttachment) knows(e mih.ElementType) bool {
	switch e {
	case mih.ElementNetworkType:
		return p.LinkType != 0
	case mih.ElementOperatorID:
		return p.Operator.Name != ""
	case mih.ElementNetworkID:
		return p.NetworkID != ""
	case mih.ElementNetworkAuxID:
		return p.NetworkAuxID != ""
	case mih.ElementNetworkCapabilities:
		return p.Capabilities != 0
	case mih.ElementPoALinkAddress:
		return true
	case mih.ElementPoALocation:
		return p.Location != nil
	case mih.ElementPoAChannelRange:
		return p.channelRange() != mih.ChannelRange{}
	case mih.ElementPoASubnet:
		return len(p.Subnets) > 0
	case mih.ElementPoAIPAddress:
		return p.Gateway.Address.IsValid()
	case mih.ElementGateway:
		return p.Gateway.MIHF != "" || p.Gateway.Name != ""
	case mih.ElementNeighbours:
		return len(p.Neighbours) > 0
	}
	return false
}

// value is that of an element that there is. Subnets have one each.
func (p *PointOfAttachment) value(e mih.ElementType) any {
	switch e {
	case mih.ElementNetworkType:
		return mih.NetworkType{Link: &p.LinkType}
	case mih.ElementOperatorID:
		return p.Operator
	case mih.ElementNetworkID:
		return p.NetworkID
	case mih.ElementNetworkAuxID:
		return p.NetworkAuxID
	case mih.ElementNetworkCapabilities:
		return p.Capabilities
	case mih.ElementPoALinkAddress:
		return p.Address
	case mih.ElementPoALocation:
		return *p.Location
	case mih.ElementPoAChannelRange:
		return p.channelRange()
	case mih.ElementPoAIPAddress:
		return p.Gateway.Address
	case mih.ElementGateway:
		return mih.Gateway{MIHF: p.Gateway.MIHF, Name: p.Gateway.Name}
	case mih.ElementNeighbours:
		return p.Neighbours
	}
	return nil
}

// says reports whether there is any of the elements.
func (p *PointOfAttachment) says(types []mih.ElementType) bool {
	return slices.ContainsFunc(types, p.knows)
}

// elements are those of the types that there are.
func (p *PointOfAttachment) elements(types []mih.ElementType) []mih.Element {
	elements := make([]mih.Element, 0, len(types)+len(p.Subnets))
	for _, e := range types {
		switch {
		case !p.knows(e):
		case e == mih.ElementPoASubnet:
			for _, subnet := range p.Subnets {
				elements = append(elements, mih.Element{Type: e, Value: subnet})
			}
		default:
			elements = append(elements, mih.Element{Type: e, Value: p.value(e)})
		}
	}
	return elements
}
