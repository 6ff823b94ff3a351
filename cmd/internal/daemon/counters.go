package daemon

import (
	"maps"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Counters are the named counts of a daemon: one Prometheus counter for each name, and the same numbers in `netlmmctl
// status`. Names are metric names, reasons their one label.
type Counters struct {
	mu      sync.Mutex
	counts  map[key]uint64
	help    map[string]string
	sources []source
}

type key struct{ name, reason string }

// source is a part of the daemon that counts for itself.
type source struct {
	name string
	read func() map[string]uint64
}

// NewCounters registers the counters that help describes, by metric name.
func NewCounters(registry *prometheus.Registry, help map[string]string) *Counters {
	c := &Counters{counts: map[key]uint64{}, help: help}
	registry.MustRegister(c)
	return c
}

// Add counts one occurrence of name with reason.
func (c *Counters) Add(name, reason string) {
	c.mu.Lock()
	c.counts[key{name, reason}]++
	c.mu.Unlock()
}

// Source includes counts that read returns by reason, under name. read may be called from any goroutine.
func (c *Counters) Source(name string, read func() map[string]uint64) {
	c.mu.Lock()
	c.sources = append(c.sources, source{name, read})
	c.mu.Unlock()
}

// Snapshot returns everything that occurred, as `name{reason}`.
func (c *Counters) Snapshot() map[string]uint64 {
	list := map[string]uint64{}
	for k, n := range c.all() {
		if n > 0 {
			list[k.name+"{"+k.reason+"}"] = n
		}
	}
	return list
}

func (c *Counters) all() map[key]uint64 {
	c.mu.Lock()
	counts, sources := maps.Clone(c.counts), c.sources
	c.mu.Unlock()
	for _, s := range sources {
		for reason, n := range s.read() {
			counts[key{s.name, reason}] += n
		}
	}
	return counts
}

// Describe implements prometheus.Collector: the set of reasons is open, so nothing is described in advance.
func (c *Counters) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *Counters) Collect(metrics chan<- prometheus.Metric) {
	for k, n := range c.all() {
		desc := prometheus.NewDesc(k.name, c.help[k.name], []string{"reason"}, nil)
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), k.reason)
	}
}
