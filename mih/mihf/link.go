package mihf

import (
	"container/list"
	"time"

	"netlmm/internal/timers"
	"netlmm/mih"
)

// link is a row of the table with its place in the timers.
type link struct {
	Link
	deadline time.Time     // of LinkDown
	heard    time.Time     // when the latest Link_Up came
	recovery timers.Timer  // of LinkGoingDown: without a loss it is up then
	element  *list.Element // in MIHF.down while in LinkDown
	revision uint64        // of its latest change
}

// attachment is the network's end of a link. Which SAP reports it does not matter: two may watch one access point, one of them through
// another MIH Function.
type attachment struct {
	source            mih.MIHFID
	iface             string
	pointOfAttachment mih.LinkAddress
}

func attachmentOf(ind *mih.Indication) attachment {
	return attachment{ind.Source, ind.Interface, ind.Event.LinkTuple().PointOfAttachment}
}

func (l *link) attachment() attachment { return attachment{l.Source, l.Interface, l.PointOfAttachment} }

// same reports whether two reports may be of one attachment: a point of attachment that is not known matches any.
func (a attachment) same(b attachment) bool {
	if a.source != b.source {
		return !a.pointOfAttachment.IsZero() && a.pointOfAttachment == b.pointOfAttachment
	}
	if a.iface != b.iface {
		return false
	}
	return a.pointOfAttachment == b.pointOfAttachment || a.pointOfAttachment.IsZero() || b.pointOfAttachment.IsZero()
}

// newLink makes a row, in the place of the one that is down longest when the table is full; nil when all are up.
func (m *MIHF) newLink(id mih.LinkID) *link {
	if len(m.links) >= m.cfg.MaximumLinks {
		oldest := m.down.Front()
		if oldest == nil {
			return nil
		}
		m.forgetLink(oldest.Value.(*link))
	}
	l := &link{Link: Link{Station: id.Address, Type: id.Type}}
	l.element = m.down.PushBack(l)
	m.links[id] = l
	return l
}

// hasShare says whether a peer has told of as many links as it may: one that says that a million stations came leaves the others room.
func (m *MIHF) hasShare(source mih.MIHFID) bool {
	return source != m.cfg.MIHFID && m.shares[source] >= m.cfg.MaximumLinksOfPeer
}

// share counts a link for who told of it, or no more.
func (m *MIHF) share(l *link, n int) {
	if m.shares[l.Source] += n; m.shares[l.Source] <= 0 {
		delete(m.shares, l.Source)
	}
}

func (m *MIHF) forgetLink(l *link) {
	m.leaveTimers(l)
	id := mih.LinkID{Type: l.Type, Address: l.Station}
	delete(m.links, id)
	m.changes.forgotten(id)
}

// leaveTimers takes a link out of the timer that its state put it in.
func (m *MIHF) leaveTimers(l *link) {
	switch l.State {
	case LinkDown:
		m.down.Remove(l.element)
		l.element = nil
	case LinkGoingDown:
		m.timers.Stop(&l.recovery)
	}
	if l.State != LinkDown {
		m.share(l, -1)
	}
	l.deadline = time.Time{}
}

func (m *MIHF) becomeUp(l *link, ind *mih.Indication, since time.Time) {
	m.leaveTimers(l)
	l.State, l.Since, l.SignalStrength = LinkUp, since, 0
	l.heard = ind.ReceivedAt
	l.Source, l.SAP, l.Interface, l.Identity = ind.Source, ind.SAP, ind.Interface, ind.Identity
	l.PointOfAttachment = ind.Event.LinkTuple().PointOfAttachment
	m.changed(l)
	m.share(l, 1)
}

func (m *MIHF) becomeGoingDown(l *link, deadline time.Time) {
	m.leaveTimers(l)
	l.State = LinkGoingDown
	m.share(l, 1)
	m.changed(l)
	l.recovery.Due = func(time.Time) {
		l.State = LinkUp
		m.changed(l)
	}
	m.timers.Set(&l.recovery, deadline)
}

func (m *MIHF) becomeDown(l *link, now time.Time) {
	m.leaveTimers(l)
	l.State, l.Since, l.deadline, l.SignalStrength = LinkDown, now, now.Add(m.cfg.DownRetention), 0
	l.element = m.down.PushBack(l)
	m.changed(l)
}
