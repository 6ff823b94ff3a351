package ethernet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"netlmm/ap-adapters"
	"netlmm/ap-adapters/roster"
	"netlmm/mih"
)

// bridge follows one bridge. Its fields belong to the goroutine of Run, but for peer, which Adapter.mu guards.
type bridge struct {
	adapter *Adapter
	cfg     Bridge
	roster  *roster.Roster

	index    int                 // of the bridge; 0: there is none
	ports    map[int]port        // all that it has, by their indexes
	stations map[[6]byte]entries // learned at ports that count
	entries  int
	stale    bool // it has to be looked at
	limited  bool // more stations were there than may come at a time
	told     bool // all that are there
	err      error

	peer apadapters.Peer
}

// entries are those of one station: the port by the VLAN.
type entries map[int]int

func newBridge(a *Adapter, cfg Bridge) *bridge {
	cfg.Interface = cmp.Or(cfg.Interface, cfg.Bridge)
	cfg.LinkType = cmp.Or(cfg.LinkType, mih.LinkTypeEthernet)
	cfg.MaximumStations = cmp.Or(cfg.MaximumStations, 4096)
	cfg.StationsPerSecond = cmp.Or(cfg.StationsPerSecond, 200)
	return &bridge{
		adapter: a, cfg: cfg, ports: map[int]port{}, stations: map[[6]byte]entries{},
		roster: roster.New(roster.Config{
			SAP: Name, Interface: cfg.Interface, LinkType: cfg.LinkType, Maximum: cfg.MaximumStations, Count: a.counters.Count,
			New: rate.NewLimiter(rate.Limit(cfg.StationsPerSecond), cfg.StationsPerSecond),
		}),
		peer: apadapters.Peer{Name: cfg.Bridge, Detail: "not looked at yet", LinkType: cfg.LinkType, PointOfAttachment: cfg.PointOfAttachment},
	}
}

// apply takes a change over. False: it is of something else.
func (b *bridge) apply(now time.Time, c change, emit func(mih.Indication) bool) bool {
	switch {
	case c.port != nil && (c.port.index == b.index && b.index != 0 || c.port.name == b.cfg.Bridge):
		b.stale = b.stale || c.port.gone || c.port.index != b.index
	case c.port != nil:
		return b.applyPort(now, *c.port, emit)
	case c.entry != nil:
		return b.applyEntry(now, *c.entry, emit)
	}
	return true
}

func (b *bridge) applyPort(now time.Time, p port, emit func(mih.Indication) bool) bool {
	_, had := b.ports[p.index]
	here := !p.gone && p.bridge == b.index && b.index != 0
	if !had && !here {
		return false
	}
	if here {
		b.ports[p.index] = p
	} else {
		delete(b.ports, p.index)
	}
	if !here || !p.carrier {
		b.leavePort(now, p.index, emit)
	}
	return true
}

// leavePort takes all stations of a port down.
func (b *bridge) leavePort(now time.Time, index int, emit func(mih.Indication) bool) {
	for mac, at := range b.stations {
		for vlan, port := range at {
			if port == index {
				b.remove(now, mac, vlan, mih.DownExplicitDisconnect, false, emit)
			}
		}
	}
}

func (b *bridge) applyEntry(now time.Time, e entry, emit func(mih.Indication) bool) bool {
	if e.bridge != b.index || b.index == 0 || !b.counts(e) {
		return false
	}
	p, known := b.ports[e.port]
	switch {
	case !e.gone && known && !p.carrier:
		b.stale = true // it may have a carrier: that comes by another socket, and may come later
	case e.gone, known && !b.usable(p):
		b.remove(now, e.mac, e.vlan, mih.DownPacketTimeout, false, emit)
	case !known:
		b.stale = true // the port is new
	default:
		b.add(now, e, false, emit)
	}
	return true
}

// counts says whether an entry can be of a station here.
func (b *bridge) counts(e entry) bool {
	return e.mac[0]&1 == 0 && e.mac != [6]byte{} && (b.cfg.VLAN == 0 || e.vlan == b.cfg.VLAN)
}

// usable says whether stations behind a port count.
func (b *bridge) usable(p port) bool {
	return p.carrier && (len(b.cfg.Ports) == 0 || slices.Contains(b.cfg.Ports, p.name))
}

func (b *bridge) add(now time.Time, e entry, resync bool, emit func(mih.Indication) bool) {
	at := b.stations[e.mac]
	if _, known := at[e.vlan]; !known {
		if b.entries >= 4*b.cfg.MaximumStations {
			b.adapter.counters.Count("maximum_entries_reached")
			return
		}
		b.entries++
	}
	if at == nil {
		at = entries{}
		b.stations[e.mac] = at
	}
	at[e.vlan] = e.port
	if address := mih.MACAddress(e.mac); !b.roster.Has(address) && !b.roster.Up(now, roster.Arrival{Station: address, PointOfAttachment: b.cfg.PointOfAttachment, Resync: resync}, emit) {
		b.limited = b.limited || b.roster.Len() < b.cfg.MaximumStations
	}
}

// remove forgets an entry, and with its last one the station.
func (b *bridge) remove(now time.Time, mac [6]byte, vlan int, reason mih.LinkDownReason, resync bool, emit func(mih.Indication) bool) {
	at := b.stations[mac]
	if _, known := at[vlan]; !known {
		return
	}
	b.entries--
	if delete(at, vlan); len(at) == 0 {
		delete(b.stations, mac)
		b.roster.Down(now, mih.MACAddress(mac), reason, resync, emit)
	}
}

// look compares the bridge with what was told of it.
func (b *bridge) look(now time.Time, k kernel, emit func(mih.Indication) bool) {
	v, err := k.look(b.cfg.Bridge)
	if b.err = err; err != nil && !errors.Is(err, errNoBridge) {
		b.adapter.counters.Count("failed_looks")
		b.stale = true
		return
	}
	b.index, b.ports, b.stale, b.limited = v.index, v.ports, false, false
	type place struct {
		mac  [6]byte
		vlan int
	}
	here := map[place]bool{}
	for _, e := range v.entries {
		if p, known := b.ports[e.port]; b.counts(e) && known && b.usable(p) {
			here[place{e.mac, e.vlan}] = true
		}
	}
	for mac, at := range b.stations {
		for vlan := range at {
			if !here[place{mac, vlan}] {
				b.remove(now, mac, vlan, mih.DownPacketTimeout, true, emit)
			}
		}
	}
	for _, e := range v.entries {
		if here[place{e.mac, e.vlan}] {
			b.add(now, e, true, emit)
		}
	}
}

// again is how soon the bridge has to be looked at; 0: with the others.
func (b *bridge) again() time.Duration {
	switch {
	case b.stale:
		return repairInterval
	case b.limited:
		return limitedInterval
	}
	return 0
}

// publish makes the state one for Status.
func (b *bridge) publish() {
	carriers := 0
	for _, p := range b.ports {
		if b.usable(p) {
			carriers++
		}
	}
	b.told = b.told || b.err == nil && !b.stale && !b.limited && !b.roster.Owes()
	b.adapter.mu.Lock()
	defer b.adapter.mu.Unlock()
	b.peer.Connected, b.peer.Complete = b.err == nil, b.told
	b.peer.Detail = fmt.Sprintf("%d of %d ports with a carrier", carriers, len(b.ports))
	if b.err != nil {
		b.peer.Detail = b.err.Error()
	}
}
