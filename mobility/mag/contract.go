package mag

import (
	"net/netip"
	"time"

	"netlmm/mobility"
)

// Config is what a MAG is told at start.
type Config struct {
	ProxyCareOfAddress     netip.Addr // towards LMAs with an IPv6 address
	IPv4ProxyCareOfAddress netip.Addr // towards LMAs with an IPv4 address (RFC 5844 section 4); one of the two may be missing

	Lifetime                    time.Duration // asked for in a PBU; rounded down to units of 4 s
	ReRegistrationMargin        time.Duration // re-register this long before the granted lifetime ends (RFC 5213 6.9.1.3); default a quarter of Lifetime
	InitialBindackTimeout       time.Duration // RFC 5213 6.9.4 with RFC 6275 12: default 1 s, doubling
	MaxBindackTimeout           time.Duration // RFC 6275 12: default 32 s
	DeregistrationTimeout       time.Duration // wait for the PBA of a de-registration, default 1 s (RFC 5213 6.9.1.4)
	PresenceTimeout             time.Duration // wait for the answer to ProbePresence, default 1 s (RFC 5213 6.13)
	MaximumMobileNodes          int           // bound of the binding update list
	RequireSecurityAssociation  bool          // false only when security.mode is none
	TimestampBasedApproachInUse bool          // RFC 5213 9.3; false: sequence numbers only
	RouterLifetime              time.Duration // of the Router Advertisement, default 1800 s (RFC 4861 6.2.1)
	RefusalMemory               time.Duration // how long a refusal stands that only an administrative action ends (RFC 5213 6.9.1.2, 7), default 24 h
	LapseOnUnknownPresence      bool          // a mobile node that does not answer keeps its binding until that ends; false: it is de-registered (RFC 5213 6.13)

	// EnableIPv4TrafficOffloadSupport asks LMAs for the policy by which IPv4 flows leave here, and not through the tunnel (RFC 6909
	// section 4).
	EnableIPv4TrafficOffloadSupport bool

	// Gateways knows the other MAGs that mobile nodes come from and go to (RFC 5949), by their Proxy-CoA: ok for one of them, and the
	// identity that it has to authenticate itself with. nil: there are no fast handovers, and their messages are of an unknown type.
	Gateways func(gateway netip.Addr) (identity string, ok bool)
	// AcceptHandover says whether a mobile node that another gateway announces may come; if not, the answer has code 129. nil: each may.
	AcceptHandover func(HandoverContext) bool

	// ExpectedInterface is the access link that the forwarding entries of mobile nodes name which other gateways announced. Any of
	// this gateway's will do, but one there must be: nothing goes out there while packets are held, which are routed like others.
	ExpectedInterface string

	HandoverInitiateTimeout time.Duration // until a Handover Initiate is repeated first, doubling: twice the round trip time, default 100 ms (RFC 5568 6.2.1.1)
	HandoverInitiateRetries int           // HI_RETRIES, default 3 (RFC 5568 section 9)
	HandoverLifetime        time.Duration // of a prepared handover until the mobile node comes, and of the forwarding; default 10 s (RFC 5568 5.6: tens of seconds)
	ForwardingLifetime      time.Duration // of the forwarding once the mobile node is registered at the new MAG: what is still under way; default 2 s
	// HoldLifetime is how long packets are kept for a mobile node whose link went down without a prepared handover, for the gateway that
	// may ask for them (reactive mode). Its de-registration waits as long. Zero: not at all.
	HoldLifetime            time.Duration
	MaximumPendingHandovers int // mobile nodes that other gateways announced and that have not come, default 256

	// Compat is the profile of an LMA; nil: strict for all.
	Compat func(lma netip.Addr) mobility.Compat
	// AcceptRevocation says whether the peer that authenticated itself as identity may revoke bindings of the LMA at this
	// address, with all of them at once (RFC 5846 section 10.1: else status 130). nil: every LMA may.
	AcceptRevocation func(lma netip.Addr, identity string, global bool) bool
	// Random is in [0, 1). Timers get up to a tenth of their length from it, so that mobile nodes that attached together are
	// not extended together. nil: they get nothing.
	Random func() float64
}

// Event is what happens to a MAG: one of the types below.
type Event interface{ isEvent() }

