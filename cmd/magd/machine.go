package main

import (
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mag"
)

// event is an event of the MAG's machine with the instant it came from the network, for the traces.
type event struct {
	mag.Event
	at time.Time
}

// action is an action of the MAG's machine with the instant of the event that caused it.
type action struct {
	mag.Action
	at         time.Time
	attachment mobility.CorrelationID // of an attachment that is ignored; else 0
}

// machine lets the instants ride through the core, which has no use for them.
type machine struct{ *mag.MAG }

func (m machine) Handle(now time.Time, e event) []action {
	list := stamped(m.MAG.Handle(now, e.Event), e.at)
	if attached, ok := e.Event.(mag.LinkAttached); ok {
		for i, a := range list {
			if _, ignored := a.Action.(mag.Ignored); ignored {
				list[i].attachment = attached.CorrelationID
			}
		}
	}
	return list
}

func (m machine) Expire(now time.Time) []action { return stamped(m.MAG.Expire(now), now) }

func stamped(actions []mag.Action, at time.Time) []action {
	list := make([]action, len(actions))
	for i, a := range actions {
		list[i] = action{Action: a, at: at}
	}
	return list
}
