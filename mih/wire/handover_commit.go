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