// LinkAttached: a mobile node is on an access link. It always sends a PBU, also for a node that is registered here
// already: the node may have been at another MAG in between without a word from the access point, and the LMA would have
// moved its binding there. The Router Advertisement follows the PBA; forwarding stands meanwhile.
type LinkAttached struct {
	CorrelationID         mobility.CorrelationID
	Interface             string // access link
	MobileNodeID          mobility.MobileNodeID
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
	AccessTechnologyType  mobility.AccessTechnologyType
	HandoffIndicator      mobility.HandoffIndicator // 0: HandoffStateUnknown
	LMAAddress            netip.Addr
	HomeNetworkPrefixes   []netip.Prefix // to ask for; none: those of its last binding here, else one all-zero prefix
	Lifetime              time.Duration  // 0: Config.Lifetime
	IPv6Prohibited        bool           // ask for no home network prefix, for an IPv4 home address only (RFC 5844 section 3.2)
	IPv4Mobility          bool           // ask for an IPv4 home address too
	IPv4HomeAddress       netip.Prefix   // to ask for; zero: that of its last binding here, else any
	LocalRouting          bool           // EnableMAGLocalRouting (RFC 5213 section 9.2)
	AnchorLinkLocal       bool           // no fixed link-local address is configured: the LMA generates one (RFC 5213 6.9.1.1, 9)
	Unconfirmed           bool           // only an access point's list says so: the PBU waits for PresenceConfirmed
	PreviousMAG           netip.Addr     // where it was before, as far as is known: asked for its context and its packets (RFC 5949, reactive mode)

	OffloadPolicy mobility.OffloadPolicy // to propose (RFC 6909 section 3.2); zero: the LMA is to say
}

// LinkDetached: the mobile node left that access link. It is de-registered, unless it is on its way to another gateway, or may be
// (Config.HoldLifetime): then that waits until the handover has been completed, which makes it unnecessary, or undone.
type LinkDetached struct {
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
}

// MessageReceived is a Mobility Header as it came from the socket.
type MessageReceived struct {
	Source, Destination netip.Addr
	PeerIdentity        string // authenticated IKE identity behind Source; "" when none stands
	Payload             []byte // valid during Handle only
}

// SecurityAssociationChanged: the SA to an LMA, or to another gateway, was installed or is gone. While it is gone no message leaves for
// there; PBUs that are due wait, and Handover Initiates for as long as they would be repeated.
type SecurityAssociationChanged struct {
	LMAAddress netip.Addr
	Up         bool
}

// RouterSolicited: a Router Solicitation arrived on an access link from this link-layer address.
type RouterSolicited struct {
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
}

// PresenceConfirmed answers ProbePresence: the mobile node was seen on that access link just now. An access point that
// knows the node to be gone says LinkDetached instead.
type PresenceConfirmed struct {
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
}

// NeighborUnreachable: the kernel's neighbour unreachability detection gave the mobile node up (RFC 5213 section 6.13, RFC 4861
// section 7.3). It is probed before anything follows from that. Forwarded packets do not lead to it: they go by permanent entries.
type NeighborUnreachable struct {
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
}

// LinkLocalAddressTaken: the mobile node itself uses the link-local address that the LMA gave this MAG for the link (RFC 5213
// section 6.9.1.2, 15). Another one is configured and told to the LMA.
type LinkLocalAddressTaken struct {
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
	LinkLocalAddress      netip.Addr // a new one, free on the link
}

// PeerRestarted: an LMA lost what it did not store (RFC 5847 section 3.2). Every binding with it is registered again, paced.
type PeerRestarted struct{ LMAAddress netip.Addr }

// ClockSynchronized: the time source says that the clock of this gateway is right. Those whom a TIMESTAMP_MISMATCH made wait
// register again, paced (RFC 5213 section 6.9.1.2, 9).
type ClockSynchronized struct{}

// AdministrativeAction: the operator, or a changed policy, allows again what an LMA refused until an administrative action
// (RFC 5213 section 6.9.1.2, 6 and 7; RFC 5844 section 3.2.3.2). Who is attached registers again, paced.
type AdministrativeAction struct{ MobileNodeID mobility.MobileNodeID } // zero: all

// AdvertiseAgain: what the access links advertise has changed, such as the tunnel's MTU (RFC 5213 section 6.9.5). Every mobile node
// that has a Router Advertisement gets another one, one after the other.
type AdvertiseAgain struct{}

// Stop ends the MAG: with Deregister every binding is de-registered first; without, they are left for the next start.
type Stop struct{ Deregister bool }

func (LinkAttached) isEvent()               {}
func (LinkDetached) isEvent()               {}
func (MessageReceived) isEvent()            {}
func (SecurityAssociationChanged) isEvent() {}
func (RouterSolicited) isEvent()            {}
func (PresenceConfirmed) isEvent()          {}
func (NeighborUnreachable) isEvent()        {}
func (LinkLocalAddressTaken) isEvent()      {}
func (PeerRestarted) isEvent()              {}
func (ClockSynchronized) isEvent()          {}
func (AdministrativeAction) isEvent()       {}
func (AdvertiseAgain) isEvent()             {}
func (Stop) isEvent()                       {}

// Action is what a MAG wants done, executed in the order given: one of the types below.
type Action interface{ isAction() }

// SendMessage carries a Mobility Header to an LMA or another gateway, or a Binding Error to who sent what this MAG does not know. Payload has a zero checksum; it is the action's own.
type SendMessage struct {
	CorrelationID       mobility.CorrelationID
	Source, Destination netip.Addr
	Payload             []byte
	Kind                MessageKind
	Attempt             int // 1 for the first transmission
}

