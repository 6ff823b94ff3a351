package mihf

import (
	"net/netip"
	"time"

	"netlmm/mih"
	"netlmm/mih/pace"
	"netlmm/mih/wire"
)

// Config is what an MIH Function is told at start. A zero number stands for its default.
type Config struct {
	MIHFID               mih.MIHFID
	MaximumLinks         int           // bound of the table of links; 0: 4096
	MaximumLinksOfPeer   int           // bound of those that are up by the word of one peer; 0: MaximumLinks
	MaximumSubscriptions int           // bound over all users, remote ones included; 0: 4096
	DownRetention        time.Duration // how long a link that went down stays in Links, and is told of to peers that were out of reach; 0: 15 min

	Capabilities wire.Capabilities // what a peer is told that asks (IEEE 802.21 section 6.4.2)
	Peers        []Peer            // the MIH Functions that are believed; any other one may discover capabilities and nothing else
	// Permits says whether a peer may send such a command; events, queries and management it may as soon as it is a peer. nil: it may.
	Permits     func(from mih.MIHFID, command wire.MessageID) bool
	Handlers    map[wire.MessageID]User // who answers the requests and takes the indications of peers that are not the core's own: handover commands, information
	LinkSAP     bool                    // Link_Get_Parameters, Link_Configure_Thresholds and Link_Actions are for link SAPs here (LinkCommand), and Net_HO_Commit where no user handles it; false: refused
	Partial     bool                    // the link SAPs here have yet to tell of all links that are up (see PictureComplete)
	MaximumSize func(to Endpoint) int   // octets of a message that need not be fragmented; nil: all fit. Short messages do not ask
	Incarnation uint32                  // another number at each start: peers then do not take what this MIH Function asks for what it asked in a former life
	First       uint16                  // transaction identifier of the first message, random best (1 to 4095); 0: 1
	Bounds      pace.Bounds             // of the retransmission timeout; zero: those of RFC 5677
	Limits      pace.Limits             // of the rate over UDP to one peer; zero: those of RFC 5677

	ResponseTimeout      time.Duration // how long a request waits for its response; 0: 10 s
	RefreshInterval      time.Duration // how often a remote subscription is asked for again, which also shows that the peer lives; 0: 10 s
	RetryInitial         time.Duration // after which a peer that did not answer is tried again, doubling; 0: 1 s
	RetryMaximum         time.Duration // 0: 32 s
	RegistrationLifetime time.Duration // granted to peers that register; 0: 1 h
	MaximumOutstanding   int           // messages to one peer that wait for an acknowledgement or a response; 0: 1024
	MaximumQueued        int           // messages to one peer that wait to be sent; 0: 8192
}

// Transport is what carries messages.
type Transport uint8

// Transports.
const (
	UDP Transport = iota
	TCP
)

// String names the transport in lower case.
func (t Transport) String() string {
	if t == TCP {
		return "tcp"
	}
	return "udp"
}

// MarshalText writes the form of String.
func (t Transport) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Endpoint is where an MIH Function is reached.
type Endpoint struct {
	Address   netip.AddrPort
	Transport Transport
}

// acknowledges says whether messages to there are acknowledged by MIH ACKs: over TCP they must not be (RFC 5677 section 6).
func (e Endpoint) acknowledges() bool { return e.Transport == UDP }

// Compat says how a peer departs from the standard.
type Compat uint8

// Profiles of peers.
const (
	Strict Compat = iota
	ODTONE        // wants the lifetime of a registration as a time interval (TLV 21)
)

// Peer is another MIH Function, by configuration or discovery.
type Peer struct {
	MIHFID    mih.MIHFID // "": not known yet; a capability discovery asks for it
	Endpoint  Endpoint
	Compat    Compat
	Protected bool // nothing leaves for it, and nothing of it is believed, before SecurityAssociationChanged says that its association stands
	Register  bool // this MIH Function registers with it (IEEE 802.21 section 6.4.3)
}

// User identifies an MIH user: a name at an MIH Function. Local users carry the MIHFID of Config, remote ones no name.
type User struct {
	MIHF mih.MIHFID
	Name string
}

// Event is what happens to an MIH Function: one of the types below.
type Event interface{ isEvent() }

// SAPIndication is a link event from a link SAP.
type SAPIndication struct{ Indication mih.Indication }

// EventSubscribe is MIH_Event_Subscribe: User wants the events on the links that Link matches. A second one for the same
// Link adds events. With a Destination it is a subscription at that peer, asked for again whenever the peer has lost it: the
// answer comes once, what follows is indications whose Source is the peer.
type EventSubscribe struct {
	User        User
	Destination mih.MIHFID      // "": here
	Link        mih.LinkTupleID // zero fields match everything
	Events      mih.EventList
	Filter      []mih.EventConfiguration // nil: all; only what crosses one of its thresholds is reported
}

// EventUnsubscribe is MIH_Event_Unsubscribe: it takes events from the subscription with that Link.
type EventUnsubscribe struct {
	User        User
	Destination mih.MIHFID
	Link        mih.LinkTupleID
	Events      mih.EventList
}

