package mihf

import (
	"time"

	"netlmm/mih"
	"netlmm/mih/internal/fifo"
)

// late are the links of which a peer could not be told everything, because too much waited for it already: the latest Link_Up or
// Link_Down of each, which says all that the peer has to know when its turn comes.
type late struct {
	latest map[mih.LinkID]told
	turn   fifo.Queue[mih.LinkID] // those of which nothing else is on its way
}

func (l *late) has(link mih.LinkID) bool {
	_, behind := l.latest[link]
	return behind
}

// ready gives a link its turn when nothing of it is on its way any more.
func (l *late) ready(link mih.LinkID) {
	if l.has(link) {
		l.turn.Push(link)
	}
}

// postpone keeps an indication for which there is no room. The subscription ends when there are too many such links: the peer asks
// again, and is told how things are then.
func (m *MIHF) postpone(p *peer, link mih.LinkID, ind told) {
	displaced, behind := p.late.latest[link]
	switch ind.Event.(type) {
	case mih.LinkUp, mih.LinkDown:
	default: // it would be old news
		m.act(Ignored{Reason: IgnoredIndicationsOverflow, Indication: ind.Indication, From: p.Endpoint})
		return
	}
	switch {
	case behind:
		m.act(Ignored{Reason: IgnoredIndicationsOverflow, Indication: displaced.Indication, From: p.Endpoint})
	case len(p.late.latest) >= m.cfg.MaximumLinks:
		m.act(Ignored{Reason: IgnoredIndicationsOverflow, Indication: ind.Indication, From: p.Endpoint})
		m.endSubscriptionsOf(p)
		return
	case p.late.latest == nil:
		p.late.latest = map[mih.LinkID]told{}
	}
	p.late.latest[link] = ind
	if !behind && p.order[link] == nil {
		p.late.ready(link)
	}
}

// postponeAll keeps what is left of a link's indications when there is no room even for the next one.
func (m *MIHF) postponeAll(p *peer, o *inOrder, next told) {
	delete(p.order, o.link)
	p.waiting -= len(o.waiting)
	left := append([]told{next}, o.waiting...)
	if latest, behind := p.late.latest[o.link]; behind {
		delete(p.late.latest, o.link)
		left = append(left, latest)
	}
	for _, ind := range left {
		m.postpone(p, o.link, ind)
	}
}

// catchUp tells a peer of the link whose turn it is, in the place of what has just ended.
func (m *MIHF) catchUp(now time.Time, p *peer) {
	if p.late.turn.Len() == 0 {
		return
	}
	link := p.late.turn.Pop()
	ind := p.late.latest[link]
	delete(p.late.latest, link)
	m.tell(now, p, ind)
}
