package radius

import (
	"cmp"
	"container/list"
	"math"
	"slices"
	"time"

	"layeh.com/radius/rfc2866"

	"netlmm/mih"
)

const (
	maximumSessions = 1 << 16 // the least recently heard of is forgotten for another
	formerSessions  = 3       // of a station that are told from the present one

	// lateWord is how long the beginning and the end of a session may be on their way after each other: an access point repeats what
	// is not answered, and in no order.
	lateWord = time.Minute
	// lateStart: who came that long ago may have left by now, as far as the access point can tell.
	lateStart = 5 * time.Second
	// rounding is what an Acct-Delay-Time, of whole seconds, leaves out on average.
	rounding = 500 * time.Millisecond
)

// place is where a record says that its station is, by the configuration.
type place struct {
	client  int // index in the configuration
	nas     key
	session key
	iface   string
	link    mih.LinkTupleID
}

// session is a station's present one or, when it is not up, its last.
type session struct {
	place
	said     Record // with what it left out from the records before
	up       bool
	start    time.Time // by the clock here
	told     time.Time // when what was said last happened
	left     mih.LinkAddress
	deadline time.Time // by which it has to be heard of; zero: never
	restart  time.Time // of the NAS, by whose word alone the session is over; zero: another word ended it, or it is up
	former   [formerSessions]former
	next     int // of former to be written
	element  *list.Element
}

// former is a session that another one took the place of, or that ended.
type former struct {
	session key
	point   mih.LinkAddress
	until   time.Time // a Start of before then is of that session, a later one of another session by the same name
}

// picture is who is where by what access points say of sessions. It is used by one goroutine.
type picture struct {
	maximum int
	missed  int           // Acct-Interim-Intervals in which a session may be silent; 0: any number
	interim time.Duration // their length where the NAS does not say it; 0: not known
	emit    func(mih.Indication) bool
	count   func(string)
	moved   func(client, by int) // the number of a client's stations changes

	stations map[mih.LinkAddress]*session
	of       map[key]map[*session]struct{} // those that are up, by NAS
	order    *list.List                    // of *session, the least recently heard of first
}

func newPicture() picture {
	return picture{maximum: maximumSessions, stations: map[mih.LinkAddress]*session{}, of: map[key]map[*session]struct{}{}, order: list.New()}
}

// complete adds what a record leaves out and an earlier one of the same session said.
func (p *picture) complete(r *Record, id key) {
	s := p.stations[r.Station]
	if s == nil || !s.up || s.session != id {
		return
	}
	r.SSID, r.VLAN, r.Identity = cmp.Or(r.SSID, s.said.SSID), cmp.Or(r.VLAN, s.said.VLAN), cmp.Or(r.Identity, s.said.Identity)
	r.PointOfAttachment, r.LinkType = cmp.Or(r.PointOfAttachment, s.said.PointOfAttachment), cmp.Or(r.LinkType, s.said.LinkType)
	r.Interim = cmp.Or(r.Interim, s.said.Interim)
	if r.PointOfAttachment.IsZero() && r.Name == "" {
		r.Name = s.said.Name
	}
}

// take changes the picture by a record and tells what is new. It returns false when something was not taken, so that the record
// must come again.
func (p *picture) take(now time.Time, r Record, at place) bool {
	then := happened(now, r.Delay)
	s := p.stations[r.Station]
	switch r.Status {
	case rfc2866.AcctStatusType_Value_Start, rfc2866.AcctStatusType_Value_InterimUpdate:
		if s != nil && s.up && s.session == at.session {
			return p.renew(now, then, s, r, at)
		}
		if r.Status == rfc2866.AcctStatusType_Value_Start {
			return p.started(now, then, s, r, at)
		}
		return p.continued(now, then, s, r, at)
	case rfc2866.AcctStatusType_Value_Stop:
		return p.stopped(now, s, r, at)
	}
	return true
}

func happened(now time.Time, delay time.Duration) time.Time {
	if delay > 0 {
		delay += rounding
	}
	return now.Add(-delay)
}

// started takes a Start, unless it is that of a session of which more is known already.
func (p *picture) started(now, then time.Time, s *session, r Record, at place) bool {
	if s != nil && (s.start.After(then) || s.was(at.session, r.PointOfAttachment, then)) {
		p.count("stale_start")
		return true
	}
	return p.attach(now, s, r, at, then, r.Delay >= lateStart)
}

