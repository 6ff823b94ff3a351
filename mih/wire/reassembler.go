package wire

import (
	"bytes"
	"container/list"
	"maps"
	"net/netip"
	"time"
)

// ReassemblyLimits bound what incomplete messages may cost. Octets are those of the fragments, with an overhead for each fragment and
// for each message.
type ReassemblyLimits struct {
	Timeout       time.Duration // an incomplete message is given up so long after its first fragment
	OctetsPerPeer int
	Octets        int
}

// DefaultReassemblyLimits hold two of the longest messages for each peer, and thirty of them altogether.
var DefaultReassemblyLimits = ReassemblyLimits{Timeout: 5 * time.Second, OctetsPerPeer: 160 << 10, Octets: 2 << 20}

// Overheads, in octets, of what is held.
const (
	messageOverhead  = 512
	fragmentOverhead = 64
)

// DropReason says why fragments were dropped; it is a metric label.
type DropReason string

// Reasons for which fragments are dropped.
const (
	DropMalformed DropReason = "fragment_malformed"  // no header, another length than the header says, or nothing after it
	DropDuplicate DropReason = "fragment_duplicate"  // it has come before
	DropConflict  DropReason = "fragment_conflict"   // it contradicts one that has come: the message is given up
	DropTooLong   DropReason = "fragments_too_long"  // together more than a message holds: the message is given up
	DropTimeout   DropReason = "fragments_timeout"   // the rest of the message did not come
	DropPeerFull  DropReason = "fragments_peer_full" // the peer has too much incomplete: its oldest message is given up
	DropFull      DropReason = "fragments_full"      // all peers together have: the oldest message is given up
)

// Reassembler puts fragments together. The same memory bounds hold however many peers there are, and whatever they send.
type Reassembler struct {
	// OnDrop, if there is one, is told of each drop: also of messages that were given up for want of time, or of room for others.
	OnDrop func(peer netip.AddrPort, reason DropReason)

	limits  ReassemblyLimits
	partial map[messageKey]*partial
	peers   map[netip.AddrPort]*peerShare
	oldest  list.List // of *partial, in the order of their first fragments
	octets  int
	dropped map[DropReason]uint64
}

// messageKey is what fragments of one message have in common.
type messageKey struct {
	peer        netip.AddrPort
	id          MessageID
	transaction uint16
}

// peerShare is what one peer has incomplete.
type peerShare struct {
	oldest list.List // of *partial
	octets int
}

// partial is an incomplete message.
type partial struct {
	key       messageKey
	header    frame // of the fragment with the lowest number so far, which is that of the message in the end
	deadline  time.Time
	fragments map[uint8][]byte
	last      int // number of the last fragment; -1: it has not come
	payload   int // octets
	cost      int
	inAll     *list.Element
	inPeer    *list.Element
}

// NewReassembler returns an empty one.
func NewReassembler(limits ReassemblyLimits) *Reassembler {
	r := &Reassembler{limits: limits, partial: map[messageKey]*partial{}, peers: map[netip.AddrPort]*peerShare{}, dropped: map[DropReason]uint64{}}
	r.oldest.Init()
	return r
}

// Add takes in what a peer sent. A whole message comes back at once, as it is; of fragments the message comes back, in memory of its
// own, with the last one that was missing. Nothing comes back while some are, or for a reason that is counted and returned.
// Fragments may come in any order, and again.
func (r *Reassembler) Add(now time.Time, peer netip.AddrPort, octets []byte) ([]byte, DropReason) {
	f, err := readFrame(octets)
	if err == nil && !f.isFragment() {
		return octets, ""
	}
	r.Expire(now)
	payload := octets[min(headerLength, len(octets)):]
	if err != nil || f.length != len(payload) || len(payload) == 0 {
		return nil, r.drop(peer, DropMalformed)
	}
	key := messageKey{peer, f.MessageID, f.TransactionID}
	p := r.partial[key]
	if p == nil {
		p = r.begin(now, key)
	}
	if reason := p.check(f, payload); reason != "" {
		if reason != DropDuplicate {
			r.forget(p)
		}
		return nil, r.drop(peer, reason)
	}
	r.take(p, f, payload)
	if p.last == len(p.fragments)-1 {
		r.forget(p)
		return p.message(), ""
	}
	return nil, r.makeRoom(p)
}

