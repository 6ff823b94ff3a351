// Package ciscosyslog is the link SAP of Cisco access points and controllers: it reads what they write to syslog. It needs
// no cooperation of the access point but `logging host`. Syslog over UDP may lose a line and cannot be asked again.
//
// Nor does it say who wrote a line: a source address is all there is, and anyone can forge one. So no line is believed that
// came by an access link, where the mobile nodes are; on the other links, the network has to refuse foreign sources.
package ciscosyslog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

// Name is the adapter's name in indications, configuration and metrics.
const Name = "ciscosyslog"

const (
	maximumStations = 8192 // per source; more are reported, but not counted in Status
	rearmInterval   = 200 * time.Millisecond
)

// Config is what the adapter is told.
type Config struct {
	Listen    netip.AddrPort // zero: [::]:514, which takes IPv4 too
	Sources   []Source
	Untrusted []string     // interfaces by which no line is taken, besides those of Sources
	Log       *slog.Logger // nil: slog.Default
}

// Source is an access point that may write, or an address that writes for one. The first that matches counts.
type Source struct {
	Address           netip.Prefix    // of the sender
	AccessPoint       string          // only lines that name this access point; "": all of this address
	PointOfAttachment mih.LinkAddress // zero: as the line says, if it does
	Interface         string          // access interface, as the MIH users know it
	LinkType          mih.LinkType    // 0: IEEE 802.11
}

// Adapter implements apadapters.Adapter.
type Adapter struct {
	cfg Config
	log *rate.Limiter

	mu       sync.Mutex
	counters map[string]uint64
	peers    []peer // as Config.Sources
	listen   netip.AddrPort
	detail   string
}

// peer is what became of a source.
type peer struct {
	heard    time.Time
	stations map[mih.LinkAddress]struct{}
}

var _ apadapters.Adapter = (*Adapter)(nil)

// New checks the configuration. The error names every problem.
func New(cfg Config) (*Adapter, error) {
	if !cfg.Listen.IsValid() {
		cfg.Listen = netip.AddrPortFrom(netip.IPv6Unspecified(), 514)
	}
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	cfg.Sources, cfg.Untrusted = slices.Clone(cfg.Sources), slices.Clone(cfg.Untrusted)
	a := &Adapter{log: rate.NewLimiter(rate.Every(10*time.Second), 5), counters: map[string]uint64{}}
	var problems []error
	if len(cfg.Sources) == 0 {
		problems = append(problems, errors.New("ciscosyslog: no sources: every line would be refused; name the access points' addresses"))
	}
	for i, s := range cfg.Sources {
		if !s.Address.IsValid() || s.Interface == "" {
			problems = append(problems, fmt.Errorf("ciscosyslog: source %d: address %q and interface %q must both be set", i, s.Address, s.Interface))
		}
		cfg.Sources[i].LinkType = cmp.Or(s.LinkType, mih.LinkType80211)
		cfg.Untrusted = append(cfg.Untrusted, s.Interface)
		a.peers = append(a.peers, peer{stations: map[mih.LinkAddress]struct{}{}})
	}
	a.cfg = cfg
	return a, errors.Join(problems...)
}

// Name is "ciscosyslog".
func (a *Adapter) Name() string { return Name }

// ListenAddress is where the adapter listens, once it does; zero before.
func (a *Adapter) ListenAddress() netip.AddrPort {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.listen
}