// continued takes an Interim-Update of a session that is not known, or no longer: this daemon started meanwhile, or the Start was
// lost. An access point that did not notice how a station left goes on with these for minutes, and must not take it back. Of a session
// that Accounting-On or -Off ended it is another matter: these need not say how old they are (Acct-Delay-Time is optional, RFC 2866
// section 5.13), so one may be repeated or replayed, and what the NAS says of the session afterwards shows that it goes on.
func (p *picture) continued(now, then time.Time, s *session, r Record, at place) bool {
	began := then
	if r.SessionTime != nil {
		began = then.Add(-*r.SessionTime)
	}
	if s != nil && !s.outlives(at.session, then) && (s.knows(at.session) || r.SessionTime != nil && began.Before(s.start)) {
		p.count("stale_interim")
		return true
	}
	return p.attach(now, s, r, at, began, true)
}

// stopped takes a Stop. That of a station that is not known is told, too: the users of the MIH Function may know more.
func (p *picture) stopped(now time.Time, s *session, r Record, at place) bool {
	switch {
	case s == nil:
		if !p.emit(indication(now, at, r, mih.LinkDown{Link: at.link, Reason: r.DownReason})) {
			return false
		}
		s = p.add(r.Station)
		s.start = now.Add(-lateWord) // it began before it ended
		s.remember(at.session, r.PointOfAttachment, now.Add(lateWord))
	case s.up && s.session == at.session && (r.PointOfAttachment.IsZero() || r.PointOfAttachment != s.left):
		if !p.down(now, s, r.DownReason, now.Add(lateWord)) {
			return false
		}
	default: // the station is elsewhere by now, or by another association
		p.count("stale_stop")
		if s.session != at.session || !s.restart.IsZero() {
			s.remember(at.session, r.PointOfAttachment, now.Add(lateWord))
		}
		if s.session == at.session {
			s.restart = time.Time{}
		}
	}
	p.heard(now, s)
	return true
}

// renew takes another word of a session that is up: that its station is elsewhere now, maybe.
func (p *picture) renew(now, then time.Time, s *session, r Record, at place) bool {
	if then.Before(s.told) {
		p.heard(now, s)
		return true
	}
	if at.iface != s.iface || at.link != s.link || r.Identity != s.said.Identity {
		if !p.leaveOtherType(now, s, at) || !p.emit(indication(now, at, r, mih.LinkUp{Link: at.link})) {
			return false
		}
		if r.PointOfAttachment != s.said.PointOfAttachment {
			s.left = s.said.PointOfAttachment
		}
	}
	p.become(now, s, r, at)
	s.told = then
	return true
}

// attach takes a session that is new. late: nobody saw it begin.
func (p *picture) attach(now time.Time, s *session, r Record, at place, began time.Time, late bool) bool {
	if s != nil && !p.leaveOtherType(now, s, at) {
		return false
	}
	ind := indication(now, at, r, mih.LinkUp{Link: at.link})
	if late {
		ind.Resync, ind.Since = true, began
	}
	if !p.emit(ind) {
		return false
	}
	if s == nil {
		s = p.add(r.Station)
	} else if s.up {
		s.remember(s.session, s.said.PointOfAttachment, now.Add(lateWord))
	}
	s.start, s.told, s.left = began, began, mih.LinkAddress{}
	p.become(now, s, r, at)
	return true
}

// leaveOtherType ends a link whose technology is not that of the link at another place: to an MIH Function they are two.
func (p *picture) leaveOtherType(now time.Time, s *session, at place) bool {
	return !s.up || s.link.Link == at.link.Link || p.down(now, s, mih.DownExplicitDisconnect, now)
}

// restarted takes an Accounting-On or -Off: the sessions of this NAS from before are over (RFC 2866 section 5.1). One that names an
// access point speaks of that alone.
func (p *picture) restarted(now time.Time, r Record, nas key) bool {
	then := happened(now, r.Delay)
	for s := range p.of[nas] {
		elsewhere := !r.PointOfAttachment.IsZero() && !s.said.PointOfAttachment.IsZero() && r.PointOfAttachment != s.said.PointOfAttachment
		if elsewhere || s.start.After(then) {
			continue
		}
		if !p.down(now, s, mih.DownExplicitDisconnect, then) {
			return false
		}
		s.restart = then
	}
	return true
}

