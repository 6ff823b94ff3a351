package mihf

import (
	"cmp"
	"container/list"
	"net/netip"
	"slices"
	"time"

	"netlmm/internal/timers"
	"netlmm/mih"
	"netlmm/mih/wire"
)

// sinceResolution is how exactly access points tell the age of an association.
const sinceResolution = 2 * time.Second

// MIHF is an MIH Function. It is not safe for concurrent use.
type MIHF struct {
	cfg           Config
	actions       []Action
	scratch       []byte // of encode
	timers        timers.Heap
	links         map[mih.LinkID]*link
	changes       changes
	shares        map[mih.MIHFID]int // of those that are not down, by who says so
	down          *list.List         // of *link in LinkDown, longest down first
	subscriptions subscriptions

	peers        map[mih.MIHFID]*peer
	associations map[netip.Addr]bool // that stand
	reassembler  *wire.Reassembler
	remote       int // subscriptions at peers
	incoming     map[uint64]*incoming
	lastHandle   uint64
	discovering  map[discovery]*transaction
	discoveries  uint16 // transaction identifier of the next one
	announced    announced
	strangers    bucket
	beginnings   uint64 // of subscriptions of peers
}

// New makes an MIH Function without links and subscriptions.
func New(cfg Config) *MIHF {
	cfg.MaximumLinks = cmp.Or(cfg.MaximumLinks, 4096)
	cfg.MaximumLinksOfPeer = cmp.Or(cfg.MaximumLinksOfPeer, cfg.MaximumLinks)
	cfg.MaximumSubscriptions = cmp.Or(cfg.MaximumSubscriptions, 4096)
	cfg.DownRetention = cmp.Or(cfg.DownRetention, 15*time.Minute) // a switch that starts again or is updated takes less
	cfg.First = max(min(cfg.First, maximumTransactionID), 1)
	cfg.ResponseTimeout = cmp.Or(cfg.ResponseTimeout, 10*time.Second)
	cfg.RefreshInterval = cmp.Or(cfg.RefreshInterval, 10*time.Second)
	cfg.RetryInitial = cmp.Or(cfg.RetryInitial, time.Second)
	cfg.RetryMaximum = cmp.Or(cfg.RetryMaximum, 32*time.Second)
	cfg.RegistrationLifetime = cmp.Or(cfg.RegistrationLifetime, time.Hour)
	cfg.MaximumOutstanding = cmp.Or(cfg.MaximumOutstanding, 1024)
	cfg.MaximumQueued = cmp.Or(cfg.MaximumQueued, 8192)
	m := &MIHF{
		cfg: cfg, links: map[mih.LinkID]*link{}, shares: map[mih.MIHFID]int{}, down: list.New(), subscriptions: newSubscriptions(), peers: map[mih.MIHFID]*peer{},
		associations: map[netip.Addr]bool{}, reassembler: wire.NewReassembler(wire.DefaultReassemblyLimits), incoming: map[uint64]*incoming{},
		discovering: map[discovery]*transaction{}, discoveries: cfg.First,
	}
	for _, p := range cfg.Peers {
		if p.MIHFID != "" && p.MIHFID != cfg.MIHFID {
			m.peers[p.MIHFID] = m.newPeer(p)
		}
	}
	m.reassembler.OnDrop = func(peer netip.AddrPort, reason wire.DropReason) {
		m.act(Ignored{Reason: IgnoreReason(reason), From: Endpoint{Address: peer}})
	}
	return m
}

// Start begins what an MIH Function does by itself: it registers with the peers that want it.
func (m *MIHF) Start(now time.Time) []Action {
	for _, p := range m.cfg.Peers {
		if one := m.peers[p.MIHFID]; one != nil && one.Register {
			m.register(now, one)
		}
	}
	return m.done()
}

// act adds to what is to be done.
func (m *MIHF) act(a Action) { m.actions = append(m.actions, a) }

// done hands out what is to be done.
func (m *MIHF) done() []Action {
	actions := m.actions
	m.actions = nil
	return actions
}

