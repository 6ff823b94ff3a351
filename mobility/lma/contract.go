package lma

import (
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// Config is what an LMA is told at start. Durations named after RFC 5213 section 9.1 carry its defaults when zero.
type Config struct {
	LMAAddresses []netip.Addr // addresses of this anchor; a PBU to another address is ignored

	Pools        []netip.Prefix // dynamic home network prefixes come from these
	PrefixLength int            // of a dynamic home network prefix; default 64

	MinDelayBeforeBCEDelete    time.Duration // RFC 5213 9.1, default 10 s
	MaxDelayBeforeNewBCEAssign time.Duration // RFC 5213 9.1, default 1500 ms
	TimestampValidityWindow    time.Duration // RFC 5213 9.1, default 300 ms

	MaximumLifetime time.Duration // upper bound of a granted lifetime, at least 4 s; zero: what the field can say (72 h 49 min)
	MaximumBindings int           // bound of the binding cache, beyond it status 130; zero: 65536

	// Authorized says whether the peer that authenticated itself as identity (IKE; "" when security.mode is none) may
	// register mobile nodes at proxyCareOfAddress (RFC 5213 section 5.3.1, else status 154).
	Authorized func(proxyCareOfAddress netip.Addr, identity string) bool
	// Profile looks up the policy of a mobile node; false: not a mobile node of this anchor (status 153).
	Profile func(mobility.MobileNodeID) (mobility.Profile, bool)
	// Random fills b; the link-local addresses that the anchor generates come from it (RFC 5213 section 5.3.6).
	Random func(b []byte)
}

// Event is what happens to an LMA: one of the types below.
type Event interface{ isEvent() }

// MessageReceived is a Mobility Header as it came from the socket.
type MessageReceived struct {
	Source, Destination netip.Addr
	PeerIdentity        string    // authenticated IKE identity behind Source; "" when none stands
	ReceivedAt          time.Time // when the packet arrived, by the wall clock; zero: the instant of Handle
	Payload             []byte    // valid during Handle only
}

// Delete removes the binding of a mobile node by the operator's order, at once.
type Delete struct{ MobileNodeID mobility.MobileNodeID }

func (MessageReceived) isEvent() {}
func (Delete) isEvent()          {}

// Action is what an LMA wants done, executed in the order given: one of the types below.
type Action interface{ isAction() }

// ApplyForwarding: bring the kernel to Forwarding(). It must have completed before a following SendMessage goes out: a
// PBA promises that the path stands (RFC 5213 section 5.3.1 with 5.6.2). What a kernel refuses is no reason to hold the
// answer back: it stays desired, is retried and shows in the status, and a MAG could do nothing about it.
type ApplyForwarding struct{}

// SendMessage carries a Mobility Header to a MAG (source and destination as RFC 5213 section 5.3.6 swaps them). Payload
// has a zero checksum; it is the action's own.
type SendMessage struct {
	Source, Destination netip.Addr
	Payload             []byte
	Type                mh.Type         // of Payload: a Binding Acknowledgement or a Binding Error
	Status              mobility.Status // of the acknowledgement in Payload, for counters
}

// BindingChanged tells the store, the log and the admin API of one session. It needs no completion before what follows.
type BindingChanged struct {
	Change Change
	Entry  mobility.BindingCacheEntry // after the change; for Removed: the last one. Its prefixes are read only.
	From   netip.Addr                 // previous Proxy-CoA, for Handover
}

// Ignored says that an event changed nothing, and why. Reason is a metric label.
type Ignored struct {
	Reason       DropReason
	Source       netip.Addr
	MobileNodeID mobility.MobileNodeID
	Err          error // decode error or nil
}

func (ApplyForwarding) isAction() {}
func (SendMessage) isAction()     {}
func (BindingChanged) isAction()  {}
func (Ignored) isAction()         {}

// Change is what happened to a binding.
type Change uint8

// Changes of a binding cache entry.
const (
	Created      Change = iota + 1
	Extended            // re-registration by the same MAG, RFC 5213 section 5.3.3
	Handover            // same session at another MAG, RFC 5213 section 5.3.4
	Deregistered        // lifetime 0 accepted; kept for MinDelayBeforeBCEDelete, RFC 5213 section 5.3.5
	Removed             // gone: delay over, lifetime over or deleted by the operator
)

var changeNames = [...]string{"unchanged", "created", "extended", "handover", "deregistered", "removed"}

// String names the change in lower case, which is also its metric label.
func (c Change) String() string {
	if int(c) < len(changeNames) {
		return changeNames[c]
	}
	return "unknown"
}
