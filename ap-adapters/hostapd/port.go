package hostapd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

const (
	redialInterval  = 200 * time.Millisecond
	repairInterval  = 100 * time.Millisecond // between a lost or failed thing and the resync that mends it
	maximumStations = 8192                   // hostapd itself ends at 2007 per BSS
	detectedPerSec  = 50                     // Link_Detected; stations in search of a network send many probe requests
)

// told is what the MIH Function was told of a station.
type told struct {
	link      mih.LinkTupleID
	access    string // interface
	since     time.Time
	identity  string
	stale     bool   // to be told again: the queue was full, or the hostapd that had told it was started again
	goingDown bool   // below the threshold
	round     uint64 // of the resync that saw it last
	traffic   traffic

	askedNeighbours time.Time // when it was asked what it hears
	hearsNothing    bool      // it cannot say
}

// port watches one interface. Its fields belong to the goroutine of run, which holds Adapter.mu when it changes peer, poa or
// which stations there are: others read these under it. Only queue is for everybody.
type port struct {
	adapter *Adapter
	cfg     Interface
	peer    apadapters.Peer

	emit     func(mih.Indication) bool
	poa      mih.LinkAddress
	stations map[mih.LinkAddress]*told
	round    uint64                        // number of the resync that runs or ran last
	leaving  map[mih.LinkAddress]time.Time // gone from a restarted hostapd: Link_Down then, unless it returns
	detected *rate.Limiter
	socket   os.FileInfo // of the hostapd that was last connected
	restart  bool        // hostapd was started again since the last complete resync
	repair   bool        // something was lost: a resync is due

	queue   chan command // filled under Adapter.mu while peer is connected
	watches watches
	delayed []delayed
}

func newPort(a *Adapter, cfg Interface) *port {
	return &port{adapter: a, cfg: cfg, peer: apadapters.Peer{Name: cfg.Interface, Detail: "not connected yet", LinkType: cfg.LinkType}, poa: cfg.PointOfAttachment,
		stations: map[mih.LinkAddress]*told{}, leaving: map[mih.LinkAddress]time.Time{}, detected: rate.NewLimiter(detectedPerSec, detectedPerSec),
		queue: make(chan command, commandQueue), watches: watches{of: map[mih.LinkAddress]*watch{}}}
}

// run keeps a session with hostapd until ctx ends.
func (p *port) run(ctx context.Context, dir *socketDir, emit func(mih.Indication) bool) {
	p.emit = emit
	log := p.adapter.cfg.Log.With("interface", p.cfg.Interface)
	for said := ""; ctx.Err() == nil; {
		s, err := p.connect(dir)
		if err == nil {
			log.Info("connected to hostapd", "socket", s.control)
			p.adapter.counters.Count("connects")
			err = s.serve(ctx)
			s.close()
			p.adapter.counters.Count("disconnects")
			said = ""
			p.leaveCommands()
		}
		if ctx.Err() != nil {
			return
		}
		if text := explain(err); text != said { // once per cause, however often it is tried
			log.Warn("hostapd is not reachable; trying again", "error", text)
			said = text
		}
		p.setPeer(false, explain(err))
		p.expireLeaving(time.Now())
		select {
		case <-ctx.Done():
		case <-time.After(redialInterval):
		}
	}
}

// explain adds the remedy to an error of a control socket.
func explain(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return err.Error() + "; is hostapd running, with ctrl_interface= set to this directory?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return err.Error() + "; hostapd is gone, start it again"
	case errors.Is(err, fs.ErrPermission):
		return err.Error() + "; set ctrl_interface_group= in hostapd.conf to a group of this daemon"
	}
	return err.Error()
}

