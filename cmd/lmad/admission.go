package main

import (
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility/lma"
)

// Reasons for which a Mobility Header does not reach the core; the core has those of its own.
const (
	queueFull             = "queue_full"
	stopped               = "stopped"
	waitingRoomFull       = "waiting_room_full"
	noSecurityAssociation = "no_security_association"
)

// associations is what the guard knows of the gateways' security associations.
type associations interface {
	Awaits(peer netip.Addr) bool
	Identity(peer netip.Addr) string
	Told(since time.Time) bool
}

// admission gives the core Mobility Headers with the identity that their senders have proved.
type admission struct {
	associations associations
	waiting      waitingRoom
	post         func(lma.MessageReceived) bool // takes what had to wait
	drop         func(reason string)
}

func newAdmission(post func(lma.MessageReceived) bool, drop func(reason string)) *admission {
	a := &admission{post: post, drop: drop}
	a.waiting.leaves, a.waiting.late = a.admit, a.late
	return a
}

// take a message from the socket, whose buffer the payload is in. False: it has to wait, or is dropped.
func (a *admission) take(m lma.MessageReceived) (lma.MessageReceived, bool) {
	if !a.associations.Awaits(m.Source) {
		m.PeerIdentity = a.associations.Identity(m.Source)
		return m, true
	}
	m.Payload = slices.Clone(m.Payload)
	if !a.waiting.enter(m) {
		a.drop(waitingRoomFull)
	}
	if a.associations.Identity(m.Source) != "" {
		a.waiting.leave(m.Source) // it came to stand before the message was in the room
	}
	return lma.MessageReceived{}, false
}

// changed hears of every association that comes to stand or goes.
func (a *admission) changed(peer netip.Addr, up bool) {
	if up {
		a.waiting.leave(peer)
	}
}

// late decides about a message whose sender's association was not announced in time. The core refuses it with status 154
// when charon said meanwhile what stands; when charon said nothing it may have come through an association that does, and
// is dropped: the gateway sends it again, and would take a refusal for final.
func (a *admission) late(m lma.MessageReceived, since time.Time) {
	if a.associations.Identity(m.Source) == "" && !a.associations.Told(since) {
		a.drop(noSecurityAssociation)
		return
	}
	a.admit(m)
}

func (a *admission) admit(m lma.MessageReceived) {
	m.PeerIdentity = a.associations.Identity(m.Source)
	if !a.post(m) {
		a.drop(queueFull)
	}
}
