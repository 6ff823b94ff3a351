package decision

import (
	"net/netip"
	"time"

	"netlmm/internal/timers"
	"netlmm/mobility"
)

// anchor is one LMA, and whether it lives.
type anchor struct {
	lma      netip.Addr
	up       bool      // the security association
	lost     time.Time // when it went, if it did
	dead     bool
	mute     bool         // and for want of answers: an association that is only replaced proves nothing
	patience timers.Timer // until a missing association means that it is dead, or until a silent one is tried again
}

// muteTime is how long an anchor that did not answer registrations or heartbeats is left, should nothing better be heard of it.
// Heartbeats are sent to those only that have mobile nodes.
const muteTime = time.Minute

func (m *Machine) addAnchors() {
	for _, lma := range m.config.Anchors.LMAs {
		a := &anchor{lma: lma}
		a.patience.Due = func(now time.Time) {
			if a.dead {
				m.anchorLives(now, a)
			} else {
				m.anchorDied(now, a, AnchorMissing)
			}
		}
		m.anchors[lma] = a
	}
}

// replacementTime is how long the replacement of an association may take with a host that lives. It is replaced by ourselves when
// registrations are not answered, and the anchor's host answers to that whether the anchor does or not; one that was missing for longer
// was missing because the host was, or its IKE. charon as it comes sends a message of IKE again after 4 s and, where that one is lost too,
// after 7.2 s more.
const replacementTime = 20 * time.Second

// anchorChanged follows the health of an anchor. A new security association is taken for life, also after heartbeats failed: without
// mobile nodes there are none that could say otherwise.
func (m *Machine) anchorChanged(now time.Time, e AnchorChanged) {
	a := m.anchors[e.LMA]
	if a == nil {
		return
	}
	switch e.Sign {
	case AssociationUp:
		back := !a.up && now.Sub(a.lost) >= replacementTime
		a.up = true
		if !a.mute || back {
			m.anchorLives(now, a)
		}
	case Unanswered:
		m.anchorDied(now, a, AnchorMute)
		a.mute = true
		m.timers.Set(&a.patience, now.Add(muteTime))
	case HeartbeatBack:
		m.anchorLives(now, a)
	case HeartbeatFailed:
		if !a.dead {
			m.anchorDied(now, a, AnchorSilent)
			m.timers.Set(&a.patience, now.Add(muteTime))
		}
	case AssociationDown:
		if a.up {
			a.up, a.lost = false, now
		}
		m.doubt(now, a)
	case AssociationMiss:
		m.doubt(now, a)
	}
}

func (m *Machine) doubt(now time.Time, a *anchor) {
	if !a.up && !a.dead && !a.patience.IsSet() {
		m.timers.Set(&a.patience, now.Add(m.config.AnchorPatience))
	}
}

// anchorLives takes an anchor again. Who waits for a dead one, because all were, need not any longer.
func (m *Machine) anchorLives(now time.Time, a *anchor) {
	m.timers.Stop(&a.patience)
	a.mute = false
	if a.dead {
		a.dead = false
		m.do(AnchorLives{a.lma})
		m.reviewAll(now, m.leavesAnchor)
	}
}

// anchorDied leaves an anchor: who waits for it goes to another one at once, and so do those registered there if that is wanted.
func (m *Machine) anchorDied(now time.Time, a *anchor, reason Reason) {
	if a.dead {
		return
	}
	m.timers.Stop(&a.patience)
	a.dead = true
	m.do(AnchorDied{a.lma, reason})
	m.reviewAll(now, m.leavesAnchor)
}

// registered: the anchor of a mobile node lives.
func (m *Machine) registered(now time.Time, e Registered) {
	if r := m.records[e.Station]; r != nil && r.state == served && !r.since.After(e.Attached) {
		r.profile.LMAAddress, r.bound, r.ended = e.LMA, true, false
	}
	if a := m.anchors[e.LMA]; a != nil && a.mute {
		m.anchorLives(now, a)
	}
}

// anchorOf is the anchor of a station that attached. The one that it had it keeps, whatever others are there by now; a dead one only
// where the binding there is to be waited for.
func (m *Machine) anchorOf(r *record) netip.Addr {
	if a := m.anchors[r.sticky]; a != nil && (!a.dead || r.bound && !m.config.MoveFromDead) {
		return r.sticky
	}
	return m.choose(r.user)
}

func (m *Machine) choose(id mobility.MobileNodeID) netip.Addr {
	return m.config.Anchors.Choose(id, func(lma netip.Addr) bool { return m.anchors[lma] == nil || !m.anchors[lma].dead })
}

// leavesAnchor says whether a mobile node goes to another anchor because its own is dead. Its profile may forbid that.
func (m *Machine) leavesAnchor(r *record) bool {
	a := m.anchors[r.profile.LMAAddress]
	return r.state == served && !r.ended && !r.pinned && a != nil && a.dead && (!r.bound || m.config.MoveFromDead)
}

func (m *Machine) moveFromAnchor(now time.Time, r *record) {
	lma := m.choose(r.user)
	if lma == r.profile.LMAAddress {
		return // there is no other
	}
	r.profile.LMAAddress, r.bound, r.since = lma, false, now
	m.do(Serve{Attachment: r.Attachment, Profile: r.profile})
}

// Dead are the anchors that are left, in the order of the configuration.
func (m *Machine) Dead() (list []netip.Addr) {
	for _, lma := range m.config.Anchors.LMAs {
		if m.anchors[lma].dead {
			list = append(list, lma)
		}
	}
	return list
}
