package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netlmm/cmd/internal/api"
)

const (
	watchInterval  = 5 * time.Second
	scrapePatience = 2 * time.Second
)

// Observed is a daemon's own account of itself, which is also what is monitored.
type Observed func(ctx context.Context) (api.Status, error)

// Observe registers gauges of the daemon's status, and returns the task that writes what `netlmmctl status` warns of to the
// log: once when it comes, once when it goes.
func Observe(registry *prometheus.Registry, log *slog.Logger, status Observed) Task {
	registry.MustRegister(gauges{status})
	return Task{Name: "warnings", Run: func(ctx context.Context) error {
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		known := map[string]bool{}
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			if s, err := status(ctx); err == nil {
				known = compareWarnings(log, known, s.Warnings)
			}
		}
	}}
}

func compareWarnings(log *slog.Logger, known map[string]bool, warnings []string) map[string]bool {
	now := map[string]bool{}
	for _, w := range warnings {
		now[w] = true
		if !known[w] {
			log.Warn(w)
		}
	}
	for w := range known {
		if !now[w] {
			log.Info("no longer: " + w)
		}
	}
	return now
}

// gauges are the numbers of a status.
type gauges struct{ status Observed }

var (
	gaugeBindings       = gauge("netlmm_bindings", "Mobile nodes with a binding.")
	gaugePeersUp        = gauge("netlmm_security_peers_up", "Peers with a security association.")
	gaugePeersExpected  = gauge("netlmm_security_peers_expected", "Peers that should have one.")
	gaugeCharon         = gauge("netlmm_security_charon_reached", "1 while strongSwan answers.")
	gaugeDroppedClear   = gauge("netlmm_security_dropped_clear", "Mobility Headers in clear that the packet filter dropped.")
	gaugeEntries        = gauge("netlmm_forwarding_entries", "Prefixes that should be forwarded.")
	gaugePending        = gauge("netlmm_forwarding_pending", "Prefixes that the kernel does not hold as wanted.")
	gaugeActiveWarnings = gauge("netlmm_warnings", "Warnings of netlmmctl status.")
)

func gauge(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

// Describe implements prometheus.Collector.
func (g gauges) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{gaugeBindings, gaugePeersUp, gaugePeersExpected, gaugeCharon, gaugeDroppedClear, gaugeEntries, gaugePending, gaugeActiveWarnings} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector. A daemon that cannot tell its status in time has no gauges.
func (g gauges) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
	defer cancel()
	s, err := g.status(ctx)
	if err != nil {
		return
	}
	charon := 0
	if s.Security.CharonReached {
		charon = 1
	}
	for desc, value := range map[*prometheus.Desc]float64{
		gaugeBindings: float64(s.Bindings), gaugePeersUp: float64(s.Security.PeersUp), gaugePeersExpected: float64(s.Security.PeersExpected),
		gaugeCharon: float64(charon), gaugeDroppedClear: float64(s.Security.DroppedClear), gaugeEntries: float64(s.Forwarding.Entries),
		gaugePending: float64(s.Forwarding.Pending), gaugeActiveWarnings: float64(len(s.Warnings)),
	} {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
}
