package nd

import (
	"cmp"
	"container/heap"
	"container/list"
	"context"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"netlmm/ap-adapters"
	"netlmm/ap-adapters/roster"
	"netlmm/mih"
)

const (
	reopenInterval = 200 * time.Millisecond
	settleInterval = 100 * time.Millisecond
	addressesStay  = 5 * time.Second // how long our own addresses on the link are taken for known
	sightings      = 256             // on their way to the link's goroutine

	// againInterval is how soon a station that is up is said to have come again. One attachment makes a host send several of the messages
	// that tell of it; but one that was elsewhere in between sends them, too, and is told of at once or not at all: later it may have left
	// again, and be taken from where it is. Kernels say most of it twice within a second.
	againInterval = 500 * time.Millisecond
	// firstIdle is IdleTime of a station that has not answered yet: invented ones are not kept for long.
	firstIdle = 5 * time.Second
	// knownPerSecond are the probes for stations that are known: so many as MaximumStations need within IdleTime by default, and some more.
	knownPerSecond = 100

	// Counters.
	evicted = "evicted"         // stations that never answered and made way for others
	limited = "repeats_limited" // stations that came again, too many at a time, which is not told
)

// link hears one link. Its fields belong to the goroutine of run, but for peer, which Adapter.mu guards.
type link struct {
	adapter *Adapter
	cfg     Link
	roster  *roster.Roster
	emit    func(mih.Indication) bool

	port      port // nil: it is away
	stations  map[[6]byte]*station
	silent    *list.List // those that never answered, the eldest first
	due       queue
	probes    *rate.Limiter
	newcomers *rate.Limiter // stations that were not up
	repeats   *rate.Limiter // those that were, and have come again
	own       own

	peer apadapters.Peer
}

func newLink(a *Adapter, cfg Link) *link {
	cfg.LinkType = cmp.Or(cfg.LinkType, mih.LinkTypeEthernet)
	cfg.MaximumStations = cmp.Or(cfg.MaximumStations, 4096)
	cfg.StationsPerSecond = cmp.Or(cfg.StationsPerSecond, 200)
	cfg.IdleTime = cmp.Or(cfg.IdleTime, time.Minute)
	cfg.ProbeInterval = cmp.Or(cfg.ProbeInterval, time.Second)
	probes := cmp.Or(a.cfg.probesPerSecond, knownPerSecond+maximumProbes*cfg.StationsPerSecond) // else invented ones come faster than they go
	repeats := rate.NewLimiter(rate.Limit(cfg.StationsPerSecond), cfg.StationsPerSecond)        // each begins a registration, as a new one does
	newcomers := rate.NewLimiter(rate.Limit(cfg.StationsPerSecond), cfg.StationsPerSecond)
	return &link{
		adapter: a, cfg: cfg, newcomers: newcomers, repeats: repeats, stations: map[[6]byte]*station{}, silent: list.New(),
		probes: rate.NewLimiter(rate.Limit(probes), max(1, probes/5)),
		roster: roster.New(roster.Config{
			SAP: Name, Interface: cfg.Interface, LinkType: cfg.LinkType, Maximum: cfg.MaximumStations, Count: a.counters.Count,
			New: newcomers,
		}),
		peer: apadapters.Peer{Name: cfg.Interface, Detail: "not heard yet", LinkType: cfg.LinkType, PointOfAttachment: cfg.PointOfAttachment},
	}
}

// run hears the link whenever it is there.
func (l *link) run(ctx context.Context, emit func(mih.Indication) bool) {
	l.emit = emit
	log := l.adapter.cfg.Log.With("interface", l.cfg.Interface)
	for said := ""; ctx.Err() == nil; {
		p, err := l.adapter.cfg.open(l.cfg.Interface)
		if err == nil {
			log.Info("hears the link for hosts that come and go")
			said = ""
			l.adapter.counters.Count("opened")
			err = l.hear(ctx, p)
		}
		if ctx.Err() != nil {
			return
		}
		if err.Error() != said { // once per cause, however often it is tried
			log.Warn("the link is not heard; trying again", "error", err)
			said = err.Error()
		}
		l.setPeer(false, err.Error())
		pause, end := context.WithTimeout(ctx, reopenInterval)
		l.serve(pause, nil)
		end()
	}
}

// hear serves a link until it is gone.
func (l *link) hear(ctx context.Context, p port) error {
	ctx, end := context.WithCancel(ctx)
	heard, gone := make(chan sighting, sightings), make(chan error)
	go func() {
		err := l.read(ctx, p, heard)
		end()
		gone <- err
	}()
	l.port, l.own = p, own{}
	l.setPeer(true, "heard")
	l.askAll(time.Now())
	l.serve(ctx, heard)
	l.port = nil
	p.close()
	return <-gone
}

