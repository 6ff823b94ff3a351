package main

import (
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netlmm/cmd/internal/api"
	"netlmm/mobility"
	"netlmm/mobility/forwarding/hold"
	"netlmm/mobility/mag"
)

// remembered is how many handovers a daemon keeps for netlmmctl.
const remembered = 4096

// trace holds the instants of one attachment on its way from the link event to the Router Advertisement (design.md
// section 2). A zero instant has not come.
type trace struct {
	api.Handover
	pbuSent, pbaReceived, forwardingApplied, raSent time.Time
}

// traces remembers the last attachments. The MIH user begins them, the MAG's owner stamps them, the admin API reads them.
type traces struct {
	mu     sync.Mutex
	ring   []*trace
	byID   map[mobility.CorrelationID]*trace
	of     map[place]*trace // the last of each station that is in the ring
	last   mobility.CorrelationID
	phases *prometheus.HistogramVec
}

// place is where a station attached.
type place struct {
	access    string
	linkLayer mobility.MobileNodeLinkLayerID
}

// Outcomes of a trace beside those that the machine has names for.
const (
	waiting    = "waiting"
	superseded = "superseded" // the station attached again before it was served
)

func newTraces(registry *prometheus.Registry) *traces {
	phases := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "netlmm_mag_handover_phase_seconds",
		Help:    "Time of each phase from link event to Router Advertisement.",
		Buckets: prometheus.ExponentialBuckets(50e-6, 2, 18),
	}, []string{"phase"})
	registry.MustRegister(phases)
	return &traces{byID: map[mobility.CorrelationID]*trace{}, of: map[place]*trace{}, phases: phases}
}

// name is a correlation id of something that has no trace.
func (t *traces) name() mobility.CorrelationID {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	return t.last
}

// begin starts the trace of one attachment and names it.
func (t *traces) begin(h api.Handover) mobility.CorrelationID {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	h.CorrelationID, h.Outcome = t.last, waiting
	tr := &trace{Handover: h}
	if len(t.ring) == remembered {
		t.forget(t.ring[0])
		t.ring = t.ring[1:]
	}
	at := place{h.Interface, h.MobileNodeLinkLayerID}
	if before := t.of[at]; before != nil && before.Outcome == waiting {
		before.Outcome = superseded
	}
	t.of[at] = tr
	t.ring = append(t.ring, tr)
	t.byID[t.last] = tr
	return t.last
}

func (t *traces) forget(tr *trace) {
	delete(t.byID, tr.CorrelationID)
	if at := (place{tr.Interface, tr.MobileNodeLinkLayerID}); t.of[at] == tr {
		delete(t.of, at)
	}
}

// stamp changes the trace of one attachment while it is not complete; one that is forgotten or complete is left alone.
func (t *traces) stamp(id mobility.CorrelationID, change func(*trace)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tr := t.byID[id]; tr != nil && tr.raSent.IsZero() {
		change(tr)
	}
}

func (t *traces) sent(id mobility.CorrelationID, at time.Time) {
	t.stamp(id, func(tr *trace) {
		tr.Attempts++
		if tr.pbuSent.IsZero() {
			tr.pbuSent = at
		}
	})
}

func (t *traces) accepted(id mobility.CorrelationID, at time.Time, prefixes []netip.Prefix) {
	t.stamp(id, func(tr *trace) { tr.pbaReceived, tr.HomeNetworkPrefixes = at, prefixes })
}

func (t *traces) applied(id mobility.CorrelationID, at time.Time) {
	t.stamp(id, func(tr *trace) { tr.forwardingApplied = at })
}

func (t *traces) ended(id mobility.CorrelationID, reason string) {
	t.stamp(id, func(tr *trace) { tr.Outcome = reason })
}

// advertised completes a trace: the mobile node has its router again. first is false for later advertisements.
func (t *traces) advertised(id mobility.CorrelationID, at time.Time) (h api.Handover, first bool) {
	t.stamp(id, func(tr *trace) {
		if tr.pbaReceived.IsZero() {
			return
		}
		tr.raSent, tr.Outcome = at, "complete"
		tr.L2AttachToPBU = t.phase("l2_attach_to_pbu", tr.LinkUp, tr.pbuSent)
		tr.PBUToPBA = t.phase("pbu_to_pba", tr.pbuSent, tr.pbaReceived)
		tr.PBAToRA = t.phase("pba_to_ra", tr.pbaReceived, at)
		if tr.forwardingApplied.IsZero() {
			tr.Outcome = "forwarding pending"
		} else {
			tr.ForwardingApplied = milliseconds(tr.forwardingApplied.Sub(tr.pbaReceived))
		}
		tr.Total = t.phase("total", tr.LinkUp, at)
		h, first = tr.Handover, true
	})
	return h, first
}

// arrived notes that a mobile node was served by what another gateway told, before the anchor had answered.
func (t *traces) arrived(h mag.Handover) {
	now := time.Now()
	t.stamp(h.CorrelationID, func(tr *trace) {
		tr.Mode, tr.From, tr.LinkUpToRA = "predictive", h.OtherGateway, milliseconds(now.Sub(tr.LinkUp))
		if h.Reactive {
			tr.Mode = "reactive"
		}
	})
}

// released notes what was kept for a mobile node until it was there, with the last attachment in that place.
func (t *traces) released(r hold.Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tr := t.of[place{r.Interface, r.MobileNodeLinkLayerID}]; tr != nil && r.Released {
		tr.BufferedMost += r.Most
		tr.Buffered += r.Out
	}
}

func (t *traces) phase(name string, from, to time.Time) float64 {
	t.phases.WithLabelValues(name).Observe(to.Sub(from).Seconds())
	return milliseconds(to.Sub(from))
}

// newest returns the last n attachments, oldest first; all that are remembered when n is 0.
func (t *traces) newest(n int) []api.Handover {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n <= 0 || n > len(t.ring) {
		n = len(t.ring)
	}
	list := make([]api.Handover, 0, n)
	for _, tr := range t.ring[len(t.ring)-n:] {
		list = append(list, tr.Handover)
	}
	return list
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
