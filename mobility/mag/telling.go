package mag

import (
	"container/list"
	"slices"
	"time"

	"netlmm/internal/timers"
	"netlmm/mobility"
)

// A global revocation ends everything with one LMA at once, as far as this machine and the forwarding go; the rest of what
// each session's end asks for goes out in bursts. Who attaches meanwhile hears of the end before that: what came later would
// take from the new session.
type telling struct {
	queue list.List // of *untold, the oldest first
	about map[mobility.MobileNodeLinkLayerID][]*list.Element
	timer timers.Timer
}

// untold is what the end of one session asks for.
type untold struct {
	linkLayerID mobility.MobileNodeLinkLayerID
	actions     []Action
}

// tellLater runs end, and keeps what it asks for.
func (m *MAG) tellLater(s *session, end func()) {
	before := m.actions
	m.actions = nil
	end()
	u := &untold{s.linkLayerID, m.actions}
	m.actions = before
	t := &m.telling
	if t.about == nil {
		t.about = map[mobility.MobileNodeLinkLayerID][]*list.Element{}
	}
	t.about[u.linkLayerID] = append(t.about[u.linkLayerID], t.queue.PushBack(u))
}

// tellSome goes on with the next burst.
func (m *MAG) tellSome(now time.Time) {
	t := &m.telling
	for n := 0; n < burstSize && t.queue.Len() > 0; n++ {
		m.tell(t.queue.Front())
	}
	if t.queue.Len() > 0 {
		m.timers.Set(&t.timer, now.Add(burstInterval))
	}
}

// tellAbout has said what there is to say of an interface.
func (m *MAG) tellAbout(linkLayerID mobility.MobileNodeLinkLayerID) {
	for _, e := range slices.Clone(m.telling.about[linkLayerID]) {
		m.tell(e)
	}
}

func (m *MAG) tell(e *list.Element) {
	t, u := &m.telling, e.Value.(*untold)
	m.actions = append(m.actions, u.actions...)
	t.queue.Remove(e)
	rest := slices.DeleteFunc(t.about[u.linkLayerID], func(other *list.Element) bool { return other == e })
	if t.about[u.linkLayerID] = rest; len(rest) == 0 {
		delete(t.about, u.linkLayerID)
	}
}

// tellAll is the end of it.
func (m *MAG) tellAll() {
	for m.telling.queue.Len() > 0 {
		m.tell(m.telling.queue.Front())
	}
}
