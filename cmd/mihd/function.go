package main

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/guard"
	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mih/wire"
	"netlmm/security"
)

// maximumLinks bounds the table of links: the stations of several access points, each of which ends at 2007.
const maximumLinks = 16384

// function is the running daemon: the MIH Function with everything around it.
type function struct {
	log         *slog.Logger
	limited     *slog.Logger // for what every station causes
	cfg         *configs.Mihd
	registry    *prometheus.Registry
	counters    *daemon.Counters
	guard       *guard.Guard
	node        *mihnode.Node
	information *mihnode.Information // nil: this is no information server
	admin       *daemon.Admin
	metrics     daemon.Task
	started     time.Time
}

func newFunction(cfg *configs.Mihd) (f *function, err error) {
	f = &function{log: daemon.NewLogger("mihd", cfg.LogLevel, cfg.LogFormat), cfg: cfg, registry: prometheus.NewRegistry(), started: time.Now()}
	f.limited = daemon.Limited(f.log)
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.admin, err = daemon.OpenAdmin(cfg.AdminSocket); err != nil {
		return f, err
	}
	f.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	help := maps.Clone(mihnode.Help)
	help[guard.Dropped] = "MIH in clear that the packet filter dropped, by direction."
	f.counters = daemon.NewCounters(f.registry, help)
	if f.guard, err = guard.New(guard.Config{
		Daemon: "mihd", Security: cfg.Security, Peers: cfg.Protected(), Traffic: security.MIH, MIH: cfg.MIH, Log: f.log, Counters: f.counters,
		Changed: f.associationChanged,
	}); err != nil {
		return f, err
	}
	if err = f.openNode(); err != nil {
		return f, err
	}
	f.metrics, err = daemon.Metrics(cfg.MetricsListen, f.registry)
	return f, err
}

// openNode makes the MIH Function with its link SAPs, and with the information service where there is one.
func (f *function) openNode() (err error) {
	if f.information, err = mihnode.InformationServer(f.cfg.Information); err != nil {
		return err
	}
	sources := mihnode.Sources{Hostapd: f.cfg.Hostapd, CiscoSyslog: f.cfg.CiscoSyslog, Radius: f.cfg.Radius, SocketDirectory: filepath.Dir(f.cfg.AdminSocket), Log: f.log}
	events := sources.Events()
	if f.node, err = mihnode.Open(mihnode.Config{
		MIH: f.cfg.MIH, Capabilities: wire.Capabilities{Events: &events}, Information: f.information, MaximumLinks: maximumLinks,
		Log: f.log, Counters: f.counters, User: f.took,
	}); err != nil {
		return err
	}
	adapters, err := sources.Adapters()
	for _, adapter := range adapters {
		f.node.Add(adapter)
	}
	return err
}

func (f *function) tasks() []daemon.Task {
	return append(append(f.guard.Tasks(), f.node.Tasks()...),
		daemon.Task{Name: "journal", Run: f.subscribe},
		f.admin.Serve(f.queries()), f.metrics, daemon.Observe(f.registry, f.log, f.status))
}

// associationChanged hears of every security association that comes to stand or goes.
func (f *function) associationChanged(c guard.Change) { f.node.AssociationChanged(c.Peer, c.MIH) }

func (f *function) queries() map[string]daemon.Query {
	queries := f.node.Queries()
	queries["GET "+api.PathStatus] = func(ctx context.Context, _ daemon.Parameters) (any, error) { return f.status(ctx) }
	queries["GET "+api.PathPeers] = func(ctx context.Context, _ daemon.Parameters) (any, error) { return f.guard.Peers(ctx, nil) }
	queries["GET "+api.PathConfig] = daemon.Config(f.cfg.Settings)
	return queries
}

func (f *function) status(ctx context.Context) (api.Status, error) {
	s := api.Status{Daemon: "mihd", Version: daemon.Version(), Kernel: daemon.Kernel(), Started: f.started, Counters: f.counters.Snapshot()}
	s.Address, s.IPv4 = addresses(f.cfg.MIH.Listen)
	var warnings []string
	s.Security, s.Warnings = f.guard.Status(ctx)
	status, warnings, err := f.node.Status(ctx)
	s.MIH, s.Warnings = &status, append(s.Warnings, warnings...)
	return s, err
}

// addresses are the first that others reach of each family; the IPv4 one where there is no other.
func addresses(listen []netip.Addr) (address, beside netip.Addr) {
	for _, a := range listen {
		switch {
		case a.IsLoopback():
		case a.Is4() && !beside.IsValid():
			beside = a
		case a.Is6() && !address.IsValid():
			address = a
		}
	}
	if !address.IsValid() {
		return beside, address
	}
	return address, beside
}

// close ends what newFunction opened. The packet filter stays.
func (f *function) close() {
	if f.admin != nil {
		f.admin.Close()
	}
	if f.node != nil {
		f.node.Close()
	}
}
