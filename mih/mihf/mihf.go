package mihf

import (
	"cmp"
	"container/heap"
	"container/list"
	"slices"
	"time"

	"netlmm/mih"
)

// sinceResolution is how exactly access points tell the age of an association.
const sinceResolution = 2 * time.Second

// MIHF is an MIH Function. It is not safe for concurrent use.
type MIHF struct {
	cfg           Config
	links         map[mih.LinkID]*link
	down          *list.List // of *link in LinkDown, longest down first
	goingDown     deadlines  // of links in LinkGoingDown
	subscriptions []subscription
}

// New makes an MIH Function without links and subscriptions.
func New(cfg Config) *MIHF {
	cfg.MaximumLinks = cmp.Or(cfg.MaximumLinks, 4096)
	cfg.MaximumSubscriptions = cmp.Or(cfg.MaximumSubscriptions, 64)
	cfg.DownRetention = cmp.Or(cfg.DownRetention, 5*time.Minute)
	return &MIHF{cfg: cfg, links: map[mih.LinkID]*link{}, down: list.New()}
}

// Handle takes one event and returns what is to be done.
func (m *MIHF) Handle(now time.Time, ev Event) []Action {
	switch ev := ev.(type) {
	case SAPIndication:
		return m.indication(now, ev.Indication)
	case EventSubscribe:
		return []Action{m.subscribe(ev)}
	case EventUnsubscribe:
		return []Action{m.unsubscribe(ev)}
	case Resync:
		return m.resync(now, ev.User)
	}
	return nil
}

// indication normalises what a SAP reported against the table of links and passes on what is news.
func (m *MIHF) indication(now time.Time, ind mih.Indication) []Action {
	if ind.Event == nil {
		return []Action{Ignored{IgnoredUnknownEvent, ind}}
	}
	if ind.Event.LinkTuple().Link.Address.IsZero() {
		return []Action{Ignored{IgnoredNoStation, ind}}
	}
	ind.Source = cmp.Or(ind.Source, m.cfg.MIHFID)
	if ind.ReceivedAt.IsZero() {
		ind.ReceivedAt = now
	}
	var reason IgnoreReason
	switch ev := ind.Event.(type) {
	case mih.LinkUp:
		reason = m.linkUp(&ind, ev)
	case mih.LinkDown:
		reason = m.linkDown(now, &ind, ev)
	case mih.LinkGoingDown:
		reason = m.linkGoingDown(now, &ind, ev)
	case mih.LinkParametersReport:
		reason = m.linkParametersReport(&ind, ev)
	case mih.LinkDetected: // a station that is only seen gets no row: its address costs a stranger nothing
	default:
		reason = IgnoredUnknownEvent
	}
	if reason != "" {
		return []Action{Ignored{reason, ind}}
	}
	return m.deliver(ind)
}

func (m *MIHF) linkUp(ind *mih.Indication, ev mih.LinkUp) IgnoreReason {
	at := attachmentOf(ind)
	since := ind.ReceivedAt
	if ind.Resync && !ind.Since.IsZero() {
		since = ind.Since
	}
	l, known := m.links[ev.Link.Link]
	if known && ind.Resync && l.State != LinkDown {
		younger := !ind.Since.IsZero() && ind.Since.After(l.Since.Add(sinceResolution))
		switch {
		case younger:
		case !at.same(l.attachment()):
			return IgnoredResyncOutdated
		case l.Identity == ind.Identity:
			return IgnoredResyncUnchanged
		}
	}
	if !known {
		if l = m.newLink(ev.Link.Link); l == nil {
			return IgnoredLinksFull
		}
	}
	m.becomeUp(l, ind, since)
	return ""
}

