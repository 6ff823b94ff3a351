// Package nd is the link SAP of links where nobody says who is there: it hears what hosts say when their link comes up (Router
// Solicitations, duplicate address detection, Multicast Listener Reports, DHCP, ARP probes) as Link_Up, and asks those that have fallen silent whether they are
// still there, with Neighbor Solicitations and ARP requests, as neighbour unreachability detection does (RFC 4861 section 7.3). One that
// does not answer is a Link_Down.
//
// It is a link SAP and no more. It answers nobody, and has no part in the kernel's own neighbour unreachability detection: a gateway
// (package mobility/accesslink) hears the same messages for its own purposes, and asks whether a mobile node is there only when its
// binding is about to end.
//
// Anybody on the link can invent stations. Each costs an entry until it has not answered three times, which is soon for one that never
// did; how many there may be, and how many come in a second, is bounded, and so are those that say again that they have come. When there
// is no room, the eldest that never answered makes way. Who invents the address of another has its link, as far as this
// adapter can tell: use it where the link vouches for addresses, or among friends.
package nd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

// Name is the adapter's name in indications, configuration and metrics.
const Name = "nd"

// Config is what the adapter is told.
type Config struct {
	Links []Link
	Log   *slog.Logger // nil: slog.Default

	open            func(name string) (port, error) // nil: the real one
	probesPerSecond int                             // on each link; 0: knownPerSecond, and all that new stations may need
	again           time.Duration                   // 0: againInterval
}

// Link is one link where hosts come and go.
type Link struct {
	Interface         string            // where they are heard, and the access interface as the MIH users know it
	PointOfAttachment mih.LinkAddress   // zero: not said
	LinkType          mih.LinkType      // 0: Ethernet
	Ignored           []mih.LinkAddress // that are no stations: access points and switches with addresses on the link
	MaximumStations   int               // 0: 4096
	StationsPerSecond int               // new ones, and as many that come again; 0: 200
	IdleTime          time.Duration     // silence after which a station is asked; 0: a minute
	ProbeInterval     time.Duration     // from one probe to the next; 0: 1 s, RETRANS_TIMER of RFC 4861 section 10
}

// Adapter implements apadapters.Adapter.
type Adapter struct {
	cfg      Config
	links    []*link
	log      *rate.Limiter
	counters apadapters.Counters

	mu sync.Mutex // of the peer in each of links
}

var _ apadapters.Adapter = (*Adapter)(nil)

// New checks the configuration. The error names every problem.
func New(cfg Config) (*Adapter, error) {
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	cfg.again = cmp.Or(cfg.again, againInterval)
	if cfg.open == nil {
		cfg.open = openSocket
	}
	a := &Adapter{cfg: cfg, log: rate.NewLimiter(rate.Every(10*time.Second), 5)}
	var problems []error
	if len(cfg.Links) == 0 {
		problems = append(problems, errors.New("nd: no links: name at least one interface"))
	}
	seen := map[string]bool{}
	for i, l := range cfg.Links {
		switch {
		case l.Interface == "":
			problems = append(problems, fmt.Errorf("nd: link %d has no interface", i))
		case seen[l.Interface]:
			problems = append(problems, fmt.Errorf("nd: interface %s is listed twice", l.Interface))
		}
		seen[l.Interface] = true
		a.links = append(a.links, newLink(a, l))
	}
	return a, errors.Join(problems...)
}

// Name is "nd".
func (a *Adapter) Name() string { return Name }

// Run hears the links until ctx ends. A link that goes away is tried again; its stations are asked when it is back, and are gone when it
// stays away for as long as they may leave a probe unanswered.
func (a *Adapter) Run(ctx context.Context, emit func(mih.Indication) bool) error {
	var one sync.Mutex
	emitOne := func(ind mih.Indication) bool {
		one.Lock()
		defer one.Unlock()
		return emit(ind)
	}
	var links sync.WaitGroup
	for _, l := range a.links {
		links.Go(func() { l.run(ctx, emitOne) })
	}
	links.Wait()
	return nil
}

// Status tells the state of every link, and the counters: "heard" and "ignored_REASON" for frames.
func (a *Adapter) Status() apadapters.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := apadapters.Status{Name: Name, Counters: a.counters.Snapshot()}
	for _, l := range a.links {
		peer := l.peer
		peer.Stations = l.roster.Len()
		s.Peers = append(s.Peers, peer)
	}
	return s
}