// connect opens both sockets, learns the point of attachment, and attaches.
func (p *port) connect(dir *socketDir) (*session, error) {
	control := p.cfg.ControlSocket
	if info, err := os.Stat(control); err == nil && info.IsDir() {
		control = filepath.Join(control, p.cfg.Interface)
	}
	s := &session{port: p, dir: dir, control: control, buf: make([]byte, maxReply)}
	socket, err := os.Stat(control)
	if err != nil {
		return nil, err
	}
	if s.events, err = dir.dial(control); err != nil {
		return nil, err
	}
	reply, err := s.request("STATUS")
	if err != nil {
		s.close()
		return nil, err
	}
	if p.cfg.PointOfAttachment.IsZero() {
		if b := parseStatus(reply, filepath.Base(control)); !b.address.IsZero() {
			p.setPointOfAttachment(b.address)
		}
	}
	options := ""
	if p.cfg.LinkDetected {
		options = "probe_rx_events=1"
	}
	if err := s.events.attach(options); err != nil { // last: from here on somebody must read
		s.close()
		return nil, err
	}
	p.learnRestart(socket)
	return s, nil
}

// learnRestart compares the control socket with the last one. The associations that a hostapd has are all younger than
// its socket, so after a restart nothing that was told holds any more.
func (p *port) learnRestart(socket os.FileInfo) {
	if p.socket != nil && (!os.SameFile(p.socket, socket) || !p.socket.ModTime().Equal(socket.ModTime())) {
		p.restart = true
		p.adapter.counters.Count("restarts")
		for _, t := range p.stations {
			t.stale = true
		}
	}
	p.socket = socket
}

func (p *port) setPeer(connected bool, detail string) {
	p.adapter.mu.Lock()
	defer p.adapter.mu.Unlock()
	p.peer.PointOfAttachment = p.poa
	p.peer.Connected, p.peer.Detail = connected, detail
}

// setComplete notes that every station that is there has been told.
func (p *port) setComplete() {
	p.adapter.mu.Lock()
	defer p.adapter.mu.Unlock()
	p.peer.Complete = true
}

func (p *port) setPointOfAttachment(poa mih.LinkAddress) {
	p.adapter.mu.Lock()
	defer p.adapter.mu.Unlock()
	p.poa = poa
}

// setStation remembers what was told of a station; nil: it is gone. What was configured for its link goes with it.
func (p *port) setStation(address mih.LinkAddress, t *told) {
	p.adapter.mu.Lock()
	defer p.adapter.mu.Unlock()
	if t != nil {
		p.stations[address] = t
		p.watches.rearm(address)
	} else {
		delete(p.stations, address)
		p.watches.forget(address)
	}
	p.peer.Stations = len(p.stations)
}

func (p *port) tuple(station mih.LinkAddress) mih.LinkTupleID {
	return mih.LinkTupleID{Link: mih.LinkID{Type: p.cfg.LinkType, Address: station}, PointOfAttachment: p.poa}
}

// access is the interface of stations of a VLAN; false: none that serves them.
func (p *port) access(vlan int) (name string, ok bool) {
	if vlan == 0 || len(p.cfg.VLANs) == 0 {
		return p.cfg.Interface, true
	}
	name, ok = p.cfg.VLANs[vlan]
	return name, ok
}

// elsewhere says that a station is in a VLAN that has no access interface here, and counts it.
func (p *port) elsewhere(s station) bool {
	if _, ok := p.access(s.vlan); ok {
		return false
	}
	p.adapter.counters.Count("vlan_unknown")
	if p.adapter.log.Allow() {
		p.adapter.cfg.Log.Warn("station not served: it is in a VLAN that has no access interface in the configuration", "interface", p.cfg.Interface, "station", s.address.String(), "vlan", s.vlan)
	}
	return true
}

// send emits an event and reports whether it was taken; when not, the next resync tells it.
func (p *port) send(at time.Time, ev mih.LinkEvent, fill func(*mih.Indication)) bool {
	ind := mih.Indication{SAP: Name, Interface: p.cfg.Interface, ReceivedAt: at, Event: ev}
	if t := p.stations[ev.LinkTuple().Link.Address]; t != nil {
		ind.Interface = t.access
	}
	if fill != nil {
		fill(&ind)
	}
	if p.emit(ind) {
		return true
	}
	p.adapter.counters.Count("dropped")
	p.repair = true
	return false
}