// Handle takes one event and returns what is to be done.
func (m *MIHF) Handle(now time.Time, ev Event) []Action {
	switch ev := ev.(type) {
	case SAPIndication:
		m.indication(now, ev.Indication)
	case EventSubscribe:
		if m.here(ev.Destination) {
			m.subscribeHere(ev)
		} else {
			m.subscribeAt(now, ev)
		}
	case EventUnsubscribe:
		if m.here(ev.Destination) {
			m.unsubscribeHere(ev)
		} else {
			m.unsubscribeAt(now, ev)
		}
	case MessageReceived:
		m.messageReceived(now, ev.From, ev.Payload)
	case Request:
		m.command(now, ev)
	case Discover:
		m.discover(now, ev)
	case Announce:
		m.announce(now, ev.Group)
	case Respond:
		m.respond(now, ev.Handle, ev.Body, ev.Extra)
	case LinkCommandDone:
		m.respond(now, ev.CommandID, ev.Body, nil)
	case CapabilitiesChanged:
		m.cfg.Capabilities = ev.Capabilities
	case PictureComplete:
		m.cfg.Partial = false
	case PeerChanged:
		m.peerChanged(now, ev.Peer)
	case PeerGone:
		m.peerGone(now, ev.MIHFID)
	case SecurityAssociationChanged:
		m.associationChanged(now, ev.Address, ev.Up)
	}
	return m.done()
}

// here says whether a destination is this MIH Function.
func (m *MIHF) here(destination mih.MIHFID) bool {
	return destination == "" || destination == m.cfg.MIHFID
}

// indication normalises what a SAP reported against the table of links and passes on what is news.
func (m *MIHF) indication(now time.Time, ind mih.Indication) {
	if ind.Event == nil {
		m.act(Ignored{Reason: IgnoredUnknownEvent, Indication: ind})
		return
	}
	if ind.Event.LinkTuple().Link.Address.IsZero() {
		m.act(Ignored{Reason: IgnoredNoStation, Indication: ind})
		return
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
	case mih.LinkHandoverImminent, mih.LinkHandoverComplete: // the Link_Up and Link_Down of such a handover change the table
	default:
		reason = IgnoredUnknownEvent
	}
	if reason != "" {
		m.act(Ignored{Reason: reason, Indication: ind})
		return
	}
	m.deliver(now, ind)
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
	if others := !known || l.State == LinkDown || l.Source != ind.Source; others && m.hasShare(ind.Source) {
		return IgnoredPeerFull
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
// of it from before this MIH Function started. What is told long after it happened is news only of a link that is up here: by the
// word of the same source, which speaks of a link in order, or by an older word of another one.
func (m *MIHF) linkDown(now time.Time, ind *mih.Indication, ev mih.LinkDown) IgnoreReason {
	l, known := m.links[ev.Link.Link]
	old := ind.Resync && !ind.Since.IsZero()
	switch {
	case !known && !old:
		return ""
	case !known, l.State == LinkDown:
		return IgnoredAlreadyDown
	case old && l.Source == ind.Source: // it may have been elsewhere there meanwhile, which nobody heard of
		ev.Link.PointOfAttachment = l.PointOfAttachment
		ind.Event = ev
	case !attachmentOf(ind).same(l.attachment()), old && ind.Since.Before(l.Since):
		return IgnoredFormerAttachment
	}
	ind.Identity = cmp.Or(ind.Identity, l.Identity)
	m.becomeDown(l, now)
	return ""
}

// linkGoingDown delivers what a link SAP here says of a link that it is the first to speak of: another one may have told another MIH Function
// that it is up.
func (m *MIHF) linkGoingDown(now time.Time, ind *mih.Indication, ev mih.LinkGoingDown) IgnoreReason {
	l, known := m.links[ev.Link.Link]
	switch {
	case !known && ind.Source == m.cfg.MIHFID:
		return ""
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
		if (p.Type == mih.ParameterSignalStrength || p.Type == mih.Parameter80211RSSI) && p.Value != l.SignalStrength {
			l.SignalStrength = p.Value
			m.changed(l)
		}
	}
	return ""
}

// Expire runs what is due: messages are sent again, what was not answered ends, a link that was going down and did not is up, and a
// link that is down long enough is forgotten; so is a message of which fragments are missing.
func (m *MIHF) Expire(now time.Time) []Action {
	m.timers.Expire(now)
	m.reassembler.Expire(now)
	for e := m.down.Front(); e != nil; e = m.down.Front() {
		l := e.Value.(*link)
		if l.deadline.After(now) {
			break
		}
		m.forgetLink(l)
	}
	return m.done()
}

// NextDeadline is when Expire has something to do.
func (m *MIHF) NextDeadline() (time.Time, bool) {
	next, _ := m.timers.Next()
	if e := m.down.Front(); e != nil {
		next = sooner(next, e.Value.(*link).deadline)
	}
	if d, waiting := m.reassembler.NextDeadline(); waiting {
		next = sooner(next, d)
	}
	return next, !next.IsZero()
}

// sooner is the earlier of a deadline, zero for none, and another one.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return earlier(a, b)
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
