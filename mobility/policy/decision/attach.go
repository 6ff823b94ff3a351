package decision

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// attached decides about a station that came, or asks somebody who can. One that waits already goes on waiting.
func (m *Machine) attached(now time.Time, a policy.Attachment) {
	r := m.records[a.Station]
	if r != nil && r.state == waiting && r.MobileNodeID == a.MobileNodeID {
		a.Unconfirmed = a.Unconfirmed && r.Unconfirmed
		r.Attachment = a
		return
	}
	var before record
	if r != nil {
		before = *r
		m.remove(r)
	}
	r = m.newRecord(now, a)
	if before.state == served && before.MobileNodeID == a.MobileNodeID {
		r.sticky, r.bound, r.roams = before.profile.LMAAddress, before.bound, true
		r.user, r.grant = before.user, before.grant // a server may call it so while its question is under way
		m.name(r)
	}
	m.decide(now, r)
	if before.MobileNodeID != a.MobileNodeID {
		m.makesWay(&before)
	}
	if r.asks() && before.holds() && before.MobileNodeID != a.MobileNodeID {
		m.do(Leave{a.Station, a.At}) // somebody else's: what that one had is not this one's while it waits
	}
}

// detached cancels what waits, and forgets the station.
func (m *Machine) detached(e Detached) {
	if r := m.records[e.Station]; r != nil {
		m.remove(r)
		m.makesWay(r)
	}
	m.do(Leave(e))
}

// decide asks the sources in their order.
func (m *Machine) decide(now time.Time, r *record) {
	for _, source := range m.config.Order {
		if source == policy.File {
			if p, ok := m.table.Own(r.MobileNodeID); ok {
				m.conclude(now, r, policy.File, p)
				return
			}
			continue
		}
		v, age, ok := m.cache.get(now, r.asked())
		switch {
		case r.state == served && r.source == policy.RADIUS:
			return // what was granted holds until its time is over
		case ok && m.fresh(v, age):
			m.do(Noted{Reason: FromCache})
			m.judge(now, r, v, age)
		default:
			r.known = m.knownUnasked(now, r)
			m.ask(r, nil)
		}
		return
	}
	if p, ok := m.table.Fallback(r.MobileNodeID); ok {
		m.conclude(now, r, policy.File, p)
		return
	}
	m.refuse(r, NotAllowed)
}

func (r *record) asked() asked { return asked{r.MobileNodeID, r.LinkLayerID} }

// asks: a question about it is under way, or in line.
func (r *record) asks() bool { return r.query != 0 || r.inLine != nil }

// ask has an AAA server asked, in its turn when too many questions are under way. order is the State of a server's order to ask.
func (m *Machine) ask(r *record, order []byte) {
	m.withdraw(r)
	r.order = order
	if len(m.queries) >= m.config.MaximumWaiting {
		r.inLine = m.line.PushBack(r)
		m.do(Noted{Reason: WaitsInLine})
		return
	}
	m.query++
	r.query = m.query
	m.queries[r.query] = &question{asked: r.asked(), record: r}
	m.do(Ask{r.Attachment, policy.Query{
		ID: r.query, MobileNodeID: r.MobileNodeID, LinkLayerID: r.LinkLayerID, PointOfAttachment: r.PointOfAttachment, State: order,
		Anyway: r.state == waiting && !r.known && !r.Unconfirmed, AtOnce: r.state == waiting && r.known,
	}})
}

// askNext asks about who is first in line, now that a question less is under way.
func (m *Machine) askNext() {
	for m.line.Len() > 0 && len(m.queries) < m.config.MaximumWaiting {
		r := m.line.Front().Value.(*record)
		m.ask(r, r.order)
	}
}

// answered goes on with who waited for the answer.
func (m *Machine) answered(now time.Time, e Answered) {
	q := m.queries[e.ID]
	if q == nil {
		m.do(Noted{Reason: AnswerTooLate})
		return
	}
	delete(m.queries, e.ID)
	defer m.askNext()
	if e.Verdict.Outcome != policy.Silent && !q.outdated {
		m.cache.put(now, q.asked, e.Verdict)
	}
	r := q.record
	if r == nil {
		m.do(Noted{Reason: AnswerTooLate})
		return
	}
	r.query = 0
	if e.Verdict.Outcome == policy.Silent {
		m.unasked(now, r)
		return
	}
	if q.outdated {
		m.do(Noted{Reason: AnswerTooLate})
		m.ask(r, r.order)
		return
	}
	m.judge(now, r, e.Verdict, 0)
}

