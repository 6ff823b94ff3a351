package ciscosyslog

import (
	"cmp"
	"container/list"
	"context"
	"time"

	"netlmm/ap-adapters/roster"
	"netlmm/mih"
)

const settleInterval = 100 * time.Millisecond

// owed is what found the queue full, in the order in which it is told later: of each station at each source the latest event. Nobody
// would say it again. Not a roster: that does not tell of the departure of a station that it never saw come, as after a restart.
// Adapter.receiving guards it.
type owed struct {
	of    map[owedKey]*list.Element // of order
	order list.List                 // of owedEvent
	begun chan struct{}             // holds one when there may be something to settle
}

type owedKey struct {
	source  int
	station mih.LinkAddress
}

type owedEvent struct {
	key owedKey
	ind mih.Indication
}

func newOwed() owed {
	return owed{of: map[owedKey]*list.Element{}, begun: make(chan struct{}, 1)}
}

// tell emits an event now, or owes it. False: it is lost, as there is no more room for what is owed.
func (a *Adapter) tell(source int, ind mih.Indication) bool {
	if a.settle() && a.emit(ind) {
		return true
	}
	key := owedKey{source, ind.Event.LinkTuple().Link.Address}
	if earlier := a.owed.of[key]; earlier != nil {
		was := a.owed.order.Remove(earlier).(owedEvent).ind
		if was.Event.EventType() == ind.Event.EventType() { // who it is need not stand in the later line
			ind.Identity = cmp.Or(ind.Identity, was.Identity)
		}
	} else if len(a.owed.of) >= maximumStations {
		a.counters.Count("lost")
		return false
	}
	a.counters.Count(roster.Dropped)
	a.owed.of[key] = a.owed.order.PushBack(owedEvent{key, ind})
	select {
	case a.owed.begun <- struct{}{}:
	default:
	}
	return true
}

// settle tells what is owed until the queue is full again. True: nothing is owed.
func (a *Adapter) settle() bool {
	for first := a.owed.order.Front(); first != nil; first = a.owed.order.Front() {
		event := first.Value.(owedEvent)
		if !a.emit(event.ind) {
			return false
		}
		a.owed.order.Remove(first)
		delete(a.owed.of, event.key)
	}
	return true
}

// keepSettling settles, paced, whenever something is owed.
func (a *Adapter) keepSettling(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.owed.begun:
		}
		for settled := false; !settled; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(settleInterval):
			}
			a.receiving.Lock()
			settled = a.settle()
			a.receiving.Unlock()
		}
	}
}
