package main

import (
	"context"
	"log/slog"
	"maps"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/dataplane"
	"netlmm/cmd/internal/guard"
	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mobility/accesslink"
	"netlmm/mobility/engine"
	"netlmm/mobility/mag"
	"netlmm/mobility/policy/decision"
	"netlmm/mobility/signaling"
	"netlmm/mobility/store"
)

// Bounds of the queues in front of the two machines, and of the chores.
const (
	gatewayQueue = 8192
	choreQueue   = 1024
)

const (
	ignored     = "netlmm_mag_ignored_total"
	updates     = "netlmm_mag_pbu_sent_total"
	endings     = "netlmm_mag_bindings_ended_total"
	accessData  = "netlmm_access_link_total"
	socket      = "netlmm_signaling_total"
	revocations = "netlmm_mag_revocations_total"
)

// gateway is the running daemon: the MAG's core and the MIH Function with everything around them.
type gateway struct {
	log       *slog.Logger
	limited   *slog.Logger // for what may happen with every packet
	cfg       *configs.Magd
	registry  *prometheus.Registry
	counters  *daemon.Counters
	core      *mag.MAG
	engine    *engine.Engine[event, action]
	mih       *mihnode.Node
	behind    behind
	handovers handovers
	policies  policies
	servers   servers
	guard     *guard.Guard
	plane     *dataplane.Plane
	sockets   *daemon.Sockets
	relay     *accesslink.Relay // nil: no access link relays DHCP
	access    map[string]*accessLink
	store     *store.Store // of the restart counters
	lapsed    lapsed
	clock     clockWatch
	traces    *traces
	admin     *daemon.Admin
	metrics   daemon.Task

	heartbeats *daemon.Heartbeats
	early      atomic.Int32 // heartbeats that wait for their sender's identity

	started time.Time
	stopped chan struct{} // closed when the machine has said goodbye
	chores  chan func()   // work on access links that may take its time
}

func newGateway(cfg *configs.Magd) (g *gateway, err error) {
	g = &gateway{
		log: daemon.NewLogger("magd", cfg.LogLevel, cfg.LogFormat), cfg: cfg, registry: prometheus.NewRegistry(), started: time.Now(),
		access: map[string]*accessLink{}, stopped: make(chan struct{}), chores: make(chan func(), choreQueue),
		clock: newClockWatch(),
	}
	g.limited = daemon.Limited(g.log)
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	if g.admin, err = daemon.OpenAdmin(cfg.AdminSocket); err != nil {
		return g, err
	}
	g.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	g.traces = newTraces(g.registry)
	help := map[string]string{
		ignored:     "Events that changed nothing, by reason.",
		updates:     "Proxy Binding Updates sent, by kind.",
		endings:     "Bindings that ended, by reason.",
		prepared:    "Handovers that 802.21 prepared, by what was decided and heard.",
		between:     "Handovers with other gateways (RFC 5949), by side and outcome.",
		held:        "Packets kept for mobile nodes on their way between gateways, by what became of them.",
		accessData:  "What the access links did.",
		socket:      "What the sockets of Mobility Headers did.",
		policyCount: "What policy decided about mobile nodes and anchors, and where it knew that from.",
		radiusCount: "Questions to RADIUS servers and their answers, and what servers demanded, by what became of them.",
		revocations: "Binding Revocation Indications of anchors that were answered.",

		daemon.HeartbeatCount: "Heartbeats, by what was sent, found out or dropped.",

		dataplane.TunnelErrorCount: "ICMPv6 errors about packets in the tunnels, relayed to the source of the packet or why not; none where tunnel devices relay them.",

		guard.Dropped: "Mobility Headers and MIH in clear that the packet filter dropped, by direction.",
	}
	maps.Copy(help, mihnode.Help)
	g.counters = daemon.NewCounters(g.registry, help)
	if g.guard, err = guard.New(guard.Config{
		Daemon: "magd", Security: cfg.Security, Peers: cfg.Protected(), MIH: cfg.MIH, Log: g.log, Counters: g.counters, Changed: g.associationChanged,
	}); err != nil {
		return g, err
	}
	if err = g.openMachines(); err != nil {
		return g, err
	}
	if err = g.openNetwork(); err != nil {
		return g, err
	}
	if err = g.openMIH(); err != nil {
		return g, err
	}
	g.openHandovers()
	if err = g.openAdapters(); err != nil {
		return g, err
	}
	if err = g.openRADIUS(); err != nil {
		return g, err
	}
	if g.metrics, err = daemon.Metrics(cfg.MetricsListen, g.registry); err != nil {
		return g, err
	}
	return g, nil
}

func (g *gateway) openMachines() (err error) {
	cfg := g.cfg
	if g.core, err = mag.New(coreConfig(cfg, g.guard.Authorized(configs.Anchor), g.served)); err != nil {
		return err
	}
	g.engine = engine.New[event, action](machine{g.core}, gatewayQueue, g.execute)
	g.openPolicy()
	signal.Notify(g.policies.hangups, syscall.SIGHUP) // from here on, not only when the task runs: it would end the daemon
	return nil
}

