package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/dataplane"
	"netlmm/cmd/internal/guard"
	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/engine"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/lma"
	"netlmm/mobility/mh"
	"netlmm/mobility/policy"
	"netlmm/mobility/signaling"
	"netlmm/mobility/store"
)

// queue is how many events may wait for the anchor beside the Mobility Headers in its socket: headers that waited for the
// identity of their senders, and an operator's orders.
const queue = 8192

const (
	dropped  = "netlmm_lma_pbu_dropped_total"
	answered = "netlmm_lma_pba_sent_total"
	changes  = "netlmm_lma_binding_changes_total"
	untold   = "netlmm_lma_binding_changes_untold_total"
	socket   = "netlmm_signaling_total"
)

// anchor is the running daemon: the LMA's core with everything around it.
type anchor struct {
	log       *slog.Logger
	limited   *slog.Logger // for what every message may say
	cfg       *configs.Lmad
	registry  *prometheus.Registry
	counters  *daemon.Counters
	core      *lma.LMA
	engine    *engine.Engine[lma.Event, lma.Action]
	guard     *guard.Guard
	plane     *dataplane.Plane
	conn      *signaling.Conn
	store     *store.Store // nil: bindings are not kept
	admin     *daemon.Admin
	metrics   daemon.Task
	history   history
	reporting *reporting
	admission *admission
	started   time.Time

	arrivals []lma.Event          // the messages in hand; the socket's goroutine's
	answers  []signaling.Outgoing // to them; the engine's
}

func newAnchor(cfg *configs.Lmad) (a *anchor, err error) {
	a = &anchor{log: daemon.NewLogger("lmad", cfg.LogLevel, cfg.LogFormat), cfg: cfg, started: time.Now(), registry: prometheus.NewRegistry()}
	a.limited = daemon.Limited(a.log)
	a.reporting = newReporting(a.logChange, a.rememberChange, func(counts []any) { a.log.Info("bindings changed, not told one by one", counts...) })
	a.admission = newAdmission(
		func(m lma.MessageReceived) { a.arrivals = append(a.arrivals, m) },
		func(m lma.MessageReceived) bool { return a.engine.Post(m) },
		func(reason string) { a.counters.Add(dropped, reason) })
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if a.admin, err = daemon.OpenAdmin(cfg.AdminSocket); err != nil {
		return a, err
	}
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.counters = daemon.NewCounters(a.registry, map[string]string{
		dropped:  "Mobility Headers that changed no binding, by reason.",
		answered: "Proxy Binding Acknowledgements sent, by status, and Binding Errors.",
		changes:  "Changes of binding cache entries, by kind.",
		untold:   "Changes of binding cache entries that came faster than the log took them: neither it nor the history has them.",
		socket:   "What the socket of Mobility Headers did.",

		guard.Dropped: "Mobility Headers in clear that the packet filter dropped, by direction.",
	})
	if a.guard, err = guard.New(guard.Config{Daemon: "lmad", Security: cfg.Security, Peers: cfg.MAGs, Log: a.log, Counters: a.counters, Changed: a.admission.changed}); err != nil {
		return a, err
	}
	a.admission.associations = a.guard
	a.core, err = lma.New(coreConfig(cfg, a.guard.Authorized))
	if err != nil {
		return a, err
	}
	if err = a.restore(); err != nil {
		return a, err
	}
	where := dataplane.Where{Role: forwarding.Anchor, Local: cfg.LMAAddress, Aggregates: cfg.Pools}
	if a.plane, err = dataplane.Open(cfg.Forwarding, where, a.log, a.core.Forwarding); err != nil {
		return a, err
	}
	a.plane.Adopt()
	if a.conn, err = signaling.Listen(cfg.LMAAddress); err != nil {
		return a, err
	}
	a.counters.Source(socket, daemon.SignalingCounts(a.conn))
	a.engine = engine.New[lma.Event, lma.Action](a.core, queue, a.execute)
	a.engine.OnFlush(a.sendAnswers)
	if a.metrics, err = daemon.Metrics(cfg.MetricsListen, a.registry); err != nil {
		return a, err
	}
	return a, nil
}

// coreConfig is what the LMA's machine is told.
func coreConfig(cfg *configs.Lmad, authorized func(netip.Addr, string) bool) lma.Config {
	return lma.Config{
		LMAAddresses: []netip.Addr{cfg.LMAAddress}, Pools: cfg.Pools, PrefixLength: cfg.PrefixLength,
		MinDelayBeforeBCEDelete: cfg.MinDelayBeforeBCEDelete, MaxDelayBeforeNewBCEAssign: cfg.MaxDelayBeforeNewBCEAssign,
		TimestampValidityWindow: cfg.TimestampValidityWindow, MaximumLifetime: cfg.MaximumLifetime, MaximumBindings: cfg.MaximumBindings,
		Authorized: authorized, Profile: policy.NewTable(cfg.Profiles, cfg.Fallback).Lookup, Random: func(b []byte) { rand.Read(b) },
	}
}

