// Package decision decides which mobile nodes a gateway serves and as what: the step between a link event and an attachment of the MAG
// (RFC 5213 section 6.2). It is a machine without clocks, sockets and goroutines. What it knows at once it decides at once; while
// an AAA server is asked the attachment waits, and what happens to the station meanwhile counts.
package decision

import (
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// Config is what a machine is told at start.
type Config struct {
	Order        []policy.Source                   // whom to ask, the first one that knows decides
	Everybody    mobility.Profile                  // what a grant is made from: the protocols, the lifetime and the offload policy that a gateway has by default
	Offload      map[string]mobility.OffloadPolicy // by the names that a grant may say
	ServeUnasked bool                              // a mobile node of which nothing is known is served by the table's fallback while AAA servers are silent
	SeveralMACs  policy.Rule                       // "": Interfaces

	Anchors        policy.Anchors
	AnchorPatience time.Duration // how long an association that is needed may be missing until the anchor is given up, default 5 s
	MoveFromDead   bool          // mobile nodes registered at an anchor that died register at another one; false: they wait for it

	CacheLifetime  time.Duration // how long a grant is good without asking again
	StaleLifetime  time.Duration // how long it is while no server answers
	RejectLifetime time.Duration // how long a rejected station is not asked for again
	MaximumCached  int           // grants and rejections
	RetryInterval  time.Duration // after which is asked again about whom no server answered, default 30 s

	MaximumStations int // that are remembered; one is forgotten for a newcomer, which costs it no binding
	MaximumWaiting  int // questions under way; who is asked about beyond them waits in line
}

// Event is what happens to the machine: one of the types below.
type Event interface{ isEvent() }

// Attached: a station is on an access link.
type Attached struct{ policy.Attachment }

// Detached: it left. What waits for an answer is cancelled.
type Detached struct {
	policy.Station
	At time.Time
}

// Answered is the end of an Ask.
type Answered struct {
	ID      policy.QueryID
	Verdict policy.Verdict
}

// Reloaded: the table of profiles is another one. Stations that are here are judged anew, paced.
type Reloaded struct{ Table *policy.Table }

// Registered: an anchor accepted a station's mobile node, which attached at that instant. It is another one than that of Serve where
// another gateway handed the mobile node over: what its anchor is that gateway knows (RFC 5949 section 4.1).
type Registered struct {
	policy.Station
	Attached time.Time
	LMA      netip.Addr
}

// Ended: its binding ended, which began with the attachment of that instant. Gone: nobody says that the station is still there.
type Ended struct {
	policy.Station
	Attached time.Time
	Gone     bool
}

// AnchorChanged tells of an anchor's health.
type AnchorChanged struct {
	LMA  netip.Addr
	Sign Sign
}

// Sign is a sign of life of an anchor, or of the want of it.
type Sign uint8

// Signs.
const (
	AssociationUp   Sign = iota // the security association came to stand: it lives, whatever was before
	AssociationDown             // it is gone: patience begins
	AssociationMiss             // a registration waits for it: likewise
	HeartbeatFailed             // RFC 5847: it does not answer
	HeartbeatBack               // or any sign of life of one that was mute
	Unanswered                  // registrations, although the association is said to stand: the anchor's host may live without the anchor
)

// Demanded is what an AAA server asks for by itself; DemandAnswered follows.
type Demanded struct{ policy.Demand }

func (Attached) isEvent()      {}
func (Detached) isEvent()      {}
func (Answered) isEvent()      {}
func (Reloaded) isEvent()      {}
func (Registered) isEvent()    {}
func (Ended) isEvent()         {}
func (AnchorChanged) isEvent() {}
func (Demanded) isEvent()      {}

// Action is what the machine wants done, executed in the order given: one of the types below.
type Action interface{ isAction() }

// Serve: the mobile node is to be registered as this profile says, which names an anchor. A station that is served already gets
// its profile changed.
type Serve struct {
	policy.Attachment
	Profile mobility.Profile
	Handoff mobility.HandoffIndicator // 0: unknown
}

// Withhold: the station is not served, or not any more.
type Withhold struct {
	policy.Attachment
	Reason Reason
}

// Ask an AAA server; Answered follows in any case.
type Ask struct {
	policy.Attachment
	Query policy.Query
}

// Leave: the station left, or its session was ended.
type Leave struct {
	policy.Station
	At time.Time
}

// Disassociate has the access point send the station away, where it can.
type Disassociate struct{ policy.Station }

// DemandAnswered is the answer to Demanded.
type DemandAnswered struct {
	Handle uint64
	Cause  policy.ErrorCause // 0: it was met
}

// AnchorDied and AnchorLives tell of an anchor that is left, and taken again.
type (
	AnchorDied struct {
		LMA    netip.Addr
		Reason Reason
	}
	AnchorLives struct{ LMA netip.Addr }
)

// Noted is something that only counts.
type Noted struct {
	Reason Reason
	Err    error
}

func (Serve) isAction()          {}
func (Withhold) isAction()       {}
func (Ask) isAction()            {}
func (Leave) isAction()          {}
func (Disassociate) isAction()   {}
func (DemandAnswered) isAction() {}
func (AnchorDied) isAction()     {}
func (AnchorLives) isAction()    {}
func (Noted) isAction()          {}

// Reason is a metric label.
type Reason string

// Reasons to withhold service.
const (
	NotAllowed     Reason = "not_allowed_by_policy"
	RejectedByAAA  Reason = "rejected_by_aaa"
	InvalidGrant   Reason = "invalid_grant"   // contradicts itself, or names an anchor that the configuration does not have
	NobodyKnows    Reason = "aaa_silent"      // and neither cache nor default
	AnotherDevice  Reason = "another_device"  // of the same identity is here
	SessionTimeout Reason = "session_timeout" // is over, and nobody extended it
	PolicyChanged  Reason = "policy_changed"
	Disconnected   Reason = "disconnected" // Disconnect-Request
)

// Reasons that only count.
const (
	FromCache        Reason = "from_cache"
	FromStaleCache   Reason = "from_stale_cache"
	ByDefault        Reason = "by_default"    // while AAA servers were silent
	WaitsInLine      Reason = "waits_in_line" // MaximumWaiting
	AnswerTooLate    Reason = "answer_too_late"
	AwaitsAttachment Reason = "awaits_attachment" // a changed anchor or address, until the mobile node attaches anew
	DeviceReplaced   Reason = "device_replaced"
	UnknownOffload   Reason = "unknown_offload_policy" // that an AAA server named, or several: that nothing leaves here is proposed, or the change refused
	StationForgotten Reason = "station_forgotten"      // MaximumStations
	AnchorSilent     Reason = "heartbeat_failed"
	AnchorMissing    Reason = "association_missing"
	AnchorMute       Reason = "registrations_unanswered"
)
