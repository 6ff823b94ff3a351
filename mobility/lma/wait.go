package lma

import "time"

// waiting is a registration of which the anchor cannot tell whether it moves the mobile node's only session or opens a
// second one. It waits for the former MAG's de-registration, at most MaxDelayBeforeNewBCEAssign (RFC 5213 sections
// 5.4.1.2, 4 and 5.4.1.3, 3), or for the answer to a revocation there (see askFormer). There is at most one at a mobile node.
type waiting struct {
	request *request
	session *entry // the one that would be moved
	place   int32
}

func (w *waiting) slot() *int32 { return &w.place }

// due opens a new session: no de-registration came in time.
func (w *waiting) due(l *LMA, now time.Time) {
	l.forgetWaiting(w.session.node)
	w.request.now = now
	l.resume(w.request, w.session)
}

// resume answers r, which waited for e. Meanwhile its interface may have got a session, or e itself: that one it is for, if
// nothing newer was heard of it.
func (l *LMA) resume(r *request, e *entry) {
	m := l.lookup(r)
	switch own := m.verdict == updateSession && (m.entry != e || e.state == registered); {
	case own && r.stamped() && r.timestamp < m.entry.timestamp:
		l.ignore(r, SupersededWhileWaiting)
	case own:
		l.updateSession(r, m.entry)
	case e.state == deregistered:
		l.updateSession(r, e)
	default:
		l.createSession(r)
	}
}

// sameInterface says whether r concerns the interface that waits.
func (w *waiting) sameInterface(r *request) bool {
	return w.request.linkLayerID == r.linkLayerID &&
		w.request.options.AccessTechnologyType == r.options.AccessTechnologyType
}

// wait keeps r until session, the mobile node's only one, is de-registered. A retransmission, or a newer request, takes the
// place of the one that waits, and the first one's deadline stays.
func (l *LMA) wait(r *request, session *entry) {
	node := session.node
	w := l.waiting[node]
	switch {
	case w == nil:
		w = &waiting{}
		l.waiting[node] = w
	case r.older(w.request):
		l.ignore(r, SupersededWhileWaiting)
		return
	}
	w.request, w.session = r.clone(), session
	l.ignore(r, WaitingForDeregistration)
	switch {
	case l.askFormer(r.now, session):
		l.timers.stop(w)
	case w.place == 0:
		l.timers.set(w, l.instantOf(r.now.Add(l.cfg.MaxDelayBeforeNewBCEAssign)))
	}
}

// older says whether r was sent before other, in the scheme that both use (RFC 5213 section 5.5).
func (r *request) older(other *request) bool {
	if r.stamped() && other.stamped() {
		return r.timestamp < other.timestamp
	}
	return r.proxyCareOfAddress == other.proxyCareOfAddress && r.sequence != other.sequence && !sequenceGreater(r.sequence, other.sequence)
}

// resumeWaiting answers the registration that waits for e, which has just been de-registered or removed.
func (l *LMA) resumeWaiting(now time.Time, e *entry) {
	w := l.waiting[e.node]
	if w == nil || w.session != e {
		return
	}
	l.forgetWaiting(e.node)
	w.request.now = now
	l.resume(w.request, e)
}

// stopWaiting forgets what waits at node when r, just accepted, registered the same interface.
func (l *LMA) stopWaiting(node *mobileNode, r *request) {
	if w := l.waiting[node]; w != nil && w.sameInterface(r) {
		l.forgetWaiting(node)
	}
}

// forgetWaiting drops what waits at node, if anything does.
func (l *LMA) forgetWaiting(node *mobileNode) {
	w := l.waiting[node]
	if w == nil {
		return
	}
	l.timers.stop(w)
	delete(l.waiting, node)
	l.settle(node)
}