// restore gives the core the bindings of the run before.
func (a *anchor) restore() error {
	if a.cfg.StorePath == "" {
		a.log.Warn("store.path is empty: a restart forgets all bindings")
		return nil
	}
	var entries []mobility.BindingCacheEntry
	var err error
	if a.store, entries, err = store.Open(a.cfg.StorePath); err != nil {
		return err
	}
	if err := a.core.Restore(time.Now(), entries); err != nil {
		return fmt.Errorf("bindings in %s: %w", a.cfg.StorePath, err)
	}
	alive := map[netip.Prefix]bool{}
	for _, entry := range a.core.Snapshot() {
		alive[entry.HomeNetworkPrefixes[0]] = true
	}
	for _, entry := range entries {
		if len(entry.HomeNetworkPrefixes) > 0 && !alive[entry.HomeNetworkPrefixes[0]] {
			a.store.Delete(entry) // its lifetime is over, or the configuration no longer has its prefix
		}
	}
	a.log.Info("bindings restored", "stored", len(entries), "alive", a.core.Counters().Bindings)
	return nil
}

func (a *anchor) tasks() []daemon.Task {
	return append(a.guard.Tasks(),
		daemon.Task{Name: "anchor", Run: a.engine.Run},
		daemon.Task{Name: "reporting", Run: a.reporting.run},
		daemon.SignalingBatches(a.conn, a.received, a.handleArrivals),
		a.plane.Task(a.engine.Do), a.admin.Serve(a.queries()), a.metrics,
		daemon.Observe(a.registry, a.log, a.status))
}

// received takes a Mobility Header from the socket; handleArrivals follows, with the payload still in the socket's buffer.
func (a *anchor) received(m signaling.Message) {
	a.admission.take(lma.MessageReceived{Source: m.Source, Destination: m.Destination, ReceivedAt: m.ReceivedAt, Payload: m.Payload})
}

// handleArrivals gives the core what the socket had, all at once: one forwarding update and one system call for their answers.
func (a *anchor) handleArrivals() {
	if a.engine.HandleBatch(a.arrivals) != nil {
		a.counters.Add(dropped, stopped)
	}
	clear(a.arrivals)
	a.arrivals = a.arrivals[:0]
}

func (a *anchor) execute(action lma.Action) {
	switch action := action.(type) {
	case lma.ApplyForwarding:
		a.plane.Apply()
	case lma.SendMessage:
		if action.Type == mh.TypeBindingAcknowledgement {
			a.counters.Add(answered, action.Status.String())
		} else {
			a.counters.Add(answered, "binding_error")
		}
		a.answers = append(a.answers, signaling.Outgoing{Source: action.Source, Destination: action.Destination, Payload: action.Payload})
	case lma.BindingChanged:
		a.changed(action)
	case lma.Ignored:
		a.counters.Add(dropped, string(action.Reason))
		a.log.Debug("ignored", "reason", action.Reason, "from", action.Source, "mobile_node", action.MobileNodeID, "error", action.Err)
	}
}

// sendAnswers sends what execute gathered, with as few system calls as it takes.
func (a *anchor) sendAnswers() {
	for i, err := range a.conn.SendBatch(a.answers) {
		if err != nil {
			a.limited.Warn("answer not sent", "to", a.answers[i].Destination, "error", err)
		}
	}
	clear(a.answers)
	a.answers = a.answers[:0]
}

func (a *anchor) changed(c lma.BindingChanged) {
	a.counters.Add(changes, c.Change.String())
	if a.store != nil {
		if c.Change == lma.Removed {
			a.store.Delete(c.Entry)
		} else {
			a.store.Put(c.Entry)
		}
	}
	if c.Change == lma.Extended && !a.log.Enabled(context.Background(), slog.LevelDebug) {
		return // would be told to nobody
	}
	if !a.reporting.post(c) {
		a.counters.Add(untold, c.Change.String())
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
		a.history.add(c)
	}
}

// close ends what newAnchor opened. Forwarding stays: the bindings stand, and the next start takes both over.
func (a *anchor) close() {
	if a.admin != nil {
		a.admin.Close()
	}
	if a.conn != nil {
		a.conn.Close()
	}
	if a.plane != nil {
		if err := a.plane.Close(a.store != nil); err != nil {
			a.log.Error("forwarding", "error", err)
		}
	}
	if a.store != nil {
		if err := a.store.Close(); err != nil {
			a.log.Error("store", "error", err)
		}
	}
}