// MessageReceived is one message, or a fragment of one, as it came from a socket.
type MessageReceived struct {
	From    Endpoint
	Payload []byte // valid during Handle only
}

// Request is a command, a query or an indication of a local user to a peer, or a link command to the link SAPs here when
// Destination is empty. Exactly one Confirm follows, unless Body is an indication.
type Request struct {
	User        User
	RequestID   uint64 // the user's own
	Destination mih.MIHFID
	Body        wire.Body
	Extra       []wire.TLV // experimental ones, for a peer that knows them
}

// Discover is MIH_Capability_Discover to a peer, or with an Endpoint to whoever is there. A Confirm follows.
type Discover struct {
	User        User
	RequestID   uint64
	Destination mih.MIHFID
	Endpoint    Endpoint // zero: that of Destination
	Protected   bool     // of an Endpoint: as that of a Peer
}

// Announce is an unsolicited MIH_Capability_Discover to a multicast group: whoever hears it knows what is here, and answers. Nothing is
// repeated; an Announced follows for each that answers.
type Announce struct{ Group Endpoint }

// Respond is a user's answer to a RequestReceived.
type Respond struct {
	Handle uint64
	Body   wire.Body  // the response that belongs to the request
	Extra  []wire.TLV // as of Request
}

// LinkCommandDone is a link SAP's answer to a LinkCommand.
type LinkCommandDone struct {
	CommandID uint64
	Body      wire.Body // the response that belongs to the request
}

// CapabilitiesChanged replaces Config.Capabilities: a link SAP has learnt what its access points are.
type CapabilitiesChanged struct{ Capabilities wire.Capabilities }

// PictureComplete says that the link SAPs here have told of all links that are up. Before that, after Config.Partial, a peer that
// subscribes is told of those that are known, and of those that are known to have gone, and takes down none else that it knows from
// earlier.
type PictureComplete struct{}

// PeerChanged adds a peer that was discovered, or changes where it is reached.
type PeerChanged struct{ Peer Peer }

// PeerGone takes a peer away that was discovered and is not any more. Who waits for it is told so.
type PeerGone struct{ MIHFID mih.MIHFID }

// SecurityAssociationChanged: the association that protects what is exchanged with this address was installed or is gone.
type SecurityAssociationChanged struct {
	Address netip.Addr
	Up      bool
}

func (SAPIndication) isEvent()              {}
func (EventSubscribe) isEvent()             {}
func (EventUnsubscribe) isEvent()           {}
func (MessageReceived) isEvent()            {}
func (Request) isEvent()                    {}
func (Discover) isEvent()                   {}
func (Announce) isEvent()                   {}
func (Respond) isEvent()                    {}
func (LinkCommandDone) isEvent()            {}
func (CapabilitiesChanged) isEvent()        {}
func (PictureComplete) isEvent()            {}
func (PeerChanged) isEvent()                {}
func (PeerGone) isEvent()                   {}
func (SecurityAssociationChanged) isEvent() {}

// Action is what an MIH Function wants done, in the order given: one of the types below.
type Action interface{ isAction() }

// Deliver hands an indication to a subscribed local user.
type Deliver struct {
	User       User
	Indication mih.Indication
}

// EventSubscribeConfirm answers EventSubscribe and EventUnsubscribe: Events is what that subscription holds now.
type EventSubscribeConfirm struct {
	User        User
	Destination mih.MIHFID
	Link        mih.LinkTupleID
	Status      mih.Status
	Events      mih.EventList
}

// SendMessage carries a message, or a fragment, to a peer. Payload may be sent again later and must not be changed.
type SendMessage struct {
	To      Endpoint
	Payload []byte
}

// Confirm answers Request and Discover.
type Confirm struct {
	User      User
	RequestID uint64
	Source    mih.MIHFID
	Body      wire.Body  // the response; nil with a Failure
	Extra     []wire.TLV // that are not the response's own
	Failure   Failure
}

// RequestReceived hands the request or the indication of a peer to the user of Config.Handlers. A request wants a Respond;
// an indication has no Handle.
type RequestReceived struct {
	User   User
	Handle uint64
	Source mih.MIHFID
	Body   wire.Body
}

// LinkCommand is for the link SAPs: a LinkGetParametersRequest, a LinkConfigureThresholdsRequest, a LinkActionsRequest, or a
// NetHOCommitRequest whose link actions name a station here. It wants a LinkCommandDone.
type LinkCommand struct {
	CommandID uint64
	Body      wire.Body
	Extra     []wire.TLV // of the request
}

// PeerStateChanged says that a peer answers, or that it does not any more.
type PeerStateChanged struct {
	MIHFID mih.MIHFID
	State  PeerState
}

// PeerCapable says what a peer says that it can do. Before it has, and after it went, nothing is known of it.
type PeerCapable struct {
	MIHFID       mih.MIHFID
	Capabilities wire.Capabilities
}

// Announced says that an MIH Function is at an address, by a word to everybody or by an answer to ours. It is not believed for more.
type Announced struct{ From Endpoint }

