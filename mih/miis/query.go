package miis

import (
	"math"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// fullTemplate is the template for all that PointsOfAttachment reads.
var fullTemplate = []mih.ElementType{
	mih.ElementNetworkList, mih.ElementNetwork, mih.ElementNetworkType, mih.ElementOperatorID, mih.ElementNetworkID,
	mih.ElementNetworkAuxID, mih.ElementNetworkCapabilities, mih.ElementPointOfAttachment, mih.ElementPoALinkAddress,
	mih.ElementPoALocation, mih.ElementPoAChannelRange, mih.ElementPoASubnet, mih.ElementPoAIPAddress, mih.ElementGateway,
	mih.ElementNeighbours,
}

// QueryPointOfAttachment asks for one point of attachment: who serves it, above all.
func QueryPointOfAttachment(address mih.LinkAddress) wire.GetInformationRequest {
	return query(mih.BinaryQuery{Location: &mih.QuerierLocation{Link: address, Radius: new(uint32(0))}})
}

// QueryCandidates asks for points of attachment that a station may move to from the given one, at most so many. The answer has the
// given one too.
func QueryCandidates(from mih.LinkAddress, most uint16) wire.GetInformationRequest {
	return query(mih.BinaryQuery{Location: &mih.QuerierLocation{Link: from}, Limit: &mih.ReportLimit{Maximum: max(most, most+1), Start: 1}})
}

// QueryMap asks for the whole map, or for the networks with the given identifiers, from the given entry on: 1 is the first. What does
// not fit into the answer is asked for from the entry that follows the last one of the answer.
func QueryMap(start uint16, networks ...string) wire.GetInformationRequest {
	return query(mih.BinaryQuery{Networks: networks, Limit: &mih.ReportLimit{Maximum: math.MaxUint16, Start: start}})
}

func query(q mih.BinaryQuery) wire.GetInformationRequest {
	q.Template = fullTemplate
	return wire.GetInformationRequest{BinaryQueries: []mih.BinaryQuery{q}}
}
