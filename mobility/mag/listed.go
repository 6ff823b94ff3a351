package mag

import (
	"slices"
	"time"

	"netlmm/mobility"
)

// listedElsewhere: an access point has a mobile node on its list that is attached here on another link. Either it moved and nobody said
// so, or the access point has not missed it yet: it is asked for there, and everything stays where it is until it answers. It
// reports whether that is all. So is one that is thought to be on its way, from here or to here, on whatever link.
func (m *MAG) listedElsewhere(ev LinkAttached) bool {
	s := m.sessions[sessionKey{ev.MobileNodeID, ev.MobileNodeLinkLayerID}]
	if !ev.Unconfirmed || s == nil || s.purpose == DeRegistration || s.lma() != ev.LMAAddress ||
		!s.isFrozen() && (s.iface == ev.Interface || s.state == Lapsing) {
		return false
	}
	link := linkKey{ev.Interface, ev.MobileNodeLinkLayerID}
	if m.links[link] != nil && m.links[link] != s || m.listed[link] != nil && m.listed[link] != s {
		m.do(Ignored{Reason: DropPresenceDoubted, MobileNodeID: ev.MobileNodeID}) // as somebody else, who is asked already
		return true
	}
	m.forgetListed(s)
	ev.HomeNetworkPrefixes = slices.Clone(ev.HomeNetworkPrefixes)
	s.listed, m.listed[link] = &ev, s
	m.do(ProbePresence{ev.CorrelationID, ev.Interface, s.linkLayerID, clone(s.bound), s.home.address.Addr()})
	return true
}

// foundElsewhere attaches the mobile node where it was listed, and answered.
func (m *MAG) foundElsewhere(now time.Time, s *session) {
	ev := *s.listed
	m.forgetListed(s)
	if reason, err := m.admit(now, ev); reason != "" {
		m.do(Ignored{Reason: reason, MobileNodeID: ev.MobileNodeID, Err: err})
		return
	}
	ev.Unconfirmed = false
	m.attach(now, ev)
}

// seenFrozen: a mobile node that is on its way to another gateway, or from there, is here. One that is about to leave may well be;
// one whose link went down is not, unless an access point has it on its list again.
func (m *MAG) seenFrozen(now time.Time, s *session, link linkKey) {
	switch {
	case m.listed[link] == s:
		m.foundElsewhere(now, s)
	case s.away:
		m.do(Ignored{Reason: DropNotAttached, MobileNodeID: s.id})
	case s.state == Expected:
		m.attachConfirmed(now, s, LinkAttached{Interface: s.iface}, mobility.HandoffStateUnknown)
	default:
		s.seen = now
		m.stillAttached(s)
	}
}

func (m *MAG) forgetListed(s *session) {
	if s.listed != nil {
		delete(m.listed, linkKey{s.listed.Interface, s.linkLayerID})
		s.listed = nil
	}
}
