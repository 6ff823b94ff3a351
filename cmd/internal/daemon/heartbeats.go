package daemon

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"netlmm/cmd/internal/api"
	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/engine"
	"netlmm/mobility/heartbeat"
	"netlmm/mobility/mh"
)

// heartbeatQueue is how many events may wait for the heartbeat machine beside two for each peer, which sends two a minute.
const heartbeatQueue = 1024

// HeartbeatCount is the name of the counter of what heartbeats did, by kind or reason.
const HeartbeatCount = "netlmm_heartbeat_total"

// HeartbeatConfig is what a daemon's heartbeats need.
type HeartbeatConfig struct {
	Variables configs.Heartbeat
	Security  configs.Security
	Peers     []configs.Peer

	Local, LocalIPv4 netip.Addr // this end's addresses; one of them may be missing
	RestartCounter   uint32
	StateKept        bool                  // this run has the sessions of the run before
	Known            map[netip.Addr]uint32 // the restart counters of peers

	Log      *slog.Logger
	Counters *Counters // is given HeartbeatCount

	Send       func(source, destination netip.Addr, payload []byte) error
	Authorized func(peer netip.Addr, identity string) bool // who proved identity speaks for peer
	Sessions   func() map[netip.Addr]int                   // with each peer, now
	Restarted  func(peer netip.Addr)                       // it lost its state; called before its counter is stored
	Answers    func(peer netip.Addr, answers bool)         // whether it does, when that changes or was doubted; nil: nobody wants to know
	Store      func(peer netip.Addr, counter uint32)       // keeps a peer's counter
}

// Heartbeats are the heartbeat machine of a daemon (RFC 5847) with what stands around it.
type Heartbeats struct {
	cfg     HeartbeatConfig
	limited *slog.Logger
	names   map[netip.Addr]string
	machine *heartbeat.Machine
	engine  *engine.Engine[heartbeat.Event, heartbeat.Action]
}

// NewHeartbeats makes the machine.
func NewHeartbeats(cfg HeartbeatConfig) (*Heartbeats, error) {
	h := &Heartbeats{cfg: cfg, limited: Limited(cfg.Log), names: map[netip.Addr]string{}}
	for _, p := range cfg.Peers {
		h.names[p.Address] = p.Name
	}
	var err error
	if h.machine, err = heartbeat.New(h.config()); err != nil {
		return nil, fmt.Errorf("heartbeats: %w", err)
	}
	h.engine = engine.New[heartbeat.Event, heartbeat.Action](h.machine, heartbeatQueue+2*len(cfg.Peers), h.execute)
	if cfg.Security.None { // nobody else would say that the peers can be written to
		for _, p := range cfg.Peers {
			h.AssociationChanged(p.Address, true)
		}
	}
	return h, nil
}

func (h *Heartbeats) config() heartbeat.Config {
	c := heartbeat.Config{
		Local: h.cfg.Local, LocalIPv4: h.cfg.LocalIPv4, RestartCounter: h.cfg.RestartCounter, StateKept: h.cfg.StateKept,
		HeartbeatInterval: h.cfg.Variables.HeartbeatInterval, MissingHeartbeatsAllowed: h.cfg.Variables.MissingHeartbeatsAllowed,
		Passive: h.cfg.Variables.HeartbeatInterval == 0, Laboratory: h.cfg.Security.None,
		Sessions: func(peer netip.Addr) bool { return h.cfg.Sessions()[peer] > 0 },
	}
	for _, p := range h.cfg.Peers {
		counter, known := h.cfg.Known[p.Address]
		c.Peers = append(c.Peers, heartbeat.Peer{
			Address: p.Address, RestartCounter: counter, Known: known,
			Mute: p.Compat != mobility.CompatStrict, // knows none: opmip hears nothing any more after such a message, oai answers an error
		})
	}
	return c
}

// Task runs the machine.
func (h *Heartbeats) Task() Task { return Owner("heartbeats", h.engine) }

// ForHeartbeats says whose a Mobility Header is: the heartbeat machine's, alone or beside the protocol machine. A Binding Error
// of status 2 may answer a heartbeat as well as another message.
func ForHeartbeats(payload []byte) (heartbeats, alone bool) {
	const typeAt, statusAt = 2, 6 // in the Mobility Header, RFC 6275 sections 6.1.1 and 6.1.9
	if len(payload) <= statusAt {
		return false, false
	}
	switch mh.Type(payload[typeAt]) {
	case mh.TypeHeartbeat:
		return true, true
	case mh.TypeBindingError:
		return payload[statusAt] == byte(mh.UnknownMHType), false
	}
	return false, false
}

// Received takes a message of a sender that proved identity to the machine.
func (h *Heartbeats) Received(source, destination netip.Addr, payload []byte, identity string) {
	if !h.cfg.Authorized(source, identity) {
		h.cfg.Counters.Add(HeartbeatCount, string(heartbeat.NoAssociation))
		return
	}
	if !h.engine.Post(heartbeat.MessageReceived{Source: source, Destination: destination, Payload: slices.Clone(payload)}) {
		h.cfg.Counters.Add(HeartbeatCount, "queue_full")
	}
}

