// Package apadapters is the contract between access points and the MIH Function: an adapter turns what its AP says into
// IEEE 802.21 link events. One package per link technology stands below this folder.
package apadapters

import (
	"context"

	"netlmm/mih"
)

// Adapter is a link SAP. Run emits every link event it learns of until ctx ends; losing its peer is no error but a state
// that it mends by itself, paced, with a full resync afterwards. emit does not block and may be called from one
// goroutine at a time; it reports false when the event was dropped because a queue was full (the adapter then resyncs).
type Adapter interface {
	Name() string
	Run(ctx context.Context, emit func(mih.Indication) bool) error
	Status() Status
}

// Status is what an adapter says of itself to the operator.
type Status struct {
	Name     string            `json:"name"`
	Peers    []Peer            `json:"peers"`
	Counters map[string]uint64 `json:"counters"` // lower snake case; each becomes a metric label
}

// Peer is one access point, or one interface of one.
type Peer struct {
	Name      string `json:"name"`
	Connected bool   `json:"connected"`
	Detail    string `json:"detail,omitempty"`
	Stations  int    `json:"stations"`

	Complete          bool            `json:"complete"` // it was asked who is there, and all of them have been told
	LinkType          mih.LinkType    `json:"link_type"`
	PointOfAttachment mih.LinkAddress `json:"point_of_attachment,omitzero"` // zero: not known, or of several
}
