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

func (b *Capabilities) tlvs(c *coder) {
	mayList(c, TLVLinkAddressList, &b.Links, leastNetworkType+leastLinkAddress, networkTypeAddress)
	may(c, TLVEventList, &b.Events, bitmap32)
	may(c, TLVCommandList, &b.Commands, bitmap32)
	may(c, TLVQueryTypeList, &b.QueryTypes, bitmap64)
	may(c, TLVTransportList, &b.Transports, bitmap16)
	mayList(c, TLVMakeBeforeBreak, &b.MakeBeforeBreak, 2*leastNetworkType+1, makeBeforeBreak)
}

func (b *CapabilityDiscoverResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	b.Capabilities.tlvs(c)
}

func (b *RegisterRequest) tlvs(c *coder) {
	mustList(c, TLVLinkIdentifierList, &b.Links, leastLinkID, linkID)
	must(c, TLVRegisterCode, &b.Code, octet)
}

// A lifetime is read from either TLV; from the Valid time interval when both are there.
func (b *RegisterResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	if c.encoding {
		if b.LifetimeAsTimeInterval {
			may(c, TLVTimeInterval, &b.Lifetime, seconds16)
		} else {
			may(c, TLVValidTimeInterval, &b.Lifetime, seconds)
		}
		return
	}
	var short *time.Duration
	may(c, TLVValidTimeInterval, &b.Lifetime, seconds)
	may(c, TLVTimeInterval, &short, seconds16)
	if b.Lifetime == nil && short != nil {
		b.Lifetime, b.LifetimeAsTimeInterval = short, true
	}
}

func (b *DeRegisterRequest) tlvs(*coder) {}

func (b *DeRegisterResponse) tlvs(c *coder) { must(c, TLVStatus, &b.Status, octet) }

func (b *EventSubscribeRequest) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	must(c, TLVEventList, &b.Events, bitmap32)
	mayList(c, TLVEventConfigurationList, &b.Filter, 2, eventConfiguration)
}

func (b *EventSubscribeResponse) tlvs(c *coder) {
	must(c, TLVStatus, &b.Status, octet)
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	may(c, TLVEventList, &b.Events, bitmap32)
}

func (b *EventUnsubscribeRequest) tlvs(c *coder) {
	must(c, TLVLinkIdentifier, &b.Link, linkTupleID)
	must(c, TLVEventList, &b.Events, bitmap32)
}

func (b *EventUnsubscribeResponse) tlvs(c *coder) { (*EventSubscribeResponse)(b).tlvs(c) }
