package mihbench

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	apadapters "netlmm/ap-adapters"
	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/mihnode"
	"netlmm/internal/histogram"
	"netlmm/mih"
	"netlmm/mih/mihf"
)

const (
	stations = 1000

	// shortestTick is how often the source wakes up at most: above 10,000 events a second several are due at a time.
	shortestTick = 100 * time.Microsecond
)

// source is a link SAP whose stations come and go by the clock. It never waits for whoever takes the events.
type source struct {
	node *mihnode.Node
	runs chan struct{} // closed when emit is there
	emit func(mih.Indication) bool
}

func newSource(plan Plan, counters *daemon.Counters) (*source, error) {
	node, err := open(end{sourceID, plan.SourcePort}, end{sinkID, plan.SinkPort}, counters, func(mihf.Action) {})
	if err != nil {
		return nil, err
	}
	s := &source{node: node, runs: make(chan struct{})}
	node.Add(s)
	return s, nil
}

func (s *source) tasks() []daemon.Task   { return s.node.Tasks() }
func (s *source) ready() <-chan struct{} { return s.runs }

// Name implements apadapters.Adapter.
func (s *source) Name() string { return "bench" }

// Status implements apadapters.Adapter.
func (s *source) Status() apadapters.Status { return apadapters.Status{Name: s.Name()} }

// Run implements apadapters.Adapter. What is emitted is what obey is told to.
func (s *source) Run(ctx context.Context, emit func(mih.Indication) bool) error {
	s.emit = emit
	close(s.runs)
	<-ctx.Done()
	return nil
}

// obey emits the events of one step, each when its time has come, and says how late the clock woke it.
func (s *source) obey(o order) (a answer, err error) {
	if o.Rate == 0 {
		return a, nil
	}
	each := time.Second / time.Duration(o.Rate)
	tick, err := newTicker(max(each, shortestTick))
	if err != nil {
		return a, err
	}
	defer tick.close()
	var late histogram.Histogram
	start := monotonic()
	for done := 0; done < o.Count; {
		if err := tick.wait(); err != nil {
			return a, err
		}
		due := min(int((monotonic()-start)*time.Duration(o.Rate)/time.Second), o.Count)
		for ; done < due; done++ {
			now := monotonic()
			late.Add(now - start - time.Duration(done+1)*time.Second/time.Duration(o.Rate))
			if !s.emit(indication(o.First+uint64(done), now)) {
				a.Refused++
			}
		}
	}
	a.Offered, a.LateP99 = uint64(o.Count), microseconds(late.Quantile(0.99))
	return a, nil
}

// indication is event number n: the stations come up one after another, and then go down. Its number and its time are in the
// station's identity.
func indication(n uint64, now time.Duration) mih.Indication {
	station := uint32(n % stations)
	link := mih.LinkTupleID{
		Link:              mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress([6]byte{2, 0, 0, 0, byte(station >> 8), byte(station)})},
		PointOfAttachment: mih.MACAddress([6]byte{2, 1, 0, 0, 0, 1}),
	}
	identity := append(strconv.AppendUint(make([]byte, 0, 48), n, 10), '.')
	identity = append(strconv.AppendInt(identity, int64(now), 10), "@bench"...)
	ind := mih.Indication{SAP: "bench", Identity: string(identity), Event: mih.LinkUp{Link: link}}
	if n/stations%2 == 1 {
		ind.Event = mih.LinkDown{Link: link}
	}
	return ind
}

// ticker wakes a goroutine as a socket does that has something to read: the runtime's own timers sleep for a millisecond at least.
type ticker struct{ file *os.File }

func newTicker(every time.Duration) (*ticker, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	t := &ticker{os.NewFile(uintptr(fd), "timer")}
	spec := unix.NsecToTimespec(int64(every))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: spec, Value: spec}, nil); err != nil {
		t.close()
		return nil, fmt.Errorf("timerfd_settime: %w", err)
	}
	return t, nil
}

// wait returns when the next tick has come, at once when it was missed.
func (t *ticker) wait() error {
	var expired [8]byte
	_, err := t.file.Read(expired[:])
	return err
}

func (t *ticker) close() { _ = t.file.Close() }