// unasked decides without an AAA server: by what one said earlier, by the sources that come after it, by default. Who is served already
// stays so while its time is not over.
func (m *Machine) unasked(now time.Time, r *record) {
	if r.state == served && !r.over {
		return
	}
	if v, age, ok := m.cache.get(now, r.asked()); ok && m.stale(v, age) {
		m.do(Noted{Reason: FromStaleCache})
		m.judge(now, r, v, age)
		return
	}
	for _, source := range m.config.Order {
		if p, ok := m.table.Own(r.MobileNodeID); ok && source == policy.File {
			m.conclude(now, r, policy.File, p)
			return
		}
	}
	if p, ok := m.table.Fallback(r.MobileNodeID); ok && m.config.ServeUnasked {
		m.do(Noted{Reason: ByDefault})
		m.conclude(now, r, "", p)
	} else if r.state == served {
		m.refuse(r, SessionTimeout)
	} else {
		m.refuse(r, NobodyKnows)
	}
	r.unsure = true
	if !m.retry.IsSet() {
		m.timers.Set(&m.retry, now.Add(m.config.RetryInterval))
	}
}

// knownUnasked says whether somebody would be served if no AAA server answered.
func (m *Machine) knownUnasked(now time.Time, r *record) bool {
	if v, age, ok := m.cache.get(now, r.asked()); ok && v.Outcome == policy.Accepted && m.stale(v, age) {
		return true
	}
	if _, own := m.table.Own(r.MobileNodeID); own && slices.Contains(m.config.Order, policy.File) {
		return true
	}
	_, fallback := m.table.Fallback(r.MobileNodeID)
	return fallback && m.config.ServeUnasked
}

// askAgain asks about whom no server answered: a station that stands still would bring nobody to ask.
func (m *Machine) askAgain(now time.Time) {
	m.reviewAll(now, func(r *record) bool {
		if r.unsure && !m.retry.IsSet() {
			m.timers.Set(&m.retry, now.Add(m.config.RetryInterval))
		}
		return r.unsure
	})
}

// judge makes a profile of what an AAA server said, age ago.
func (m *Machine) judge(now time.Time, r *record, v policy.Verdict, age time.Duration) {
	if v.Outcome != policy.Accepted {
		m.refuse(r, RejectedByAAA)
		return
	}
	p, err := v.Grant.Profile(r.MobileNodeID, m.config.Everybody)
	if err != nil {
		m.do(Noted{Reason: InvalidGrant, Err: err})
		m.refuse(r, InvalidGrant)
		return
	}
	if p.OffloadPolicy, err = m.offload(v.Grant); err != nil {
		m.do(Noted{Reason: UnknownOffload, Err: fmt.Errorf("%v: %w, which proposes that nothing leaves here", p.MobileNodeID, err)})
	}
	r.grant, r.over = v.Grant, false
	m.name(r)
	m.timers.Stop(&r.expires)
	if v.Grant.SessionTimeout > 0 {
		m.timers.Set(&r.expires, now.Add(v.Grant.SessionTimeout-age))
	}
	m.conclude(now, r, policy.RADIUS, p)
}

// offload is the offload policy to propose, that a grant names, or else everybody's. Where the name is not known it is that nothing leaves
// here: which of a mobile node's packets an AAA server wants past the anchor nobody can guess, and with no proposal at all an anchor that
// has no policy of its own would not differ from one where nothing was said. An anchor's own policy holds whatever is proposed.
func (m *Machine) offload(g policy.Grant) (mobility.OffloadPolicy, error) {
	switch g.OffloadPolicy {
	case "":
		return m.config.Everybody.OffloadPolicy, nil
	case policy.NoOffloadPolicy:
		return mobility.OffloadPolicy{}, nil
	}
	p, known := m.config.Offload[g.OffloadPolicy]
	if !known {
		return mobility.OffloadNothing(), fmt.Errorf("offload policy %q, which an AAA server named, is none of this gateway's configuration", g.OffloadPolicy)
	}
	return p, nil
}

// sessionOver asks anew about a mobile node that was allowed for a time (RFC 2865 section 5.27).
func (m *Machine) sessionOver(r *record) {
	r.over = true
	if r.state == served && !r.asks() {
		m.ask(r, nil)
	}
}

