package handover

import (
	"cmp"
	"slices"
	"time"

	"netlmm/mih"
)

const (
	maximumCandidates = 3                // of other networks, that are asked
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

// moved notes that a station is at a point of attachment of another network. Its access point here may not have noticed.
func (s *seen) moved(to mih.LinkTupleID) {
	s.left(mih.LinkTupleID{Link: to.Link})
	if _, known := s.present[to.Link]; known && !to.PointOfAttachment.IsZero() {
		s.present[to.Link] = to.PointOfAttachment
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

// shortlist leaves those that are worth asking, of ranked ones: the best of other networks, and the best of this one.
func (c *Controller) shortlist(h *Handover) {
	own, others := 0, 0
	h.others = slices.DeleteFunc(h.others, func(o Candidate) bool {
		if c.own(o) {
			own++
			return own > 1
		}
		others++
		return others > maximumCandidates
	})
}

// lastResort says whether a candidate is of this network, and nothing speaks for it. A station that leaves the network all the same, where something has to
// be prepared for it, loses more than one that does not.
func (c *Controller) lastResort(h *Handover, o Candidate, now time.Time) bool {
	_, heard := c.signal(h, o, now)
	return c.own(o) && !heard && !slices.Contains(h.preferred, o.PointOfAttachment)
}

// own says whether a candidate is of this network.
func (c *Controller) own(o Candidate) bool { return o.MIHFID == c.cfg.MIHFID }

// signal is what is known of a candidate's signal at the station, dBm.
func (c *Controller) signal(h *Handover, o Candidate, now time.Time) (dBm int, known bool) {
	one, heard := c.seen.signals[sighting{h.Link, o.PointOfAttachment}]
	return one.dBm, heard && now.Sub(one.at) < seenFor
}

// rank orders the candidates of a handover, the best first.
func (c *Controller) rank(h *Handover, now time.Time) {
	score := func(o Candidate) int {
		if c.lastResort(h, o, now) {
			return -1
		}
		return c.score(h, o, now)
	}
	slices.SortStableFunc(h.others, func(a, b Candidate) int { return cmp.Compare(score(b), score(a)) })
}

// quarter is how much more room, in percent, makes a candidate a better one: less is not worth more than the order of the network map.
const quarter = 25

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
	if dBm, known := c.signal(h, o, now); known {
		strength = (min(max(dBm, weakest), strongest) - weakest) * 100 / (strongest - weakest)
	}
	room := 50
	if o.Load >= 0 {
		room = (max(100-o.Load, 0) + quarter - 1) / quarter * quarter
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