func (g *gateway) openNetwork() (err error) {
	place := where(g.cfg)
	place.Holding.Ended = g.traces.released
	if g.plane, err = dataplane.Open(g.cfg.Forwarding, place, g.log, g.core.Forwarding); err != nil {
		return err
	}
	g.counters.Source(dataplane.TunnelErrorCount, g.plane.TunnelErrors)
	g.counters.Source(held, g.plane.HeldCounts)
	g.countOffloaded()
	g.plane.Learn()
	g.plane.OnMTU(g.tunnelMTUChanged)
	if err := g.openAccessLinks(); err != nil {
		return err
	}
	if g.sockets, err = daemon.OpenSockets(g.cfg.ProxyCareOfAddress, g.cfg.IPv4ProxyCareOfAddress, g.counters, socket); err != nil {
		return err
	}
	g.sockets.Peers(slices.Concat(g.cfg.LMAs, g.cfg.Gateways))
	return g.openHeartbeats()
}

// countOffloaded has it monitored what leaves here past the anchor, which counts nothing of it.
func (g *gateway) countOffloaded() {
	if !g.plane.Offloads() {
		return
	}
	counter := func(name, help string, read func() uint64) {
		g.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(read()) }))
	}
	counter("netlmm_mag_offloaded_packets_total", "IPv4 packets of mobile nodes that left by this gateway's own routes, or came back (RFC 6909).", func() uint64 {
		packets, _ := g.plane.Offloaded()
		return packets
	})
	counter("netlmm_mag_offloaded_octets_total", "Octets of these packets.", func() uint64 {
		_, octets := g.plane.Offloaded()
		return octets
	})
}

func (g *gateway) tasks() []daemon.Task {
	receiver := func() daemon.Receiver { return daemon.Receiver{Received: g.received, Done: func() {}} }
	tasks := append(append(g.guard.Tasks(), g.sockets.Tasks(receiver)...),
		daemon.Owner("gateway", g.engine),
		daemon.Owner("policy", g.policies.engine),
		daemon.Task{Name: "profiles", Run: g.reloads},
		daemon.Task{Name: "chores", Run: g.doChores},
		g.heartbeats.Task(),
		daemon.Task{Name: "clock", Run: func(ctx context.Context) error { return g.clock.run(ctx, g.clockSynchronized) }},
		g.plane.Task(g.engine.Do), g.admin.Serve(g.queries()), g.metrics,
		daemon.Observe(g.registry, g.log, g.status))
	for name, link := range g.access {
		tasks = append(tasks, daemon.Task{Name: "access link " + name, Run: func(ctx context.Context) error { return link.Run(ctx, g.handler(name)) }})
	}
	if g.handovers.engine != nil {
		tasks = append(tasks, daemon.Owner("handovers", g.handovers.engine))
	}
	if g.relay != nil {
		tasks = append(tasks, daemon.Task{Name: "DHCP relay", Run: g.relay.Run})
	}
	return append(append(tasks, g.radiusTasks()...), g.mih.Tasks()...)
}

// send gives the machine an event that nobody would repeat; it waits while the machine is swamped. Once the machine has
// ended there is nobody left to tell.
func (g *gateway) send(e mag.Event, at time.Time) { _ = g.engine.Send(event{e, at}) }

// post gives the machine an event that its sender repeats; when the machine is swamped it is counted as lost.
func (g *gateway) post(e mag.Event, at time.Time) {
	if !g.engine.Post(event{e, at}) {
		g.counters.Add(ignored, "queue_full")
	}
}

func (g *gateway) received(m signaling.Message) {
	m.Payload = slices.Clone(m.Payload)
	heartbeats, alone := daemon.ForHeartbeats(m.Payload)
	if heartbeats {
		g.heartbeat(m)
	}
	if !alone {
		g.post(mag.MessageReceived{Source: m.Source, Destination: m.Destination, PeerIdentity: g.guard.Identity(m.Source), Payload: m.Payload}, m.ReceivedAt)
	}
}

// associationChanged hears of every security association that comes to stand or goes. Heartbeats are between gateway and anchor
// (RFC 5847 section 1); the machine says Mobility Headers to both.
func (g *gateway) associationChanged(c guard.Change) {
	if c.Kind == configs.Anchor {
		g.heartbeats.AssociationChanged(c.Peer, c.Up)
		g.decide(decision.AnchorChanged{LMA: c.Peer, Sign: associationSign(c.Up)})
	}
	if c.Kind != configs.OtherPeer {
		g.send(mag.SecurityAssociationChanged{LMAAddress: c.Peer, Up: c.Up}, time.Now())
	}
	g.mih.AssociationChanged(c.Peer, c.MIH)
}

// later queues a chore, so that it does not hold up the handover of another mobile node. One too many is dropped and counted.
func (g *gateway) later(chore func()) {
	select {
	case g.chores <- chore:
	default:
		g.counters.Add(ignored, "chores_full")
	}
}

func (g *gateway) doChores(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case chore := <-g.chores:
			chore()
		}
	}
}

// close ends what newGateway opened. Forwarding goes only after the bindings were de-registered: otherwise the anchor goes
// on sending, and the next start takes over.
func (g *gateway) close() {
	if g.admin != nil {
		g.admin.Close()
	}
	if g.sockets != nil {
		g.sockets.Close()
	}
	if g.mih != nil {
		g.mih.Close()
	}
	for _, link := range g.access {
		link.Close()
	}
	if g.relay != nil {
		g.relay.Close()
	}
	if g.store != nil {
		if err := g.store.Close(); err != nil {
			g.log.Error("restart counters", "error", err)
		}
	}
	if g.plane != nil {
		if err := g.plane.Close(!g.cfg.DeregisterOnStop || !g.saidGoodbye()); err != nil {
			g.log.Error("forwarding", "error", err)
		}
	}
}

func (g *gateway) saidGoodbye() bool {
	select {
	case <-g.stopped:
		return true
	default:
		return false
	}
}