// read gives on what frames tell until the port fails.
func (l *link) read(ctx context.Context, p port, heard chan<- sighting) error {
	for buf := make([]byte, maximumFrame); ; {
		n, err := p.read(buf)
		if err != nil {
			return err
		}
		s, why := parse(buf[:n])
		switch {
		case why != "":
		case s.station == p.linkLayer():
			why = wrongStation
		case slices.Contains(l.cfg.Ignored, mih.MACAddress(s.station)):
			why = configured
		}
		if why != "" {
			l.adapter.counters.Count("ignored_" + string(why))
			continue
		}
		select {
		case heard <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// serve takes what is heard and does what is due, until ctx ends. When it is due does not move with what is heard: traffic must not put
// it off.
func (l *link) serve(ctx context.Context, heard <-chan sighting) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case s := <-heard:
			l.saw(time.Now(), s)
		case <-timer.C:
		}
		now := time.Now()
		worked := !now.Before(due)
		if worked {
			l.work(now)
		}
		if next := now.Add(l.wait(now)); worked || next.Before(due) {
			due = next
		}
		timer.Reset(due.Sub(now))
	}
}

// work does what is due.
func (l *link) work(now time.Time) {
	l.roster.Settle(l.emit)
	l.ask(now)
	if l.port != nil {
		l.adapter.counters.Add("lost_frames", l.port.lost())
	}
}

// saw takes a sign of life.
func (l *link) saw(now time.Time, seen sighting) {
	l.adapter.counters.Count("heard")
	s := l.stations[seen.station]
	arrival := roster.Arrival{Station: mih.MACAddress(seen.station), PointOfAttachment: l.cfg.PointOfAttachment}
	if s == nil {
		if l.roster.Len() >= l.cfg.MaximumStations && l.newcomers.TokensAt(now) >= 1 { // else nobody comes into the room made
			l.evict(now)
		}
		if !l.roster.Up(now, arrival, l.emit) {
			return
		}
		s = &station{mac: seen.station, told: now}
		l.stations[seen.station] = s
		s.silent = l.silent.PushBack(s)
		s.due = now.Add(min(firstIdle, l.cfg.IdleTime))
		heap.Push(&l.due, s)
	} else if seen.attaches && now.Sub(s.told) >= l.adapter.cfg.again {
		if l.repeats.AllowN(now, 1) {
			s.told = now
			l.roster.Up(now, arrival, l.emit)
		} else {
			l.adapter.counters.Count(limited)
		}
	}
	s.heard = now
	if s.asked > 0 {
		s.asked = 0
		l.leaveSilent(s)
		s.due = now.Add(l.cfg.IdleTime)
		heap.Fix(&l.due, s.place)
	}
	for _, a := range seen.uses {
		s.use(a)
	}
}

// askAll has every station asked: the link was away.
func (l *link) askAll(now time.Time) {
	for _, s := range l.stations {
		s.heard, s.due = time.Time{}, now
	}
	heap.Init(&l.due)
}

// ask asks the stations whose time has come, as fast as probes may be sent, and gives up those that did not answer.
func (l *link) ask(now time.Time) {
	for len(l.due) > 0 && !l.due[0].due.After(now) {
		s := l.due[0]
		idle := l.cfg.IdleTime
		if s.silent != nil {
			idle = min(firstIdle, idle)
		}
		switch until := s.heard.Add(idle); {
		case s.asked == 0 && until.After(now): // heard meanwhile
			s.due = until
		case s.asked >= maximumProbes:
			l.adapter.counters.Count("unreachable")
			l.forget(now, s)
			continue
		case !l.probes.AllowN(now, 1):
			return
		default:
			l.probe(now, s)
			s.asked++
			s.due = now.Add(l.cfg.ProbeInterval)
		}
		heap.Fix(&l.due, s.place)
	}
}

// evict makes room at the cost of the station that had the most time to answer a probe and did not.
func (l *link) evict(now time.Time) {
	if eldest := l.silent.Front(); eldest != nil {
		l.adapter.counters.Count(evicted)
		l.forget(now, eldest.Value.(*station))
	}
}

// leaveSilent takes a station off the list of those that never answered.
func (l *link) leaveSilent(s *station) {
	if s.silent != nil {
		l.silent.Remove(s.silent)
		s.silent = nil
	}
}

// forget takes a station down.
func (l *link) forget(now time.Time, s *station) {
	l.leaveSilent(s)
	heap.Remove(&l.due, s.place)
	delete(l.stations, s.mac)
	l.roster.Down(now, mih.MACAddress(s.mac), mih.DownPacketTimeout, false, l.emit)
}

// wait is the time until there is something to do.
func (l *link) wait(now time.Time) time.Duration {
	wait := time.Hour
	if l.roster.Owes() {
		wait = settleInterval
	}
	if len(l.due) > 0 {
		until := l.due[0].due.Sub(now)
		if until <= 0 { // probes are paced
			until = time.Duration(float64(time.Second) / float64(l.probes.Limit()))
		}
		wait = min(wait, until)
	}
	return max(0, wait)
}

func (l *link) setPeer(connected bool, detail string) {
	l.adapter.mu.Lock()
	defer l.adapter.mu.Unlock()
	l.peer.Connected, l.peer.Detail = connected, detail
}
