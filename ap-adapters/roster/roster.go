// Package roster is the memory of a link SAP whose source has none: which stations of an interface are up, and which of that the MIH
// Function has not been told yet because its queue was full.
package roster

import (
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"netlmm/mih"
)

// Counters of a Roster.
const (
	Dropped = "dropped"                  // events that found the queue full; they are told later
	Full    = "maximum_stations_reached" // stations beyond the maximum, which are not reported
	Paced   = "new_stations_limited"     // stations that came too many at a time, which are not reported now
)

// Config of a Roster.
type Config struct {
	SAP       string
	Interface string
	LinkType  mih.LinkType
	Maximum   int           // stations
	New       *rate.Limiter // of stations that were not up; nil: unlimited
	Count     func(counter string)
}

// Roster holds the stations of one interface. All but Len belong to one goroutine.
type Roster struct {
	cfg      Config
	stations map[mih.LinkAddress]*station
	owed     map[mih.LinkAddress]struct{} // whose latest event was dropped
	up       atomic.Int64
}

type station struct {
	link   mih.LinkTupleID
	up     bool
	at     time.Time // of the latest event
	since  time.Time // start of the association, where a list tells it
	reason mih.LinkDownReason
	resync bool
}

// Arrival is a station that has come, or has come again.
type Arrival struct {
	Station           mih.LinkAddress
	PointOfAttachment mih.LinkAddress // zero: not said
	Resync            bool            // a list says so
	Since             time.Time       // with Resync, if it is known
}

// New makes an empty Roster.
func New(cfg Config) *Roster {
	return &Roster{cfg: cfg, stations: map[mih.LinkAddress]*station{}, owed: map[mih.LinkAddress]struct{}{}}
}

// Len is how many stations are up.
func (r *Roster) Len() int { return int(r.up.Load()) }

// Has says whether a station is up.
func (r *Roster) Has(address mih.LinkAddress) bool {
	s := r.stations[address]
	return s != nil && s.up
}

// Stations are those that are up, in no order.
func (r *Roster) Stations() []mih.LinkAddress {
	list := make([]mih.LinkAddress, 0, r.Len())
	for address, s := range r.stations {
		if s.up {
			list = append(list, address)
		}
	}
	return list
}

// Up tells that a station has come. False: there is no room for it, or for so many at a time.
func (r *Roster) Up(now time.Time, a Arrival, emit func(mih.Indication) bool) bool {
	s := r.stations[a.Station]
	if s == nil || !s.up {
		if r.Len() >= r.cfg.Maximum || s == nil && len(r.stations) >= 2*r.cfg.Maximum {
			r.cfg.Count(Full)
			return false
		}
		if r.cfg.New != nil && !r.cfg.New.AllowN(now, 1) {
			r.cfg.Count(Paced)
			return false
		}
		r.up.Add(1)
	}
	s = &station{
		up: true, at: now, resync: a.Resync, since: a.Since,
		link: mih.LinkTupleID{Link: mih.LinkID{Type: r.cfg.LinkType, Address: a.Station}, PointOfAttachment: a.PointOfAttachment},
	}
	r.stations[a.Station] = s
	r.tell(a.Station, s, emit)
	return true
}

// Down tells that a station has gone; nothing of one that is not up.
func (r *Roster) Down(now time.Time, address mih.LinkAddress, reason mih.LinkDownReason, resync bool, emit func(mih.Indication) bool) {
	s := r.stations[address]
	if s == nil || !s.up {
		return
	}
	r.up.Add(-1)
	s.up, s.at, s.since, s.reason, s.resync = false, now, time.Time{}, reason, resync
	r.tell(address, s, emit)
}

func (r *Roster) tell(address mih.LinkAddress, s *station, emit func(mih.Indication) bool) bool {
	ind := mih.Indication{SAP: r.cfg.SAP, Interface: r.cfg.Interface, ReceivedAt: s.at, Resync: s.resync, Since: s.since, Event: mih.LinkEvent(mih.LinkUp{Link: s.link})}
	if !s.up {
		ind.Event = mih.LinkDown{Link: s.link, Reason: s.reason}
	}
	if !emit(ind) {
		r.cfg.Count(Dropped)
		r.owed[address] = struct{}{}
		return false
	}
	delete(r.owed, address)
	if !s.up {
		delete(r.stations, address)
	}
	return true
}

// Owes says whether there is something that Settle has to tell.
func (r *Roster) Owes() bool { return len(r.owed) > 0 }

// Settle tells what was dropped, until the queue is full again.
func (r *Roster) Settle(emit func(mih.Indication) bool) {
	for address := range r.owed {
		if !r.tell(address, r.stations[address], emit) {
			return
		}
	}
}
