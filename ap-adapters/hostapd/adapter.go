// Package hostapd is the link SAP of access points that run hostapd. It speaks hostapd's control interface: one datagram
// socket for commands and one for events per interface.
//
// A station that 802.1X let through is known by the identity that hostapd has of it (dot1xAuthSessionUserName). That is the
// outer EAP identity, which the station writes as it likes, unless the RADIUS server returns User-Name in its Access-Accept:
// then it is what the server authenticated. Operators must configure the server so (hostapd's built-in one needs nothing, as
// long as its methods have no other outer identity); else one subscriber can have the sessions of another. A station without
// 802.1X is known by its address; one whose identity is no NAI is not served at all. One that comes by fast transition with 802.1X
// (FT-EAP) is known by its address at all access points but the first: hostapd has no identity of it there.
package hostapd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

// Name is the adapter's name in indications, configuration and metrics.
const Name = "hostapd"

// Config is what the adapter is told.
type Config struct {
	Interfaces      []Interface
	SocketDirectory string        // where the adapter's own sockets go; hostapd must reach it; "": /run/netlmm
	PingInterval    time.Duration // how often a silent hostapd is asked whether it lives; 0: 1 s
	ResyncInterval  time.Duration // how often the stations are compared, for events that hostapd lost; 0: 30 s
	ReturnGrace     time.Duration // how long a station may take to return after a restart of hostapd; 0: 3 s
	Log             *slog.Logger  // nil: slog.Default
}

// Interface is one BSS or wired port of a hostapd.
type Interface struct {
	ControlSocket     string          // the socket, or its directory when the socket is named as Interface
	Interface         string          // access interface, as the MIH users know it
	VLANs             map[int]string  // access interfaces of the VLANs that hostapd puts stations into (dynamic_vlan); a VLAN that is not here has none. Empty: all are at Interface
	PointOfAttachment mih.LinkAddress // zero: the BSSID that hostapd tells
	LinkType          mih.LinkType    // 0: IEEE 802.11

	SignalPollInterval time.Duration // 0: signal strength is not watched
	GoingDownThreshold int           // dBm; a station below it is going down; 0: none
	Hysteresis         int           // dB above the threshold at which it no longer is, and for thresholds that users configure; 0: 5
	GoingDownInterval  time.Duration // TimeInterval of Link_Going_Down; 0: 5 s
	LinkDetected       bool          // report probe requests as Link_Detected, and what stations that get weak hear of other access points
}

// Adapter implements apadapters.Commander.
type Adapter struct {
	cfg   Config
	ports []*port

	log      *rate.Limiter // of what stations cause
	counters apadapters.Counters

	mu sync.Mutex // of the peer in each of ports
}

var _ apadapters.Commander = (*Adapter)(nil)

// New checks the configuration. The error names every problem.
func New(cfg Config) (*Adapter, error) {
	cfg.SocketDirectory = cmp.Or(cfg.SocketDirectory, "/run/netlmm")
	cfg.PingInterval = cmp.Or(cfg.PingInterval, time.Second)
	cfg.ResyncInterval = cmp.Or(cfg.ResyncInterval, 30*time.Second)
	cfg.ReturnGrace = cmp.Or(cfg.ReturnGrace, 3*time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	a := &Adapter{cfg: cfg, log: rate.NewLimiter(rate.Every(10*time.Second), 5)}
	var problems []error
	if len(cfg.Interfaces) == 0 {
		problems = append(problems, errors.New("hostapd: no interfaces: name at least one control socket"))
	}
	seen := map[string]bool{}
	for i, ic := range cfg.Interfaces {
		switch {
		case ic.ControlSocket == "" || ic.Interface == "":
			problems = append(problems, fmt.Errorf("hostapd: interface %d: control socket %q and interface %q must both be set",
				i, ic.ControlSocket, ic.Interface))
		case ic.GoingDownThreshold != 0 && ic.SignalPollInterval == 0:
			problems = append(problems, fmt.Errorf("hostapd: interface %s: a going-down threshold needs a signal poll interval", ic.Interface))
		}
		if seen[filepath.Clean(ic.ControlSocket)+"\x00"+ic.Interface] {
			problems = append(problems, fmt.Errorf("hostapd: control socket %s is listed twice for %s", ic.ControlSocket, ic.Interface))
		}
		seen[filepath.Clean(ic.ControlSocket)+"\x00"+ic.Interface] = true
		ic.LinkType = cmp.Or(ic.LinkType, mih.LinkType80211)
		ic.Hysteresis = cmp.Or(ic.Hysteresis, 5)
		ic.GoingDownInterval = cmp.Or(ic.GoingDownInterval, 5*time.Second)
		a.ports = append(a.ports, newPort(a, ic))
	}
	return a, errors.Join(problems...)
}

// Name is "hostapd".
func (a *Adapter) Name() string { return Name }

// Run watches every interface until ctx ends. While a hostapd is dead its stations count as attached, for their frames may
// still pass; when it is back, those that it does not have and that do not return are reported as gone. Run fails only when its own sockets can have no place.
func (a *Adapter) Run(ctx context.Context, emit func(mih.Indication) bool) error {
	dir, err := newSocketDir(a.cfg.SocketDirectory)
	if err != nil {
		return err
	}
	defer dir.remove()
	var one sync.Mutex
	emitOne := func(ind mih.Indication) bool {
		one.Lock()
		defer one.Unlock()
		return emit(ind)
	}
	var ports sync.WaitGroup
	for _, p := range a.ports {
		ports.Go(func() { p.run(ctx, dir, emitOne) })
	}
	ports.Wait()
	return nil
}

// Status tells the state of every interface and the counters: "event_NAME" for the events of hostapd that have a
// meaning here, event_other for the rest.
func (a *Adapter) Status() apadapters.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := apadapters.Status{Name: Name, Counters: a.counters.Snapshot()}
	for _, p := range a.ports {
		s.Peers = append(s.Peers, p.peer)
	}
	return s
}
