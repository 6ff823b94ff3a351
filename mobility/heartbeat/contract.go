// Package heartbeat is RFC 5847 as a sans-IO machine, the same for both ends: it asks every peer from time to time whether it
// is there, answers those that ask, and finds out from restart counters who lost its state. One goroutine owns it.
package heartbeat

import (
	"net/netip"
	"time"
)

// Config is what the machine is told at start. The variables are those of RFC 5847 section 5.
type Config struct {
	Local                    netip.Addr // of this end, for peers that have an IPv6 address
	LocalIPv4                netip.Addr // of this end, for peers that are reached over IPv4 (RFC 5847 section 4)
	Peers                    []Peer
	RestartCounter           uint32        // of this run
	HeartbeatInterval        time.Duration // HEARTBEAT_INTERVAL: default 60 s, 30 s to 3600 s
	MissingHeartbeatsAllowed int           // MISSING_HEARTBEATS_ALLOWED: default 3

	// StateKept: this run has the sessions of the run before, and so its restart counter (RFC 5847 section 3.2: it must not grow
	// then). No peer is told of a restart. Otherwise RestartCounter is greater than that of every run before.
	StateKept bool
	// Passive: nobody is asked. Requests are answered and a restart is told all the same.
	Passive bool
	// Laboratory: HeartbeatInterval may be as short as 100 ms.
	Laboratory bool
	// Sessions says whether there is a binding with the peer now; without one the peer is not asked (RFC 5847 section 3). It is
	// called from Expire. nil: there is one with every peer.
	Sessions func(peer netip.Addr) bool
}

// Peer is the other end of a heartbeat.
type Peer struct {
	Address        netip.Addr
	RestartCounter uint32 // last seen, from the store; with Known
	Known          bool
	// Mute: never sent a heartbeat, and not taken for failed: a peer whose profile says that it knows none. Should it ask, it
	// does know them, and is answered; no more than that.
	Mute bool
}

// Status is what the machine knows of a peer.
type Status struct {
	Address        netip.Addr `json:"address"`
	Up             bool       `json:"up"`                  // the security association stands
	Failed         bool       `json:"failed"`              // more than MissingHeartbeatsAllowed went unanswered, and nothing came since
	Mute           bool       `json:"mute"`                // knows no heartbeats: its profile says so, or it said so
	RestartCounter *uint32    `json:"restart_counter"`     // null: not known
	LastHeard      time.Time  `json:"last_heard,omitzero"` // last heartbeat from it
	Unanswered     int        `json:"unanswered"`          // MISSING_HEARTBEAT
	Sequence       uint32     `json:"sequence"`            // of the last request to it
	Restarts       uint64     `json:"restarts"`            // seen in this run
	Asked          uint64     `json:"requests_sent"`       // to it
	Answered       uint64     `json:"requests_answered"`   // of it
}

// Event is what happens to the machine: one of the types below.
type Event interface{ isEvent() }

// MessageReceived is a Heartbeat message, or a Binding Error that may answer one, as it came from the socket.
type MessageReceived struct {
	Source, Destination netip.Addr
	Payload             []byte // valid during Handle only
}

// AssociationChanged: the security association with a peer stands or is gone. Nothing is sent to a peer without one, and
// nothing taken from it. When it comes to stand, the peer gets the unsolicited response of this run if it has not had it (RFC
// 5847 section 3.2). Where the control channel has no protection, every peer's association stands from the start: say so.
type AssociationChanged struct {
	Peer netip.Addr
	Up   bool
}

// Doubted: others have a reason to think that the peer does not live, whatever heartbeats say. PeerHeard follows with the next sign of its
// life. It is asked no sooner for that.
type Doubted struct{ Peer netip.Addr }

func (MessageReceived) isEvent()    {}
func (AssociationChanged) isEvent() {}
func (Doubted) isEvent()            {}

// Action is what the machine wants done: one of the types below.
type Action interface{ isAction() }

// SendMessage carries a Heartbeat. Payload has a zero checksum; it is the action's own.
type SendMessage struct {
	Source, Destination netip.Addr
	Payload             []byte
	Response            bool
}

// PeerRestarted: the restart counter of the peer is not the one known (RFC 5847 section 3.2): what it did not store is lost. An
// unsolicited response of a peer whose counter is not known says the same: it goes out after such a restart only.
// Store the counter once the consequences are drawn.
type PeerRestarted struct {
	Peer           netip.Addr
	RestartCounter uint32
}

// PeerSeen: the counter of a peer that was not known before.
type PeerSeen struct {
	Peer           netip.Addr
	RestartCounter uint32
}

// PeerFailed: more than MissingHeartbeatsAllowed went unanswered (RFC 5847 section 3.1). PeerBack: it is heard again. They
// come in turns.
type (
	PeerFailed struct{ Peer netip.Addr }
	PeerBack   struct{ Peer netip.Addr }
)

// PeerHeard: a peer that was doubted lives.
type PeerHeard struct{ Peer netip.Addr }

// PeerMuted: the peer said that it knows no heartbeats. It gets none in this run (RFC 5847 section 3).
type PeerMuted struct{ Peer netip.Addr }

// Ignored says that an event changed nothing, and why. Reason is a metric label.
type Ignored struct {
	Reason DropReason
	Source netip.Addr
	Err    error
}

// DropReason is why a message was ignored; its text is a metric label.
type DropReason string

// Reasons to ignore a message.
const (
	Malformed             DropReason = "malformed"               // RFC 6275 section 9.2
	UnexpectedMessageType DropReason = "unexpected_message_type" // neither a Heartbeat nor a Binding Error
	NotOurAddress         DropReason = "not_our_address"         // sent to an address that is not Local
	UnknownPeer           DropReason = "unknown_peer"            // not configured
	NoAssociation         DropReason = "no_security_association" // RFC 5847 section 6
	RequestsPaced         DropReason = "requests_paced"          // a peer that asks faster than it is answered
	UnmatchedResponse     DropReason = "unmatched_response"      // RFC 5847 section 3.1: not of the last request, or a copy
	FormerRestartCounter  DropReason = "former_restart_counter"  // an unsolicited response that was overtaken; the next exchange tells
	RestartsPaced         DropReason = "restarts_paced"          // an unsolicited response too soon after a restart; the next exchange tells
	UnrelatedBindingError DropReason = "unrelated_binding_error" // answers no heartbeat
)

func (SendMessage) isAction()   {}
func (PeerRestarted) isAction() {}
func (PeerSeen) isAction()      {}
func (PeerFailed) isAction()    {}
func (PeerBack) isAction()      {}
func (PeerHeard) isAction()     {}
func (PeerMuted) isAction()     {}
func (Ignored) isAction()       {}
