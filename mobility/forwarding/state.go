// Package forwarding is the data plane as plain state: what the kernel should hold for a MAG or an LMA, what was last
// applied, and the reconciler between the two. It is pure; package kernel holds the backends.
package forwarding

import (
	"net/netip"

	"netlmm/mobility"
)

// Role says on which end of the tunnel an entry stands.
type Role uint8

// Roles of an entry.
const (
	Anchor  Role = iota + 1 // LMA: prefix reached through the tunnel to the MAG
	Gateway                 // MAG: prefix reached on an access link, its packets leave through the tunnel to the LMA
	Discard                 // LMA: prefix assigned but detached: its packets are dropped (RFC 5213 section 5.3.5)
)

// Entry is what the kernel should hold for one home network prefix, or for one IPv4 home address, which is a prefix of 32
// bits (RFC 5844). Local and Peer are both IPv6, or both IPv4 where the transport network is. It is comparable.
type Entry struct {
	Prefix netip.Prefix
	Role   Role
	Local  netip.Addr // our end of the tunnel; zero for Discard
	Peer   netip.Addr // the other end: the MAG's Proxy-CoA or the LMA address; zero for Discard

	// Gateway only: the access link, and the mobile node on it.
	Interface             string
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID
	// LocalRouting lets packets between this prefix and others of this gateway that have it too pass directly, not through the
	// anchor (EnableMAGLocalRouting, RFC 5213 sections 6.10.3 and 9.2).
	LocalRouting bool
	// Offload says which flows from an IPv4 home address leave by this router's own routes, and not through the tunnel (RFC 6909).
	Offload      mobility.OffloadPolicy
	Transfer     Transfer   // where the mobile node is on its way between this gateway and another
	Hold         bool       // packets to the prefix are kept, in bounds, until an entry without Hold follows; then they go out in order, each once
	OtherGateway netip.Addr // the other gateway's Proxy-CoA, our tunnel to which carries what Transfer says; zero without Transfer
}

// Transfer is how far a Gateway is with handing a mobile node over to another one, or taking it over (RFC 5949 section 4).
type Transfer uint8

// Stages of a transfer. Whatever comes from the other gateway and is not named is dropped, and nothing that comes from there goes back
// there.
const (
	NoTransfer Transfer = iota
	// Leaving, at the previous gateway: packets to the prefix go into the tunnel to the other gateway. What that one tunnels
	// with a source in the prefix goes on to the anchor, and so does what the mobile node still sends on the access link.
	Leaving
	// Arriving, at the new gateway, before it is registered: packets to the prefix are accepted from the other gateway and from the anchor. What
	// the mobile node sends goes to the other gateway, since the anchor would refuse it from here.
	Arriving
	// Arrived, at the new gateway, registered: as without a transfer, and what the other gateway still forwards to the prefix is accepted as well.
	Arrived
)

// String names the stage in lower snake case.
func (t Transfer) String() string {
	if int(t) < len(transferNames) {
		return transferNames[t]
	}
	return "unknown"
}

var transferNames = [...]string{NoTransfer: "none", Leaving: "leaving", Arriving: "arriving", Arrived: "arrived"}

// OnLink says whether packets to the prefix of a Gateway go out by the access link.
func (e Entry) OnLink() bool { return e.Transfer != Leaving }

// Pinned is the link-layer address that the kernel of a Gateway sends to for all of an IPv6 prefix: it belongs to one mobile
// node (RFC 5213 section 1, the point-to-point link model), so that nobody need be asked who has one of its addresses. ok is false where there is
// no such address; IPv4 home addresses are looked after by package accesslink.
func (e Entry) Pinned() (mac [6]byte, ok bool) {
	if !e.Prefix.Addr().Is6() || !e.OnLink() {
		return mac, false
	}
	return e.Station()
}

// Station is the link-layer address of a Gateway's mobile node: what comes from the prefix is from it, and from nobody else. ok
// is false where there is no such address, as of one that is only expected: then nobody sends from the prefix.
func (e Entry) Station() (mac [6]byte, ok bool) {
	if e.Role != Gateway {
		return mac, false
	}
	mac, ok = e.MobileNodeLinkLayerID.MAC()
	return mac, ok && mac != [6]byte{} && mac[0]&1 == 0
}

var offloadNothing = mobility.OffloadNothing()

// InKernel is e as far as a Kernel stores it. What is held is the business of a Holder, and a policy that offloads nothing asks for nothing.
func (e Entry) InKernel() Entry {
	e.Hold = false
	if e.Offload == offloadNothing {
		e.Offload = mobility.OffloadPolicy{}
	}
	if _, known := e.Station(); !known {
		e.MobileNodeLinkLayerID = ""
	}
	return e
}

// State is the desired state of the kernel: at most one Entry a prefix. It remembers which prefixes changed since the last
// TakeChanged, so that applying one event costs the same however many bindings stand. A core owns it; it has no lock.
type State struct {
	entries        Entries // a prefix that changed is marked
	changed, taken []netip.Prefix
}

// NewState returns an empty state.
func NewState() *State { return &State{} }

// Set makes e the entry of its prefix.
func (s *State) Set(e Entry) {
	if s.entries.Set(e) {
		s.note(e.Prefix)
	}
}

// Delete removes the entry of prefix.
func (s *State) Delete(prefix netip.Prefix) {
	if s.entries.Delete(prefix) {
		s.note(prefix)
	}
}

func (s *State) note(prefix netip.Prefix) {
	if s.entries.mark(prefix) {
		s.changed = append(s.changed, prefix)
	}
}

// Get returns the entry of prefix.
func (s *State) Get(prefix netip.Prefix) (Entry, bool) { return s.entries.Get(prefix) }

// Len is the number of entries.
func (s *State) Len() int { return s.entries.Len() }

// All calls yield for every entry, in no particular order, until it returns false.
func (s *State) All(yield func(Entry) bool) { s.entries.All(yield) }

// keptChanges is how many changes there is always room for; a burst of more is not paid for ever after.
const keptChanges = 1024

// TakeChanged returns the prefixes that changed since the last call, each once, and forgets them. What it returns is the
// caller's until the next call.
func (s *State) TakeChanged() []netip.Prefix {
	for _, p := range s.changed {
		s.entries.unmark(p)
	}
	s.changed, s.taken = s.taken[:0], s.changed
	if cap(s.changed) > keptChanges {
		s.changed = nil
	}
	return s.taken
}
