package mihf

import (
	"hash/fnv"
	"slices"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// supported are the events that this MIH Function passes on.
var supported = mih.Events(mih.EventLinkDetected, mih.EventLinkUp, mih.EventLinkDown, mih.EventLinkParametersReport, mih.EventLinkGoingDown,
	mih.EventLinkHandoverImminent, mih.EventLinkHandoverComplete)

// recipient is a user with all that it subscribed to here.
type recipient struct {
	user          User
	peer          *peer // nil: a local user
	subscriptions []*subscription
	told          uint64 // number of the event that it was told of last
}

// subscription is what one user, here or at a peer, asked for on one set of links here.
type subscription struct {
	of     *recipient
	link   mih.LinkTupleID // zero fields match everything
	events mih.EventList
	filter []mih.EventConfiguration

	partial bool // a peer's: it began while the picture was partial
}

// anyLink stands in messages for every link: a link without an address has no form there, and all have this one in common.
var anyLink, _ = mih.LinkAddressOf(mih.LinkAddressMAC, make([]byte, 6))

func onWire(link mih.LinkTupleID) mih.LinkTupleID {
	if link.Link.Address.IsZero() {
		link.Link.Address = anyLink
	}
	return link
}

func offWire(link mih.LinkTupleID) mih.LinkTupleID {
	if link.Link.Address == anyLink {
		link.Link.Address = mih.LinkAddress{}
	}
	return link
}

// matches says whether an event is one of events on the links that want matches, and not filtered out. A link may be named by
// either end: by the station, or by the point of attachment with all its stations, which is the link that an access point's own MIH
// Function has.
func matches(want mih.LinkTupleID, events mih.EventList, filter []mih.EventConfiguration, ev mih.LinkEvent) bool {
	got := ev.LinkTuple()
	return events.Has(ev.EventType()) &&
		(want.Link.Type == 0 || want.Link.Type == got.Link.Type) &&
		(want.Link.Address.IsZero() || want.Link.Address == got.Link.Address || want.Link.Address == got.PointOfAttachment) &&
		(want.PointOfAttachment.IsZero() || want.PointOfAttachment == got.PointOfAttachment) &&
		passes(filter, ev)
}

func (s *subscription) matches(ev mih.LinkEvent) bool { return matches(s.link, s.events, s.filter, ev) }

// subscriptions are those of all users: by the end of a link that they name, the zero address for those that name none. What
// an event costs grows with those that may want it, not with all.
type subscriptions struct {
	count  int
	events uint64 // delivered so far
	users  map[User]*recipient
	byEnd  map[mih.LinkAddress][]*subscription
}

func newSubscriptions() subscriptions {
	return subscriptions{users: map[User]*recipient{}, byEnd: map[mih.LinkAddress][]*subscription{}}
}

func (s *subscriptions) find(user User, link mih.LinkTupleID) *subscription {
	if r := s.users[user]; r != nil {
		for _, one := range r.subscriptions {
			if one.link == link {
				return one
			}
		}
	}
	return nil
}

// shares: a peer may have so many of all subscriptions here that as many like it find room.
const shares = 16

func (s *subscriptions) of(user User) int {
	if r := s.users[user]; r != nil {
		return len(r.subscriptions)
	}
	return 0
}

func (s *subscriptions) add(user User, p *peer, one *subscription) {
	r := s.users[user]
	if r == nil {
		r = &recipient{user: user, peer: p}
		s.users[user] = r
	}
	one.of = r
	r.subscriptions = append(r.subscriptions, one)
	end := one.link.Link.Address
	s.byEnd[end] = append(s.byEnd[end], one)
	s.count++
}

func (s *subscriptions) remove(one *subscription) {
	without := func(list []*subscription) []*subscription {
		return slices.DeleteFunc(slices.Clone(list), func(o *subscription) bool { return o == one })
	}
	s.count--
	end := one.link.Link.Address
	if list := without(s.byEnd[end]); len(list) > 0 {
		s.byEnd[end] = list
	} else {
		delete(s.byEnd, end)
	}
	r := one.of
	if r.subscriptions = without(r.subscriptions); len(r.subscriptions) == 0 {
		delete(s.users, r.user)
	}
}

// wanted calls yield once for each user who wants an event.
func (s *subscriptions) wanted(ev mih.LinkEvent, yield func(*recipient)) {
	s.events++
	tuple := ev.LinkTuple()
	for _, end := range [...]mih.LinkAddress{tuple.Link.Address, tuple.PointOfAttachment, {}} {
		for _, one := range s.byEnd[end] { // remove replaces the list, so that this one stays as it was
			if one.of.told != s.events && one.matches(ev) {
				one.of.told = s.events
				yield(one.of)
			}
		}
	}
}

// subscribe adds events to what a user gets on these links; nil: refused. fresh says that there was no such subscription.
func (m *MIHF) subscribe(user User, p *peer, link mih.LinkTupleID, events mih.EventList, filter []mih.EventConfiguration) (s *subscription, fresh bool) {
	events &= supported
	s = m.subscriptions.find(user, link)
	switch {
	case events == 0:
		return nil, false
	case s != nil:
		s.events |= events
		s.filter = filter
		return s, false
	case m.subscriptions.count >= m.cfg.MaximumSubscriptions, p != nil && m.subscriptions.of(user) >= max(m.cfg.MaximumSubscriptions/shares, 1):
		return nil, false
	}
	s = &subscription{link: link, events: events, filter: filter}
	m.subscriptions.add(user, p, s)
	return s, true
}

// unsubscribe takes events away and returns what is left; false: there is no such subscription.
func (m *MIHF) unsubscribe(user User, link mih.LinkTupleID, events mih.EventList) (left mih.EventList, ok bool) {
	s := m.subscriptions.find(user, link)
	if s == nil {
		return 0, false
	}
	s.events &^= events
	if s.events == 0 {
		m.subscriptions.remove(s)
	}
	return s.events, true
}

// subscribeHere is EventSubscribe of a local user on links here.
func (m *MIHF) subscribeHere(ev EventSubscribe) {
	confirm := EventSubscribeConfirm{User: ev.User, Link: ev.Link, Status: mih.StatusRejected}
	if s, _ := m.subscribe(ev.User, nil, ev.Link, ev.Events, ev.Filter); s != nil {
		confirm.Status, confirm.Events = mih.StatusSuccess, s.events
	}
	m.act(confirm)
}

func (m *MIHF) unsubscribeHere(ev EventUnsubscribe) {
	confirm := EventSubscribeConfirm{User: ev.User, Link: ev.Link, Status: mih.StatusRejected}
	if left, ok := m.unsubscribe(ev.User, ev.Link, ev.Events); ok {
		confirm.Status, confirm.Events = mih.StatusSuccess, left
	}
	m.act(confirm)
}

// deliver hands an indication to each user once, however many of its subscriptions match. Peers get what link SAPs here saw,
// never what other peers said.
func (m *MIHF) deliver(now time.Time, ind mih.Indication) {
	delivered := false
	if ind.Source == m.cfg.MIHFID {
		m.subscriptions.wanted(ind.Event, func(r *recipient) {
			delivered = true
			if r.peer != nil {
				m.tell(now, r.peer, told{Indication: ind})
			} else {
				m.act(Deliver{r.user, ind})
			}
		})
	} else {
		delivered = m.deliverRemote(ind)
	}
	if !delivered {
		m.act(Ignored{Reason: IgnoredNoSubscriber, Indication: ind})
	}
}

// subscribedBy is MIH_Event_Subscribe of a peer. A subscription that is new is told at once what is up, so that it begins
// with the whole picture: what is not up went, unless nobody can say yet that it is the whole. Then it is told what is known to have gone.
func (m *MIHF) subscribedBy(now time.Time, in *incoming, b wire.EventSubscribeRequest) {
	p, user, link, before := in.peer, User{MIHF: in.peer.MIHFID}, offWire(b.Link), mih.EventList(0)
	if known := m.subscriptions.find(user, link); known != nil {
		before = known.events
	}
	s, fresh := m.subscribe(user, p, link, b.Events, b.Filter)
	if s == nil {
		m.answer(now, in, wire.EventSubscribeResponse{Status: mih.StatusRejected, Link: b.Link})
		return
	}
	events := s.events
	if events != before {
		m.act(PeerSubscribed{p.MIHFID, s.link, events})
	}
	response := wire.EventSubscribeResponse{Status: mih.StatusSuccess, Link: b.Link, Events: &events}
	begins, of := fresh || s.partial && !m.cfg.Partial, uint64(0)
	var found []mih.Indication
	if begins {
		found = m.upFor(now, s)
	}
	switch {
	case m.cfg.Partial, // which links are not up nobody can say yet
		!begins && (p.queue.Len() > 0 || p.waiting > 0): // the answer overtakes what waits: what is up here is not yet what the peer can know
		m.answer(now, in, response)
	case begins:
		m.beginnings++
		of = uint64(m.cfg.Incarnation)<<32 | m.beginnings
		m.answer(now, in, response, numbers(tlvCount, len(found), of))
	default:
		n, digest := m.digest(m.cfg.MIHFID, s.link)
		m.answer(now, in, response, numbers(tlvDigest, n, digest))
	}
	if begins && m.cfg.Partial {
		found = append(found, m.downFor(now, s)...) // who is there comes first
	}
	s.partial = m.cfg.Partial && (fresh || s.partial)
	for _, ind := range found {
		m.tell(now, p, told{ind, of})
	}
}

// upFor are the links here that are up, as Link_Up events of a resynchronisation for one subscription.
func (m *MIHF) upFor(now time.Time, s *subscription) (found []mih.Indication) {
	for _, l := range m.Links() {
		if l.State == LinkDown || l.Source != m.cfg.MIHFID {
			continue
		}
		if ind := l.again(now); s.matches(ind.Event) {
			found = append(found, ind)
		}
	}
	return found
}

// downFor are the links here that went and are still kept, the latest first, as Link_Down events of a resynchronisation for one
// subscription.
func (m *MIHF) downFor(now time.Time, s *subscription) (found []mih.Indication) {
	for e := m.down.Back(); e != nil; e = e.Prev() {
		l := e.Value.(*link)
		ind := l.again(now)
		ind.Event = mih.LinkDown{Link: ind.Event.LinkTuple(), Reason: mih.DownExplicitDisconnect}
		if l.Source == m.cfg.MIHFID && s.matches(ind.Event) {
			found = append(found, ind)
		}
	}
	return found
}

// digest tells two views of the links of one MIH Function apart: how many are up of those that a subscription is about, and a sum over
// them.
func (m *MIHF) digest(source mih.MIHFID, want mih.LinkTupleID) (n int, sum uint64) {
	for id, l := range m.links {
		tuple := mih.LinkTupleID{Link: id, PointOfAttachment: l.PointOfAttachment}
		if l.Source != source || l.State == LinkDown || !matches(want, supported, nil, mih.LinkUp{Link: tuple}) {
			continue
		}
		h := fnv.New64a()
		_, _ = h.Write(l.PointOfAttachment.AppendOctets(id.Address.AppendOctets([]byte{byte(id.Type)})))
		n, sum = n+1, sum+h.Sum64()
	}
	return n, sum
}

// again is the Link_Up of a link, for who may have missed it.
func (l *Link) again(now time.Time) mih.Indication {
	tuple := mih.LinkTupleID{Link: mih.LinkID{Type: l.Type, Address: l.Station}, PointOfAttachment: l.PointOfAttachment}
	return mih.Indication{Source: l.Source, SAP: l.SAP, Interface: l.Interface, Identity: l.Identity, ReceivedAt: now,
		Resync: true, Since: l.Since, Event: mih.LinkUp{Link: tuple}}
}

func (m *MIHF) unsubscribedBy(p *peer, b wire.EventUnsubscribeRequest) wire.Body {
	left, ok := m.unsubscribe(User{MIHF: p.MIHFID}, offWire(b.Link), b.Events)
	if !ok {
		return wire.EventUnsubscribeResponse{Status: mih.StatusRejected, Link: b.Link}
	}
	m.act(PeerSubscribed{p.MIHFID, offWire(b.Link), left})
	events := b.Events
	return wire.EventUnsubscribeResponse{Status: mih.StatusSuccess, Link: b.Link, Events: &events}
}

// endSubscriptionsOf ends what a peer is subscribed to here, with the indications that wait for it.
func (m *MIHF) endSubscriptionsOf(p *peer) {
	if r := m.subscriptions.users[User{MIHF: p.MIHFID}]; r != nil {
		for _, s := range r.subscriptions {
			m.subscriptions.remove(s)
			m.act(PeerSubscribed{MIHFID: p.MIHFID, Link: s.link})
		}
	}
	for _, o := range p.order {
		p.waiting -= len(o.waiting)
		o.waiting = nil
	}
	p.late = late{}
	p.queue.Remove(func(t *transaction) bool {
		if t.link == nil {
			return false
		}
		delete(p.transactions, t.key)
		delete(p.order, t.link.link)
		return true
	})
}
