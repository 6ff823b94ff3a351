package mihf

import (
	"slices"

	"netlmm/mih"
)

// supported are the events that this MIH Function passes on.
var supported = mih.Events(mih.EventLinkDetected, mih.EventLinkUp, mih.EventLinkDown, mih.EventLinkParametersReport, mih.EventLinkGoingDown)

// subscription is what one user asked for on one set of links.
type subscription struct {
	user   User
	link   mih.LinkTupleID
	events mih.EventList
}

func (s subscription) matches(ev mih.LinkEvent) bool {
	got, want := ev.LinkTuple(), s.link
	return s.events.Has(ev.EventType()) &&
		(want.Link.Type == 0 || want.Link.Type == got.Link.Type) &&
		(want.Link.Address.IsZero() || want.Link.Address == got.Link.Address) &&
		(want.PointOfAttachment.IsZero() || want.PointOfAttachment == got.PointOfAttachment)
}

func (m *MIHF) find(user User, link mih.LinkTupleID) int {
	return slices.IndexFunc(m.subscriptions, func(s subscription) bool { return s.user == user && s.link == link })
}

func (m *MIHF) subscribe(ev EventSubscribe) Action {
	events := ev.Events & supported
	i := m.find(ev.User, ev.Link)
	if events == 0 || i < 0 && len(m.subscriptions) >= m.cfg.MaximumSubscriptions {
		return EventSubscribeConfirm{User: ev.User, Link: ev.Link, Status: mih.StatusRejected}
	}
	if i < 0 {
		i = len(m.subscriptions)
		m.subscriptions = append(m.subscriptions, subscription{user: ev.User, link: ev.Link})
	}
	m.subscriptions[i].events |= events
	return EventSubscribeConfirm{ev.User, ev.Link, mih.StatusSuccess, m.subscriptions[i].events}
}

func (m *MIHF) unsubscribe(ev EventUnsubscribe) Action {
	i := m.find(ev.User, ev.Link)
	if i < 0 {
		return EventSubscribeConfirm{User: ev.User, Link: ev.Link, Status: mih.StatusRejected}
	}
	m.subscriptions[i].events &^= ev.Events
	left := m.subscriptions[i].events
	if left == 0 {
		m.subscriptions = slices.Delete(m.subscriptions, i, i+1)
	}
	return EventSubscribeConfirm{ev.User, ev.Link, mih.StatusSuccess, left}
}

func (m *MIHF) wants(user User, ev mih.LinkEvent) bool {
	return slices.ContainsFunc(m.subscriptions, func(s subscription) bool { return s.user == user && s.matches(ev) })
}

// deliver hands an indication to each user once, however many of its subscriptions match.
func (m *MIHF) deliver(ind mih.Indication) []Action {
	var actions []Action
	for i, s := range m.subscriptions {
		if !s.matches(ind.Event) {
			continue
		}
		again := slices.ContainsFunc(m.subscriptions[:i], func(p subscription) bool { return p.user == s.user && p.matches(ind.Event) })
		if !again {
			actions = append(actions, Deliver{s.user, ind})
		}
	}
	if actions == nil {
		return []Action{Ignored{IgnoredNoSubscriber, ind}}
	}
	return actions
}
