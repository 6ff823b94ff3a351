package mag

import (
	"slices"
	"time"
)

// listedElsewhere: an access point has a mobile node on its list that is attached here on another link. Either it moved and nobody said
// so, or the access point has not missed it yet: it is asked for there, and everything stays where it is until it answers. It
// reports whether that is all.
func (m *MAG) listedElsewhere(ev LinkAttached) bool {
	s := m.sessions[sessionKey{ev.MobileNodeID, ev.MobileNodeLinkLayerID}]
	if !ev.Unconfirmed || s == nil || s.purpose == DeRegistration || s.iface == ev.Interface || s.lma() != ev.LMAAddress || s.state == Lapsing {
		return false
	}
	link := linkKey{ev.Interface, ev.MobileNodeLinkLayerID}
	if m.links[link] != nil || m.listed[link] != nil && m.listed[link] != s {
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

func (m *MAG) forgetListed(s *session) {
	if s.listed != nil {
		delete(m.listed, linkKey{s.listed.Interface, s.linkLayerID})
		s.listed = nil
	}
}
