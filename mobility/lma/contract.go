package lma

import (
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// Config is what an LMA is told at start. Durations named after RFC 5213 section 9.1 carry its defaults when zero.
type Config struct {
	LMAAddresses []netip.Addr // addresses of this anchor, IPv6 or IPv4 (RFC 5844 section 4); a PBU to another address is ignored

	// Pools are where dynamic home network prefixes come from. A static one of a profile must not be in them: as long as its
	// mobile node is not there, another one may get it.
	Pools        []netip.Prefix
	PrefixLength int // of a dynamic home network prefix; default 64

	MinDelayBeforeBCEDelete    time.Duration // RFC 5213 9.1, default 10 s
	MaxDelayBeforeNewBCEAssign time.Duration // RFC 5213 9.1, default 1500 ms
	TimestampValidityWindow    time.Duration // RFC 5213 9.1, default 300 ms

	// TimestampBasedApproachInUse and MobileNodeGeneratedTimestampInUse of RFC 5213 section 9.3. An LMA takes both timestamps
	// and sequence numbers whatever they say; with the second a timestamp is the mobile node's own clock (section 5.5, 6d).
	MobileNodeGeneratedTimestampInUse bool

	IPv4Pools       []IPv4Pool         // as Pools: IPv4 home addresses come from these (RFC 5844 section 3.1); none: no IPv4 mobility
	DHCPSupportMode mh.DHCPSupportMode // what the MAGs are to their mobile nodes (RFC 5844 section 3.4)

	// EnableIPv4TrafficOffloadSupport answers MAGs that ask for an offload policy (RFC 6909 section 4): with that of the profile, or
	// else with the one that they propose.
	EnableIPv4TrafficOffloadSupport bool

	BRIMaxRetriesNumber int           // RFC 5846 11, default 1
	InitMINDelayBRIs    time.Duration // RFC 5846 11, default 1 s, at least 500 ms
	MaxBRAckTimeout     time.Duration // RFC 5846 11, default 2 s

	// RevokeAtUnknownHandover revokes at the former MAG, in place of waiting for its de-registration, when another one
	// registers a mobile node with Handoff Indicator 4 (RFC 5846 section 8.1). The MAGs must know binding revocation: one that
	// does not makes the mobile node wait for the end of the retransmissions. Peers with another profile than strict are not
	// asked.
	RevokeAtUnknownHandover bool

	MaximumLifetime time.Duration // upper bound of a granted lifetime, at least 4 s; zero: what the field can say (72 h 49 min)
	MaximumBindings int           // bound of the binding cache, beyond it status 130; zero: 65536

	// Authorized says whether the peer that authenticated itself as identity (IKE; "" when security.mode is none) may
	// register mobile nodes at proxyCareOfAddress (RFC 5213 section 5.3.1, else status 154).
	Authorized func(proxyCareOfAddress netip.Addr, identity string) bool
	// AuthorizedFor says whether the MAG at proxyCareOfAddress may register this mobile node (else status 154) and this prefix
	// or IPv4 home address for it (else status 155 or 171): RFC 5213 sections 4 and 5.3.1(5). A zero prefix asks about the
	// mobile node alone. A MAG gets dynamic ones only from a pool of which it may register all. nil: every authorized MAG may.
	AuthorizedFor func(proxyCareOfAddress netip.Addr, id mobility.MobileNodeID, prefix netip.Prefix) bool
	// Compat is the profile of a peer; nil: strict for all.
	Compat func(peer netip.Addr) mobility.Compat
	// Profile looks up the policy of a mobile node; false: not a mobile node of this anchor (status 153).
	Profile func(mobility.MobileNodeID) (mobility.Profile, bool)
	// Random fills b; the link-local addresses that the anchor generates come from it (RFC 5213 section 5.3.6).
	Random func(b []byte)
}

// IPv4Pool is a network that IPv4 home addresses come from.
type IPv4Pool struct {
	Network       netip.Prefix
	DefaultRouter netip.Addr // never given out; zero: the first address of the network
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

// Revoke ends bindings by the operator's order and tells their MAGs (RFC 5846): those of one mobile node, or, with a
// ProxyCareOfAddress and no MobileNodeID, all of one MAG (a global revocation).
type Revoke struct {
	MobileNodeID       mobility.MobileNodeID
	ProxyCareOfAddress netip.Addr
	Trigger            mh.RevocationTrigger // 0: administrative reason, or per-peer policy for a whole MAG
}

func (MessageReceived) isEvent() {}
func (Delete) isEvent()          {}
func (Revoke) isEvent()          {}

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
	Type                mh.Type         // of Payload: a Binding Acknowledgement, a Binding Error or a Binding Revocation
	Status              mobility.Status // of the acknowledgement in Payload, for counters
}

// BindingChanged tells the store, the log and the admin API of one session. It needs no completion before what follows.
type BindingChanged struct {
	Change Change
	Entry  mobility.BindingCacheEntry // after the change; for Removed: the last one. Its prefixes are read only.
	From   netip.Addr                 // previous Proxy-CoA, for Handover

	Dropped []netip.Prefix // home network prefixes that the session goes on without: it is of IPv4 alone now. Read only.
}

// RevocationEnded says how a revocation went: answered with Status, or not answered at all. The bindings are gone either way
// (RFC 5846 sections 6.2.2 and 6.3), but for those that a registration took back meanwhile (section 8.1); where the MAG does not
// know revocation (Status 133 to 135) they stay as they are, without traffic, for as long as it was granted them, so that it is refused the next extension.
type RevocationEnded struct {
	ProxyCareOfAddress netip.Addr
	MobileNodeID       mobility.MobileNodeID // zero: a global one
	Answered           bool
	Status             mh.RevocationStatus
	Bindings           int // that it ended; those that ended or moved by themselves meanwhile do not count
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
func (RevocationEnded) isAction() {}
func (Ignored) isAction()         {}

// Change is what happened to a binding.
type Change uint8

// Changes of a binding cache entry.
const (
	Created      Change = iota + 1
	Extended            // re-registration by the same MAG, RFC 5213 section 5.3.3; or one of its IP versions ended there, RFC 5844 section 3.1.2.5
	Handover            // same session at another MAG, RFC 5213 section 5.3.4
	Deregistered        // lifetime 0 accepted, kept for MinDelayBeforeBCEDelete, RFC 5213 section 5.3.5; or being revoked, RFC 5846 section 8.1
	Removed             // gone: delay over, lifetime over, revoked, or deleted by the operator
)

var changeNames = [...]string{"unchanged", "created", "extended", "handover", "deregistered", "removed"}

// String names the change in lower case, which is also its metric label.
func (c Change) String() string {
	if int(c) < len(changeNames) {
		return changeNames[c]
	}
	return "unknown"
}
