package mag

import (
	"container/list"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

var (
	errUnknownMobileNode = errors.New("no such mobile node here")
	errUnknownContext    = errors.New("nothing of what was asked for is known")
)

// answerKey names what one other gateway says of one mobile node.
type answerKey struct {
	from netip.Addr
	id   mobility.MobileNodeID
}

// answeredHandover is the last Handover Initiate of that kind: its sender repeats it when the answer is lost, and the network may, or
// brings an older one behind it.
type answeredHandover struct {
	answerKey
	sequence uint16
	answer   []byte
	at       time.Time
	element  *list.Element // in MAG.answered, the oldest first
}

// answerKept is longer than a sender repeats, and shorter than the numbers take to come round (nextHandoverSequence).
const answerKept = 30 * time.Second

// handoverInitiated processes a Handover Initiate (RFC 5949 section 6.1.1).
func (m *MAG) handoverInitiated(now time.Time, ev MessageReceived) {
	hi := &m.handoverMessage
	err := hi.Decode(ev.Payload)
	if reason := m.checkHandoverMessage(ev, err, hi.Flags&mh.InitiateProxy != 0, &hi.Options); reason != "" {
		m.do(Ignored{Reason: reason, Source: ev.Source, MobileNodeID: hi.Options.MobileNodeID, Err: err})
		return
	}
	if m.answeredBefore(now, ev, hi) {
		return
	}
	var answer mh.HandoverAcknowledge
	var refused *refusal
	switch {
	case hi.Code == mh.InitiateForwardingCompleted:
		m.forwardingCompleted(now, ev.Source, hi)
	case isContext(&hi.Options):
		answer.Code = mh.HandoverContextAccepted
		refused = m.expect(now, ev, hi)
	default:
		answer, refused = m.requested(now, ev, hi)
	}
	if refused != nil {
		answer.Code = refused.code
		m.do(Ignored{Reason: DropHandoverRefused, Source: ev.Source, MobileNodeID: hi.Options.MobileNodeID, Err: fmt.Errorf("%v: %w", refused.code, refused.err)})
	}
	m.answerHandover(now, ev, hi, &answer)
}

// checkHandoverMessage says why a message between gateways is ignored, without an answer: it is broken, one of RFC 5568 (without the P
// flag), or did not come from a gateway under the SA with it.
func (m *MAG) checkHandoverMessage(ev MessageReceived, err error, proxy bool, o *mh.Options) DropReason {
	identity, known := m.gateway(ev.Source)
	switch {
	case err != nil || !o.Present.Has(mh.OptionMobileNodeID) || o.MobileNodeID.IsZero():
		return DropMalformed
	case !proxy:
		return DropNotProxy
	case !m.answerable(ev):
		return DropSourceMismatch
	case !known || !m.isProtected(ev.Source) || m.config.RequireSecurityAssociation && identity != ev.PeerIdentity:
		return DropUnauthorizedGateway
	}
	return ""
}

// answeredBefore gives a repeated Handover Initiate the answer that it had. One that is older than the last is not carried out: what it
// asks for, its sender has given up since.
func (m *MAG) answeredBefore(now time.Time, ev MessageReceived, hi *mh.HandoverInitiate) bool {
	a := m.answers[answerKey{ev.Source, hi.Options.MobileNodeID}]
	if a == nil || now.Sub(a.at) >= answerKept {
		return false
	}
	switch ahead := int16(hi.Sequence - a.sequence); {
	case ahead == 0:
		m.do(Ignored{Reason: DropRepeatedHandover, Source: ev.Source, MobileNodeID: a.id})
		m.sendHandoverAnswer(ev, a.answer)
		return true
	case ahead < 0:
		m.do(Ignored{Reason: DropStaleHandover, Source: ev.Source, MobileNodeID: a.id})
		code := mh.HandoverNotAccepted
		if hi.Code == mh.InitiateForwardingCompleted {
			code = mh.HandoverAccepted
		}
		if payload := m.handoverAnswerTo(hi, &mh.HandoverAcknowledge{Code: code}); payload != nil {
			m.sendHandoverAnswer(ev, payload)
		}
		return true
	}
	return false
}

// forwardingCompleted: the previous MAG names the prefixes, and nothing more comes from it; else it is the new one, and nothing more
// need go there. A previous MAG of another make may not name them.
func (m *MAG) forwardingCompleted(now time.Time, from netip.Addr, hi *mh.HandoverInitiate) {
	s := m.sessionOf(&hi.Options)
	switch {
	case s != nil && !isContext(&hi.Options) && s.state == Leaving && s.departure.handover.OtherGateway == from:
		m.departureCompleted(now, s)
	case s != nil && s.arrival != nil && s.arrival.handover.OtherGateway == from:
		m.forwardingEnded(now, s)
	default:
		m.do(Ignored{Reason: DropNoHandover, Source: from, MobileNodeID: hi.Options.MobileNodeID})
	}
}

// answerHandover sends the answer and keeps it.
func (m *MAG) answerHandover(now time.Time, ev MessageReceived, hi *mh.HandoverInitiate, answer *mh.HandoverAcknowledge) {
	payload := m.handoverAnswerTo(hi, answer)
	if payload == nil {
		return
	}
	key := answerKey{ev.Source, mobility.MobileNodeID{Subtype: hi.Options.MobileNodeID.Subtype, Value: strings.Clone(hi.Options.MobileNodeID.Value)}}
	m.forgetAnswer(m.answers[key])
	for m.answered.Len() > 0 {
		oldest := m.answered.Front().Value.(*answeredHandover)
		if len(m.answers) < m.config.MaximumPendingHandovers && now.Sub(oldest.at) < answerKept {
			break
		}
		m.forgetAnswer(oldest)
	}
	a := &answeredHandover{answerKey: key, sequence: hi.Sequence, answer: payload, at: now}
	a.element = m.answered.PushBack(a)
	m.answers[key] = a
	m.sendHandoverAnswer(ev, payload)
}

func (m *MAG) forgetAnswer(a *answeredHandover) {
	if a != nil {
		m.answered.Remove(a.element)
		delete(m.answers, a.answerKey)
	}
}

// handoverAnswerTo writes an answer: the number, the identifier and, with consent, the flags are those of the Handover Initiate.
func (m *MAG) handoverAnswerTo(hi *mh.HandoverInitiate, answer *mh.HandoverAcknowledge) []byte {
	answer.Sequence, answer.Flags = hi.Sequence, mh.HandoverProxy
	if answer.Code.Accepted() && hi.Flags&mh.InitiateBuffer != 0 {
		answer.Flags |= mh.HandoverBuffer
	}
	if answer.Code.Accepted() && hi.Flags&mh.InitiateForwarding != 0 {
		answer.Flags |= mh.HandoverForwarding
	}
	answer.Options.MobileNodeID = hi.Options.MobileNodeID
	answer.Options.Present.Add(mh.OptionMobileNodeID)
	payload, err := answer.AppendTo(nil)
	if err != nil {
		m.do(Ignored{Reason: DropEncodingFailed, MobileNodeID: hi.Options.MobileNodeID, Err: err})
		return nil
	}
	return payload
}

func (m *MAG) sendHandoverAnswer(ev MessageReceived, payload []byte) {
	m.do(SendMessage{Source: ev.Destination, Destination: ev.Source, Payload: payload, Kind: HandoverAcknowledge, Attempt: 1})
}