// up tells that a station is attached.
func (p *port) up(at time.Time, s station, resync bool) {
	t := &told{link: p.tuple(s.address), since: at, identity: s.identity, round: p.round}
	t.access, _ = p.access(s.vlan) // who is elsewhere is not told
	if _, known := p.stations[s.address]; !known && len(p.stations) >= maximumStations {
		p.adapter.counters.Count("maximum_stations_reached")
		return
	}
	if resync && s.age >= 0 {
		t.since = at.Add(-s.age)
	}
	p.setStation(s.address, t)
	delete(p.leaving, s.address)
	t.stale = !p.send(at, mih.LinkUp{Link: t.link}, func(ind *mih.Indication) {
		ind.Identity, ind.Resync = s.identity, resync
		if resync && s.age >= 0 {
			ind.Since = t.since
		}
	})
}

// down tells that a station is gone, also one of which nothing was told: a user may remember it from an earlier life of
// this daemon.
func (p *port) down(at time.Time, address mih.LinkAddress, resync bool) {
	t := told{link: p.tuple(address)}
	if known := p.stations[address]; known != nil {
		t = *known // with the point of attachment of then: hostapd may have another BSSID since
	}
	ok := p.send(at, mih.LinkDown{Link: t.link, Reason: mih.DownExplicitDisconnect}, func(ind *mih.Indication) {
		ind.Identity, ind.Resync = t.identity, resync
	})
	delete(p.leaving, address)
	if ok {
		p.setStation(address, nil)
	}
}

// expireLeaving gives up the stations that did not return to a restarted hostapd in time.
func (p *port) expireLeaving(now time.Time) {
	for address, due := range p.leaving {
		if !now.Before(due) {
			delete(p.leaving, address)
			p.down(now, address, true)
		}
	}
}

// signal watches the strength of a station's signal against the threshold, with hysteresis.
func (p *port) signal(at time.Time, t *told, s station) {
	threshold := p.cfg.GoingDownThreshold
	if threshold == 0 || s.signal == 0 {
		return
	}
	tuple := p.tuple(s.address)
	report := func(direction mih.ThresholdDirection) mih.LinkParametersReport {
		return mih.LinkParametersReport{Link: tuple, Parameters: []mih.LinkParameterReport{{
			LinkParameter: mih.LinkParameter{Type: mih.Parameter80211RSSI, Value: s.signal}, Crossed: &mih.Threshold{Value: threshold, Direction: direction},
		}}}
	}
	switch {
	case !t.goingDown && s.signal < threshold:
		t.goingDown = p.send(at, report(mih.ThresholdBelow), nil) && p.send(at, mih.LinkGoingDown{Link: tuple, TimeInterval: p.cfg.GoingDownInterval,
			Reason: mih.GoingDownParameterDegrading}, nil)
	case t.goingDown && s.signal >= threshold+p.cfg.Hysteresis:
		t.goingDown = !p.send(at, report(mih.ThresholdAbove), nil)
	}
}

// eventCounter is the counter of an event of hostapd; names that it may make up get one together.
func eventCounter(name string) string {
	switch name {
	case "AP-STA-CONNECTED", "AP-STA-DISCONNECTED", "AP-STA-POLL-OK", "AP-ENABLED", "AP-DISABLED", "RX-PROBE-REQUEST",
		"CTRL-EVENT-TERMINATING", "INTERFACE-ENABLED", "INTERFACE-DISABLED", "AP-STA-POSSIBLE-PSK-MISMATCH",
		"CTRL-EVENT-EAP-FAILURE", "CTRL-EVENT-EAP-FAILURE2", "BSS-TM-RESP", "BEACON-RESP-RX":
		return "event_" + strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	}
	return "event_other"
}