// Run listens until ctx ends. A socket that fails is opened again, paced.
func (a *Adapter) Run(ctx context.Context, emit func(mih.Indication) bool) error {
	for ctx.Err() == nil {
		err := a.listenOnce(ctx, emit)
		if ctx.Err() != nil {
			return nil
		}
		a.setListening(netip.AddrPort{}, err.Error())
		a.count("socket_errors")
		if a.log.Allow() {
			a.cfg.Log.Warn("cannot read syslog messages; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(rearmInterval):
		}
	}
	return nil
}

// listenOnce reads datagrams until the socket fails or ctx ends.
func (a *Adapter) listenOnce(ctx context.Context, emit func(mih.Indication) bool) error {
	s, err := listen(a.cfg.Listen)
	if err != nil {
		return fmt.Errorf("%w; is another syslog server on this port, or the right to bind it missing?", err)
	}
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	a.setListening(s.localAddress(), "")
	for buf := make([]byte, MaximumLine+1); ; {
		d, err := s.read(buf)
		if err != nil {
			return err
		}
		a.receive(time.Now(), d, emit)
	}
}

// receive takes one datagram, which is one line (RFC 5426 section 3.1): to split it at line breaks would let a station
// whose name holds one write lines of its own.
func (a *Adapter) receive(now time.Time, d datagram, emit func(mih.Indication) bool) {
	a.count("lines")
	from := d.from
	if slices.Contains(a.cfg.Untrusted, d.iface) || d.iface == "" {
		a.refuse("refused_interface", from, fmt.Sprintf("it came by interface %q: lines from access links are forged, access points write from elsewhere", d.iface))
		return
	}
	if !a.allowed(from) {
		a.refuse("refused_source", from, "not a configured source")
		return
	}
	r, err := Parse(d.text)
	if err != nil {
		a.refuse("ignored_"+ErrorLabel(err), from, err.Error())
		return
	}
	i := a.source(from, r.AccessPoint)
	if i < 0 {
		a.refuse("refused_access_point", from, "no source is configured for access point "+r.AccessPoint)
		return
	}
	a.count("event_" + string(r.Event))
	if !emit(a.indication(now, a.cfg.Sources[i], r)) {
		a.count("dropped")
	}
	a.note(i, now, r)
}

func (a *Adapter) indication(now time.Time, s Source, r Record) mih.Indication {
	tuple := mih.LinkTupleID{Link: mih.LinkID{Type: s.LinkType, Address: r.Station}, PointOfAttachment: cmp.Or(s.PointOfAttachment, r.PointOfAttachment)}
	ind := mih.Indication{SAP: Name, Interface: s.Interface, Identity: r.Identity, ReceivedAt: now}
	if r.Event == Up {
		ind.Event = mih.LinkUp{Link: tuple}
	} else {
		ind.Event = mih.LinkDown{Link: tuple, Reason: r.DownReason}
	}
	return ind
}

// allowed reports whether any source has this address: the others' lines are not even parsed.
func (a *Adapter) allowed(from netip.Addr) bool {
	for _, s := range a.cfg.Sources {
		if s.Address.Contains(from) {
			return true
		}
	}
	return false
}

// source is the index of the first source that matches; -1 when none does.
func (a *Adapter) source(from netip.Addr, accessPoint string) int {
	for i, s := range a.cfg.Sources {
		if s.Address.Contains(from) && (s.AccessPoint == "" || s.AccessPoint == accessPoint) {
			return i
		}
	}
	return -1
}

// refuse counts a line that is no event and logs some of them: an attacker must not fill the log.
func (a *Adapter) refuse(counter string, from netip.Addr, why string) {
	a.count(counter)
	if counter != "ignored_other_mnemonic" && a.log.Allow() {
		a.cfg.Log.Info("syslog line ignored", "source", from, "why", why)
	}
}

func (a *Adapter) note(i int, now time.Time, r Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := &a.peers[i]
	p.heard = now
	if r.Event == Down {
		delete(p.stations, r.Station)
	} else if len(p.stations) < maximumStations {
		p.stations[r.Station] = struct{}{}
	}
}

func (a *Adapter) count(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counters[name]++
}

func (a *Adapter) setListening(at netip.AddrPort, detail string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listen, a.detail = at, detail
}

// Status tells of each source when it was heard last, and the counters. A source counts as connected while the socket
// is open: syslog knows no more.
func (a *Adapter) Status() apadapters.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := apadapters.Status{Name: Name, Counters: maps.Clone(a.counters)}
	for i, p := range a.peers {
		src := a.cfg.Sources[i]
		peer := apadapters.Peer{Name: cmp.Or(src.AccessPoint, src.Address.String()), Connected: a.listen.IsValid(), Detail: a.detail, Stations: len(p.stations),
			LinkType: src.LinkType, PointOfAttachment: src.PointOfAttachment}
		if a.detail == "" {
			peer.Detail = "never heard"
			if !p.heard.IsZero() {
				peer.Detail = "last heard " + p.heard.UTC().Format(time.RFC3339)
			}
		}
		s.Peers = append(s.Peers, peer)
	}
	return s
}
