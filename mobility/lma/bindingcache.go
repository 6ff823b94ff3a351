package lma

import (
	"cmp"
	"container/list"
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mh"
)

// state is where a binding cache entry is in its life. Only the become methods change it.
type state uint8

const (
	unborn       state = iota
	registered         // a MAG serves it
	deregistered       // kept for MinDelayBeforeBCEDelete, its packets are dropped (RFC 5213 section 5.3.5)
	removed            // no longer in the cache
)

var stateNames = [...]string{"unborn", "registered", "deregistered", "removed"}

// String is the state as records name it.
func (s state) String() string { return stateNames[s] }

// entry is a Binding Cache entry: one mobility session (RFC 5213 section 5.1). The fields of the record are those of the
// last accepted PBU; its State is filled in by record. The home network prefixes never change during a session.
type entry struct {
	mobility.BindingCacheEntry
	state state
	node  *mobileNode
	timer timer
}

// record is the entry as others see it.
func (e *entry) record() mobility.BindingCacheEntry {
	record := e.BindingCacheEntry
	record.State = e.state.String()
	return record
}

func compareRecords(a, b mobility.BindingCacheEntry) int {
	return cmp.Or(
		cmp.Compare(a.MobileNodeID.Subtype, b.MobileNodeID.Subtype),
		cmp.Compare(a.MobileNodeID.Value, b.MobileNodeID.Value),
		a.HomeNetworkPrefixes[0].Addr().Compare(b.HomeNetworkPrefixes[0].Addr()))
}

// mobileNode is what the anchor knows of one mobile node over all its sessions.
type mobileNode struct {
	id        mobility.MobileNodeID
	sessions  []*entry
	timestamp mh.Timestamp // greatest accepted in a PBU for this mobile node (RFC 5213 section 5.5, 6)
	waiting   *waiting     // registration that waits for a de-registration

	lastPrefixes []netip.Prefix // of the session that ended last, preferred for the next
	departed     *list.Element  // place among those without a session
}

// becomeRegistered makes the entry what an accepted PBU says and starts its lifetime (RFC 5213 sections 5.3.2-5.3.4).
func (l *LMA) becomeRegistered(e *entry, r *request, lifetime time.Duration) {
	e.state = registered
	e.LMAAddress = r.destination
	e.ProxyCareOfAddress = r.proxyCareOfAddress
	if e.MobileNodeLinkLayerID != r.linkLayerID { // the request's string keeps its whole message alive
		e.MobileNodeLinkLayerID = mobility.MobileNodeLinkLayerID(strings.Clone(string(r.linkLayerID)))
	}
	e.AccessTechnologyType = r.options.AccessTechnologyType
	e.HandoffIndicator = r.options.HandoffIndicator
	l.accept(e, r)
	e.Expires = r.now.Add(lifetime)
	l.timers.set(&e.timer, e.Expires)
	l.forward(e)
}

// becomeDeregistered starts the delay before the entry is deleted; until then its packets are dropped (RFC 5213 section
// 5.3.5, 2).
func (l *LMA) becomeDeregistered(e *entry, r *request) {
	e.state = deregistered
	l.accept(e, r)
	e.Expires = r.now.Add(l.cfg.MinDelayBeforeBCEDelete)
	l.timers.set(&e.timer, e.Expires)
	l.forward(e)
}

// becomeRemoved takes the entry out of the cache and frees its prefixes; the mobile node remembers them.
func (l *LMA) becomeRemoved(e *entry) {
	e.state = removed
	l.timers.stop(&e.timer)
	for _, prefix := range e.HomeNetworkPrefixes {
		delete(l.owners, prefix)
		l.pool.release(prefix)
		l.forwarding.Delete(prefix)
		l.unapplied = true
	}
	node := e.node
	node.sessions = slices.DeleteFunc(node.sessions, func(other *entry) bool { return other == e })
	node.lastPrefixes = e.HomeNetworkPrefixes
	l.bindings--
	l.settle(node)
}

// insert puts a new session with these prefixes, all free, into the cache; a become method follows.
func (l *LMA) insert(id mobility.MobileNodeID, prefixes []netip.Prefix) *entry {
	node := l.nodes[id]
	if node == nil {
		id.Value = strings.Clone(id.Value) // which keeps its whole message alive
		node = &mobileNode{id: id}
		l.nodes[id] = node
	}
	e := &entry{node: node}
	e.timer = timer{index: -1, entry: e}
	e.MobileNodeID = node.id
	e.HomeNetworkPrefixes = prefixes
	for _, prefix := range prefixes {
		l.owners[prefix] = e
		l.pool.take(prefix)
	}
	node.sessions = append(node.sessions, e)
	l.bindings++
	l.settle(node)
	return e
}

// settle files the node among the departed ones or takes it out of there. It forgets the one that departed first when
// more are remembered than bindings may stand.
func (l *LMA) settle(node *mobileNode) {
	gone := len(node.sessions) == 0 && node.waiting == nil
	switch {
	case gone && node.departed == nil:
		node.departed = l.departed.PushBack(node)
	case !gone && node.departed != nil:
		l.departed.Remove(node.departed)
		node.departed = nil
	}
	for l.departed.Len() > l.cfg.MaximumBindings {
		oldest := l.departed.Remove(l.departed.Front()).(*mobileNode)
		delete(l.nodes, oldest.id)
	}
}

// accept notes what an accepted PBU says whatever its lifetime is: its order marks (RFC 5213 section 5.5) and the MAG's
// link-local address (section 5.3.6).
func (l *LMA) accept(e *entry, r *request) {
	e.LinkLocalAddress = l.linkLocalAddress(e, r)
	e.SequenceNumber = r.sequence
	e.Timestamp = uint64(r.options.Timestamp)
	e.LastUpdate = r.now
	e.node.timestamp = max(l.lastTimestamp(e.node, r.now), r.options.Timestamp)
}

// forward makes the forwarding state of the entry's prefixes follow its state.
func (l *LMA) forward(e *entry) {
	desired := forwarding.Entry{Role: forwarding.Anchor, Local: e.LMAAddress, Peer: e.ProxyCareOfAddress}
	if e.state == deregistered {
		desired = forwarding.Entry{Role: forwarding.Discard}
	}
	for _, prefix := range e.HomeNetworkPrefixes {
		desired.Prefix = prefix
		if held, ok := l.forwarding.Get(prefix); !ok || held != desired {
			l.forwarding.Set(desired)
			l.unapplied = true
		}
	}
}

// linkLocalAddress is the MAG's address on the link with the mobile node (RFC 5213 section 5.3.6): what the request says,
// else what the entry has, else a new one if the request asks for it.
func (l *LMA) linkLocalAddress(e *entry, r *request) netip.Addr {
	switch {
	case !r.options.Present.Has(mh.OptionLinkLocalAddress):
		return e.LinkLocalAddress
	case !r.options.LinkLocalAddress.IsUnspecified():
		return r.options.LinkLocalAddress
	case e.LinkLocalAddress.IsValid():
		return e.LinkLocalAddress
	}
	address := [16]byte{0xfe, 0x80}
	l.cfg.Random(address[8:])
	address[8] &^= 0x02 // not universally unique (RFC 4291 section 2.5.1)
	address[15] |= 0x01 // never the Subnet-Router anycast address
	return netip.AddrFrom16(address)
}
