// Package heartbeat is RFC 5847 as a sans-IO machine, the same for both ends: it asks every peer from time to time whether it
// is there, answers those that ask, and finds out from restart counters who lost its state. One goroutine owns it.
package heartbeat

import (
	"net/netip"
	"time"
)

// Config is what the machine is told at start. The variables are those of RFC 5847 section 5.
type Config struct {
	Local                    netip.Addr    // of this end
	Peers                    []Peer        // more come with PeerAdded
	RestartCounter           uint32        // of this run: greater than that of every run before
	HeartbeatInterval        time.Duration // HEARTBEAT_INTERVAL: default 60 s, 30 s to 3600 s
	MissingHeartbeatsAllowed int           // MISSING_HEARTBEATS_ALLOWED: default 3
}

// Peer is the other end of a heartbeat.
type Peer struct {
	Address        netip.Addr
	RestartCounter uint32 // last seen, from the store; with Known
	Known          bool
	Mute           bool // never sent a heartbeat, and not taken for failed: a peer whose profile says that it knows none
}

// Event is what happens to the machine: one of the types below.
type Event interface{ isEvent() }

// MessageReceived is a Heartbeat message, or a Binding Error that may answer one, as it came from the socket.
type MessageReceived struct {
	Source, Destination netip.Addr
	Payload             []byte // valid during Handle only
}

// AssociationChanged: the security association with a peer stands or is gone. Nothing is sent to a peer without one. When
// it comes to stand, the peer gets the unsolicited response of this run if it has not had it (RFC 5847 section 3.2).
type AssociationChanged struct {
	Peer netip.Addr
	Up   bool
}

func (MessageReceived) isEvent()    {}
func (AssociationChanged) isEvent() {}

// Action is what the machine wants done: one of the types below.
type Action interface{ isAction() }

// SendMessage carries a Heartbeat. Payload has a zero checksum; it is the action's own.
type SendMessage struct {
	Source, Destination netip.Addr
	Payload             []byte
	Response            bool
}

// PeerRestarted: the restart counter of the peer is not the one known (RFC 5847 section 3.2): what it did not store is lost.
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

// PeerFailed: more than MissingHeartbeatsAllowed went unanswered (RFC 5847 section 3.1). PeerBack: it answers again.
type (
	PeerFailed struct{ Peer netip.Addr }
	PeerBack   struct{ Peer netip.Addr }
)

// Ignored says that an event changed nothing, and why. Reason is a metric label.
type Ignored struct {
	Reason DropReason
	Source netip.Addr
	Err    error
}

// DropReason is why a message was ignored; its text is a metric label.
type DropReason string

func (SendMessage) isAction()   {}
func (PeerRestarted) isAction() {}
func (PeerSeen) isAction()      {}
func (PeerFailed) isAction()    {}
func (PeerBack) isAction()      {}
func (Ignored) isAction()       {}
