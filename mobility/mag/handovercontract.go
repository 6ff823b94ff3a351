package mag

import (
	"net/netip"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// PrepareHandover: the mobile node is about to leave this access link for one of another gateway (RFC 5949 section 4.1, the
// predictive mode). HandoverPrepared or HandoverFailed answers it, or Ignored where the same preparation is under way.
type PrepareHandover struct {
	CorrelationID         mobility.CorrelationID
	Interface             string // where it is
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
	NewMAG                netip.Addr // Proxy-CoA of the other gateway
	MobileNodeLinkLocal   netip.Addr // its link-local address here, where that is known: the interface identifier goes along (section 6.2.3)
}

// CancelHandover: it will not leave after all. What was prepared is undone on both sides, and it is served directly again.
type CancelHandover struct {
	CorrelationID         mobility.CorrelationID // of the PrepareHandover that it takes back; 0: whichever there was
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
}

// RequestContext: the mobile node, which has attached here, may come from this gateway (RFC 5949, reactive mode). It is for who does not know where
// it comes from: after the HandoverFailed of one gateway the next one is asked. HandoverArrived or HandoverFailed answers it, or Ignored
// where there is nothing to ask for.
type RequestContext struct {
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
	PreviousMAG           netip.Addr
}

func (PrepareHandover) isEvent() {}
func (CancelHandover) isEvent()  {}
func (RequestContext) isEvent()  {}

// HandoverSide says which of the two gateways this one is.
type HandoverSide string

// Sides of a handover.
const (
	PreviousMAG HandoverSide = "previous"
	NewMAG      HandoverSide = "new"
)

// Handover names one handover between this gateway and another one, in the actions below.
type Handover struct {
	CorrelationID         mobility.CorrelationID // of PrepareHandover or LinkAttached; 0 for one that is expected only
	Side                  HandoverSide           // this gateway
	Reactive              bool                   // the new MAG asked after the mobile node had come (RFC 5949 figure 3)
	Interface             string                 // access link here; "" for one that is expected only
	MobileNodeID          mobility.MobileNodeID
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
	OtherGateway          netip.Addr
}

// HandoverPrepared, at the previous MAG: the other gateway is ready, and packets to the mobile node go there from the
// ApplyForwarding before this on. Now is the time to send the mobile node over (RFC 5949 section 4.1, step g).
type HandoverPrepared struct{ Handover }

// HandoverFailed: there is no forwarding between the gateways. Nothing of it stays; the mobile node is served as without.
type HandoverFailed struct {
	Handover
	Reason HandoverReason
	Code   mh.HandoverAcknowledgeCode // with HandoverRefused
}

// HandoverExpected, at the new MAG: another gateway announced the mobile node, and packets to it are kept here until it comes.
type HandoverExpected struct {
	Handover
	HomeNetworkPrefixes []netip.Prefix
	IPv4HomeAddress     netip.Prefix
	LMAAddress          netip.Addr
	MobileNodeLinkLocal netip.Addr // what it used at the previous gateway, where that said so; zero: it did not
}

// HandoverArrived, at the new MAG: the mobile node is here and is served by what the other gateway told, before its anchor has
// answered. The AdvertiseRouter before this says so to the mobile node.
type HandoverArrived struct{ Handover }

// HandoverCompleted: the mobile node is registered at the new MAG, and the tunnel between the gateways is not used for it any more.
type HandoverCompleted struct{ Handover }

// HandoverUndone: it did not take place, or no longer counts.
type HandoverUndone struct {
	Handover
	Reason HandoverReason
}

func (HandoverPrepared) isAction()  {}
func (HandoverFailed) isAction()    {}
func (HandoverExpected) isAction()  {}
func (HandoverArrived) isAction()   {}
func (HandoverCompleted) isAction() {}
func (HandoverUndone) isAction()    {}

// HandoverReason is why a handover failed or was undone; its text is a metric label.
type HandoverReason string

// Reasons why a handover failed.
const (
	HandoverStopping              HandoverReason = "stopping"                // Stop was handled
	HandoverNotAttached           HandoverReason = "not_attached"            // no such mobile node on that access link
	HandoverNotRegistered         HandoverReason = "not_registered"          // its anchor has not accepted it here, or not yet
	HandoverUnknownGateway        HandoverReason = "unknown_gateway"         // Config.Gateways does not know it, or it is this one
	HandoverTransportDiffers      HandoverReason = "transport_differs"       // IPv4 to the anchor and IPv6 to the gateway, or the reverse
	HandoverNoSecurityAssociation HandoverReason = "no_security_association" // none stood in time; nothing was sent in clear
	HandoverUnanswered            HandoverReason = "unanswered"              // HI_RETRIES, RFC 5568 section 6.2.1.1
	HandoverRefused               HandoverReason = "refused"                 // a HAck with a code of 128 or more
	HandoverUnusable              HandoverReason = "unusable"                // a HAck accepted, and told nothing of use
)

// Reasons why a handover was undone, or a preparation was given up.
const (
	HandoverCancelled   HandoverReason = "cancelled"    // CancelHandover, here or at the previous MAG
	HandoverReturned    HandoverReason = "returned"     // the mobile node attached to the previous MAG again
	HandoverExpired     HandoverReason = "expired"      // it did not come within Config.HandoverLifetime
	HandoverSuperseded  HandoverReason = "superseded"   // by a handover to, or from, another gateway
	HandoverCrossed     HandoverReason = "crossed"      // the other gateway announced the mobile node to this one
	HandoverDisplaced   HandoverReason = "displaced"    // a mobile node that is here needed its place in the full list
	HandoverDetached    HandoverReason = "detached"     // it left this gateway
	HandoverEndedByLMA  HandoverReason = "ended_by_lma" // the binding was refused, revoked or given to somebody else
	HandoverLapsed      HandoverReason = "lapsed"       // the lifetime of the binding ended
	HandoverStopped     HandoverReason = "stopped"      // Stop with Deregister
	HandoverInterrupted HandoverReason = "interrupted"  // the previous MAG ended the forwarding before the anchor had answered
)

// Kinds of message between gateways.
const (
	HandoverInitiate    MessageKind = "handover_initiate"    // RFC 5949 section 6.1.1
	HandoverAcknowledge MessageKind = "handover_acknowledge" // RFC 5949 section 6.1.2
)

// HandoverContext is what a previous MAG tells of a mobile node, for Config.AcceptHandover.
type HandoverContext struct {
	PreviousMAG           netip.Addr
	MobileNodeID          mobility.MobileNodeID
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID // "" where it did not say
	LMAAddress            netip.Addr
	HomeNetworkPrefixes   []netip.Prefix
	IPv4HomeAddress       netip.Prefix
}
