package mihf

import (
	"slices"
	"time"

	"netlmm/internal/timers"
	"netlmm/mih"
	"netlmm/mih/wire"
)

// subscriptionKey names a subscription at a peer. Several users here may share it.
type subscriptionKey struct{ link mih.LinkTupleID }

// remoteSubscription is a subscription of this MIH Function at a peer (MIH_Event_Subscribe). It is asked for again every
// RefreshInterval, which costs the peer nothing when it has it, and has it anew when it was started again; and whenever the peer
// was out of reach.
type remoteSubscription struct {
	peer  *peer
	link  mih.LinkTupleID
	users []remoteUser
	timer timers.Timer
	busy  bool          // a request is on its way
	stale bool          // the peer may have it from before this MIH Function started, or from before it was out of reach: it is ended first, so that the new one begins with the whole picture
	retry time.Duration // 0: the last request was answered

	beginnings map[uint64]*picture // with which the peer began, and is not through yet
	asked      time.Time           // when the latest request went out
	differs    int                 // how often in a row the peer's view was another than the one here
}

// picture is what a peer tells at the beginning of a subscription: which links are up.
type picture struct {
	up       map[mih.LinkID]bool
	expected int // how many it announced; -1: not yet
}

// remoteUser is a user here with its share of a subscription.
type remoteUser struct {
	user      User
	events    mih.EventList
	filter    []mih.EventConfiguration
	confirmed bool
}

func (s *remoteSubscription) events() (events mih.EventList) {
	for _, u := range s.users {
		events |= u.events
	}
	return events
}

// filter is that of the only user; what several want is filtered here.
func (s *remoteSubscription) filter() []mih.EventConfiguration {
	if len(s.users) == 1 {
		return s.users[0].filter
	}
	return nil
}

// subscribeAt is EventSubscribe at a peer.
func (m *MIHF) subscribeAt(now time.Time, ev EventSubscribe) {
	p := m.peers[ev.Destination]
	if p == nil || ev.Events&supported == 0 {
		m.act(EventSubscribeConfirm{User: ev.User, Destination: ev.Destination, Link: ev.Link, Status: mih.StatusRejected})
		return
	}
	key := subscriptionKey{ev.Link}
	s := p.subscriptions[key]
	if s == nil {
		if m.remote >= m.cfg.MaximumSubscriptions {
			m.act(EventSubscribeConfirm{User: ev.User, Destination: ev.Destination, Link: ev.Link, Status: mih.StatusRejected})
			return
		}
		m.remote++
		s = &remoteSubscription{peer: p, link: ev.Link, stale: true, beginnings: map[uint64]*picture{}}
		s.timer.Due = func(now time.Time) { m.ask(now, s) }
		p.subscriptions[key] = s
	}
	u := s.user(ev.User)
	u.events |= ev.Events & supported
	u.filter, u.confirmed = ev.Filter, false
	m.ask(now, s)
}

func (s *remoteSubscription) user(user User) *remoteUser {
	for i := range s.users {
		if s.users[i].user == user {
			return &s.users[i]
		}
	}
	s.users = append(s.users, remoteUser{user: user})
	return &s.users[len(s.users)-1]
}

// unsubscribeAt is EventUnsubscribe at a peer. What no user here wants any more is ended there.
func (m *MIHF) unsubscribeAt(now time.Time, ev EventUnsubscribe) {
	confirm := EventSubscribeConfirm{User: ev.User, Destination: ev.Destination, Link: ev.Link, Status: mih.StatusRejected}
	p := m.peers[ev.Destination]
	var s *remoteSubscription
	if p != nil {
		s = p.subscriptions[subscriptionKey{ev.Link}]
	}
	if s == nil {
		m.act(confirm)
		return
	}
	before := s.events()
	u := s.user(ev.User)
	u.events &^= ev.Events
	confirm.Status, confirm.Events = mih.StatusSuccess, u.events
	if u.events == 0 {
		s.leave(ev.User)
	}
	ended := before &^ s.events()
	if len(s.users) == 0 {
		m.timers.Stop(&s.timer)
		delete(p.subscriptions, subscriptionKey{ev.Link})
		m.remote--
	}
	if ended != 0 {
		m.request(now, p, wire.EventUnsubscribeRequest{Link: onWire(ev.Link), Events: ended}, func(time.Time, wire.Body, []wire.TLV, Failure) {})
	}
	m.act(confirm)
}

func (s *remoteSubscription) leave(user User) {
	kept := s.users[:0]
	for _, u := range s.users {
		if u.user != user {
			kept = append(kept, u)
		}
	}
	s.users = kept
}

// ask asks the peer for a subscription.
func (m *MIHF) ask(now time.Time, s *remoteSubscription) {
	if s.busy || len(s.users) == 0 {
		return
	}
	s.busy = true
	m.timers.Stop(&s.timer)
	if s.stale {
		m.request(now, s.peer, wire.EventUnsubscribeRequest{Link: onWire(s.link), Events: supported}, func(now time.Time, _ wire.Body, _ []wire.TLV, failure Failure) {
			if failure != NoFailure {
				m.askLater(now, s)
				return
			}
			s.stale = false
			m.askNow(now, s)
		}, m.incarnation(s.peer)...)
		return
	}
	m.askNow(now, s)
}

func (m *MIHF) askNow(now time.Time, s *remoteSubscription) {
	s.asked = now
	body := wire.EventSubscribeRequest{Link: onWire(s.link), Events: s.events(), Filter: s.filter()}
	m.request(now, s.peer, body, func(now time.Time, answer wire.Body, extra []wire.TLV, failure Failure) {
		if failure != NoFailure {
			m.askLater(now, s)
			return
		}
		m.asked(now, s, answer.(wire.EventSubscribeResponse), extra)
	}, m.incarnation(s.peer)...)
}

