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
	deregistered       // kept for MinDelayBeforeBCEDelete or until its revocation ends; its packets are dropped (RFC 5213 section 5.3.5)
	removed            // no longer in the cache
)

var stateNames = [...]string{"unborn", "registered", "deregistered", "removed"}

// revoking is how records name deregistered while a revocation is on its way (RFC 5846 section 8.1, revocation in progress):
// it goes on when the anchor is started again.
const revoking = "revoking"

// String is the state as records name it.
func (s state) String() string { return stateNames[s] }

// entry is a Binding Cache entry: one mobility session (RFC 5213 section 5.1, RFC 5844 section 3.1.1). Its fields are those
// of the last accepted PBU. There are many of them, so they are kept small: what several share stands in path and node.
type entry struct {
	node          *mobileNode
	path          *path
	before, after *entry // on the path

	prefixes []netip.Prefix  // home network prefixes; a record may share them, so they are replaced, never changed
	one      [1]netip.Prefix // where the usual single one of prefixes stands

	linkLayerID      mobility.MobileNodeLinkLayerID
	linkLocalAddress *[16]byte // of the MAG; nil: none. Replaced, never changed
	ipv4             [4]byte   // home address; zero: none
	ipv4Bits         uint8     // of its network

	state                state
	handoffIndicator     mobility.HandoffIndicator
	accessTechnologyType mobility.AccessTechnologyType
	sequence             uint16
	offload              offload // what its MAG was told of offloading (RFC 6909)
	place                int32
	timestamp            mh.Timestamp

	registered, lastUpdate, expires instant
}

func (e *entry) slot() *int32 { return &e.place }

// due ends a binding whose time is over.
func (e *entry) due(l *LMA, now time.Time) {
	if v := l.revoking[e]; v != nil && v.payload == nil { // its MAG is still to be told, later than was to be expected
		l.expireAt(e, now.Add(l.cfg.MinDelayBeforeBCEDelete))
		return
	}
	l.remove(now, e)
}

// home is the IPv4 home address with the length of its network; not valid: none.
func (e *entry) home() netip.Prefix {
	if e.ipv4 == [4]byte{} {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(netip.AddrFrom4(e.ipv4), int(e.ipv4Bits))
}

// hostOf is what an IPv4 home address is to the forwarding state and as a key: a prefix of 32 bits.
func hostOf(home netip.Prefix) netip.Prefix { return netip.PrefixFrom(home.Addr(), 32) }

// bound calls yield for everything that the mobile node is reached at in this session.
func (e *entry) bound(yield func(netip.Prefix) bool) {
	for _, prefix := range e.prefixes {
		if !yield(prefix) {
			return
		}
	}
	if e.ipv4 != [4]byte{} {
		yield(hostOf(e.home()))
	}
}

// record is the entry as others see it.
func (l *LMA) record(e *entry) mobility.BindingCacheEntry {
	record := mobility.BindingCacheEntry{
		MobileNodeID:          e.node.id(),
		MobileNodeLinkLayerID: e.linkLayerID,
		AccessTechnologyType:  e.accessTechnologyType,
		HandoffIndicator:      e.handoffIndicator,
		HomeNetworkPrefixes:   e.prefixes,
		IPv4HomeAddress:       e.home(),
		ProxyCareOfAddress:    e.path.proxyCareOfAddress,
		LMAAddress:            e.path.lmaAddress,
		SequenceNumber:        e.sequence,
		Timestamp:             uint64(e.timestamp),
		State:                 e.state.String(),
		Registered:            l.timeOf(e.registered),
		LastUpdate:            l.timeOf(e.lastUpdate),
		Expires:               l.timeOf(e.expires),
		OffloadPolicy:         l.offloadOf(e),
		OffloadAnswered:       e.offload != 0,
		OffloadSuspended:      e.offload != e.offload.number(),
	}
	if l.revoking[e] != nil {
		record.State = revoking
	}
	if e.linkLocalAddress != nil {
		record.LinkLocalAddress = netip.AddrFrom16(*e.linkLocalAddress)
	}
	if record.IPv4HomeAddress.IsValid() {
		_, record.IPv4DefaultRouter, _ = l.ipv4Pool.home(record.IPv4HomeAddress)
	}
	return record
}

func compareRecords(a, b mobility.BindingCacheEntry) int {
	return cmp.Or(
		cmp.Compare(a.MobileNodeID.Subtype, b.MobileNodeID.Subtype),
		cmp.Compare(a.MobileNodeID.Value, b.MobileNodeID.Value),
		slices.CompareFunc(a.HomeNetworkPrefixes, b.HomeNetworkPrefixes, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) }),
		a.IPv4HomeAddress.Addr().Compare(b.IPv4HomeAddress.Addr()))
}