// conclude takes a profile for a station.
func (m *Machine) conclude(now time.Time, r *record, source policy.Source, p mobility.Profile) {
	r.source, r.unsure, r.barred = source, false, false
	if source != policy.RADIUS {
		m.timers.Stop(&r.expires)
		r.grant, r.over = policy.Grant{}, false
	}
	if !p.ProxyRegistration {
		m.refuse(r, NotAllowed)
		return
	}
	if p.MobileNodeID.IsZero() {
		p.MobileNodeID = r.MobileNodeID
	}
	if p.LMAAddress.IsValid() && len(m.anchors) > 0 && m.anchors[p.LMAAddress] == nil {
		m.do(Noted{Reason: InvalidGrant, Err: fmt.Errorf("%v of %v is none of the anchors that this gateway has", p.LMAAddress, p.MobileNodeID)})
		m.refuse(r, InvalidGrant)
		return
	}
	if r.state == served {
		m.change(now, r, p)
		return
	}
	m.serve(r, p)
}

// serve begins the service of a mobile node.
func (m *Machine) serve(r *record, p mobility.Profile) {
	if r.holds() && r.user != p.MobileNodeID {
		m.makesWay(r) // for those who are whom it was
	}
	r.user = p.MobileNodeID
	rule := m.ruleFor(p)
	if rule == policy.Refuse && len(m.otherDevices(r, (*record).holds)) > 0 {
		m.refuse(r, AnotherDevice)
		r.barred = true
		m.name(r) // whoever makes way finds it
		return
	}
	if mac, ok := r.LinkLayerID.MAC(); ok && rule == policy.Separate {
		p.MobileNodeID = mobility.EUI48(mac)
	}
	r.pinned = p.LMAAddress.IsValid()
	if !r.pinned {
		p.LMAAddress = m.anchorOf(r)
	}
	r.bound = r.bound && p.LMAAddress == r.sticky
	s := Serve{Attachment: r.Attachment, Profile: p}
	if rule == policy.Replace {
		for _, other := range m.otherDevices(r, func(other *record) bool { return other.state == served }) {
			s.Handoff = mobility.HandoffBetweenInterfaces // RFC 5213 section 8.4: the anchor moves the session
			m.remove(other)
			m.do(Noted{Reason: DeviceReplaced})
		}
	}
	m.become(r, served)
	r.profile = p
	m.name(r)
	m.do(s)
}

// ruleFor is the rule for several addresses of one identity. A mobile node that is known by its address has one; and what is
// reserved for one mobile node is not given to each device of a user.
func (m *Machine) ruleFor(p mobility.Profile) policy.Rule {
	rule := m.config.SeveralMACs
	switch {
	case p.SeveralDevices:
		rule = policy.Separate
	case p.MobileNodeID.Subtype != mobility.SubtypeNAI:
		return policy.Interfaces
	}
	if rule == policy.Separate && (len(p.HomeNetworkPrefixes) > 0 || p.IPv4HomeAddress.IsValid()) {
		return policy.Refuse
	}
	return rule
}

// otherDevices are the stations with other addresses that are here as the same user, and of which that holds.
func (m *Machine) otherDevices(r *record, holds func(*record) bool) (list []*record) {
	for _, other := range m.names[r.user] {
		if holds(other) && other.user == r.user && other.LinkLayerID != r.LinkLayerID {
			list = append(list, other)
		}
	}
	return list
}

// holds: it has a binding, or may have: it is served, or was until it attached again and a server was asked.
func (r *record) holds() bool { return r.state == served || r.state == waiting && r.roams }

// refuse leaves a station alone, and ends what it had.
func (m *Machine) refuse(r *record, reason Reason) {
	m.timers.Stop(&r.expires)
	m.withdraw(r)
	if reason != AnotherDevice {
		m.makesWay(r)
	}
	m.become(r, withheld)
	r.bound, r.over, r.unsure, r.barred, r.sticky = false, false, false, false, netip.Addr{}
	m.do(Withhold{r.Attachment, reason})
}

// makesWay has those looked at whom this station kept from service, which it needs not any more.
func (m *Machine) makesWay(r *record) {
	if r.state == withheld {
		return
	}
	for _, other := range m.names[r.user] {
		if other != r && other.barred && other.user == r.user && !other.review {
			other.review = true
			m.reviews = append(m.reviews, other)
		}
	}
}