// elsewhere takes a record by which a station is at no link of ours: if it was in the same session, it no longer is.
func (p *picture) elsewhere(now time.Time, r Record, id key) bool {
	s := p.stations[r.Station]
	if s == nil || !s.up || s.session != id {
		return true
	}
	if !p.down(now, s, mih.DownExplicitDisconnect, now) {
		return false
	}
	p.remove(s) // an Interim-Update may bring it back
	return true
}

// expire ends the sessions that were silent for too long. An Interim-Update brings one back.
func (p *picture) expire(now time.Time) {
	for _, s := range p.stations {
		if !s.up || s.deadline.IsZero() || now.Before(s.deadline) || !p.down(now, s, mih.DownPacketTimeout, now) {
			continue // what was not taken is told the next time
		}
		p.count("timed_out")
		p.remove(s)
	}
}

// down ends a session that is up, whose Start may still come if it is of before until.
func (p *picture) down(now time.Time, s *session, reason mih.LinkDownReason, until time.Time) bool {
	if !p.emit(indication(now, s.place, s.said, mih.LinkDown{Link: s.link, Reason: reason})) {
		return false
	}
	p.unlist(s)
	s.remember(s.session, s.said.PointOfAttachment, until)
	return true
}

func indication(now time.Time, at place, r Record, event mih.LinkEvent) mih.Indication {
	return mih.Indication{SAP: Name, Interface: at.iface, Identity: r.Identity, ReceivedAt: now, Event: event}
}

func (p *picture) add(station mih.LinkAddress) *session {
	for len(p.stations) >= p.maximum {
		oldest := p.order.Front().Value.(*session)
		if oldest.up {
			p.count("forgotten_sessions")
		}
		p.remove(oldest)
	}
	s := &session{said: Record{Station: station}}
	s.element = p.order.PushBack(s)
	p.stations[station] = s
	return s
}

func (p *picture) remove(s *session) {
	p.unlist(s)
	p.order.Remove(s.element)
	delete(p.stations, s.said.Station)
}

// become makes what was said the present.
func (p *picture) become(now time.Time, s *session, r Record, at place) {
	p.unlist(s)
	r.Session, r.NAS = "", "" // place has them
	s.place, s.said, s.up, s.restart = at, r, true, time.Time{}
	if p.of[s.nas] == nil {
		p.of[s.nas] = map[*session]struct{}{}
	}
	p.of[s.nas][s] = struct{}{}
	p.moved(s.client, 1)
	p.heard(now, s)
}

func (p *picture) unlist(s *session) {
	if !s.up {
		return
	}
	s.up = false
	delete(p.of[s.nas], s)
	if len(p.of[s.nas]) == 0 {
		delete(p.of, s.nas)
	}
	p.moved(s.client, -1)
}

func (p *picture) heard(now time.Time, s *session) {
	p.order.MoveToBack(s.element)
	s.deadline = time.Time{}
	if interval := cmp.Or(s.said.Interim, p.interim); interval > 0 && p.missed > 0 {
		s.deadline = now.Add(time.Duration(p.missed) * min(interval, math.MaxInt64/time.Duration(p.missed)))
	}
}

// was says whether a Start is that of a former session.
func (s *session) was(id key, point mih.LinkAddress, then time.Time) bool {
	for _, f := range s.former {
		if f.session == id && f.point == point && then.Before(f.until) {
			return true
		}
	}
	return false
}

// knows says whether a session is a former one.
func (s *session) knows(id key) bool {
	for _, f := range s.former {
		if f.session == id && !f.until.IsZero() {
			return true
		}
	}
	return false
}

// outlives says whether a word of then shows that a session goes on which the NAS was thought to have lost.
func (s *session) outlives(id key, then time.Time) bool {
	return s.session == id && !s.restart.IsZero() && then.After(s.restart)
}

// remember adds a former session in the place of the oldest, or says more of one.
func (s *session) remember(id key, point mih.LinkAddress, until time.Time) {
	at := slices.IndexFunc(s.former[:], func(f former) bool { return f.session == id })
	if at < 0 {
		at, s.next = s.next, (s.next+1)%formerSessions
	}
	s.former[at] = former{id, point, until}
}