// mobileNode is what the anchor knows of one mobile node over all its sessions.
type mobileNode struct {
	key       string // its identifier: the octet of the subtype and the value
	sessions  []*entry
	one       [1]*entry    // where the usual single one of sessions stands
	timestamp mh.Timestamp // greatest accepted in a PBU for this mobile node (RFC 5213 section 5.5, 6)
	past      *past        // what it had before
}

func (n *mobileNode) id() mobility.MobileNodeID {
	return mobility.MobileNodeID{Subtype: mobility.MobileNodeIDSubtype(n.key[0]), Value: n.key[1:]}
}

// node is the mobile node with this identifier, if the anchor knows of it.
func (l *LMA) node(id mobility.MobileNodeID) *mobileNode {
	l.key = append(append(l.key[:0], byte(id.Subtype)), id.Value...)
	return l.nodes[string(l.key)]
}

// past is what a mobile node had last, preferred for its next session.
type past struct {
	prefixes []netip.Prefix
	ipv4     netip.Addr
	departed *list.Element // place among those without a session
}

// remember returns the node's past, to be filled in.
func (n *mobileNode) remember() *past {
	if n.past == nil {
		n.past = &past{}
	}
	return n.past
}

// grant is what a session is given.
type grant struct {
	prefixes []netip.Prefix // the caller's; copied
	home     netip.Prefix   // IPv4, with the length of its network; not valid: none
}

// becomeRegistered makes the entry what an accepted PBU says and starts its lifetime (RFC 5213 sections 5.3.2-5.3.4).
func (l *LMA) becomeRegistered(e *entry, r *request, lifetime time.Duration) {
	e.state = registered
	delete(l.revoking, e) // whoever revokes it finds it taken back
	l.follow(e, r.path())
	if e.linkLayerID != r.linkLayerID { // the request's string keeps its whole message alive
		e.linkLayerID = mobility.MobileNodeLinkLayerID(strings.Clone(string(r.linkLayerID)))
	}
	e.accessTechnologyType = r.options.AccessTechnologyType
	e.handoffIndicator = r.options.HandoffIndicator
	l.accept(e, r)
	l.expireAt(e, r.now.Add(lifetime))
	l.forward(e)
}

// becomeDeregistered starts the delay before the entry is deleted; until then its packets are dropped (RFC 5213 section
// 5.3.5, 2).
func (l *LMA) becomeDeregistered(e *entry, r *request) {
	e.state = deregistered
	l.accept(e, r)
	l.expireAt(e, r.now.Add(l.cfg.MinDelayBeforeBCEDelete))
	l.forward(e)
}

// becomeRemoved takes the entry out of the cache and frees what it had; the mobile node remembers that.
func (l *LMA) becomeRemoved(e *entry) {
	e.state = removed
	delete(l.revoking, e)
	l.timers.stop(e)
	node := e.node
	l.rememberPrefixes(e)
	l.rememberIPv4(e)
	for prefix := range e.bound {
		l.unbind(prefix)
	}
	l.offloads.release(e.offload) // the last record still says what it was
	l.leave(e)
	node.sessions = slices.DeleteFunc(node.sessions, func(other *entry) bool { return other == e })
	l.bindings--
	l.settle(node)
}

func (l *LMA) rememberPrefixes(e *entry) {
	if len(e.prefixes) > 0 {
		e.node.remember().prefixes = slices.Clone(e.prefixes) // they may stand in the entry
	}
}

func (l *LMA) rememberIPv4(e *entry) {
	if home := e.home(); home.IsValid() {
		e.node.remember().ipv4 = home.Addr()
	}
}

// dropPrefixes ends the IPv6 part of a session that goes on (RFC 5844 sections 3.1.2.4 and 3.1.2.5), and returns what that was.
func (l *LMA) dropPrefixes(e *entry) (dropped []netip.Prefix) {
	l.rememberPrefixes(e)
	for _, prefix := range e.prefixes {
		l.unbind(prefix)
	}
	dropped, e.prefixes = e.prefixes, nil
	return dropped
}

// dropIPv4 ends the IPv4 part of a session that goes on.
func (l *LMA) dropIPv4(e *entry) {
	if home := e.home(); home.IsValid() {
		l.rememberIPv4(e)
		l.unbind(hostOf(home))
		l.setOffload(e, 0)
		e.ipv4, e.ipv4Bits = [4]byte{}, 0
	}
}

// insert puts a new session with what it is granted, all free, into the cache; a become method follows.
func (l *LMA) insert(id mobility.MobileNodeID, g grant) *entry {
	node := l.node(id)
	if node == nil {
		node = &mobileNode{key: string(l.key)}
		node.sessions = node.one[:0]
		l.nodes[node.key] = node
	}
	e := &entry{node: node}
	l.give(e, g)
	node.sessions = append(node.sessions, e)
	l.bindings++
	l.settle(node)
	return e
}

