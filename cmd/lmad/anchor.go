package main

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/dataplane"
	"netlmm/cmd/internal/guard"
	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/engine"
	"netlmm/mobility/lma"
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
	revoked  = "netlmm_lma_revocations_total"
	socket   = "netlmm_signaling_total"
)

// anchor is the running daemon: the LMA's core with everything around it.
type anchor struct {
	log      *slog.Logger
	limited  *slog.Logger // for what every message may say
	cfg      *configs.Lmad
	registry *prometheus.Registry
	counters *daemon.Counters
	core     *lma.LMA
	engine   *engine.Engine[lma.Event, lma.Action]
	guard    *guard.Guard
	plane    *dataplane.Plane
	sockets  *daemon.Sockets
	store    *store.Store                 // nil: bindings are not kept
	dead     []mobility.BindingCacheEntry // what is in it and did not come back
	lost     bool                         // of these, some were registered
	admin    *daemon.Admin
	metrics  daemon.Task

	heartbeats *daemon.Heartbeats
	history    history
	reporting  *reporting
	admission  *admission
	started    time.Time

	revocations revocations
	answers     []signaling.Outgoing // to the messages in hand; the engine's
}

func newAnchor(cfg *configs.Lmad) (a *anchor, err error) {
	a = &anchor{log: daemon.NewLogger("lmad", cfg.LogLevel, cfg.LogFormat), cfg: cfg, started: time.Now(), registry: prometheus.NewRegistry()}
	a.limited = daemon.Limited(a.log)
	a.reporting = newReporting(a.logChange, a.rememberChange, func(counts []any) { a.log.Info("bindings changed, not told one by one", counts...) })
	a.admission = newAdmission(a.admitted, func(reason string) { a.counters.Add(dropped, reason) })
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
		answered: "Messages sent: Proxy Binding Acknowledgements by status, Binding Errors, Binding Revocation Indications.",
		changes:  "Changes of binding cache entries, by kind.",
		untold:   "Changes of binding cache entries that came faster than the log took them: neither it nor the history has them.",
		revoked:  "Revocations that ended, by the gateway's status, or timeout.",
		socket:   "What the socket of Mobility Headers did.",

		daemon.HeartbeatCount: "Heartbeats, by what was sent, found out or dropped.",

		dataplane.TunnelErrorCount: "ICMPv6 errors about packets in the tunnels, relayed to the source of the packet or why not; none where tunnel devices relay them.",

		guard.Dropped: "Mobility Headers and MIH in clear that the packet filter dropped, by direction.",
	})
	if a.guard, err = guard.New(guard.Config{
		Daemon: "lmad", Security: cfg.Security, Peers: cfg.Protected(), Log: a.log, Counters: a.counters, Changed: a.associationChanged,
	}); err != nil {
		return a, err
	}
	a.admission.associations = a.guard
	a.core, err = lma.New(coreConfig(cfg, a.guard.Authorized(configs.Gateway)))
	if err != nil {
		return a, err
	}
	if err = a.restore(); err != nil {
		return a, err
	}
	if a.plane, err = dataplane.Open(cfg.Forwarding, where(cfg), a.log, a.core.Forwarding); err != nil {
		return a, err
	}
	a.counters.Source(dataplane.TunnelErrorCount, a.plane.TunnelErrors)
	a.plane.Adopt()
	if a.sockets, err = daemon.OpenSockets(cfg.LMAAddress, cfg.IPv4Address, a.counters, socket); err != nil {
		return a, err
	}
	a.sockets.Peers(cfg.MAGs)
	a.engine = engine.New[lma.Event, lma.Action](a.core, queue, a.execute)
	a.engine.OnFlush(a.sendAnswers)
	if a.metrics, err = daemon.Metrics(cfg.MetricsListen, a.registry); err != nil {
		return a, err
	}
	// Last: a run that has taken a restart counter should live to announce it.
	return a, a.openHeartbeats()
}

func (a *anchor) tasks() []daemon.Task {
	return append(append(a.guard.Tasks(), a.sockets.Tasks(a.newReceiver)...),
		daemon.Owner("anchor", a.engine),
		daemon.Task{Name: "reporting", Run: a.reporting.run},
		daemon.Task{Name: "memory", Run: returnMemory},
		a.heartbeats.Task(),
		a.plane.Task(a.engine.Do), a.admin.Serve(a.queries()), a.metrics,
		daemon.Observe(a.registry, a.log, a.status))
}

// close ends what newAnchor opened. Forwarding stays: the bindings stand, and the next start takes both over.
func (a *anchor) close() {
	if a.admin != nil {
		a.admin.Close()
	}
	if a.sockets != nil {
		a.sockets.Close()
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
