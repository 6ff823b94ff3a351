package mag

import (
	"container/list"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// expectation is the place of a session in MAG.expected.
type expectation struct{ element *list.Element }

// refusal is why a Handover Initiate is not accepted.
type refusal struct {
	code mh.HandoverAcknowledgeCode
	err  error
}

// expect takes the announcement of a mobile node that another gateway serves (RFC 5949 section 4.1, step c).
func (m *MAG) expect(now time.Time, ev MessageReceived, hi *mh.HandoverInitiate) *refusal {
	c, err := readContext(&hi.Options)
	if err != nil {
		return &refusal{mh.HandoverNotAccepted, err}
	}
	s := m.sessions[sessionKey{c.id, c.linkLayerID}]
	if r := m.mayExpect(now, ev.Source, &c, s); r != nil {
		return r
	}
	if s != nil && s.purpose == DeRegistration { // its PBU of lifetime zero is another gateway's binding by now
		m.end(s, EndReattached)
		s = nil
	}
	if s != nil && s.lma() != c.lma {
		m.abandon(now, s, EndLMAChanged)
		s = nil
	}
	if s == nil {
		s = m.newSession(sessionKey{c.id, c.linkLayerID})
		s.away = true
		m.joinAssociation(s, c.lma)
	}
	m.crossed(now, s, ev.Source)
	h := Handover{
		Side: NewMAG, Interface: s.iface, MobileNodeID: s.id, MobileNodeLinkLayerID: s.linkLayerID, OtherGateway: ev.Source,
	}
	m.newArrival(s, h, routes(c.prefixes, c.home), hi.Flags&mh.InitiateForwarding != 0)
	m.do(HandoverExpected{h, clone(c.prefixes), c.home.address, c.lma, c.nodeLocal})
	if m.isFresh(now, s) {
		m.alreadyHere(now, s, &c)
	} else {
		m.becomeExpected(now, s, &c)
	}
	return nil
}

// crossed gives up what was planned for a mobile node that another gateway announces. If it was to go, or went, to that same one,
// that one knows.
func (m *MAG) crossed(now time.Time, s *session, from netip.Addr) {
	if d := s.departure; d != nil && d.handover.OtherGateway == from {
		m.closeDeparture(now, s, HandoverCrossed)
	} else {
		m.closeDeparture(now, s, HandoverSuperseded)
	}
	if a := s.arrival; a != nil && a.handover.OtherGateway != from {
		m.do(HandoverUndone{a.handover, HandoverSuperseded})
	}
	m.forgetArrival(s)
}

func (m *MAG) mayExpect(now time.Time, gateway netip.Addr, c *handoverContext, s *session) *refusal {
	accept := m.config.AcceptHandover
	switch {
	case m.stopping:
		return &refusal{mh.HandoverAdministrativelyProhibited, errors.New("stopping")}
	case !m.proxyCareOfAddress(c.lma).IsValid() || gateway.Is4() != c.lma.Is4():
		return &refusal{mh.HandoverForwardingNotAvailable, fmt.Errorf("LMA address %v", c.lma)}
	case !m.denialOf(now, c.id, c.lma).permitted(families{len(c.prefixes) > 0, c.home.address.IsValid()}).any():
		return &refusal{mh.HandoverAdministrativelyProhibited, errors.New("its anchor refused it")}
	case accept != nil && !accept(c.exported(gateway)):
		return &refusal{mh.HandoverAdministrativelyProhibited, errors.New("not allowed")}
	case s != nil && s.departure != nil && s.state != Leaving && s.departure.handover.OtherGateway == gateway:
		return &refusal{mh.HandoverNotAccepted, errors.New("announced to each other")}
	case m.ownedByOthers(c, s):
		return &refusal{mh.HandoverNotAccepted, errors.New("another mobile node has its prefix here")}
	case s != nil && s.state == Refused:
		return &refusal{mh.HandoverNotAccepted, errors.New("its anchor refused it")}
	case s == nil && m.full(), (s == nil || s.arrival == nil || s.arrival.expected == nil) && m.expected.Len() >= m.config.MaximumPendingHandovers:
		return &refusal{mh.HandoverInsufficientResources, fmt.Errorf("%d are expected", m.expected.Len())}
	}
	return nil
}

func (c *handoverContext) exported(gateway netip.Addr) HandoverContext {
	return HandoverContext{gateway, c.id, c.linkLayerID, c.lma, c.prefixes, c.home.address}
}

func (m *MAG) newArrival(s *session, h Handover, prefixes []netip.Prefix, forwarded bool) {
	a := &arrival{handover: h, routes: prefixes, forwarded: forwarded}
	a.step.Due = func(now time.Time) { m.arrivalDue(now, s) }
	s.arrival = a
}

func (m *MAG) arrivalDue(now time.Time, s *session) {
	if s.arrival.expected != nil {
		m.askExpected(now, s)
		return
	}
	m.closeArrival(now, s, "") // nothing more comes from the other gateway, and it is told so
	m.reforward(s)
}

// becomeExpected waits for the mobile node to come. If it is attached here already, as far as is known, it is asked for: an access
// point may not have missed it yet, or the other gateway has not.
func (m *MAG) becomeExpected(now time.Time, s *session, c *handoverContext) {
	s.arrival.expected = &expectation{m.expected.PushBack(s)}
	deadline := now.Add(m.config.HandoverLifetime + m.config.handoverPreparationTime())
	m.freeze(s, Expected, deadline)
	m.becomeProvisional(s, c)
	s.expires = deadline
	m.do(ApplyForwarding{s.correlationID})
	m.askExpected(now, s)
}

// askExpected asks for a mobile node that is attached here as far as is known, a few times, as the question may be lost.
func (m *MAG) askExpected(now time.Time, s *session) {
	if s.away || s.probes == presenceProbes {
		return
	}
	s.probes++
	m.timers.Set(&s.arrival.step, now.Add(m.config.PresenceTimeout))
	m.do(ProbePresence{s.correlationID, s.iface, s.linkLayerID, clone(s.bound), s.home.address.Addr()})
}

// alreadyHere: the mobile node was faster than the announcement.
func (m *MAG) alreadyHere(now time.Time, s *session, c *handoverContext) {
	h := &s.arrival.handover
	h.CorrelationID = s.correlationID
	if s.isRegistered() {
		m.arrived(now, s)
		m.reforward(s)
		return
	}
	m.serveFrom(now, s, c, *h)
}

// expectationFor finds the session that another gateway announced and that this attachment is of. The context's LMA takes
// precedence over the policy's: it is the one that serves the mobile node (RFC 5949 section 4.1, step k). That it is the same
// interface, the link-layer identifiers show, which were compared so (step h, and appendix A.1).
func (m *MAG) expectationFor(ev *LinkAttached) {
	key := sessionKey{ev.MobileNodeID, ev.MobileNodeLinkLayerID}
	s := m.sessions[key]
	if s == nil { // announced without a link-layer identifier
		if s = m.sessions[sessionKey{id: ev.MobileNodeID}]; s == nil || s.iface != "" || s.arrival == nil {
			return
		}
		m.rename(s, key)
	}
	if s.arrival == nil || s.arrival.expected == nil {
		return
	}
	ev.LMAAddress = s.lma()
	if ev.HandoffIndicator == 0 && s.arrival.handover.MobileNodeLinkLayerID == key.linkLayerID && key.linkLayerID != "" {
		ev.HandoffIndicator = mobility.HandoffBetweenMAGsSameInterface
	}
}

// rename gives the session of a mobile node that was announced without a link-layer identifier the one that it came with.
func (m *MAG) rename(s *session, key sessionKey) {
	m.forgetListed(s)
	delete(m.sessions, s.sessionKey)
	s.sessionKey = key
	m.sessions[key] = s
	for _, p := range routes(s.bound, s.home) {
		m.forward(s, p)
	}
}

// arrive serves the mobile node that was expected: it hears of its router at once, and the packets that were kept for it follow
// (RFC 5949 sections 4.1, step i, and 5.2). The PBU is the caller's.
func (m *MAG) arrive(now time.Time, s *session, iface string) {
	a := s.arrival
	m.unexpect(a)
	m.timers.Stop(&a.step)
	a.handover.CorrelationID, a.handover.Interface, a.handover.MobileNodeLinkLayerID = s.correlationID, iface, s.linkLayerID
	m.restrict(now, s)
	if !s.isBound() {
		m.closeArrival(now, s, HandoverUnusable)
		m.moveLink(now, s, iface)
		m.do(ApplyForwarding{s.correlationID})
		return
	}
	m.moveLink(now, s, iface)
	m.serve(now, s)
	m.do(ApplyForwarding{s.correlationID})
	m.do(HandoverArrived{a.handover})
	if !a.forwarded {
		m.requestForwarding(now, s)
	}
}

func (m *MAG) unexpect(a *arrival) {
	if a.expected != nil {
		m.expected.Remove(a.expected.element)
		a.expected = nil
	}
}

// arrived: the LMA has registered the mobile node here. The other gateway forwards for a while what was on its way to it.
func (m *MAG) arrived(now time.Time, s *session) {
	a := s.arrival
	if a == nil {
		return
	}
	if !slices.ContainsFunc(routes(s.bound, s.home), func(p netip.Prefix) bool { return slices.Contains(a.routes, p) }) {
		m.closeArrival(now, s, "") // the LMA gave it others
		return
	}
	m.timers.Set(&a.step, now.Add(m.config.ForwardingLifetime))
}

// closeArrival takes the arrival away. The other gateway hears of it if the mobile node is registered here; if not, what is to be done
// it decides by itself when its time is over. The forwarding is the caller's to change.
func (m *MAG) closeArrival(now time.Time, s *session, reason HandoverReason) {
	a := s.arrival
	if a == nil {
		return
	}
	registered := a.expected == nil && !s.provisional && s.isBound()
	m.forgetArrival(s)
	if !registered {
		m.do(HandoverUndone{a.handover, reason})
		return
	}
	m.do(HandoverCompleted{a.handover})
	if d := s.departure; d == nil || d.handover.OtherGateway != a.handover.OtherGateway {
		m.complete(now, a.handover.OtherGateway, s, false)
	}
}

func (m *MAG) forgetArrival(s *session) {
	if a := s.arrival; a != nil {
		m.unexpect(a)
		m.timers.Stop(&a.step)
		s.arrival = nil
	}
}

// unexpected: the mobile node did not come, and what was kept for it is dropped. One that is here after all, or was, goes on as
// what it was before.
func (m *MAG) unexpected(now time.Time, s *session, reason HandoverReason) {
	m.closeArrival(now, s, reason)
	switch {
	case s.iface == "":
		m.becomeUnbound(s)
		m.do(ApplyForwarding{s.correlationID})
		m.remove(s)
	case s.away:
		m.detach(now, s, EndDetached)
	default:
		m.verify(now, s)
	}
}

// forwardingEnded: the previous MAG says that nothing more comes from it.
func (m *MAG) forwardingEnded(now time.Time, s *session) {
	switch {
	case s.arrival.expected != nil:
		m.unexpected(now, s, HandoverCancelled)
	case s.provisional:
		m.closeArrival(now, s, HandoverInterrupted)
		m.reforward(s)
	default:
		a := s.arrival
		m.forgetArrival(s)
		m.do(HandoverCompleted{a.handover})
		m.reforward(s)
	}
}