// give adds to a session what it has none of yet.
func (l *LMA) give(e *entry, g grant) {
	if len(g.prefixes) == 1 && !e.one[0].IsValid() {
		e.one[0] = g.prefixes[0]
		e.prefixes = e.one[:]
	} else if len(g.prefixes) > 0 {
		e.prefixes = slices.Clone(g.prefixes)
	}
	for _, prefix := range g.prefixes {
		l.bind(e, prefix)
	}
	if g.home.IsValid() {
		e.ipv4, e.ipv4Bits = g.home.Addr().As4(), uint8(g.home.Bits())
		l.bind(e, hostOf(g.home))
	}
}

// owner is the session that has prefix, a home network prefix or an IPv4 home address with 32 bits. The former have one length,
// and the latter count as IPv4-mapped, so that the address alone is the key.
func (l *LMA) owner(prefix netip.Prefix) *entry {
	if prefix.Bits() != l.cfg.PrefixLength && !prefix.Addr().Is4() {
		return nil
	}
	return l.owners[prefix.Addr().As16()]
}

func (l *LMA) bind(e *entry, prefix netip.Prefix) {
	l.owners[prefix.Addr().As16()] = e
	if prefix.Addr().Is4() {
		l.ipv4Pool.take(mapped(prefix))
	} else {
		l.pool.take(prefix)
	}
}

// unbind is the counterpart of bind; it takes the forwarding away too.
func (l *LMA) unbind(prefix netip.Prefix) {
	delete(l.owners, prefix.Addr().As16())
	if prefix.Addr().Is4() {
		l.ipv4Pool.release(mapped(prefix))
	} else {
		l.pool.release(prefix)
	}
	l.forwarding.Delete(prefix)
	l.unapplied = true
}

// settle files the node among the departed ones or takes it out of there. It forgets the one that departed first when
// more are remembered than bindings may stand.
func (l *LMA) settle(node *mobileNode) {
	gone := len(node.sessions) == 0 && l.waiting[node] == nil
	switch {
	case gone && node.remember().departed == nil:
		node.past.departed = l.departed.PushBack(node)
	case !gone && node.past != nil && node.past.departed != nil:
		l.departed.Remove(node.past.departed)
		node.past.departed = nil
	}
	for l.departed.Len() > l.cfg.MaximumBindings {
		oldest := l.departed.Remove(l.departed.Front()).(*mobileNode)
		delete(l.nodes, oldest.key)
	}
}

// accept notes what an accepted PBU says whatever its lifetime is: its order marks (RFC 5213 section 5.5) and the MAG's
// link-local address (section 5.3.6).
func (l *LMA) accept(e *entry, r *request) {
	e.linkLocalAddress = l.linkLocalAddress(e, r)
	e.sequence = r.sequence
	e.timestamp = r.timestamp
	e.lastUpdate = l.instantOf(r.now)
	e.node.timestamp = max(l.lastTimestamp(e.node, r.now), r.timestamp)
}

func (l *LMA) expireAt(e *entry, at time.Time) {
	e.expires = l.instantOf(at)
	l.timers.set(e, e.expires)
}

// forward makes the forwarding state of the session follow its state.
func (l *LMA) forward(e *entry) {
	desired := forwarding.Entry{Role: forwarding.Anchor, Local: e.path.lmaAddress, Peer: e.path.proxyCareOfAddress}
	if e.state == deregistered {
		desired = forwarding.Entry{Role: forwarding.Discard}
	}
	for prefix := range e.bound {
		desired.Prefix = prefix
		if held, ok := l.forwarding.Get(prefix); !ok || held != desired {
			l.forwarding.Set(desired)
			l.unapplied = true
		}
	}
}

// linkLocalAddress is the MAG's address on the link with the mobile node (RFC 5213 section 5.3.6): what the request says,
// else what the entry has, else a new one if the request asks for it.
func (l *LMA) linkLocalAddress(e *entry, r *request) *[16]byte {
	switch {
	case !r.options.Present.Has(mh.OptionLinkLocalAddress):
		return e.linkLocalAddress
	case !r.options.LinkLocalAddress.IsUnspecified():
		address := r.options.LinkLocalAddress.As16()
		return &address
	case e.linkLocalAddress != nil:
		return e.linkLocalAddress
	}
	address := [16]byte{0xfe, 0x80}
	l.cfg.Random(address[8:])
	address[8] &^= 0x02 // not universally unique (RFC 4291 section 2.5.1)
	address[15] |= 0x01 // never the Subnet-Router anycast address
	return &address
}
