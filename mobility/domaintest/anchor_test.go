package domaintest

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/lma"
	"netlmm/mobility/mh"
)

// writeBehind is how late a change is in the store at most (store.MaxFlushDelay).
const writeBehind = 50 * time.Millisecond

// stored is the binding cache as the store had it from an instant on.
type stored struct {
	at      time.Time
	records []mobility.BindingCacheEntry
}

func (d *domain) newAnchor() *lma.LMA {
	anchor, err := lma.New(lma.Config{
		LMAAddresses: []netip.Addr{lmaAddress}, Pools: []netip.Prefix{pool}, MaximumLifetime: time.Hour,
		IPv4Pools: []lma.IPv4Pool{{Network: ipv4Pool}}, EnableIPv4TrafficOffloadSupport: d.offload,
		Authorized: func(netip.Addr, string) bool { return true },
		Profile: func(id mobility.MobileNodeID) (mobility.Profile, bool) {
			i := slices.IndexFunc(d.hosts, func(h *host) bool { return h.id() == id })
			if i < 0 {
				return mobility.Profile{}, false
			}
			h := d.hosts[i]
			return mobility.Profile{MobileNodeID: id, ProxyRegistration: true, IPv6Prohibited: !h.ipv6, IPv4Mobility: h.ipv4, OffloadPolicy: d.policies[id]}, true
		},
		Random: func(b []byte) {
			for i := range b {
				d.anchorRandom++
				b[i] = d.anchorRandom
			}
		},
	})
	if err != nil {
		panic(err)
	}
	return anchor
}

// restartLMA replaces the anchor by a new one. It was closed and reads its store, or has lost that.
func (d *domain) restartLMA(restore bool) {
	if restore {
		d.restartWith(d.anchor.Snapshot(), true)
		return
	}
	d.restartWith(nil, false)
}

// crashLMA is a kill: the changes of the last moments are not in the store.
func (d *domain) crashLMA(behind time.Duration) {
	var records []mobility.BindingCacheEntry
	for _, s := range d.store {
		if !s.at.After(d.now.Add(-behind)) {
			records = s.records
		}
	}
	d.restartWith(records, false)
}

// restartWith begins a run with what the store has: all of it and nothing else is there again, but what is over by the clock. It
// does not count as kept then, if that cannot have come about by time that went by.
func (d *domain) restartWith(records []mobility.BindingCacheEntry, kept bool) {
	var standing []mobility.BindingCacheEntry
	for i := range records {
		records[i] = storable(records[i])
		switch {
		case records[i].Expires.After(d.clock(d.off)):
			standing = append(standing, d.standing(records[i]))
		case records[i].State != "registered":
		case records[i].LastUpdate.Before(records[i].Expires):
			d.hostWith(records[i].MobileNodeLinkLayerID).excuse = ended
		default:
			kept = false
		}
	}
	d.excuseForgotten()
	if !kept {
		d.counter++
		d.excuseUntold()
	}
	d.anchor = d.newAnchor()
	if err := d.anchor.Restore(d.clock(d.off), records); err != nil {
		d.wrong = err
		return
	}
	back := d.anchor.Snapshot()
	for i := range back {
		back[i] = storable(back[i])
	}
	if got, want := fmt.Sprintf("%+v", back), fmt.Sprintf("%+v", standing); got != want {
		d.wrong = fmt.Errorf("stored\n%s\nrestored\n%s", want, got)
	}
	d.store = []stored{{d.now, back}}
	clear(d.latest)
	clear(d.moved)
	for _, e := range back {
		d.moved[held(e.HomeNetworkPrefixes, e.IPv4HomeAddress)[0]] = e
		d.latest[e.MobileNodeID] = max(d.latest[e.MobileNodeID], e.Timestamp)
	}
	d.startAnchorHeartbeat(kept)
}

// standing is a record as an anchor takes it over: nothing of it is in the future, and it is not for longer than it was granted.
func (d *domain) standing(e mobility.BindingCacheEntry) mobility.BindingCacheEntry {
	now := d.clock(d.off).Round(0)
	if granted := e.Expires.Sub(e.LastUpdate); e.Expires.Sub(now) > granted {
		e.Expires = now.Add(granted)
	}
	for _, t := range []*time.Time{&e.Registered, &e.LastUpdate} {
		if t.After(now) {
			*t = now
		}
	}
	return e
}

// storable is a record as it comes back from a file, where instants are those of the wall clock.
func storable(e mobility.BindingCacheEntry) mobility.BindingCacheEntry {
	e.HomeNetworkPrefixes = slices.Clone(e.HomeNetworkPrefixes)
	e.Registered, e.LastUpdate, e.Expires = e.Registered.Round(0), e.LastUpdate.Round(0), e.Expires.Round(0)
	return e
}

// save gives the store a change, and forgets what no crash can bring back.
func (d *domain) save() {
	d.store = append(d.store, stored{d.now, d.anchor.Snapshot()})
	for len(d.store) > 1 && !d.store[1].at.After(d.now.Add(-writeBehind)) {
		d.store = d.store[1:]
	}
}

// revoke is the operator's order: a mobile node, or all of a MAG.
func (d *domain) revoke(order lma.Revoke) { d.performAnchor(d.anchor.Handle(d.clock(d.off), order)) }

func (d *domain) performAnchor(actions []lma.Action) {
	changed := false
	for _, a := range actions {
		switch a := a.(type) {
		case lma.SendMessage:
			d.send(a.Source, a.Destination, a.Payload)
		case lma.BindingChanged:
			changed = true
			d.note("lma %s %v at %s", [...]string{"?", "creates", "extends", "hands over", "de-registers", "removes"}[a.Change],
				a.Entry.MobileNodeID, d.nameOf(a.Entry.ProxyCareOfAddress))
			d.excuseMisplaced(a.Entry)
		case lma.RevocationEnded:
			d.note("lma ends a revocation of %v at %s: answered=%t %d bindings", a.MobileNodeID, d.nameOf(a.ProxyCareOfAddress), a.Answered, a.Bindings)
			d.excuseUnanswered(a)
		case lma.Ignored:
			d.note("lma ignores: %s", a.Reason)
		}
	}
	if changed {
		d.save()
	} else if d.arriving == nil { // what arrives changes what the anchor goes by, if not always a binding
		return
	}
	if err := d.checkAnchor(); err != nil && d.wrong == nil { // now, by the clock that the anchor went by
		d.wrong = fmt.Errorf("lma: %w", err)
	}
}

// isRevocation says whether payload is a Binding Revocation Indication.
func isRevocation(payload []byte) bool {
	header, err := mh.DecodeHeader(payload)
	return err == nil && header.Type == mh.TypeBindingRevocation && mh.RevocationTypeOf(payload) == mh.RevocationIndication
}
