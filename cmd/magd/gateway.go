package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	apadapters "netlmm/ap-adapters"
	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/dataplane"
	"netlmm/cmd/internal/guard"
	"netlmm/configs"
	"netlmm/mih/mihf"
	"netlmm/mobility"
	"netlmm/mobility/accesslink"
	"netlmm/mobility/engine"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mag"
	"netlmm/mobility/policy"
	"netlmm/mobility/signaling"
)

// Bounds of the queues in front of the two machines, and of the chores.
const (
	linkQueue    = 4096
	gatewayQueue = 8192
	choreQueue   = 1024
)

const (
	ignored     = "netlmm_mag_ignored_total"
	updates     = "netlmm_mag_pbu_sent_total"
	endings     = "netlmm_mag_bindings_ended_total"
	linkEvents  = "netlmm_mih_link_events_total"
	adapterData = "netlmm_adapter_total"
	accessData  = "netlmm_access_link_total"
	socket      = "netlmm_signaling_total"
)

// event is an event of the MAG's machine with the instant it came from the network, for the traces.
type event struct {
	mag.Event
	at time.Time
}

// action is an action of the MAG's machine with the instant of the event that caused it.
type action struct {
	mag.Action
	at time.Time
}

// machine lets the instants ride through the core, which has no use for them.
type machine struct{ *mag.MAG }

func (m machine) Handle(now time.Time, e event) []action {
	return stamped(m.MAG.Handle(now, e.Event), e.at)
}
func (m machine) Expire(now time.Time) []action { return stamped(m.MAG.Expire(now), now) }

func stamped(actions []mag.Action, at time.Time) []action {
	list := make([]action, len(actions))
	for i, a := range actions {
		list[i] = action{a, at}
	}
	return list
}

// gateway is the running daemon: the MAG's core and the MIH Function with everything around them.
type gateway struct {
	log      *slog.Logger
	limited  *slog.Logger // for what may happen with every packet
	cfg      *configs.Magd
	registry *prometheus.Registry
	counters *daemon.Counters
	core     *mag.MAG
	engine   *engine.Engine[event, action]
	mihf     *mihf.MIHF
	links    *engine.Engine[mihf.Event, mihf.Action]
	profiles *policy.Table
	guard    *guard.Guard
	plane    *dataplane.Plane
	conn     *signaling.Conn
	access   map[string]*accessLink
	adapters []apadapters.Adapter
	traces   *traces
	admin    *daemon.Admin
	metrics  daemon.Task
	started  time.Time
	stopped  chan struct{} // closed when the machine has said goodbye
	chores   chan func()   // work on access links that may take its time
}

type accessLink struct {
	*accesslink.Link
	technology mobility.AccessTechnologyType
}

