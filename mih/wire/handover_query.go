package wire

import (
	"net/netip"

	"netlmm/mih"
)

// NetHOCandidateQueryRequest: the network suggests candidates to a mobile node.
type NetHOCandidateQueryRequest struct {
	Suggested      []mih.LinkPointsOfAttachment
	QueryResources bool // the answer is to report resources
}

// NetHOCandidateQueryResponse answers it.
type NetHOCandidateQueryResponse struct {
	Status    mih.Status
	Link      mih.LinkTupleID // the current one
	Handover  *mih.HandoverStatus
	Preferred []mih.QueriedResources
}

// IPQuery is what a query asks of the candidates' IP configuration; what is nil or not valid is not asked.
type IPQuery struct {
	Methods      *mih.IPConfigurationMethods
	DHCPServer   netip.Addr
	ForeignAgent netip.Addr
	AccessRouter netip.Addr
}

// MNHOCandidateQueryRequest: a mobile node asks which of the candidates would do.
type MNHOCandidateQueryRequest struct {
	Link       mih.LinkTupleID // the current one
	Candidates []mih.LinkPointsOfAttachment
	Resources  mih.QoSList
	IPQuery
}

// MNHOCandidateQueryResponse answers it.
type MNHOCandidateQueryResponse struct {
	Status    mih.Status
	Link      mih.LinkTupleID
	Preferred []mih.QueriedResources
}

// N2NHOQueryResourcesRequest: the serving network asks a candidate network for its resources.
type N2NHOQueryResourcesRequest struct {
	Resources mih.QoSList
	IPQuery
	Links      []mih.LinkID                 // candidates as Link identifier list (TLV 25)
	Candidates []mih.LinkPointsOfAttachment // or as List of link PoA list (TLV 31)
}

// N2NHOQueryResourcesResponse answers it.
type N2NHOQueryResourcesResponse struct {
	Status    mih.Status
	Available *bool // Resource status
	Preferred []mih.QueriedResources
}
