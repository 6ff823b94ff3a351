package decision

import (
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
)

// reviewAll has stations judged anew.
func (m *Machine) reviewAll(now time.Time, which func(*record) bool) {
	for _, state := range []state{served, withheld} { // who waits is judged when the answer is here
		for e := m.stations[state].Front(); e != nil; e = e.Next() {
			if r := e.Value.(*record); !r.review && which(r) {
				r.review = true
				m.reviews = append(m.reviews, r)
			}
		}
	}
	m.reviewNow(now)
}

// reviewNow begins with the reviews in line, should that not be under way.
func (m *Machine) reviewNow(now time.Time) {
	if len(m.reviews) > 0 && !m.reviewTimer.IsSet() {
		m.reviewSome(now)
	}
}

func (m *Machine) reviewSome(now time.Time) {
	for n := 0; n < reviewBurst && len(m.reviews) > 0; n++ {
		r := m.reviews[0]
		m.reviews[0] = nil
		m.reviews = m.reviews[1:]
		r.review = false
		if m.records[r.Station] == r && r.state != waiting {
			m.reviewOne(now, r)
		}
	}
	if len(m.reviews) > 0 {
		m.timers.Set(&m.reviewTimer, now.Add(reviewInterval))
	} else {
		m.reviews = nil
	}
}

// reviewOne judges a station by what holds now. That says nothing of where it is: the MAG asks for it before it registers it.
func (m *Machine) reviewOne(now time.Time, r *record) {
	r.Unconfirmed, r.At, r.PreviousMAG = true, now, netip.Addr{}
	if m.leavesAnchor(r) {
		m.moveFromAnchor(now, r)
		return
	}
	if !r.asks() {
		m.decide(now, r)
	}
}

// change gives a mobile node that is served another profile. What it may do and for how long counts at once. The anchor and the
// addresses it keeps until it attaches anew: a mobile node that lost them in mid-session would lose its connections. So it keeps its
// offload policy, which is not to change while it stays at the gateway that negotiated it (RFC 6909 section 3.3): its flows would
// leave by another way with another source, and break. The anchor holds to that as well, so that "anew" is at another gateway or
// after the session has ended.
func (m *Machine) change(now time.Time, r *record, p mobility.Profile) {
	old := r.profile
	moves := p.LMAAddress.IsValid() && p.LMAAddress != old.LMAAddress || p.MobileNodeID != r.user ||
		!slices.Equal(p.HomeNetworkPrefixes, old.HomeNetworkPrefixes) || p.IPv4HomeAddress != old.IPv4HomeAddress ||
		p.OffloadPolicy != old.OffloadPolicy
	if moves {
		m.do(Noted{Reason: AwaitsAttachment})
	}
	same := p.IPv6Prohibited == old.IPv6Prohibited && p.IPv4Mobility == old.IPv4Mobility && p.Lifetime == old.Lifetime && equal(p.MAGLocalRouting, old.MAGLocalRouting)
	if same {
		return
	}
	now4 := p.IPv4Mobility && !old.IPv4Mobility // it has none to keep
	r.profile.IPv6Prohibited, r.profile.IPv4Mobility, r.profile.Lifetime, r.profile.MAGLocalRouting = p.IPv6Prohibited, p.IPv4Mobility, p.Lifetime, p.MAGLocalRouting
	if r.ended {
		return
	}
	s := Serve{Attachment: r.Attachment, Profile: r.profile}
	s.Unconfirmed, s.At = true, now
	s.Profile.HomeNetworkPrefixes = nil // the MAG goes on asking for those that it has
	if now4 {
		s.Profile.IPv4HomeAddress, r.profile.IPv4HomeAddress = p.IPv4HomeAddress, p.IPv4HomeAddress
		s.Profile.OffloadPolicy, r.profile.OffloadPolicy = p.OffloadPolicy, p.OffloadPolicy
	}
	m.do(s)
}

func equal(a, b *bool) bool { return a == b || a != nil && b != nil && *a == *b }
