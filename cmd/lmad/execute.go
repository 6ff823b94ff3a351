package main

import (
	"context"
	"log/slog"

	"netlmm/mobility"
	"netlmm/mobility/lma"
	"netlmm/mobility/mh"
	"netlmm/mobility/signaling"
	"netlmm/mobility/store"
)

// execute carries out one action of the anchor's machine, in its owner's goroutine.
func (a *anchor) execute(action lma.Action) {
	switch action := action.(type) {
	case lma.ApplyForwarding:
		a.plane.Apply()
	case lma.SendMessage:
		a.counters.Add(answered, kind(action))
		a.answers = append(a.answers, signaling.Outgoing{Source: action.Source, Destination: action.Destination, Payload: action.Payload})
	case lma.BindingChanged:
		a.changed(action)
	case lma.RevocationEnded:
		a.revocationEnded(action)
	case lma.Ignored:
		a.counters.Add(dropped, string(action.Reason))
		a.log.Debug("ignored", "reason", action.Reason, "from", action.Source, "mobile_node", action.MobileNodeID, "error", action.Err)
	}
}

// kind is what a message is counted as: an acknowledgement by its status.
func kind(m lma.SendMessage) string {
	switch m.Type {
	case mh.TypeBindingAcknowledgement:
		return m.Status.String()
	case mh.TypeBindingRevocation:
		const kindAt, acknowledgement = 6, 2 // B.R. Type in the Mobility Header, RFC 5846 section 5.1
		if len(m.Payload) > kindAt && m.Payload[kindAt] == acknowledgement {
			return "binding_revocation_acknowledgement"
		}
		return "binding_revocation_indication"
	}
	return "binding_error"
}

// sendAnswers sends what execute gathered, with as few system calls as it takes.
func (a *anchor) sendAnswers() {
	a.sockets.SendBatch(a.answers, func(m signaling.Outgoing, err error) {
		a.limited.Warn("message not sent", "to", m.Destination, "error", err)
	})
	clear(a.answers)
	a.answers = a.answers[:0]
}

func (a *anchor) changed(c lma.BindingChanged) {
	a.counters.Add(changes, c.Change.String())
	if a.store != nil {
		keep(a.store, c)
	}
	if c.Change == lma.Extended && !a.log.Enabled(context.Background(), slog.LevelDebug) {
		return // would be told to nobody
	}
	if !a.reporting.post(c) {
		a.counters.Add(untold, c.Change.String())
	}
}

// keep gives the store a change. A session that goes on without its prefixes is known in the store by its IPv4 home address
// from then on: what stands under the prefixes would be a second owner of that address after a restart, which nothing repairs.
func keep(s *store.Store, c lma.BindingChanged) {
	if len(c.Dropped) > 0 {
		s.Delete(mobility.BindingCacheEntry{HomeNetworkPrefixes: c.Dropped})
	}
	if c.Change == lma.Removed {
		s.Delete(c.Entry)
	} else {
		s.Put(c.Entry)
	}
}

// logChange lets people know of a changed binding.
func (a *anchor) logChange(c lma.BindingChanged) {
	level := slog.LevelInfo
	if c.Change == lma.Extended {
		level = slog.LevelDebug
	}
	a.log.Log(context.Background(), level, "binding "+c.Change.String(), "mobile_node", c.Entry.MobileNodeID,
		"prefixes", c.Entry.HomeNetworkPrefixes, "gateway", c.Entry.ProxyCareOfAddress, "from", c.From)
}

// rememberChange keeps a move for netlmmctl.
func (a *anchor) rememberChange(c lma.BindingChanged) {
	if c.Change == lma.Handover || c.Change == lma.Created {
		a.history.add(moved(c))
	}
}