// RequireSecurityAssociation: a PBU to this LMA waits for its SA (or got no answer although the SA is said to stand:
// Suspect). It is repeated at a paced rate only.
type RequireSecurityAssociation struct {
	LMAAddress netip.Addr
	Suspect    bool
}

// BindingAccepted: a PBA registered (or extended) this mobile node. It precedes ApplyForwarding and AdvertiseRouter.
type BindingAccepted struct {
	Entry mobility.BindingUpdateListEntry
}

// BindingEnded: this mobile node has no binding here any more, or was refused one.
type BindingEnded struct {
	Entry  mobility.BindingUpdateListEntry
	Reason EndReason
	Status mobility.Status // for a refusal
}

// ApplyForwarding: bring the kernel to Forwarding(). It must have completed before a following AdvertiseRouter goes out: the mobile
// node answers a Router Advertisement with packets. Only where a mobile node arrives that was expected is the Router Advertisement first: its
// prefixes are forwarded already, and the packets that were kept for it are released by this.
type ApplyForwarding struct{ CorrelationID mobility.CorrelationID }

// AdvertiseRouter sends one Router Advertisement to one mobile node (RFC 5213 6.9.1.2 and 6.9.3, RFC 6085). With
// RouterLifetime 0 it has no home network prefix: this MAG is no router of that node any more (RFC 5213 6.9.1.4, RFC 4861 6.2.5).
// A mobile node that has an IPv4 home address only gets none.
type AdvertiseRouter struct {
	CorrelationID         mobility.CorrelationID
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
	HomeNetworkPrefixes   []netip.Prefix
	DeprecatedPrefixes    []netip.Prefix // advertised earlier, now to withdraw with lifetime 0 (RFC 5213 6.12)
	PrefixLifetime        time.Duration  // remaining lifetime of the binding; preferred and valid
	RouterLifetime        time.Duration
	LinkLocalAddress      netip.Addr // source, where it is not the access link's own; zero: that
}

// OfferAddresses tells the DHCP servers of the access link what this mobile node may have there (RFC 5213 section 6.11, RFC
// 5844 section 3.4). It comes before the AdvertiseRouter of the same registration and is repeated with every extension; one
// with neither prefixes nor an IPv4 home address takes the offer back.
type OfferAddresses struct {
	CorrelationID         mobility.CorrelationID
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
	HomeNetworkPrefixes   []netip.Prefix
	IPv4HomeAddress       netip.Prefix // with the length of its network
	IPv4DefaultRouter     netip.Addr
	DHCPRelay             bool          // the anchor said that this gateway relays only (RFC 5844 section 3.3.4)
	Lifetime              time.Duration // remaining lifetime of the binding
}

// ProbePresence asks whether the mobile node is still on the access link, by what the access point knows or by a question
// on the link (RFC 5213 6.13): no registration is repeated or extended before PresenceConfirmed. It is asked three times; when
// no answer comes the mobile node is de-registered. With Config.LapseOnUnknownPresence it is asked on, ever more slowly, the
// binding is left to lapse, and the entry goes a lifetime after the first question.
type ProbePresence struct {
	CorrelationID         mobility.CorrelationID
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
	HomeNetworkPrefixes   []netip.Prefix // none before the first registration
	IPv4HomeAddress       netip.Addr     // likewise; a mobile node without IPv6 answers nothing but ARP
}

// ClockDoubted: an LMA says that the clock of this gateway is off, by about Offset. Those it refused wait for
// ClockSynchronized; never is the clock set by what an LMA says (RFC 5213 section 6.9.1.2, 9). It is repeated while they wait.
type ClockDoubted struct {
	LMAAddress netip.Addr
	Offset     time.Duration // the LMA's clock minus this one
}

// Ignored says that an event changed nothing, and why. Reason is a metric label.
type Ignored struct {
	Reason       DropReason
	Source       netip.Addr
	MobileNodeID mobility.MobileNodeID
	Err          error
}

// Stopped is the answer to Stop once nothing more is awaited.
type Stopped struct{}

func (SendMessage) isAction()                {}
func (RequireSecurityAssociation) isAction() {}
func (BindingAccepted) isAction()            {}
func (BindingEnded) isAction()               {}
func (ApplyForwarding) isAction()            {}
func (AdvertiseRouter) isAction()            {}
func (OfferAddresses) isAction()             {}
func (ProbePresence) isAction()              {}
func (ClockDoubted) isAction()               {}
func (Ignored) isAction()                    {}
func (Stopped) isAction()                    {}

// MessageKind says what a PBU is for, or that the message is none; its text is a metric label.
type MessageKind string

// Kinds of message.
const (
	Registration   MessageKind = "registration"
	ReRegistration MessageKind = "re_registration"
	DeRegistration MessageKind = "de_registration"
	BindingError   MessageKind = "binding_error" // RFC 6275 9.2: the answer to an unknown MH type

	RevocationAcknowledgement MessageKind = "revocation_acknowledgement" // RFC 5846 section 10.1
)
