package miis

import "netlmm/mih"

// template is a report template (RPT_TEMPL, section 6.5.6.2): which elements an answer has and in which containers. A container that is
// named without anything that belongs into it is meant whole. One that is named with such has what is named, in the containers that
// are on the way to it. What is named outside any container stands by itself. Without a template, it is the list of networks, whole.
type template struct {
	named        map[mih.ElementType]bool
	public       bool // only what everybody may know
	wholeNetwork bool
	wholePoint   bool
	points       bool // there is a part for each point of attachment
	inList       bool // containers that the parts stand in
	inNetwork    bool
	inPoint      bool
}

func newTemplate(types []mih.ElementType, public bool) template {
	t := template{named: map[mih.ElementType]bool{}, public: public}
	ofNetwork, ofPoint := false, false
	for _, e := range types {
		t.named[e] = true
		ofNetwork = ofNetwork || e >= mih.ElementNetworkType && e < mih.ElementPoALinkAddress
		ofPoint = ofPoint || e >= mih.ElementPoALinkAddress && e < mih.ElementNetworkList || experimental(e)
	}
	named := func(e mih.ElementType) bool { return t.named[e] }
	t.inList = named(mih.ElementNetworkList) || len(types) == 0
	t.inNetwork = t.inList || named(mih.ElementNetwork)
	t.inPoint = t.inNetwork || named(mih.ElementPointOfAttachment)
	t.wholeNetwork = t.inNetwork && !ofNetwork && !ofPoint && !named(mih.ElementPointOfAttachment)
	t.wholePoint = t.wholeNetwork || named(mih.ElementPointOfAttachment) && !ofPoint
	t.points = t.wholePoint || ofPoint
	return t
}

func experimental(e mih.ElementType) bool {
	return e == mih.ElementGateway || e == mih.ElementNeighbours
}

// public are the elements that tell no more than a station hears from a point of attachment before it is let in.
var public = map[mih.ElementType]bool{
	mih.ElementNetworkType: true, mih.ElementOperatorID: true, mih.ElementNetworkID: true, mih.ElementNetworkAuxID: true,
	mih.ElementNetworkCapabilities: true, mih.ElementPoALinkAddress: true, mih.ElementPoAChannelRange: true,
}

// wants reports whether an element is to be in a part that is whole or not.
func (t template) wants(e mih.ElementType, whole bool) bool {
	return (t.named[e] || whole && !experimental(e)) && (!t.public || public[e])
}

// network are the elements of a network.
func (t template) network(p PointOfAttachment) []mih.Element {
	var elements []mih.Element
	add := func(e mih.ElementType, known bool, value any) {
		if known && t.wants(e, t.wholeNetwork) {
			elements = append(elements, mih.Element{Type: e, Value: value})
		}
	}
	add(mih.ElementNetworkType, p.LinkType != 0, mih.NetworkType{Link: new(p.LinkType)})
	add(mih.ElementOperatorID, p.Operator.Name != "", p.Operator)
	add(mih.ElementNetworkID, p.NetworkID != "", p.NetworkID)
	add(mih.ElementNetworkAuxID, p.NetworkAuxID != "", p.NetworkAuxID)
	add(mih.ElementNetworkCapabilities, p.Capabilities != 0, p.Capabilities)
	return elements
}

// point are the elements of a point of attachment.
func (t template) point(p PointOfAttachment) []mih.Element {
	var elements []mih.Element
	add := func(e mih.ElementType, known bool, value any) {
		if known && t.wants(e, t.wholePoint) {
			elements = append(elements, mih.Element{Type: e, Value: value})
		}
	}
	add(mih.ElementPoALinkAddress, true, p.Address)
	if p.Location != nil {
		add(mih.ElementPoALocation, true, *p.Location)
	}
	channels := p.channelRange()
	add(mih.ElementPoAChannelRange, channels != mih.ChannelRange{}, channels)
	for _, subnet := range p.Subnets {
		add(mih.ElementPoASubnet, subnet.IsValid(), subnet)
	}
	add(mih.ElementPoAIPAddress, p.Gateway.Address.IsValid(), p.Gateway.Address)
	add(mih.ElementGateway, p.Gateway.MIHF != "" || p.Gateway.Name != "", mih.Gateway{MIHF: p.Gateway.MIHF, Name: p.Gateway.Name})
	add(mih.ElementNeighbours, len(p.Neighbours) > 0, p.Neighbours)
	return elements
}

// queryTypes are the elements that a Service may tell, by the bits of IQ_TYPE_LIST.
const queryTypes = 1<<mih.QueryBinaryData | 1<<mih.QueryNetworkType | 1<<mih.QueryOperator | 1<<mih.QueryNetworkID | 1<<mih.QueryNetworkAuxID |
	1<<mih.QueryNetworkCapabilities | 1<<mih.QueryPoALinkAddress | 1<<mih.QueryPoALocation | 1<<mih.QueryPoAChannelRange |
	1<<mih.QueryPoASubnet | 1<<mih.QueryPoAIPAddress