// AssociationChanged hears of every security association that comes to stand or goes.
func (h *Heartbeats) AssociationChanged(peer netip.Addr, up bool) {
	_ = h.engine.Send(heartbeat.AssociationChanged{Peer: peer, Up: up}) // once the machine has ended nobody is left to tell
}

// Doubt has Answers called with the next sign of life of a peer, which some other sign says is dead. It does not wait.
func (h *Heartbeats) Doubt(peer netip.Addr) {
	if !h.engine.Post(heartbeat.Doubted{Peer: peer}) {
		h.cfg.Counters.Add(HeartbeatCount, "queue_full")
	}
}

func (h *Heartbeats) execute(action heartbeat.Action) {
	switch a := action.(type) {
	case heartbeat.SendMessage:
		h.send(a)
	case heartbeat.PeerRestarted:
		h.cfg.Counters.Add(HeartbeatCount, "peer_restarted")
		h.cfg.Log.Warn("peer restarted and lost its bindings", "peer", h.name(a.Peer), "restart_counter", a.RestartCounter)
		h.cfg.Restarted(a.Peer)
		h.cfg.Store(a.Peer, a.RestartCounter)
	case heartbeat.PeerSeen:
		h.cfg.Log.Info("peer's restart counter learnt", "peer", h.name(a.Peer), "restart_counter", a.RestartCounter)
		h.cfg.Store(a.Peer, a.RestartCounter)
	case heartbeat.PeerFailed:
		h.cfg.Counters.Add(HeartbeatCount, "peer_failed")
		h.cfg.Log.Warn("peer does not answer heartbeats", "peer", h.name(a.Peer))
		h.answers(a.Peer, false)
	case heartbeat.PeerBack:
		h.cfg.Counters.Add(HeartbeatCount, "peer_back")
		h.cfg.Log.Info("peer answers heartbeats again", "peer", h.name(a.Peer))
		h.answers(a.Peer, true)
	case heartbeat.PeerHeard:
		h.cfg.Counters.Add(HeartbeatCount, "peer_heard")
		h.answers(a.Peer, true)
	case heartbeat.PeerMuted:
		h.cfg.Counters.Add(HeartbeatCount, "peer_muted")
		h.cfg.Log.Info("peer knows no heartbeats and gets none", "peer", h.name(a.Peer))
	case heartbeat.Ignored:
		h.cfg.Counters.Add(HeartbeatCount, string(a.Reason))
		h.cfg.Log.Debug("heartbeat ignored", "reason", a.Reason, "from", a.Source, "error", a.Err)
	}
}

func (h *Heartbeats) answers(peer netip.Addr, answers bool) {
	if h.cfg.Answers != nil {
		h.cfg.Answers(peer, answers)
	}
}

func (h *Heartbeats) send(a heartbeat.SendMessage) {
	if err := h.cfg.Send(a.Source, a.Destination, a.Payload); err != nil {
		h.limited.Warn("heartbeat not sent", "to", a.Destination, "error", err)
		return
	}
	if a.Response {
		h.cfg.Counters.Add(HeartbeatCount, "response_sent")
	} else {
		h.cfg.Counters.Add(HeartbeatCount, "request_sent")
	}
}

// name is a peer as the log has it.
func (h *Heartbeats) name(peer netip.Addr) string { return cmp.Or(h.names[peer], peer.String()) }

// Annotate writes into a list of peers what heartbeats know of them.
func (h *Heartbeats) Annotate(ctx context.Context, peers []api.Peer) error {
	statuses, err := h.statuses(ctx)
	for i := range peers {
		if s, ok := statuses[peers[i].Address]; ok {
			peers[i].Heartbeat = &api.Heartbeat{State: h.state(s), RestartCounter: s.RestartCounter, LastHeard: s.LastHeard, Missing: s.Unanswered}
		}
	}
	return err
}

// state is the word for a peer in netlmmctl.
func (h *Heartbeats) state(s heartbeat.Status) string {
	switch {
	case s.Mute:
		return "none"
	case s.Failed:
		return "failed"
	case h.cfg.Variables.HeartbeatInterval == 0:
		return "not asked"
	case s.LastHeard.IsZero():
		return "unknown"
	}
	return "up"
}

// Warnings are what an operator should look at.
func (h *Heartbeats) Warnings(ctx context.Context) (warnings []string) {
	statuses, err := h.statuses(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	for _, p := range h.cfg.Peers {
		if s := statuses[p.Address]; s.Failed {
			warnings = append(warnings, fmt.Sprintf("%s (%v) does not answer heartbeats", p.Name, p.Address))
		}
	}
	return warnings
}

func (h *Heartbeats) statuses(ctx context.Context) (map[netip.Addr]heartbeat.Status, error) {
	byPeer := map[netip.Addr]heartbeat.Status{}
	err := h.engine.Do(ctx, func() {
		for _, s := range h.machine.Peers() {
			byPeer[s.Address] = s
		}
	})
	return byPeer, err
}
