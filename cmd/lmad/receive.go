package main

import (
	"netlmm/cmd/internal/daemon"
	"netlmm/mobility/lma"
	"netlmm/mobility/signaling"
)

// receiver is what stands behind one socket, in that socket's goroutine.
type receiver struct {
	anchor   *anchor
	arrivals []lma.Event // the messages in hand
}

// newReceiver makes what takes the messages of one socket to the core.
func (a *anchor) newReceiver() daemon.Receiver {
	r := &receiver{anchor: a}
	return daemon.Receiver{Received: r.received, Done: r.handleArrivals}
}

// received takes a Mobility Header from the socket; handleArrivals follows, with the payload still in the socket's buffer.
func (r *receiver) received(m signaling.Message) {
	message := lma.MessageReceived{Source: m.Source, Destination: m.Destination, ReceivedAt: m.ReceivedAt, Payload: m.Payload}
	message, admitted := r.anchor.admission.take(message)
	if admitted && !r.anchor.heartbeat(message) {
		r.arrivals = append(r.arrivals, message)
	}
}

// admitted takes a message that had to wait for its sender's identity; false: there is no room for it.
func (a *anchor) admitted(m lma.MessageReceived) bool { return a.heartbeat(m) || a.engine.Post(m) }

// heartbeat takes what is meant for the heartbeat machine there, and says whether that is all.
func (a *anchor) heartbeat(m lma.MessageReceived) (done bool) {
	heartbeats, alone := daemon.ForHeartbeats(m.Payload)
	if heartbeats {
		a.heartbeats.Received(m.Source, m.Destination, m.Payload, m.PeerIdentity)
	}
	return alone
}

// handleArrivals gives the core what the socket had, all at once: one forwarding update and one system call for their answers.
func (r *receiver) handleArrivals() {
	if r.anchor.engine.HandleBatch(r.arrivals) != nil {
		r.anchor.counters.Add(dropped, stopped)
	}
	clear(r.arrivals)
	r.arrivals = r.arrivals[:0]
}
