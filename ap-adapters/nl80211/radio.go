package nl80211

import (
	"cmp"
	"time"

	"netlmm/ap-adapters"
	"netlmm/ap-adapters/roster"
	"netlmm/mih"
)

const (
	// A station that was added is looked at after firstLook, and again whenever a quarter of the time since has passed: 802.1X may take
	// seconds, an open network takes none. After longestWait it is left to the next comparison of all stations.
	firstLook   = 2 * time.Millisecond
	longestWait = 30 * time.Second
	// sinceResolution is how exactly the kernel tells the age of an association, with a second for the way.
	sinceResolution = 2 * time.Second
)

// radio follows one BSS. Its fields belong to the goroutine of Run, but for peer, which Adapter.mu guards.
type radio struct {
	adapter *Adapter
	cfg     Radio
	roster  *roster.Roster

	index   int // of the interface; 0: there is none
	poa     mih.LinkAddress
	since   map[mih.LinkAddress]time.Time // start of the associations that were told
	waiting map[[6]byte]*waiting

	peer apadapters.Peer
}

// waiting is a station that was added and may not send data yet.
type waiting struct {
	added, next time.Time
}

func newRadio(a *Adapter, cfg Radio) *radio {
	cfg.Interface = cmp.Or(cfg.Interface, cfg.Radio)
	cfg.MaximumStations = cmp.Or(cfg.MaximumStations, 4096)
	return &radio{
		adapter: a, cfg: cfg, poa: cfg.PointOfAttachment, since: map[mih.LinkAddress]time.Time{}, waiting: map[[6]byte]*waiting{},
		roster: roster.New(roster.Config{SAP: Name, Interface: cfg.Interface, LinkType: mih.LinkType80211, Maximum: cfg.MaximumStations, Count: a.counters.Count}),
		peer:   apadapters.Peer{Name: cfg.Radio, Detail: "not looked at yet", LinkType: mih.LinkType80211, PointOfAttachment: cfg.PointOfAttachment},
	}
}

// apply takes an announcement.
func (r *radio) apply(now time.Time, k kernel, s station, emit func(mih.Indication) bool) {
	switch {
	case s.mac[0]&1 != 0 || s.mac == [6]byte{}:
		r.adapter.counters.Count("ignored")
	case s.gone:
		r.adapter.counters.Count("event_del_station")
		r.down(now, s.mac, false, emit)
	default:
		r.adapter.counters.Count("event_new_station")
		if s.authorized {
			r.up(now, s, false, emit)
			return
		}
		if r.waiting[s.mac] == nil && len(r.waiting) >= r.cfg.MaximumStations {
			r.adapter.counters.Count(roster.Full)
			return
		}
		r.waiting[s.mac] = &waiting{added: now, next: now}
		r.await(now, k, emit)
	}
}

// await looks at the stations that may not send data yet.
func (r *radio) await(now time.Time, k kernel, emit func(mih.Indication) bool) {
	for mac, w := range r.waiting {
		if now.Before(w.next) {
			continue
		}
		s, known, err := k.station(r.index, mac)
		switch {
		case err == nil && known && s.authorized:
			r.up(now, s, false, emit)
			continue
		case err == nil && !known, now.Sub(w.added) > longestWait:
			delete(r.waiting, mac)
			continue
		case err != nil:
			r.adapter.counters.Count("failed_queries")
		}
		w.next = now.Add(max(firstLook, now.Sub(w.added)/4))
	}
}

// next is when await has something to do.
func (r *radio) next() (at time.Time, ok bool) {
	for _, w := range r.waiting {
		if !ok || w.next.Before(at) {
			at, ok = w.next, true
		}
	}
	return at, ok
}

func (r *radio) up(now time.Time, s station, resync bool, emit func(mih.Indication) bool) {
	address := mih.MACAddress(s.mac)
	delete(r.waiting, s.mac)
	arrival := roster.Arrival{Station: address, PointOfAttachment: r.poa, Resync: resync}
	begun := now.Add(-s.age)
	if resync {
		arrival.Since = begun
	}
	if r.roster.Up(now, arrival, emit) {
		r.since[address] = begun
	}
}

func (r *radio) down(now time.Time, mac [6]byte, resync bool, emit func(mih.Indication) bool) {
	address := mih.MACAddress(mac)
	delete(r.waiting, mac)
	delete(r.since, address)
	r.roster.Down(now, address, mih.DownExplicitDisconnect, resync, emit)
}

// look compares the radio's stations with those that were told. A radio that is gone has none.
func (r *radio) look(now time.Time, k kernel, emit func(mih.Indication) bool) error {
	v, err := k.look(r.cfg.Radio)
	if err != nil && !v.missing {
		r.adapter.counters.Count("failed_looks")
		r.setPeer(false, err.Error())
		return err
	}
	r.index = v.index
	if r.cfg.PointOfAttachment.IsZero() {
		r.poa = mih.MACAddress(v.address)
	}
	here := map[mih.LinkAddress]bool{}
	for _, s := range v.stations {
		address := mih.MACAddress(s.mac)
		begun, told := r.since[address]
		switch {
		case s.mac[0]&1 != 0 || s.mac == [6]byte{}:
			r.adapter.counters.Count("ignored")
			continue
		case !s.authorized: // it may be on its way back
			if !told {
				continue
			}
		case !told, now.Add(-s.age).After(begun.Add(sinceResolution)): // another association, whose announcement was lost
			r.up(now, s, true, emit)
		}
		here[address] = true
	}
	for _, address := range r.roster.Stations() {
		if mac, _ := address.MAC(); !here[address] {
			r.down(now, mac, true, emit)
		}
	}
	if err != nil {
		r.setPeer(false, err.Error())
		return err
	}
	r.setPeer(true, "followed")
	return nil
}

func (r *radio) setPeer(connected bool, detail string) {
	r.adapter.mu.Lock()
	defer r.adapter.mu.Unlock()
	r.peer.Connected, r.peer.Detail, r.peer.PointOfAttachment = connected, detail, r.poa
	r.peer.Complete = r.peer.Complete || connected && !r.roster.Owes()
}
