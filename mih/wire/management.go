package wire

import (
	"time"

	"netlmm/mih"
)

// Capabilities are what an MIH Function says of itself; nil is not said.
type Capabilities struct {
	Links           []mih.NetworkTypeAddress // TLV 9
	Events          *mih.EventList
	Commands        *mih.CommandList
	QueryTypes      *mih.QueryTypeList
	Transports      *mih.TransportList
	MakeBeforeBreak []mih.MakeBeforeBreak
}

// CapabilityDiscoverRequest asks for capabilities, its own beside it.
type CapabilityDiscoverRequest struct{ Capabilities }

// CapabilityDiscoverResponse answers it.
type CapabilityDiscoverResponse struct {
	Status mih.Status
	Capabilities
}

// RegisterRequest asks for a registration of the sender's links.
type RegisterRequest struct {
	Links []mih.LinkID
	Code  mih.RegisterCode
}

// RegisterResponse answers it.
type RegisterResponse struct {
	Status   mih.Status
	Lifetime *time.Duration // seconds on the wire; nil without success
	// LifetimeAsTimeInterval: the lifetime is the Time interval TLV (21, at most 65,535 s), the only one that the implementation
	// ODTONE reads, and not the Valid time interval (12).
	LifetimeAsTimeInterval bool
}

// DeRegisterRequest ends a registration.
type DeRegisterRequest struct{}

// DeRegisterResponse answers it.
type DeRegisterResponse struct{ Status mih.Status }

// EventSubscribeRequest asks for the events of a link.
type EventSubscribeRequest struct {
	Link   mih.LinkTupleID
	Events mih.EventList
	Filter []mih.EventConfiguration // nil: all
}

// EventSubscribeResponse answers it with the events that are subscribed.
type EventSubscribeResponse struct {
	Status mih.Status
	Link   mih.LinkTupleID
	Events *mih.EventList
}

// EventUnsubscribeRequest ends a subscription to some events of a link.
type EventUnsubscribeRequest struct {
	Link   mih.LinkTupleID
	Events mih.EventList
}

// EventUnsubscribeResponse answers it with the events that are not subscribed any more.
type EventUnsubscribeResponse struct {
	Status mih.Status
	Link   mih.LinkTupleID
	Events *mih.EventList
}
