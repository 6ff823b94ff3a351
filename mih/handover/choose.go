package handover

import (
	"cmp"
	"slices"
	"time"

	"netlmm/mih"
)

const (
	maximumCandidates = 3                // that are asked, one after the other
	seenFor           = 10 * time.Second // a signal says little of where a station is later
)

// sighting is a station at a point of attachment that is not its own.
type sighting struct {
	station mih.LinkID
	at      mih.LinkAddress
}

type signal struct {
	dBm int
	at  time.Time
}

// spot is where a station is, whose link SAP says so, and as whom it is known there.
type spot struct {
	at       mih.LinkAddress
	source   mih.MIHFID
	iface    string
	identity mih.MIHFID
}

// seen is what link events told of stations: signals elsewhere, where they are, where they were before, and how many are where.
type seen struct {
	limit   int
	signals map[sighting]signal
	before  map[mih.LinkID]mih.LinkAddress
	present map[mih.LinkID]mih.LinkAddress
	here    map[mih.LinkID]spot       // until they leave
	named   map[mih.MIHFID]mih.LinkID // of those that are here
	crowd   map[mih.LinkAddress]int   // of those that are there, or announced
}

func (s *seen) detected(now time.Time, ev mih.LinkDetected) {
	if ev.SignalStrength.Percentage || ev.SignalStrength.Value == 0 || ev.Link.PointOfAttachment.IsZero() {
		return
	}
	if len(s.signals) >= s.limit {
		for key, one := range s.signals { // some of the old ones, or whichever comes first
			if len(s.signals) < s.limit {
				break
			}
			if delete(s.signals, key); now.Sub(one.at) < seenFor {
				break
			}
		}
	}
	s.signals[sighting{ev.Link.Link, ev.Link.PointOfAttachment}] = signal{ev.SignalStrength.Value, now}
}

// count adds to those at a point of attachment.
func (s *seen) count(at mih.LinkAddress, n int) {
	if at.IsZero() {
		return
	}
	if s.crowd[at] += n; s.crowd[at] <= 0 {
		delete(s.crowd, at)
	}
}

// left notes that a station is there no more.
func (s *seen) left(tuple mih.LinkTupleID) {
	one := s.here[tuple.Link]
	if one.at != tuple.PointOfAttachment && !tuple.PointOfAttachment.IsZero() {
		return
	}
	s.count(one.at, -1)
	delete(s.here, tuple.Link)
	if s.named[one.identity] == tuple.Link {
		delete(s.named, one.identity)
	}
}

// attached notes where a station is, and where it was before. One too many is not counted.
func (s *seen) attached(ind mih.Indication, tuple mih.LinkTupleID) {
	s.left(mih.LinkTupleID{Link: tuple.Link})
	if len(s.here) < s.limit {
		one := spot{tuple.PointOfAttachment, ind.Source, ind.Interface, mih.MIHFID(ind.Identity)}
		s.here[tuple.Link] = one
		s.count(one.at, 1)
		if one.identity != "" && one.iface != "" {
			s.named[one.identity] = tuple.Link
		}
	}
	if len(s.present) >= s.limit {
		clear(s.present)
		clear(s.before)
	}
	if old := s.present[tuple.Link]; !old.IsZero() && old != tuple.PointOfAttachment {
		s.before[tuple.Link] = old
	}
	s.present[tuple.Link] = tuple.PointOfAttachment
}

// linkOf is the link of the station of this identity and on which interface it is; zero: it is not here.
func (s *seen) linkOf(id mih.MIHFID) (mih.LinkTupleID, string) {
	link, known := s.named[id]
	if !known {
		return mih.LinkTupleID{}, ""
	}
	one := s.here[link]
	return mih.LinkTupleID{Link: link, PointOfAttachment: one.at}, one.iface
}

// choose finds the candidates of a station, in the order of the network map. With to there is one: that place.
func (c *Controller) choose(tuple mih.LinkTupleID, to mih.LinkAddress, now time.Time) []Candidate {
	var candidates []Candidate
	if to.IsZero() {
		candidates = slices.Clone(c.cfg.Candidates(tuple.PointOfAttachment, now))
	} else if target, known := c.cfg.Target(to); known {
		candidates = []Candidate{target}
	}
	return slices.DeleteFunc(candidates, func(o Candidate) bool {
		return o.PointOfAttachment == tuple.PointOfAttachment || o.MIHFID == ""
	})
}

// rank orders the candidates of a handover, the best first.
func (c *Controller) rank(h *Handover, now time.Time) {
	score := func(o Candidate) int { return c.score(h, o, now) }
	slices.SortStableFunc(h.others, func(a, b Candidate) int { return cmp.Compare(score(b), score(a)) })
}

// Bounds of a signal between which it counts, dBm: below nothing works, above nothing is better for it.
const (
	weakest   = -90
	strongest = -40
)

// load is how full a point of attachment of this network is, in percent; -1: not known.
func (c *Controller) load(poa mih.LinkAddress) int {
	if c.cfg.MaximumStations <= 0 || !c.cfg.Local(poa) {
		return -1
	}
	return min(100*c.seen.crowd[poa]/c.cfg.MaximumStations, 100)
}

// score weighs a candidate. What is not known counts half.
func (c *Controller) score(h *Handover, o Candidate, now time.Time) int {
	w := c.cfg.Weights
	strength := 50
	if one, ok := c.seen.signals[sighting{h.Link, o.PointOfAttachment}]; ok && now.Sub(one.at) < seenFor {
		strength = (min(max(one.dBm, weakest), strongest) - weakest) * 100 / (strongest - weakest)
	}
	room := 50
	if o.Load >= 0 {
		room = max(100-o.Load, 0)
	}
	previous := 0
	if c.seen.before[h.Link] == o.PointOfAttachment {
		previous = 100
	}
	return w.Signal*strength + w.Load*room + w.Previous*previous + w.Preferred*h.preference(o.PointOfAttachment)
}

// preference is 100 for what the mobile node likes best, and less for each that follows; 0: it did not name it. Without its word all are
// alike.
func (h *Handover) preference(poa mih.LinkAddress) int {
	at := slices.Index(h.preferred, poa)
	if at < 0 {
		return 0
	}
	return 100 * (len(h.preferred) - at) / len(h.preferred)
}
