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
	tlvResync      wire.TLVType = 131 // of a Link_Up or Link_Down: found by comparing views; age of the association in seconds, 4 octets, all ones: not known
	tlvIncarnation wire.TLVType = 133 // of subscription requests: Config.Incarnation, 4 octets
	tlvCount       wire.TLVType = 132 // of a subscription's response: how many Link_Ups with tlvResync follow, 4 octets
)

const unknownAge = 1<<32 - 1

// maximumIdentity is the length of the longest NAI (RFC 7542 section 2.2).
const maximumIdentity = 253

// inOrder keeps the indications of one link to one peer in order: the next one leaves when the one before has been acknowledged, for a
// message that is sent again would overtake what came after it.
type inOrder struct {
	link    mih.LinkID
	waiting []mih.Indication
}

// tell sends an indication to a peer that is subscribed.
func (m *MIHF) tell(now time.Time, p *peer, ind mih.Indication) {
	link := ind.Event.LinkTuple().Link
	if o := p.order[link]; o != nil {
		if p.waiting >= m.cfg.MaximumQueued {
			m.overflow(p, ind)
			return
		}
		o.waiting = append(o.waiting, ind)
		p.waiting++
		return
	}
	o := &inOrder{link: link}
	p.order[link] = o
	m.tellNext(now, p, o, ind)
}

func (m *MIHF) tellNext(now time.Time, p *peer, o *inOrder, ind mih.Indication) {
	if !m.indicate(now, p, wire.EventBody(ind.Event), extraOf(now, ind), o) {
		delete(p.order, o.link)
		m.overflow(p, ind)
	}
}

// overflow ends the subscription of a peer that cannot be told any more: what it knows is not what is. It asks again.
func (m *MIHF) overflow(p *peer, ind mih.Indication) {
	m.act(Ignored{Reason: IgnoredIndicationsOverflow, Indication: ind, From: p.Endpoint})
	m.endSubscriptionsOf(p)
}

// indicated lets the next indication of a link go after one was acknowledged, or lost.
func (m *MIHF) indicated(now time.Time, p *peer, o *inOrder, failure Failure) {
	if failure != NoFailure {
		m.act(Ignored{Reason: IgnoredIndicationLost, From: p.Endpoint})
		m.endSubscriptionsOf(p)
	}
	if len(o.waiting) == 0 {
		delete(p.order, o.link)
		return
	}
	ind := o.waiting[0]
	o.waiting[0] = mih.Indication{}
	o.waiting = o.waiting[1:]
	p.waiting--
	m.tellNext(now, p, o, ind)
}

// extraOf is what a peer is told beyond the standard.
func extraOf(now time.Time, ind mih.Indication) (extra []wire.TLV) {
	if ind.Identity != "" {
		extra = append(extra, wire.TLV{Type: tlvIdentity, Value: ind.Identity})
	}
	if ind.Resync {
		age := uint64(unknownAge)
		if !ind.Since.IsZero() {
			age = min(uint64(max(now.Sub(ind.Since), 0)/time.Second), unknownAge-1)
		}
		extra = append(extra, wire.TLV{Type: tlvResync, Value: number(uint32(age))})
	}
	return extra
}

func number(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

func countTLV(n int) wire.TLV { return wire.TLV{Type: tlvCount, Value: number(uint32(n))} }

// find returns the number in a TLV of this type.
func find(extra []wire.TLV, t wire.TLVType) (n uint32, ok bool) {
	for _, tlv := range extra {
		if tlv.Type == t && len(tlv.Value) == 4 {
			return binary.BigEndian.Uint32([]byte(tlv.Value)), true
		}
	}
	return 0, false
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
		takeExtra(now, &ind, msg.Extra)
		if ind.Resync {
			p.repeated(ind.Event.LinkTuple().Link)
		}
		m.indication(now, ind)
		m.sweep(now, p)
	}
	return ""
}

// SAP is the name that indications of peers have in place of an adapter's.
const SAP = "mih"

func takeExtra(now time.Time, ind *mih.Indication, extra []wire.TLV) {
	for _, tlv := range extra {
		if tlv.Type == tlvIdentity && len(tlv.Value) <= maximumIdentity {
			ind.Identity = cmp.Or(ind.Identity, tlv.Value)
		}
	}
	if age, ok := find(extra, tlvResync); ok {
		ind.Resync = true
		if age != unknownAge {
			ind.Since = now.Add(-time.Duration(age) * time.Second)
		}
	}
}
