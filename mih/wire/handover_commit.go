package wire

import (
	"time"

	"netlmm/mih"
)

// MNHOCommitRequest: a mobile node says which network it will go to.
type MNHOCommitRequest struct {
	LinkType mih.LinkType
	Target   mih.TargetNetwork
}

// MNHOCommitResponse answers it.
type MNHOCommitResponse struct {
	Status   mih.Status
	LinkType mih.LinkType
	Target   mih.TargetNetwork
}

// NetHOCommitRequest: the network tells a mobile node where to go.
type NetHOCommitRequest struct {
	LinkType mih.LinkType
	Targets  []mih.TargetNetwork
	Assigned mih.AssignedResources
	Within   time.Duration // milliseconds on the wire, at most 65,535
	Actions  []mih.LinkActionRequest
}

// NetHOCommitResponse answers it.
type NetHOCommitResponse struct {
	Status   mih.Status
	LinkType *mih.LinkType
	Target   *mih.TargetNetwork
	Results  []mih.LinkActionResult
}

// N2NHOCommitRequest: the serving network has the target network prepare for a mobile node.
type N2NHOCommitRequest struct {
	MobileNode        mih.MIHFID
	Link              mih.LinkID // of the mobile node
	PointOfAttachment mih.LinkAddress
	Requested         mih.RequestedResources
}

// N2NHOCommitResponse answers it.
type N2NHOCommitResponse struct {
	Status     mih.Status
	MobileNode mih.MIHFID
	Target     *mih.LinkTupleID
	Assigned   *mih.AssignedResources
}

// MNHOCompleteRequest: a mobile node says that its handover has ended.
type MNHOCompleteRequest struct {
	Link    mih.LinkTupleID // the link that was left
	NewLink mih.LinkTupleID
	Result  mih.HandoverResult
}

// MNHOCompleteResponse answers it.
type MNHOCompleteResponse struct {
	Status  mih.Status
	Link    mih.LinkTupleID
	NewLink mih.LinkTupleID
}

// N2NHOCompleteRequest: the target network tells the serving network that a handover has ended.
type N2NHOCompleteRequest struct {
	MobileNode mih.MIHFID
	Link       mih.LinkTupleID // the link that was left
	NewLink    mih.LinkTupleID
	Result     mih.HandoverResult
}

// N2NHOCompleteResponse answers it.
type N2NHOCompleteResponse struct {
	Status     mih.Status
	MobileNode mih.MIHFID
	Link       mih.LinkTupleID
	NewLink    mih.LinkTupleID
	Retained   *bool // Resource retention status
}

func (b *MNHOCommitRequest) tlvs(c *coder) {
	must(c, TLVLinkType, &b.LinkType, octet)
	must(c, TLVTargetNetwork, &b.Target, targetNetwork)
}

func (b *MNHOCommitResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	must(c, TLVLinkType, &b.LinkType, octet)
	must(c, TLVTargetNetwork, &b.Target, targetNetwork)
}

func (b *NetHOCommitRequest) tlvs(c *coder) {
	must(c, TLVLinkType, &b.LinkType, octet)
	mustList(c, TLVTargetNetworkList, &b.Targets, 3, targetNetwork)
	must(c, TLVAssignedResourceSet, &b.Assigned, assignedResources)
	must(c, TLVTimeInterval, &b.Within, milliseconds)
	mayList(c, TLVLinkActionsList, &b.Actions, leastActionRequest, actionRequest)
}

func (b *NetHOCommitResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	may(c, TLVLinkType, &b.LinkType, octet)
	may(c, TLVTargetNetwork, &b.Target, targetNetwork)
	mayList(c, TLVLinkActionsResultList, &b.Results, leastActionResult, actionResult)
}

func (b *N2NHOCommitRequest) tlvs(c *coder) {
	must(c, TLVMobileNodeMIHFID, &b.MobileNode, mihfID)
	must(c, TLVMobileNodeLinkID, &b.Link, linkID)
	must(c, TLVPointOfAttachment, &b.PointOfAttachment, linkAddress)
	must(c, TLVRequestedResourceSet, &b.Requested, requestedResources)
}

func (b *N2NHOCommitResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	must(c, TLVMobileNodeMIHFID, &b.MobileNode, mihfID)
	may(c, TLVLinkIdentifier, &b.Target, linkTupleID)
	may(c, TLVAssignedResourceSet, &b.Assigned, assignedResources)
}

func (b *MNHOCompleteRequest) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	must(c, TLVNewLinkIdentifier, &b.NewLink, linkTupleID)
	must(c, TLVHandoverResult, &b.Result, handoverResult)
}

func (b *MNHOCompleteResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	must(c, TLVNewLinkIdentifier, &b.NewLink, linkTupleID)
}

func (b *N2NHOCompleteRequest) tlvs(c *coder) {
	must(c, TLVMobileNodeMIHFID, &b.MobileNode, mihfID)
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	must(c, TLVNewLinkIdentifier, &b.NewLink, linkTupleID)
	must(c, TLVHandoverResult, &b.Result, handoverResult)
}

func (b *N2NHOCompleteResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	must(c, TLVMobileNodeMIHFID, &b.MobileNode, mihfID)
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	must(c, TLVNewLinkIdentifier, &b.NewLink, linkTupleID)
	may(c, TLVResourceRetentionStatus, &b.Retained, boolean)
}
