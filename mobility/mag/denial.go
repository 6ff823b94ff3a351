package mag

import (
	"container/list"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
)

// denial is what an LMA refused a mobile node, or took from it, in a way that neither time nor another try mends. It outlives
// the session: a mobile node that detaches and comes back is not another one (RFC 5213 section 6.9.1.2, 7).
//
// The RFCs do not say what the administrative action is that ends a refusal. Here it is the operator's word or a changed policy
// (AdministrativeAction), a policy that names another LMA, or a restart of this gateway. Since the action may also happen
// where this gateway does not see it, at the LMA, a refusal ends after Config.RefusalMemory in any case.
type denial struct {
	service bool // status 152
	ipv4    bool // status 170, or an IPv4 Home Address Reply with status 129
	ipv6    bool // status 172

	// RFC 5846: until the mobile node attaches anew. An access point's list does not say that it did.
	revoked, revokedIPv4 bool
}

// rememberedDenial is a denial in MAG.denials, at most one for each mobile node.
type rememberedDenial struct {
	denial
	id      mobility.MobileNodeID
	lma     netip.Addr
	since   time.Time
	element *list.Element // in MAG.denied, the oldest first
}

// deny adds to what is denied to the mobile node of s.
func (m *MAG) deny(now time.Time, s *session, more denial) {
	old := m.denialOf(now, s.id, s.lma())
	m.allow(s.id)
	for len(m.denials) >= m.config.MaximumMobileNodes {
		m.allow(m.denied.Front().Value.(*rememberedDenial).id)
	}
	d := &rememberedDenial{id: s.id, lma: s.lma(), since: now, denial: denial{
		service: old.service || more.service, ipv4: old.ipv4 || more.ipv4, ipv6: old.ipv6 || more.ipv6,
		revoked: old.revoked || more.revoked, revokedIPv4: old.revokedIPv4 || more.revokedIPv4,
	}}
	d.element = m.denied.PushBack(d)
	m.denials[s.id] = d
}

// allow forgets what was denied to a mobile node.
func (m *MAG) allow(id mobility.MobileNodeID) {
	if d := m.denials[id]; d != nil {
		m.denied.Remove(d.element)
		delete(m.denials, id)
	}
}

// denialOf is what an LMA denies to a mobile node.
func (m *MAG) denialOf(now time.Time, id mobility.MobileNodeID, lma netip.Addr) denial {
	d := m.denials[id]
	if d == nil || d.lma != lma {
		return denial{}
	}
	if now.Sub(d.since) >= m.config.RefusalMemory {
		m.allow(id)
		return denial{}
	}
	return d.denial
}

// attachedAnew: what was revoked may be asked for again.
func (m *MAG) attachedAnew(id mobility.MobileNodeID) {
	d := m.denials[id]
	if d == nil {
		return
	}
	d.revoked, d.revokedIPv4 = false, false
	if d.denial == (denial{}) {
		m.allow(id)
	}
}

// permitted is what of the wishes may be asked for.
func (d denial) permitted(wishes families) families {
	return families{ipv6: wishes.ipv6 && !d.ipv6 && !d.service, ipv4: wishes.ipv4 && !d.ipv4 && !d.revokedIPv4 && !d.service}
}

func (m *MAG) permitted(now time.Time, s *session) families {
	return m.denialOf(now, s.id, s.lma()).permitted(s.wishes)
}

// wishes is what the policy of a mobile node asks for.
func (ev LinkAttached) wishes() families {
	return families{ipv6: !ev.IPv6Prohibited, ipv4: ev.IPv4Mobility}
}

// deniedAttachment says why an attachment must not lead to a PBU; "" when it may.
func (m *MAG) deniedAttachment(now time.Time, ev LinkAttached) DropReason {
	d := m.denialOf(now, ev.MobileNodeID, ev.LMAAddress)
	s := m.sessions[sessionKey{ev.MobileNodeID, ev.MobileNodeLinkLayerID}]
	if ev.Unconfirmed {
		if d.revoked && (s == nil || s.iface == "") {
			return DropRevoked
		}
	} else {
		d.revokedIPv4 = false
	}
	if !d.permitted(ev.wishes()).any() {
		return DropAdministrativelyRefused
	}
	return ""
}

// administrativeAction lets those register again whom an LMA refused for good.
func (m *MAG) administrativeAction(now time.Time, ev AdministrativeAction) {
	if ev.MobileNodeID.IsZero() {
		clear(m.denials)
		m.denied.Init()
	}
	m.allow(ev.MobileNodeID)
	m.registerAgain(now, m.awaiting(ev))
}

// Awaiting is how many mobility sessions register again with ev.
func (m *MAG) Awaiting(ev AdministrativeAction) int { return len(m.awaiting(ev)) }

func (m *MAG) awaiting(ev AdministrativeAction) []*session {
	sessions := slices.Clone(m.nodes[ev.MobileNodeID])
	if ev.MobileNodeID.IsZero() {
		sessions = m.inOrder()
	}
	return slices.DeleteFunc(sessions, func(s *session) bool { return !s.awaitsAction() })
}

// awaitsAction: either no retry is due, or the next extension would ask for what was denied, and may as well do so now. Who waits
// for the clock has no retry due either.
func (s *session) awaitsAction() bool {
	return s.state == Refused && !s.signal.IsSet() || s.state == Registered && s.holds != s.wishes
}