func (r *Reassembler) begin(now time.Time, key messageKey) *partial {
	share := r.peers[key.peer]
	if share == nil {
		share = &peerShare{}
		share.oldest.Init()
		r.peers[key.peer] = share
	}
	p := &partial{key: key, deadline: now.Add(r.limits.Timeout), fragments: map[uint8][]byte{}, last: -1}
	p.inAll, p.inPeer = r.oldest.PushBack(p), share.oldest.PushBack(p)
	r.partial[key] = p
	r.charge(p, messageOverhead)
	return p
}

// check says what is wrong with a fragment beside those that have come.
func (p *partial) check(f frame, payload []byte) DropReason {
	known, again := p.fragments[f.fragment]
	switch number := int(f.fragment); {
	case again && bytes.Equal(known, payload) && f.more == (number != p.last):
		return DropDuplicate
	case again, !f.more && p.last >= 0, p.last >= 0 && number > p.last, !f.more && p.beyond(f.fragment):
		return DropConflict
	case f.more && f.fragment == maximumFragment, p.payload+len(payload) > MaximumMessage-headerLength:
		return DropTooLong
	}
	return ""
}

// beyond reports whether a fragment with a higher number has come.
func (p *partial) beyond(number uint8) bool {
	for n := range p.fragments {
		if n > number {
			return true
		}
	}
	return false
}

func (r *Reassembler) take(p *partial, f frame, payload []byte) {
	if len(p.fragments) == 0 || f.fragment < p.header.fragment {
		p.header = f
	}
	p.fragments[f.fragment] = bytes.Clone(payload)
	p.payload += len(payload)
	if !f.more {
		p.last = int(f.fragment)
	}
	r.charge(p, fragmentOverhead+len(payload))
}

// message is what the fragments make together, all of them being there.
func (p *partial) message() []byte {
	f := p.header
	f.more, f.fragment, f.length = false, 0, p.payload
	message := appendFrame(make([]byte, 0, headerLength+p.payload), f)
	for n := range p.last + 1 {
		message = append(message, p.fragments[uint8(n)]...)
	}
	return message
}

// makeRoom gives up messages until the bounds are kept, and returns the reason for which the latest one went, if it did.
func (r *Reassembler) makeRoom(latest *partial) (reason DropReason) {
	gone := func(p *partial, because DropReason) {
		r.forget(p)
		if r.drop(p.key.peer, because); p == latest {
			reason = because
		}
	}
	share := r.peers[latest.key.peer]
	for share.octets > r.limits.OctetsPerPeer {
		gone(share.oldest.Front().Value.(*partial), DropPeerFull)
	}
	for r.octets > r.limits.Octets {
		gone(r.oldest.Front().Value.(*partial), DropFull)
	}
	return reason
}

// charge books what a message costs, also when it is given back.
func (r *Reassembler) charge(p *partial, octets int) {
	p.cost += octets
	r.peers[p.key.peer].octets += octets
	r.octets += octets
}

func (r *Reassembler) forget(p *partial) {
	r.charge(p, -p.cost)
	share := r.peers[p.key.peer]
	share.oldest.Remove(p.inPeer)
	if share.oldest.Len() == 0 {
		delete(r.peers, p.key.peer)
	}
	r.oldest.Remove(p.inAll)
	delete(r.partial, p.key)
}

func (r *Reassembler) drop(peer netip.AddrPort, reason DropReason) DropReason {
	if r.dropped[reason]++; r.OnDrop != nil {
		r.OnDrop(peer, reason)
	}
	return reason
}

// Expire gives up the messages whose time is over.
func (r *Reassembler) Expire(now time.Time) {
	for {
		deadline, waiting := r.NextDeadline()
		if !waiting || deadline.After(now) {
			return
		}
		p := r.oldest.Front().Value.(*partial)
		r.forget(p)
		r.drop(p.key.peer, DropTimeout)
	}
}

// NextDeadline is when Expire has something to do next; false when nothing is incomplete.
func (r *Reassembler) NextDeadline() (time.Time, bool) {
	front := r.oldest.Front()
	if front == nil {
		return time.Time{}, false
	}
	return front.Value.(*partial).deadline, true
}

// Held are the incomplete messages and what they cost, in octets.
func (r *Reassembler) Held() (messages, octets int) { return len(r.partial), r.octets }

// Dropped is how often fragments were dropped, by reason.
func (r *Reassembler) Dropped() map[DropReason]uint64 { return maps.Clone(r.dropped) }
