package mihf

import (
	"cmp"
	"encoding/binary"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// Experimental TLVs (101 to 255 are free for it) between MIH Functions of netlmm. Others skip them.
const (
	tlvIdentity    wire.TLVType = 130 // of a Link_Up or Link_Down: the station's authenticated identity, its octets
	tlvResync      wire.TLVType = 131 // of a Link_Up or Link_Down: found by comparing views; age of the association, or of its end, in seconds, 4 octets, all ones: not known; the beginning that it is part of, 8 octets, 0: none
	tlvDigest      wire.TLVType = 134 // of a subscription's response: how many of its links are up, 4 octets, and their digest, 8 octets
	tlvIncarnation wire.TLVType = 133 // of subscription requests: Config.Incarnation, 4 octets
	tlvCount       wire.TLVType = 132 // of a subscription's response: how many Link_Ups follow that it begins with, 4 octets, and the beginning's number, 8 octets
)

const unknownAge = 1<<32 - 1

// maximumIdentity is the length of the longest NAI (RFC 7542 section 2.2).
const maximumIdentity = 253

// inOrder keeps the indications of one link to one peer in order: the next one leaves when the one before has been acknowledged, for a
// message that is sent again would overtake what came after it.
type inOrder struct {
	link    mih.LinkID
	next    told // is on its way
	waiting []told
}

// told is an indication for a peer, and which beginning of a subscription it is part of.
type told struct {
	mih.Indication
	beginning uint64 // 0: none
}

// tell sends an indication to a peer that is subscribed.
func (m *MIHF) tell(now time.Time, p *peer, ind told) {
	link := ind.Event.LinkTuple().Link
	o, behind := p.order[link], p.late.has(link)
	switch {
	case behind, o != nil && p.waiting >= m.cfg.MaximumQueued:
		m.postpone(p, link, ind)
	case o != nil:
		o.waiting = append(o.waiting, ind)
		p.waiting++
	default:
		o = &inOrder{link: link}
		p.order[link] = o
		m.tellNext(now, p, o, ind)
	}
}

func (m *MIHF) tellNext(now time.Time, p *peer, o *inOrder, ind told) {
	o.next = ind
	if !m.indicateNext(now, p, o) {
		m.postponeAll(p, o, ind)
	}
}

// indicated lets the next indication of a link go after one was acknowledged, or lost.
func (m *MIHF) indicated(now time.Time, p *peer, o *inOrder, failure Failure) {
	if failure != NoFailure {
		m.act(Ignored{Reason: IgnoredIndicationLost, From: p.Endpoint})
		m.endSubscriptionsOf(p)
	}
	if len(o.waiting) == 0 {
		delete(p.order, o.link)
		p.late.ready(o.link)
		return
	}
	ind := o.waiting[0]
	o.waiting[0] = told{}
	o.waiting = o.waiting[1:]
	p.waiting--
	m.tellNext(now, p, o, ind)
}

// fresh is how long an indication is news. The station may be elsewhere by the time that a peer hears of one that waited longer, for an
// association or behind many others: it says how old it is, as those do with which a subscription begins.
const fresh = time.Second

// extraOf is what a peer is told beyond the standard.
func extraOf(now time.Time, ind told) (extra []wire.TLV) {
	if !ind.Resync && now.Sub(ind.ReceivedAt) > fresh {
		ind.Resync, ind.Since = true, ind.ReceivedAt
	}
	if ind.Identity != "" {
		extra = append(extra, wire.TLV{Type: tlvIdentity, Value: ind.Identity})
	}
	if ind.Resync {
		age := uint64(unknownAge)
		if !ind.Since.IsZero() {
			age = min(uint64(max(now.Sub(ind.Since), 0)/time.Second), unknownAge-1)
		}
		extra = append(extra, wire.TLV{Type: tlvResync, Value: number(uint32(age)) + beginning(ind.beginning)})
	}
	return extra
}

func number(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

func beginning(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

// numbers is a TLV of two numbers.
func numbers(t wire.TLVType, n int, of uint64) wire.TLV {
	return wire.TLV{Type: t, Value: number(uint32(n)) + beginning(of)}
}

// find returns the two numbers in a TLV of this type.
func find(extra []wire.TLV, t wire.TLVType) (n uint32, of uint64, ok bool) {
	for _, tlv := range extra {
		if tlv.Type == t && len(tlv.Value) == 12 {
			octets := []byte(tlv.Value)
			return binary.BigEndian.Uint32(octets), binary.BigEndian.Uint64(octets[4:]), true
		}
	}
	return 0, 0, false
}

// indicationReceived takes an event of a peer, or what else it indicates.
func (m *MIHF) indicationReceived(now time.Time, p *peer, msg *wire.Message) IgnoreReason {
	events := wire.EventsOf(msg.Body)
	if events == nil {
		user, ok := m.cfg.Handlers[msg.Header.MessageID]
		switch {
		case ok:
			m.act(RequestReceived{User: user, Source: p.MIHFID, Body: msg.Body})
			return ""
		case msg.Header.MessageID.Name() == "":
			return IgnoredUnknownMessage
		}
		return IgnoredNoHandler
	}
	if len(p.subscriptions) == 0 {
		return IgnoredNotSubscribed
	}
	for _, ev := range events {
		ind := mih.Indication{Source: p.MIHFID, SAP: SAP, ReceivedAt: now, Event: ev}
		of := takeExtra(now, &ind, msg.Extra)
		m.indication(now, ind)
		if of != 0 {
			m.repeated(now, p, of, ind.Event.LinkTuple().Link)
		}
	}
	return ""
}

// SAP is the name that indications of peers have in place of an adapter's.
const SAP = "mih"

// takeExtra reads what a peer says beyond the standard, and returns which beginning the indication is part of.
func takeExtra(now time.Time, ind *mih.Indication, extra []wire.TLV) (of uint64) {
	for _, tlv := range extra {
		if tlv.Type == tlvIdentity && len(tlv.Value) <= maximumIdentity {
			ind.Identity = cmp.Or(ind.Identity, tlv.Value)
		}
	}
	age, of, ok := find(extra, tlvResync)
	if ok {
		ind.Resync = true
		if age != unknownAge {
			ind.Since = now.Add(-time.Duration(age) * time.Second)
		}
	}
	return of
}