// PeerSubscribed says what a peer is told from now on of the links here that Link matches; no Events: nothing any more.
type PeerSubscribed struct {
	MIHFID mih.MIHFID
	Link   mih.LinkTupleID
	Events mih.EventList
}

// Ignored says that an indication or a message had no effect, and why. Reason is a metric label.
type Ignored struct {
	Reason     IgnoreReason
	Indication mih.Indication // zero when it is about a message
	From       Endpoint       // of a message
	Err        error          // what a message that cannot be read has wrong
}

func (Deliver) isAction()               {}
func (EventSubscribeConfirm) isAction() {}
func (SendMessage) isAction()           {}
func (Confirm) isAction()               {}
func (RequestReceived) isAction()       {}
func (LinkCommand) isAction()           {}
func (PeerStateChanged) isAction()      {}
func (PeerCapable) isAction()           {}
func (Announced) isAction()             {}
func (PeerSubscribed) isAction()        {}
func (Ignored) isAction()               {}

// Failure is why a request got no response; its text is a metric label.
type Failure string

// Failures.
const (
	NoFailure         Failure = ""
	FailedNoPeer      Failure = "no_peer"            // nobody of that identifier is known
	FailedNoSAP       Failure = "no_link_sap"        // a link command, and no link SAP here
	FailedTimeout     Failure = "timeout"            // no response in time
	FailedNoAck       Failure = "no_ack"             // no acknowledgement after all retransmissions
	FailedQueueFull   Failure = "queue_full"         // too much waits for that peer already
	FailedUnencodable Failure = "unencodable"        // the body says what no message can hold
	FailedMalformed   Failure = "response_malformed" // the peer answered with what is no response
	FailedNoRequest   Failure = "not_a_request"      // a body that no user may send
)

// IgnoreReason is why an MIH Function ignored an indication; its text is a metric label.
type IgnoreReason string

// Reasons. Those of package wire for fragments (wire.DropReason) are among them too.
const (
	IgnoredNoSubscriber     IgnoreReason = "no_subscriber"
	IgnoredNoStation        IgnoreReason = "no_station_address"
	IgnoredResyncUnchanged  IgnoreReason = "resync_unchanged"              // a resync repeated what is known
	IgnoredResyncOutdated   IgnoreReason = "resync_outdated"               // the station is up elsewhere, for a shorter time
	IgnoredAlreadyDown      IgnoreReason = "already_down"                  // a second report of the same loss
	IgnoredFormerAttachment IgnoreReason = "former_attachment"             // the station is up elsewhere by now
	IgnoredLinksFull        IgnoreReason = "maximum_links_reached"         // raise MaximumLinks
	IgnoredPeerFull         IgnoreReason = "maximum_links_of_peer_reached" // raise MaximumLinksOfPeer
	IgnoredUnknownEvent     IgnoreReason = "unknown_event"                 // not one of the types of package mih
	IgnoredNotUp            IgnoreReason = "not_up"                        // Link_Going_Down of a link that is not up

	IgnoredMalformed           IgnoreReason = "message_malformed"
	IgnoredOtherDestination    IgnoreReason = "message_for_another"     // its destination is another MIH Function
	IgnoredOwnSource           IgnoreReason = "message_from_ourselves"  // its source is this MIH Function
	IgnoredStranger            IgnoreReason = "stranger"                // a peer that is not configured, and no capability discovery
	IgnoredStrangersPaced      IgnoreReason = "strangers_paced"         // more discoveries of strangers than are answered
	IgnoredOtherAddress        IgnoreReason = "source_address_mismatch" // a peer's identifier, and not its address
	IgnoredUnprotected         IgnoreReason = "no_security_association" // of a protected peer whose association does not stand
	IgnoredDuplicate           IgnoreReason = "message_duplicate"       // its acknowledgement, or its answer, goes out again
	IgnoredNoTransaction       IgnoreReason = "no_transaction"          // an acknowledgement or a response that nothing waits for
	IgnoredOtherResponse       IgnoreReason = "response_to_another"     // a response that does not belong to its request
	IgnoredNotPermitted        IgnoreReason = "command_not_permitted"   // Config.Permits
	IgnoredNoHandler           IgnoreReason = "no_handler"              // no user here takes such messages
	IgnoredUnknownMessage      IgnoreReason = "unknown_message"         // acknowledged and otherwise ignored
	IgnoredTooManyRequests     IgnoreReason = "too_many_requests"       // of one peer, that users here have not answered
	IgnoredUnanswered          IgnoreReason = "request_unanswered"      // no user answered a peer's request in time
	IgnoredLate                IgnoreReason = "answer_late"             // a user's or SAP's answer to what is over
	IgnoredNotSubscribed       IgnoreReason = "not_subscribed"          // a peer's event that nobody here asked for
	IgnoredUnencodable         IgnoreReason = "message_unencodable"     // what a user here said does not go into a message
	IgnoredIndicationLost      IgnoreReason = "indication_not_acknowledged"
	IgnoredIndicationsOverflow IgnoreReason = "indications_overflow" // too many wait for one peer: a later one of the same link takes its place
)
