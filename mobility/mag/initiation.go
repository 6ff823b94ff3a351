package mag

import (
	"container/list"
	"net/netip"
	"time"

	"netlmm/internal/timers"
	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// purpose is what a Handover Initiate is for.
type purpose uint8

const (
	preparation       purpose = iota + 1 // predictive: the context of a mobile node that will come
	contextRequest                       // reactive: asks for that of one that has come, and to keep its packets (U)
	forwardingRequest                    // asks for the packets (F)
	completion                           // forwarding has ended, or will not begin (Code 2)
)

// initiation is a Handover Initiate that awaits its answer, or the SA to the other gateway.
type initiation struct {
	purpose       purpose
	session       *session // nil for a completion, which outlives it
	association   *association
	member        *list.Element // in association.initiations
	id            mobility.MobileNodeID
	correlationID mobility.CorrelationID
	sequence      uint16
	payload       []byte
	attempt       int
	backoff       time.Duration
	waiting       bool // for the SA
	timer         timers.Timer
}

// maximumCompletions bounds the completions that are repeated when no answer comes. One more is sent once: the other gateway's
// own timer does what it would have said.
const maximumCompletions = 1024

// initiate sends a Handover Initiate to another gateway, now or when the SA stands, and repeats it (RFC 5568 section 6.2.1.1).
func (m *MAG) initiate(now time.Time, in *initiation, gateway netip.Addr, message *mh.HandoverInitiate) {
	in.id, in.sequence, in.backoff = message.Options.MobileNodeID, m.nextHandoverSequence(now), m.config.HandoverInitiateTimeout
	message.Sequence, message.Flags = in.sequence, message.Flags|mh.InitiateProxy
	payload, err := message.AppendTo(nil)
	if err != nil {
		m.do(Ignored{Reason: DropEncodingFailed, MobileNodeID: in.id, Err: err})
		return
	}
	in.payload, in.association = payload, m.associationTo(gateway)
	in.member = in.association.initiations.PushBack(in)
	in.timer.Due = func(now time.Time) { m.initiationDue(now, in) }
	m.initiations[in.sequence] = in
	if in.session != nil {
		m.forgetInitiation(in.session.initiation) // what it was for is over
		in.session.initiation = in
	} else {
		m.completions++
	}
	m.transmitInitiation(now, in)
	if in.session == nil && m.completions > maximumCompletions {
		m.forgetInitiation(in)
	}
}

// nextHandoverSequence is a number that no Handover Initiate has which awaits its answer. It goes with the clock, so that the first one of
// a run follows the last one of the run before: a receiver takes what is older than its last, of answerKept at most, for stale.
func (m *MAG) nextHandoverSequence(now time.Time) uint16 {
	m.handoverSequence = max(m.handoverSequence+1, now.UnixMilli())
	for m.initiations[uint16(m.handoverSequence)] != nil {
		m.handoverSequence++
	}
	return uint16(m.handoverSequence)
}

// transmitInitiation: nothing leaves without the SA (RFC 5949 section 7). What a mobile node waits for waits for that, as long as
// all its transmissions would take; what only tidies up does not.
func (m *MAG) transmitInitiation(now time.Time, in *initiation) {
	a := in.association
	if m.config.RequireSecurityAssociation && !a.up {
		if in.purpose == completion {
			m.forgetInitiation(in)
			return
		}
		in.waiting = true
		m.timers.Set(&in.timer, now.Add(m.config.handoverPreparationTime()))
		m.requireSoon(now, a)
		return
	}
	in.waiting = false
	in.attempt++
	m.do(SendMessage{
		CorrelationID: in.correlationID, Source: m.proxyCareOfAddress(a.lma), Destination: a.lma,
		Payload: in.payload, Kind: HandoverInitiate, Attempt: in.attempt,
	})
	m.timers.Set(&in.timer, now.Add(in.backoff))
	in.backoff *= 2
}

// initiationDue repeats what was not answered, with a timeout that doubles, HI_RETRIES times.
func (m *MAG) initiationDue(now time.Time, in *initiation) {
	switch {
	case in.waiting:
		m.initiationFailed(now, in, HandoverNoSecurityAssociation, 0)
	case in.attempt > m.config.HandoverInitiateRetries:
		m.initiationFailed(now, in, HandoverUnanswered, 0)
	default:
		m.transmitInitiation(now, in)
	}
}

func (m *MAG) initiationFailed(now time.Time, in *initiation, reason HandoverReason, code mh.HandoverAcknowledgeCode) {
	m.forgetInitiation(in)
	switch in.purpose {
	case preparation:
		m.preparationFailed(now, in.session, reason, code)
	case contextRequest:
		m.requestFailed(in.session, in, reason, code)
	case forwardingRequest:
		m.forwardingFailed(in.session, in, reason, code)
	}
}

// forgetInitiation: an answer fits nothing any more.
func (m *MAG) forgetInitiation(in *initiation) {
	if in == nil || m.initiations[in.sequence] != in {
		return
	}
	delete(m.initiations, in.sequence)
	m.timers.Stop(&in.timer)
	in.association.initiations.Remove(in.member)
	m.dropIdle(in.association)
	if in.session != nil {
		in.session.initiation = nil
	} else {
		m.completions--
	}
}

// resumeInitiations sends what waited for the SA to another gateway.
func (m *MAG) resumeInitiations(now time.Time, a *association) {
	for e := a.initiations.Front(); e != nil; e = e.Next() {
		if in := e.Value.(*initiation); in.waiting {
			m.transmitInitiation(now, in)
		}
	}
}

// handoverAcknowledged takes the answer to a Handover Initiate (RFC 5949 section 6.1.2).
func (m *MAG) handoverAcknowledged(now time.Time, ev MessageReceived) {
	hack := &m.handoverAnswer
	err := hack.Decode(ev.Payload)
	reason := m.checkHandoverMessage(ev, err, hack.Flags&mh.HandoverProxy != 0, &hack.Options)
	in := m.initiations[hack.Sequence]
	unmatched := in == nil || in.association.lma != ev.Source || in.id != hack.Options.MobileNodeID || hack.Code == mh.HandoverUnsolicited
	if reason == "" && unmatched {
		reason = DropUnmatched
	}
	if reason != "" {
		m.do(Ignored{Reason: reason, Source: ev.Source, MobileNodeID: hack.Options.MobileNodeID, Err: err})
		return
	}
	in.association.heard = now
	if !hack.Code.Accepted() && in.purpose != completion && !(in.purpose == contextRequest && hack.Code == mh.HandoverForwardingNotAvailable) {
		m.initiationFailed(now, in, HandoverRefused, hack.Code)
		return
	}
	m.forgetInitiation(in)
	switch in.purpose {
	case preparation:
		m.prepared(now, in.session)
	case contextRequest:
		m.contextReceived(now, in.session, in, hack)
	}
}

// complete tells another gateway that forwarding has ended (RFC 5949 section 4.1, Code 2). The RFC has it from the previous MAG.
// Here the new one says it too, once it is registered; what tells them apart is that only the previous one names the prefixes.
func (m *MAG) complete(now time.Time, gateway netip.Addr, s *session, naming bool) {
	message := mh.HandoverInitiate{Flags: mh.InitiateForwarding, Code: mh.InitiateForwardingCompleted, Options: identify(s)}
	if naming {
		message.Options = m.contextOf(s)
	}
	m.initiate(now, &initiation{purpose: completion, correlationID: s.correlationID}, gateway, &message)
}

// identify names the mobile node of a session.
func identify(s *session) (o mh.Options) {
	o.MobileNodeID = s.id
	o.Present.Add(mh.OptionMobileNodeID)
	if !s.linkLayerID.IsZero() {
		o.MobileNodeLinkLayerID = s.linkLayerID
		o.Present.Add(mh.OptionMobileNodeLinkLayerID)
	}
	return o
}