// linkDown delivers the loss of the current attachment, and that of a station that is not known: a user may hold state
// of it from before this MIH Function started.
func (m *MIHF) linkDown(now time.Time, ind *mih.Indication, ev mih.LinkDown) IgnoreReason {
	l, known := m.links[ev.Link.Link]
	switch {
	case !known:
		return ""
	case l.State == LinkDown:
		return IgnoredAlreadyDown
	case !attachmentOf(ind).same(l.attachment()):
		return IgnoredFormerAttachment
	}
	ind.Identity = cmp.Or(ind.Identity, l.Identity)
	m.becomeDown(l, now)
	return ""
}

func (m *MIHF) linkGoingDown(now time.Time, ind *mih.Indication, ev mih.LinkGoingDown) IgnoreReason {
	l, known := m.links[ev.Link.Link]
	switch {
	case !known || l.State == LinkDown:
		return IgnoredNotUp
	case !attachmentOf(ind).same(l.attachment()):
		return IgnoredFormerAttachment
	}
	ind.Identity = cmp.Or(ind.Identity, l.Identity)
	m.becomeGoingDown(l, now.Add(ev.TimeInterval))
	return ""
}

func (m *MIHF) linkParametersReport(ind *mih.Indication, ev mih.LinkParametersReport) IgnoreReason {
	l, known := m.links[ev.Link.Link]
	if !known || l.State == LinkDown {
		return ""
	}
	if !attachmentOf(ind).same(l.attachment()) {
		return IgnoredFormerAttachment
	}
	ind.Identity = cmp.Or(ind.Identity, l.Identity)
	for _, p := range ev.Parameters {
		if p.Type == mih.ParameterSignalStrength || p.Type == mih.Parameter80211RSSI {
			l.SignalStrength = p.Value
		}
	}
	return ""
}

// resync repeats the Link_Up of every link that is up to one user.
func (m *MIHF) resync(now time.Time, user User) []Action {
	var actions []Action
	for _, l := range m.Links() {
		if l.State == LinkDown {
			continue
		}
		tuple := mih.LinkTupleID{Link: mih.LinkID{Type: l.Type, Address: l.Station}, PointOfAttachment: l.PointOfAttachment}
		ind := mih.Indication{Source: l.Source, SAP: l.SAP, Interface: l.Interface, Identity: l.Identity, ReceivedAt: now,
			Resync: true, Since: l.Since, Event: mih.LinkUp{Link: tuple}}
		if m.wants(user, ind.Event) {
			actions = append(actions, Deliver{user, ind})
		}
	}
	return actions
}

// Expire runs what is due: a link that was going down and did not is up, and a link that is down long enough is forgotten.
func (m *MIHF) Expire(now time.Time) []Action {
	for len(m.goingDown) > 0 && !m.goingDown[0].deadline.After(now) {
		m.becomeUpAgain(m.goingDown[0])
	}
	for e := m.down.Front(); e != nil; e = m.down.Front() {
		l := e.Value.(*link)
		if l.deadline.After(now) {
			break
		}
		m.forget(l)
	}
	return nil
}

// NextDeadline is when Expire has something to do.
func (m *MIHF) NextDeadline() (time.Time, bool) {
	var next time.Time
	if len(m.goingDown) > 0 {
		next = m.goingDown[0].deadline
	}
	if e := m.down.Front(); e != nil {
		if d := e.Value.(*link).deadline; next.IsZero() || d.Before(next) {
			next = d
		}
	}
	return next, !next.IsZero()
}

// Links is a copy of the table of links, ordered by station.
func (m *MIHF) Links() []Link {
	links := make([]Link, 0, len(m.links))
	for _, l := range m.links {
		links = append(links, l.Link)
	}
	slices.SortFunc(links, func(a, b Link) int {
		return cmp.Or(a.Station.Compare(b.Station), cmp.Compare(a.Type, b.Type))
	})
	return links
}

// deadlines is a heap of links, the earliest deadline first.
type deadlines []*link

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].deadline.Before(d[j].deadline) }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}
func (d *deadlines) Push(x any) {
	l := x.(*link)
	l.index = len(*d)
	*d = append(*d, l)
}
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	l := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return l
}

var _ heap.Interface = (*deadlines)(nil)
