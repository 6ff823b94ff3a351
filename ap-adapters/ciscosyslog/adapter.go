// Package ciscosyslog is the link SAP of Cisco access points and controllers: it reads what they write to syslog, over UDP (RFC
// 5426) and TCP (RFC 6587). It needs no cooperation of the access point but `logging host`. Syslog over UDP may lose a line, and
// neither can be asked again.
//
// Nor does it say who wrote a line: a source address is all there is, and over UDP anyone can forge one. So no line is believed that
// came by an access link, where the mobile nodes are; on the other links, the network has to refuse foreign sources.
package ciscosyslog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"netlmm/ap-adapters"
	"netlmm/ap-adapters/listening"
	"netlmm/internal/ingress"
	"netlmm/mih"
)

// Name is the adapter's name in indications, configuration and metrics.
const Name = "ciscosyslog"

const maximumStations = 8192 // per source; more are reported, but not counted in Status

// Config is what the adapter is told.
type Config struct {
	Listen    netip.AddrPort // of UDP; zero: none, or [::]:514, which takes IPv4 too, when ListenTCP is zero as well
	ListenTCP netip.AddrPort // zero: none
	Counted   bool           // over TCP only messages with their length before them are taken (RFC 6587 section 3.4.1)
	Sources   []Source
	Untrusted []string     // interfaces by which no line is taken, besides those of Sources
	Log       *slog.Logger // nil: slog.Default
}

// Source is an access point that may write, or an address that writes for one. The first that matches counts.
type Source struct {
	Address           netip.Prefix    // of the sender
	AccessPoint       string          // only lines that name this access point, or else their writer so; "": all of this address
	PointOfAttachment mih.LinkAddress // zero: as the line says, if it does
	Interface         string          // access interface, as the MIH users know it
	LinkType          mih.LinkType    // 0: IEEE 802.11
	UserNameIsAddress bool            // a line that names its station by nothing but the user name is believed: all its networks are without 802.1X
}

// Adapter implements apadapters.Adapter.
type Adapter struct {
	cfg Config
	log *rate.Limiter

	receiving sync.Mutex // held by who receives a line; before mu
	emit      func(mih.Indication) bool
	owed      owed

	counters apadapters.Counters
	udp, tcp listening.Socket

	mu    sync.Mutex
	peers []peer // as Config.Sources
}

// peer is what became of a source.
type peer struct {
	heard    time.Time
	stations map[mih.LinkAddress]struct{}
	history  *history
}

var _ apadapters.Adapter = (*Adapter)(nil)

// New checks the configuration. The error names every problem.
func New(cfg Config) (*Adapter, error) {
	if !cfg.Listen.IsValid() && !cfg.ListenTCP.IsValid() {
		cfg.Listen = netip.AddrPortFrom(netip.IPv6Unspecified(), 514)
	}
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	cfg.Sources, cfg.Untrusted = slices.Clone(cfg.Sources), slices.Clone(cfg.Untrusted)
	a := &Adapter{owed: newOwed(), log: rate.NewLimiter(rate.Every(10*time.Second), 5)}
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
		a.peers = append(a.peers, peer{stations: map[mih.LinkAddress]struct{}{}, history: newHistory()})
	}
	a.cfg = cfg
	return a, errors.Join(problems...)
}

// Name is "ciscosyslog".
func (a *Adapter) Name() string { return Name }

// ListenAddress is where the adapter listens for datagrams, once it does; zero before.
func (a *Adapter) ListenAddress() netip.AddrPort { return a.udp.Address() }

// ListenAddressTCP is where it listens for connections.
func (a *Adapter) ListenAddressTCP() netip.AddrPort { return a.tcp.Address() }

// Run listens until ctx ends. A socket that fails is opened again, paced.
func (a *Adapter) Run(ctx context.Context, emit func(mih.Indication) bool) error {
	a.emit = emit
	var other sync.WaitGroup
	defer other.Wait()
	other.Go(func() { a.keepSettling(ctx) })
	if !a.cfg.Listen.IsValid() {
		a.keep(ctx, &a.tcp, a.listenTCP)
		return nil
	}
	if a.cfg.ListenTCP.IsValid() {
		other.Go(func() { a.keep(ctx, &a.tcp, a.listenTCP) })
	}
	a.keep(ctx, &a.udp, a.listenUDP)
	return nil
}

