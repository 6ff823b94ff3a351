package main

import (
	"sync"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mag"
)

// departureDelay is how long a station that left is kept for the handover that is being agreed on for it.
const departureDelay = 200 * time.Millisecond

// departures are stations whose links went down before their packets were handed over: the MAG's machine hears of it behind the
// PrepareHandover, which it would refuse for a station that is not there. There are no more than handovers under way.
type departures struct {
	mu     sync.Mutex // is held while the machine is told: a station that comes back is told of afterwards
	timers map[station]*time.Timer
}

// left tells the machine that a station has left, later when a handover of it is still to be prepared.
func (g *gateway) left(s station, at time.Time) {
	d, detached := &g.handovers.departures, mag.LinkDetached{Interface: s.access, MobileNodeLinkLayerID: mobility.LinkLayerID(s.linkLayer)}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.timers[s] != nil:
		return
	case !g.handovers.records.unprepared(detached.MobileNodeLinkLayerID):
		g.send(detached, at)
		return
	}
	if d.timers == nil {
		d.timers = map[station]*time.Timer{}
	}
	d.timers[s] = time.AfterFunc(departureDelay, func() { g.leaves(s) })
}

// leaves tells the machine that a station has left, if it waits to hear that.
func (g *gateway) leaves(s station) {
	d := &g.handovers.departures
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.take(s) {
		g.send(mag.LinkDetached{Interface: s.access, MobileNodeLinkLayerID: mobility.LinkLayerID(s.linkLayer)}, time.Now())
	}
}

// returned: the station is here again, and the machine need not hear that it was away.
func (d *departures) returned(s station) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.take(s)
}

func (d *departures) take(s station) bool {
	timer := d.timers[s]
	if timer == nil {
		return false
	}
	timer.Stop()
	delete(d.timers, s)
	return true
}
