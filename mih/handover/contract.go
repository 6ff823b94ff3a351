package handover

import (
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// Config is what a Controller is told at start. A zero number stands for its default.
type Config struct {
	MIHFID mih.MIHFID
	// Candidates are the points of attachment that a station at this one may go to, without itself: the network map's answer.
	Candidates func(at mih.LinkAddress, now time.Time) []Candidate
	// Target is what the network map knows of a point of attachment that somebody else chose, be it in another network than the station.
	Target func(poa mih.LinkAddress) (Candidate, bool)
	// Local says whether a point of attachment is this network's own, so that stations may be announced for it.
	Local func(poa mih.LinkAddress) bool
	// Speaks says whether an MIH Function is reached that takes Net_HO commands, by its own word: a mobile node's, or an access point's. nil: none is.
	Speaks  func(id mih.MIHFID) bool
	Weights Weights

	OnLinkGoingDown    bool          // Link_Going_Down prepares a handover, and not only Link_Handover_Imminent
	PreparationTimeout time.Duration // how long a candidate network has for each answer; 0: 500 ms
	CandidateTimeout   time.Duration // how long a mobile node has to say which candidates it prefers, and no more than half of what its link lasts; 0: 100 ms
	Lead               time.Duration // packets are handed over this long before the announced end of a link, not earlier: until then the station is best served here; 0: 200 ms
	Grace              time.Duration // how long after the announced end of a link its station may take to leave; 0: 300 ms
	ExpectationTime    time.Duration // how long a station that was announced is waited for; 0: 10 s
	MaximumStations    int           // at one point of attachment here, where it counts as full; 0: how full they are is not known
	MaximumHandovers   int           // in preparation or prepared; 0: 1024
	MaximumExpected    int           // stations that other networks announced; 0: 1024
	MaximumSeen        int           // signals of stations at points of attachment that are not theirs; 0: 4096
}

// Weights say what a candidate is chosen by, each from 0 to 100.
type Weights struct {
	Signal    int // how strong the station's signal is there
	Load      int // how much room is left there
	Previous  int // whether the station was there before
	Preferred int // how early the mobile node itself names it, if it speaks 802.21
}

// Candidate is a point of attachment that a station may go to.
type Candidate struct {
	PointOfAttachment mih.LinkAddress
	LinkType          mih.LinkType
	NetworkID         string
	Channel           int        // 0: not known
	MIHFID            mih.MIHFID // of the network that it belongs to; this one's own: no other network need be prepared
	Load              int        // percent of the room that is taken; -1: not known before its network is asked
}

// Event is what happens to a Controller: one of the types below.
type Event interface{ isEvent() }

// Indicated is a link event that this MIH Function's user got.
type Indicated struct{ Indication mih.Indication }

// Confirmed answers Ask. Body is nil when there was no response.
type Confirmed struct {
	ID    uint64
	Body  wire.Body
	Extra []wire.TLV // beside it
}

// Requested is a handover command of another MIH Function.
type Requested struct {
	Handle uint64
	Source mih.MIHFID
	Body   wire.Body
}

// Ready says how a Prepare ended.
type Ready struct {
	ID   uint64 // of Prepare
	Link mih.LinkID
	OK   bool
}

func (Indicated) isEvent() {}
func (Confirmed) isEvent() {}
func (Requested) isEvent() {}
func (Ready) isEvent()     {}

// Action is what a Controller wants done, in the order given: one of the types below.
type Action interface{ isAction() }

// Ask sends a handover command to another MIH Function. A Confirmed follows.
type Ask struct {
	ID          uint64
	Destination mih.MIHFID
	Body        wire.Body
	Extra       []wire.TLV // experimental ones
}

// Answer answers Requested.
type Answer struct {
	Handle uint64
	Body   wire.Body
	Extra  []wire.TLV // beside it
}

// Prepare has the packets of a station handed over to the network of Target, which expects it. A Ready follows.
type Prepare struct {
	ID        uint64 // of its own: a station may be prepared for more than once
	Link      mih.LinkID
	Interface string // where the station is
	Target    Candidate
}

// Undo takes back what Prepare did: the station stays, or it is too late for it.
type Undo struct {
	ID        uint64 // of Prepare
	Link      mih.LinkID
	Interface string
	Reason    UndoReason
}

// Steer has the station, of a link SAP here, asked to go to the target, now that it is prepared.
type Steer struct {
	Link   mih.LinkID
	Target Candidate
	Within time.Duration
}

// Note is something that happened, for a counter.
type Note struct {
	Reason Reason
	Link   mih.LinkID
	Peer   mih.MIHFID
}

func (Ask) isAction()     {}
func (Answer) isAction()  {}
func (Prepare) isAction() {}
func (Undo) isAction()    {}
func (Steer) isAction()   {}
func (Note) isAction()    {}

// UndoReason is why a prepared handover was taken back; its text is a metric label.
type UndoReason string

// Reasons to take a handover back.
const (
	UndoneStayed    UndoReason = "stayed"             // the link did not go down in time
	UndoneRecovered UndoReason = "recovered"          // its parameters are good again, or it came up anew here
	UndoneElsewhere UndoReason = "attached_elsewhere" // another network than the prepared one has the station
	UndoneReplaced  UndoReason = "replaced"           // the next prediction names another target
)

// Reason is a metric label.
type Reason string

// What is counted.
const (
	Begun          Reason = "handover_begun"
	NoCandidate    Reason = "no_candidate"
	Declined       Reason = "candidate_declined"
	NoAnswer       Reason = "candidate_did_not_answer"
	Unprepared     Reason = "candidate_not_prepared" // it agreed, but the packets could not be handed over; the next one is asked
	NotPrepared    Reason = "preparation_failed"     // with no candidate: the end of a handover
	Prepared       Reason = "handover_prepared"
	LocalTarget    Reason = "target_is_local" // nothing need be prepared: the station stays with this network
	Completed      Reason = "handover_completed"
	Mispredicted   Reason = "handover_mispredicted"
	Withdrawn      Reason = "handover_withdrawn" // before any packets were handed over
	Expected       Reason = "station_expected"
	NeverCame      Reason = "station_never_came"
	Came           Reason = "station_came"
	RefusedForeign Reason = "refused_foreign_point_of_attachment"
	RefusedFull    Reason = "refused_too_many"
	HandoversFull  Reason = "maximum_handovers_reached"

	MobileConsulted    Reason = "mobile_node_consulted"                 // it said which candidates it prefers
	MobileSilent       Reason = "mobile_node_did_not_answer"            // Net_HO_Candidate_Query
	MobileRefused      Reason = "mobile_node_refused"                   // it answered with nothing but a status
	MobileDeclined     Reason = "mobile_node_declined"                  // it does not want to move, and is not asked to
	MobileStrange      Reason = "mobile_node_named_no_candidate"        // but others, or none
	AskedToMove        Reason = "station_asked_to_move"                 // by Net_HO_Commit: of the mobile node, or of its access point's MIH Function
	SteeringRefused    Reason = "net_handover_commit_refused"           // another way is tried, if there is one
	SteeringUnanswered Reason = "net_handover_commit_without_an_answer" // likewise
	MovesByItself      Reason = "station_moves_by_itself"               // there is no way to ask it
	UnknownHandover    Reason = "unknown_handover"                      // of a completion, or an answer that came too late
)
