package mihbench

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/mihnode"
	"netlmm/internal/histogram"
	"netlmm/mih"
	"netlmm/mih/mihf"
)

// Tally is what became of the events of one step, as the user of the sink sees it.
type Tally struct {
	Delivered  uint64  `json:"delivered"`  // events, each once
	Duplicates uint64  `json:"duplicates"` // delivered again
	Reordered  uint64  `json:"reordered"`  // behind a later event of the same link
	Resynced   uint64  `json:"resynced"`   // words of links when the subscription began anew; neither delivered nor duplicates
	Foreign    uint64  `json:"foreign"`    // delivered, and not of this step
	P50        float64 `json:"p50_us"`
	P99        float64 `json:"p99_us"`
	P999       float64 `json:"p999_us"`
	Longest    float64 `json:"max_us"`
}

// sink is the user that is told. What it keeps does not grow with what it is told.
type sink struct {
	node       *mihnode.Node
	subscribed chan struct{} // closed when the source has agreed
	once       sync.Once

	// of the machine's goroutine
	tally   Tally
	first   uint64
	seen    []uint64 // a bit for each event of the step
	count   int
	latest  [stations]uint64 // by station, one more than the number of its latest event
	latency histogram.Histogram
	longest time.Duration
}

func newSink(plan Plan, counters *daemon.Counters) (s *sink, err error) {
	s = &sink{subscribed: make(chan struct{})}
	s.node, err = open(end{sinkID, plan.SinkPort}, end{sourceID, plan.SourcePort}, counters, s.user)
	return s, err
}

func (s *sink) ready() <-chan struct{} { return s.subscribed }

// tasks are those of the MIH Function, and to ask the source for its events.
func (s *sink) tasks() []daemon.Task {
	return append(s.node.Tasks(), daemon.Task{Name: "subscription", Run: func(context.Context) error {
		s.node.Send(mihf.EventSubscribe{
			User: mihf.User{MIHF: sinkID, Name: "bench"}, Destination: sourceID, Events: mih.Events(mih.EventLinkUp, mih.EventLinkDown),
		})
		return nil
	}})
}

// user takes what the MIH Function has for its user.
func (s *sink) user(action mihf.Action) {
	switch a := action.(type) {
	case mihf.EventSubscribeConfirm:
		if a.Status == mih.StatusSuccess {
			s.once.Do(func() { close(s.subscribed) })
		}
	case mihf.Deliver:
		s.delivered(&a.Indication, monotonic())
	}
}

func (s *sink) delivered(ind *mih.Indication, now time.Duration) {
	n, emitted, ok := parse(ind.Identity)
	at := n - s.first
	if !ok || at >= uint64(s.count) {
		s.tally.Foreign++
		return
	}
	if ind.Resync {
		s.tally.Resynced++
		return
	}
	if s.seen[at/64]&(1<<(at%64)) != 0 {
		s.tally.Duplicates++
		return
	}
	s.seen[at/64] |= 1 << (at % 64)
	s.tally.Delivered++
	if station := n % stations; s.latest[station] > n {
		s.tally.Reordered++
	} else {
		s.latest[station] = n + 1
	}
	took := now - emitted
	s.latency.Add(took)
	s.longest = max(s.longest, took)
}

// parse reads the identity that indication has written.
func parse(identity string) (n uint64, emitted time.Duration, ok bool) {
	number, rest, _ := strings.Cut(identity, ".")
	at, _, _ := strings.Cut(rest, "@")
	n, err := strconv.ParseUint(number, 10, 64)
	nanoseconds, err2 := strconv.ParseInt(at, 10, 64)
	return n, time.Duration(nanoseconds), err == nil && err2 == nil
}

// obey begins a step, or says how far it is.
func (s *sink) obey(o order) (a answer, err error) {
	err = s.node.Do(context.Background(), func(*mihf.MIHF) {
		if o.Begin {
			s.tally, s.first, s.count, s.latency, s.longest = Tally{}, o.First, o.Count, histogram.Histogram{}, 0
			s.seen = make([]uint64, (o.Count+63)/64)
		}
		a.Tally = s.tally
		a.P50, a.P99, a.P999 = microseconds(s.latency.Quantile(0.5)), microseconds(s.latency.Quantile(0.99)), microseconds(s.latency.Quantile(0.999))
		a.Longest = microseconds(s.longest)
	})
	return a, err
}
