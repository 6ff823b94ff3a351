package mihf

import (
	"time"

	"netlmm/mih"
)

// Config is what an MIH Function is told at start.
type Config struct {
	MIHFID               mih.MIHFID
	MaximumLinks         int           // bound of the table of links; 0: 4096
	MaximumSubscriptions int           // bound over all users; 0: 64
	DownRetention        time.Duration // how long a link that went down stays in Links; 0: 5 min
}

// User identifies an MIH user: a name at an MIH Function. Local users carry the MIHFID of Config.
type User struct {
	MIHF mih.MIHFID
	Name string
}

// Event is what happens to an MIH Function: one of the types below.
type Event interface{ isEvent() }

// SAPIndication is a link event from a link SAP.
type SAPIndication struct{ Indication mih.Indication }

// EventSubscribe is MIH_Event_Subscribe: User wants the events on the links that Link matches. A second one for the same
// Link adds events.
type EventSubscribe struct {
	User   User
	Link   mih.LinkTupleID // zero fields match everything
	Events mih.EventList
}

// EventUnsubscribe is MIH_Event_Unsubscribe: it takes events from the subscription with that Link.
type EventUnsubscribe struct {
	User   User
	Link   mih.LinkTupleID
	Events mih.EventList
}

// Resync is what a user asks for after it lost indications (its queue was full): the Link_Up of every subscribed link that
// is up is delivered again, marked as Resync. Links tells it which of those it knows are gone.
type Resync struct{ User User }

func (SAPIndication) isEvent()    {}
func (EventSubscribe) isEvent()   {}
func (EventUnsubscribe) isEvent() {}
func (Resync) isEvent()           {}

// Action is what an MIH Function wants done, in the order given: one of the types below.
type Action interface{ isAction() }

// Deliver hands an indication to a subscribed user.
type Deliver struct {
	User       User
	Indication mih.Indication
}

// EventSubscribeConfirm answers EventSubscribe and EventUnsubscribe: Events is what that subscription holds now.
type EventSubscribeConfirm struct {
	User   User
	Link   mih.LinkTupleID
	Status mih.Status
	Events mih.EventList
}

// Ignored says that an indication reached no user, and why. Reason is a metric label.
type Ignored struct {
	Reason     IgnoreReason
	Indication mih.Indication
}

func (Deliver) isAction()               {}
func (EventSubscribeConfirm) isAction() {}
func (Ignored) isAction()               {}

// IgnoreReason is why an MIH Function ignored an indication; its text is a metric label.
type IgnoreReason string

// Reasons.
const (
	IgnoredNoSubscriber     IgnoreReason = "no_subscriber"
	IgnoredNoStation        IgnoreReason = "no_station_address"
	IgnoredResyncUnchanged  IgnoreReason = "resync_unchanged"      // a resync repeated what is known
	IgnoredResyncOutdated   IgnoreReason = "resync_outdated"       // the station is up elsewhere, for a shorter time
	IgnoredAlreadyDown      IgnoreReason = "already_down"          // a second report of the same loss
	IgnoredFormerAttachment IgnoreReason = "former_attachment"     // the station is up elsewhere by now
	IgnoredLinksFull        IgnoreReason = "maximum_links_reached" // raise MaximumLinks
	IgnoredUnknownEvent     IgnoreReason = "unknown_event"         // not one of the types of package mih
	IgnoredNotUp            IgnoreReason = "not_up"                // Link_Going_Down of a link that is not up
)

// LinkState is the state of a link.
type LinkState uint8

// States of a link.
const (
	LinkDown LinkState = iota
	LinkUp
	LinkGoingDown
)

// String is the state's name for people and JSON.
func (s LinkState) String() string {
	switch s {
	case LinkUp:
		return "up"
	case LinkGoingDown:
		return "going_down"
	}
	return "down"
}

// MarshalText writes the form of String.
func (s LinkState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Link is one row of the table of links: a station and its latest attachment.
type Link struct {
	Station           mih.LinkAddress `json:"station"`
	Type              mih.LinkType    `json:"type"`
	State             LinkState       `json:"state"`
	PointOfAttachment mih.LinkAddress `json:"point_of_attachment"`
	Interface         string          `json:"interface"`
	Identity          string          `json:"identity"`
	Source            mih.MIHFID      `json:"source"`
	SAP               string          `json:"sap"`
	Since             time.Time       `json:"since"`                     // start of the association, or of being down
	SignalStrength    int             `json:"signal_strength,omitempty"` // dBm, as last reported; 0: not known
}
