package main

import (
	"net/netip"
	"sync"
	"time"

	"netlmm/mobility/lma"
)

// Bounds of the wait for charon's word on who a gateway is.
const (
	identityPatience = 200 * time.Millisecond // less than TimestampValidityWindow, or the update would be too old by then
	identityWaiting  = 1024                   // messages of all gateways
)

// waitingRoom holds messages of gateways whose security association charon has not told us of yet: right after a start, or
// when a gateway's first update is faster than charon's event. They came through IPsec, or the packet filter would have
// stopped them; answered at once they would be refused with status 154, and the gateway would take that for final.
type waitingRoom struct {
	post func(lma.MessageReceived)

	mu       sync.Mutex
	messages map[netip.Addr][]lma.MessageReceived
	count    int
}

// enter keeps a message until leave is called for its source, or patience ends; false when the room is full.
func (w *waitingRoom) enter(m lma.MessageReceived) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count >= identityWaiting {
		return false
	}
	if w.messages == nil {
		w.messages = map[netip.Addr][]lma.MessageReceived{}
	}
	if len(w.messages[m.Source]) == 0 {
		time.AfterFunc(identityPatience, func() { w.leave(m.Source) })
	}
	w.messages[m.Source] = append(w.messages[m.Source], m)
	w.count++
	return true
}

// leave passes the messages of source on, in the order they came.
func (w *waitingRoom) leave(source netip.Addr) {
	w.mu.Lock()
	messages := w.messages[source]
	delete(w.messages, source)
	w.count -= len(messages)
	w.mu.Unlock()
	for _, m := range messages {
		w.post(m)
	}
}