func newGateway(cfg *configs.Magd) (g *gateway, err error) {
	g = &gateway{
		log: daemon.NewLogger("magd", cfg.LogLevel, cfg.LogFormat), cfg: cfg, registry: prometheus.NewRegistry(), started: time.Now(),
		profiles: policy.NewTable(cfg.Profiles, cfg.Fallback), access: map[string]*accessLink{}, stopped: make(chan struct{}), chores: make(chan func(), choreQueue),
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
	g.counters = daemon.NewCounters(g.registry, map[string]string{
		ignored:     "Events that changed nothing, by reason.",
		updates:     "Proxy Binding Updates sent, by kind.",
		endings:     "Bindings that ended, by reason.",
		linkEvents:  "Link events delivered to the gateway or ignored, by event or reason.",
		adapterData: "What the access points' adapters did.",
		accessData:  "What the access links did.",
		socket:      "What the socket of Mobility Headers did.",

		guard.Dropped: "Mobility Headers in clear that the packet filter dropped, by direction.",
	})
	if g.guard, err = guard.New(guard.Config{Daemon: "magd", Security: cfg.Security, Peers: cfg.LMAs, Log: g.log, Counters: g.counters, Changed: g.associationChanged}); err != nil {
		return g, err
	}
	if err = g.openMachines(); err != nil {
		return g, err
	}
	if err = g.openNetwork(); err != nil {
		return g, err
	}
	if err = g.openAdapters(); err != nil {
		return g, err
	}
	if g.metrics, err = daemon.Metrics(cfg.MetricsListen, g.registry); err != nil {
		return g, err
	}
	return g, nil
}

func (g *gateway) openMachines() (err error) {
	cfg := g.cfg
	if g.core, err = mag.New(coreConfig(cfg)); err != nil {
		return err
	}
	g.engine = engine.New[event, action](machine{g.core}, gatewayQueue, g.execute)
	g.mihf = mihf.New(mihf.Config{MIHFID: "magd", MaximumLinks: cfg.MaximumMobileNodes})
	g.links = engine.New[mihf.Event, mihf.Action](g.mihf, linkQueue, g.executeMIH)
	g.links.Post(subscription)
	return nil
}

// coreConfig is what the MAG's machine is told.
func coreConfig(cfg *configs.Magd) mag.Config {
	return mag.Config{
		ProxyCareOfAddress: cfg.ProxyCareOfAddress, Lifetime: cfg.Lifetime, ReRegistrationMargin: cfg.ReRegistrationMargin,
		InitialBindackTimeout: cfg.InitialBindackTimeout, MaxBindackTimeout: cfg.MaxBindackTimeout,
		DeregistrationTimeout: cfg.DeregistrationTimeout, PresenceTimeout: cfg.PresenceTimeout, MaximumMobileNodes: cfg.MaximumMobileNodes,
		RequireSecurityAssociation: !cfg.None, TimestampBasedApproachInUse: cfg.TimestampBasedApproachInUse, RouterLifetime: cfg.RouterLifetime,
	}
}

func (g *gateway) openNetwork() (err error) {
	where := dataplane.Where{Role: forwarding.Gateway, Local: g.cfg.ProxyCareOfAddress}
	for _, link := range g.cfg.AccessLinks {
		where.AccessInterfaces = append(where.AccessInterfaces, link.Interface)
	}
	if g.plane, err = dataplane.Open(g.cfg.Forwarding, where, g.log, g.core.Forwarding); err != nil {
		return err
	}
	g.plane.Learn()
	for _, link := range g.cfg.AccessLinks {
		if err := g.openAccessLink(link); err != nil {
			return err
		}
	}
	if g.conn, err = signaling.Listen(g.cfg.ProxyCareOfAddress); err != nil {
		return err
	}
	g.counters.Source(socket, daemon.SignalingCounts(g.conn))
	return nil
}

func (g *gateway) openAccessLink(cfg configs.AccessLink) error {
	mtu, err := g.accessMTU(cfg)
	if err != nil {
		return err
	}
	link, err := accesslink.Open(accesslink.Config{Interface: cfg.Interface, LinkLocalAddress: cfg.LinkLocalAddress, LinkLayerAddress: cfg.LinkLayerAddress, MTU: mtu})
	if err != nil {
		return err
	}
	g.access[cfg.Interface] = &accessLink{link, cfg.AccessTechnologyType}
	g.counters.Source(accessData, accessLinkCounts(link))
	return nil
}

// accessMTU is what mobile nodes are told: what is configured, else what passes both the tunnel and the access link (RFC 5213
// section 6.9.5).
func (g *gateway) accessMTU(cfg configs.AccessLink) (int, error) {
	if cfg.MTU != 0 {
		return cfg.MTU, nil
	}
	link, err := net.InterfaceByName(cfg.Interface)
	if err != nil {
		return 0, fmt.Errorf("access link %s: %w: create the interface before magd starts, or correct access_links", cfg.Interface, err)
	}
	if tunnel := g.plane.TunnelMTU(); tunnel != 0 {
		return min(tunnel, link.MTU), nil
	}
	return link.MTU, nil
}

func accessLinkCounts(link *accesslink.Link) func() map[string]uint64 {
	return func() map[string]uint64 {
		c := link.Counters()
		counts := map[string]uint64{
			"router_solicitations": c.Solicitations, "router_advertisements": c.Advertisements, "router_advertisement_errors": c.AdvertisementErrors,
			"probes": c.Probes, "probe_errors": c.ProbeErrors, "presences": c.Presences, "interface_errors": c.RestoreErrors,
		}
		for reason, n := range c.Dropped {
			counts["dropped_"+string(reason)] = n
		}
		return counts
	}
}

func (g *gateway) tasks() []daemon.Task {
	tasks := append(g.guard.Tasks(),
		daemon.Task{Name: "gateway", Run: g.engine.Run},
		daemon.Task{Name: "MIH function", Run: g.links.Run},
		daemon.Task{Name: "chores", Run: g.doChores},
		daemon.Signaling(g.conn, g.received),
		g.plane.Task(g.engine.Do), g.admin.Serve(g.queries()), g.metrics,
		daemon.Observe(g.registry, g.log, g.status))
	for name, link := range g.access {
		tasks = append(tasks, daemon.Task{Name: "access link " + name, Run: func(ctx context.Context) error { return link.Run(ctx, g.handler(name)) }})
	}
	for _, adapter := range g.adapters {
		tasks = append(tasks, daemon.Task{Name: "adapter " + adapter.Name(), Run: func(ctx context.Context) error { return adapter.Run(ctx, g.emit) }})
	}
	return tasks
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
	g.post(mag.MessageReceived{Source: m.Source, Destination: m.Destination, Payload: slices.Clone(m.Payload)}, m.ReceivedAt)
}

func (g *gateway) associationChanged(peer netip.Addr, up bool) {
	g.send(mag.SecurityAssociationChanged{LMAAddress: peer, Up: up}, time.Now())
}

// handler takes what mobile nodes say on an access link to the machine.
func (g *gateway) handler(name string) accesslink.Handler {
	return accesslink.Handler{
		Solicited: func(s accesslink.Solicitation) {
			g.post(mag.RouterSolicited{Interface: name, MobileNodeLinkLayerID: mobility.LinkLayerID(s.LinkLayer)}, time.Now())
		},
		Present: func(p accesslink.Presence) {
			g.post(mag.PresenceConfirmed{Interface: name, MobileNodeLinkLayerID: mobility.LinkLayerID(p.LinkLayer)}, time.Now())
		},
	}
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
	if g.conn != nil {
		g.conn.Close()
	}
	for _, link := range g.access {
		link.Close()
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