func (a *Adapter) keep(ctx context.Context, s *listening.Socket, listen func(context.Context) error) {
	s.Keep(ctx, listen, func(err error) {
		a.counters.Count("socket_errors")
		if a.log.Allow() {
			a.cfg.Log.Warn("cannot read syslog messages; trying again", "error", err)
		}
	})
}

// inUse adds the likely causes to an error of a socket that is to be opened.
func inUse(err error) error {
	return fmt.Errorf("%w; is another syslog server on this port, or the right to bind it missing?", err)
}

// listenUDP reads datagrams until the socket fails or ctx ends.
func (a *Adapter) listenUDP(ctx context.Context) error {
	s, err := ingress.Listen(a.cfg.Listen, MaximumLine+1)
	if err != nil {
		return inUse(err)
	}
	defer s.Close()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	a.udp.Opened(s.LocalAddress())
	for {
		d, err := s.Read()
		if err != nil {
			return err
		}
		a.receive(time.Now(), message{from: d.Address(), iface: d.Interface, text: d.Payload})
	}
}

// message is what a socket received.
type message struct {
	from  netip.Addr
	iface string // by which it came; "" when that is gone by now
	text  []byte // valid until the next one

	replay bool // it may be one of those that a writer repeats on a new connection
}

// receive takes one datagram, which is one line (RFC 5426 section 3.1): to split it at line breaks would let a station
// whose name holds one write lines of its own. Or one message of a connection. It reports whether the line told something new.
func (a *Adapter) receive(now time.Time, d message) (news bool) {
	a.receiving.Lock()
	defer a.receiving.Unlock()
	a.counters.Count("lines")
	if !a.admits(d.from, d.iface) {
		return false
	}
	from := d.from
	r, err := Parse(d.text)
	if err != nil {
		a.refuse("ignored_"+ErrorLabel(err), from, err.Error())
		return false
	}
	i := a.source(from, r.origin())
	if i < 0 {
		a.refuse("refused_access_point", from, "no source is configured for access point "+r.origin())
		return false
	}
	if r.ByUserName && !a.cfg.Sources[i].UserNameIsAddress {
		a.refuse("refused_user_name", from, byUserName)
		return false
	}
	history := a.peers[i].history
	line := history.hash(from.String(), bytes.TrimRight(d.text, lineEnd))
	if history.knows(line) && (r.Header.distinguishes() || d.replay) {
		a.counters.Count("duplicates")
		return false
	}
	a.counters.Count("event_" + string(r.Event))
	if a.tell(i, a.indication(now, a.cfg.Sources[i], r)) {
		history.add(line)
		a.note(i, now, r)
	}
	return true
}

// admits says whether lines from there are looked at.
func (a *Adapter) admits(from netip.Addr, iface string) bool {
	switch {
	case ingress.Refused(iface, a.cfg.Untrusted):
		a.refuse("refused_interface", from, fmt.Sprintf("it came by interface %q: lines from access links are forged, access points write from elsewhere", iface))
	case !a.allowed(from):
		a.refuse("refused_source", from, "not a configured source")
	default:
		return true
	}
	return false
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
	a.counters.Count(counter)
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

// Status tells of each source when it was heard last, and the counters. A source counts as connected while the sockets
// are open: syslog knows no more, and over TCP too a writer may connect when it has something to say.
func (a *Adapter) Status() apadapters.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := apadapters.Status{Name: Name, Counters: a.counters.Snapshot()}
	listens := a.udp.Address().IsValid() == a.cfg.Listen.IsValid() && a.tcp.Address().IsValid() == a.cfg.ListenTCP.IsValid()
	why := cmp.Or(a.udp.Failure(), a.tcp.Failure())
	for i, p := range a.peers {
		src := a.cfg.Sources[i]
		peer := apadapters.Peer{Name: cmp.Or(src.AccessPoint, src.Address.String()), Connected: listens, Detail: cmp.Or(why, listening.Detail(p.heard)), Stations: len(p.stations),
			LinkType: src.LinkType, PointOfAttachment: src.PointOfAttachment}
		s.Peers = append(s.Peers, peer)
	}
	return s
}
