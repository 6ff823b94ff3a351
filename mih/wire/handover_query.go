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
	Resources  *mih.QoSList // the standard has them always; a peer exists that leaves them out
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

func (b *NetHOCandidateQueryRequest) tlvs(c *coder) {
	mustList(c, TLVListOfLinkPoAList, &b.Suggested, leastLinkID+1, linkPointsOfAttachment)
	must(c, TLVQueryResourceReportFlag, &b.QueryResources, boolean)
}

func (b *NetHOCandidateQueryResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	may(c, TLVHandoverStatus, &b.Handover, octet)
	mayList(c, TLVPreferredLinkList, &b.Preferred, leastQueriedResources, queriedResources)
}

func (b *IPQuery) tlvs(c *coder) {
	may(c, TLVIPConfigurationMethods, &b.Methods, bitmap32)
	mayValue(c, TLVDHCPServerAddress, &b.DHCPServer, ipAddress)
	mayValue(c, TLVForeignAgentAddress, &b.ForeignAgent, ipAddress)
	mayValue(c, TLVAccessRouterAddress, &b.AccessRouter, ipAddress)
}

func (b *MNHOCandidateQueryRequest) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	mustList(c, TLVListOfLinkPoAList, &b.Candidates, leastLinkID+1, linkPointsOfAttachment)
	may(c, TLVHandoverResourceQueryList, &b.Resources, qosList)
	b.IPQuery.tlvs(c)
}

func (b *MNHOCandidateQueryResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	mayList(c, TLVPreferredLinkList, &b.Preferred, leastQueriedResources, queriedResources)
}

func (b *N2NHOQueryResourcesRequest) tlvs(c *coder) {
	must(c, TLVHandoverResourceQueryList, &b.Resources, qosList)
	b.IPQuery.tlvs(c)
	mayList(c, TLVLinkIdentifierList, &b.Links, leastLinkID, linkID)
	mayList(c, TLVListOfLinkPoAList, &b.Candidates, leastLinkID+1, linkPointsOfAttachment)
}

func (b *N2NHOQueryResourcesResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	may(c, TLVResourceStatus, &b.Available, boolean)
	mayList(c, TLVPreferredLinkList, &b.Preferred, leastQueriedResources, queriedResources)
}
