package apadapters

import (
	"context"
	"errors"
	"time"

	"netlmm/mih"
)

// Commander is an adapter whose access points take link commands (IEEE 802.21 section 6.3.6 and 7.3). Its methods may be called
// from any goroutine while Run runs; each returns within a second or when ctx ends.
type Commander interface {
	Adapter

	// Has says whether a link is of an access point of this adapter: by its station, or by its point of attachment.
	Has(link mih.LinkID) bool
	// Parameters is Link_Get_Parameters.
	Parameters(ctx context.Context, link mih.LinkID, want mih.LinkStatusRequest) (mih.LinkStatus, error)
	// ConfigureThresholds is Link_Configure_Thresholds: a Link_Parameters_Report follows when one is crossed. Of the link of a
	// station they are its own, of that of a point of attachment those of all its stations.
	ConfigureThresholds(ctx context.Context, link mih.LinkTupleID, want []mih.LinkParameterConfiguration) ([]mih.LinkParameterConfigured, error)
	// Act is Link_Action.
	Act(ctx context.Context, action mih.LinkActionRequest) mih.LinkActionResult
	// Steer asks a station to go to one of these points of attachment within the time, the best first: Net_HO_Commit, as a BSS
	// transition request of IEEE 802.11v where the link is one of 802.11.
	Steer(ctx context.Context, station mih.LinkID, targets []Target, within time.Duration) error
}

// Target is a point of attachment that a station is steered to.
type Target struct {
	PointOfAttachment mih.LinkAddress
	OperatingClass    uint8 // of IEEE 802.11 Annex E; 0: not known
	Channel           uint8
}

// Errors of commands.
var (
	ErrNoSuchLink = errors.New("no such link at this access point")
	ErrIncapable  = errors.New("this access point cannot do that")
	ErrNoAnswer   = errors.New("the access point does not answer now")
	ErrBusy       = errors.New("too many commands wait for this access point")
)
