package hostapd

import (
	"errors"
	"time"

	"netlmm/mih"
)

// sinceResolution is how exactly hostapd tells the age of an association, with a second for the way.
const sinceResolution = 2 * time.Second

// resync is a walk through hostapd's stations, resumable after each of them.
type resync struct {
	walking bool            // one goes on
	cursor  mih.LinkAddress // the station it saw last; zero: it is at the start
	visited int
	pending bool      // it met a station whose identity is not known yet
	next    time.Time // start of the next one
}

// schedule brings the next resync forward when something was lost, paced.
func (s *session) schedule(now time.Time) {
	if s.lostEvents.Swap(false) || s.repair {
		s.repair = false
		if soon := now.Add(repairInterval); s.walking || soon.Before(s.next) {
			s.stopWalk(soon)
		}
	}
}

// step does one thing that is due, with one or two requests: a delayed action, then in turn a look at a station that is watched and
// the next station of a resync.
func (s *session) step(now time.Time) error {
	if d, ok := s.dueAction(now); ok {
		return s.perform(d)
	}
	if s.looked = !s.looked; s.looked {
		if address, ok := s.watches.due(now); ok {
			return s.look(now, address)
		}
	}
	return s.resyncStep(now)
}

// wait is the time until step has something to do.
func (s *session) wait(now time.Time) time.Duration {
	if s.walking {
		return 0
	}
	due := s.next
	for _, t := range s.leaving {
		due = earlier(due, t)
	}
	for _, w := range s.watches.of {
		due = earlier(due, w.next)
	}
	for _, d := range s.delayed {
		due = earlier(due, d.at)
	}
	return max(0, due.Sub(now))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// resyncStep looks at one more station.
func (s *session) resyncStep(now time.Time) error {
	s.expireLeaving(now)
	command := "STA-FIRST"
	switch {
	case !s.walking && now.Before(s.next):
		return nil
	case !s.walking:
		s.round++
		s.resync = resync{walking: true}
		s.watches.all.begin(now)
	case !s.cursor.IsZero():
		command = "STA-NEXT " + s.cursor.String()
	}
	st, found, err := s.stationRequest(command)
	switch {
	case dead(err):
		return err
	case errors.Is(err, errFail), err != nil: // the station at the cursor left, or the reply was lost: from the start
		s.stopWalk(now.Add(repairInterval))
	case !found:
		return s.finish(now)
	case st.address == s.cursor || s.visited >= maximumStations: // hostapd goes in circles
		s.adapter.counters.Count("garbled")
		s.stopWalk(now.Add(s.interval()))
	default:
		s.cursor = st.address
		s.visited++
		s.observe(now, st)
	}
	return nil
}

func (s *session) stopWalk(next time.Time) {
	s.walking, s.next = false, next
	s.watches.all.end()
}

// interval is the time between two resyncs; they measure the links, too.
func (s *session) interval() time.Duration {
	interval := s.adapter.cfg.ResyncInterval
	if poll := s.cfg.SignalPollInterval; poll > 0 {
		interval = min(poll, interval)
	}
	if !s.watches.all.empty() {
		interval = min(s.watches.all.pace(s.poll()), interval)
	}
	return interval
}

// untilNext is the time from the end of a walk to the next one, which comes sooner, and then ever later, while the identity
// of a station is awaited.
func (s *session) untilNext() time.Duration {
	if !s.pending {
		s.patience = 0
		return s.interval()
	}
	s.patience = min(max(2*s.patience, repairInterval), s.interval())
	return s.patience
}

// observe compares one station with what was told of it. One with an impossible identity, or in a VLAN elsewhere, counts as not met.
func (s *session) observe(now time.Time, st station) {
	if !st.authorized || st.naming == nameInvalid || s.elsewhere(st) {
		return
	}
	access, _ := s.access(st.vlan)
	t, known := s.stations[st.address]
	switch {
	case st.naming == namePending:
		s.pending = true
		if known {
			t.round = s.round
		}
	case !known:
		s.up(now, st, true)
	case t.stale:
		s.up(now, st, false)
	case st.identity != t.identity, access != t.access, st.age >= 0 && now.Add(-st.age).After(t.since.Add(sinceResolution)):
		s.up(now, st, true) // another association: its events were lost
	default:
		t.round = s.round
		s.measure(now, t, st)
	}
	delete(s.leaving, st.address)
}

// finish ends a walk: the stations that it did not meet are gone. Those that went with a hostapd that was started again
// get a moment to return, and on a wired link, where nothing tells them to, hostapd is made to ask them who they are.
func (s *session) finish(now time.Time) error {
	s.stopWalk(now.Add(s.untilNext()))
	s.adapter.counters.Count("resyncs")
	for address, t := range s.stations {
		if t.round == s.round {
			continue
		}
		if _, waiting := s.leaving[address]; waiting {
			continue
		}
		if !s.restart {
			s.down(now, address, true)
			continue
		}
		s.leaving[address] = now.Add(s.adapter.cfg.ReturnGrace)
		if s.cfg.LinkType == mih.LinkTypeEthernet {
			if _, err := s.request("NEW_STA " + address.String()); dead(err) {
				return err
			}
		}
	}
	s.restart = false
	s.setPeer(true, s.control)
	if !s.pending && !s.repair {
		s.setComplete()
	}
	return nil
}