// incarnation makes a subscription request another one than those of before the last start, which a peer may remember.
func (m *MIHF) incarnation(p *peer) []wire.TLV {
	if p.Compat == ODTONE {
		return nil
	}
	return []wire.TLV{{Type: tlvIncarnation, Value: number(m.cfg.Incarnation)}}
}

// askLater tries a peer that did not answer again, ever more slowly.
func (m *MIHF) askLater(now time.Time, s *remoteSubscription) {
	s.busy, s.stale = false, true
	s.retry = min(max(2*s.retry, m.cfg.RetryInitial), m.cfg.RetryMaximum)
	if len(s.users) > 0 {
		m.timers.Set(&s.timer, now.Add(s.retry))
	}
}

// asked takes the peer's answer.
func (m *MIHF) asked(now time.Time, s *remoteSubscription, answer wire.EventSubscribeResponse, extra []wire.TLV) {
	s.busy, s.retry = false, 0
	events := s.events()
	if answer.Events != nil {
		events &= *answer.Events
	}
	if answer.Status != mih.StatusSuccess {
		events = 0
	}
	for i := range s.users {
		if u := &s.users[i]; !u.confirmed {
			u.confirmed = true
			m.act(EventSubscribeConfirm{User: u.user, Destination: s.peer.MIHFID, Link: s.link, Status: answer.Status, Events: events & u.events})
		}
	}
	if n, of, ok := find(extra, tlvCount); ok { // it begins with the whole picture, asked for or not: it was started again
		s.picture(of).expected = int(n)
		m.sweep(now, s, of)
	}
	if m.differs(s, extra) {
		s.stale = true
		m.ask(now, s)
		return
	}
	if len(s.users) > 0 {
		m.timers.Set(&s.timer, now.Add(m.cfg.RefreshInterval))
	}
}

// maximumDiffering is how often in a row two views may differ: events on their way make a difference that goes by itself.
const maximumDiffering = 2

// differs says whether a peer's view of its links is for good another one than that here, after whatever was lost or overtaken at a
// restart: then the subscription begins anew.
func (m *MIHF) differs(s *remoteSubscription, extra []wire.TLV) bool {
	n, sum, ok := find(extra, tlvDigest)
	if own, ownSum := m.digest(s.peer.MIHFID, s.link); !ok || int(n) == own && sum == ownSum {
		s.differs = 0
		return false
	}
	s.differs++
	if s.differs < maximumDiffering {
		return false
	}
	s.differs = 0
	return true
}

// Bounds of what is noted of beginnings: of unfinished ones, a peer that is started again and again leaves some, and of the links
// of one.
const (
	maximumBeginnings = 4
	maximumRepeated   = 65536
)

// picture is what is known of a beginning. Its first Link_Ups may come before the response that announces it.
func (s *remoteSubscription) picture(of uint64) *picture {
	one := s.beginnings[of]
	if one == nil {
		if len(s.beginnings) >= maximumBeginnings {
			clear(s.beginnings)
		}
		one = &picture{up: map[mih.LinkID]bool{}, expected: -1}
		s.beginnings[of] = one
	}
	return one
}

// repeated notes a link that a peer told of at the beginning of a subscription.
func (m *MIHF) repeated(now time.Time, p *peer, of uint64, link mih.LinkID) {
	for _, s := range p.subscriptions {
		if one := s.picture(of); len(one.up) < maximumRepeated {
			one.up[link] = true
		}
		m.sweep(now, s, of)
	}
}

// sweep takes down the links of a peer that it did not tell of when it has told of all that are up: they went while it was out of
// reach. One that it has told of since the subscription was asked for came up meanwhile. A subscription on some of the links says nothing of the others.
func (m *MIHF) sweep(now time.Time, s *remoteSubscription, of uint64) {
	one, p := s.beginnings[of], s.peer
	if one.expected < 0 || len(one.up) < one.expected {
		return
	}
	clear(s.beginnings)
	for _, l := range m.Links() {
		id := mih.LinkID{Type: l.Type, Address: l.Station}
		tuple := mih.LinkTupleID{Link: id, PointOfAttachment: l.PointOfAttachment}
		if l.Source != p.MIHFID || l.State == LinkDown || one.up[id] || !m.links[id].heard.Before(s.asked) || !matches(s.link, supported, nil, mih.LinkUp{Link: tuple}) {
			continue
		}
		m.takeDown(now, l)
	}
}

// takeDown delivers the loss of a link of a peer that nobody told of.
func (m *MIHF) takeDown(now time.Time, l Link) {
	tuple := mih.LinkTupleID{Link: mih.LinkID{Type: l.Type, Address: l.Station}, PointOfAttachment: l.PointOfAttachment}
	m.indication(now, mih.Indication{Source: l.Source, SAP: SAP, Identity: l.Identity, ReceivedAt: now, Resync: true,
		Event: mih.LinkDown{Link: tuple, Reason: mih.DownExplicitDisconnect}})
}

// deliverRemote hands a peer's indication to the users here who are subscribed at that peer.
func (m *MIHF) deliverRemote(ind mih.Indication) (delivered bool) {
	p := m.peers[ind.Source]
	if p == nil {
		return false
	}
	var few [8]User
	told := few[:0]
	for _, s := range p.subscriptions {
		for _, u := range s.users {
			if !slices.Contains(told, u.user) && matches(s.link, u.events, u.filter, ind.Event) {
				told = append(told, u.user)
				m.act(Deliver{u.user, ind})
			}
		}
	}
	return len(told) > 0
}
