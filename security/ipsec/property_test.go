package ipsec

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"netlmm/security"
)

// world drives Associations with anything that may happen, and keeps by its own, simple means what must hold.
type world struct {
	t         *rapid.T
	a         *Associations
	now       time.Time
	libipsec  bool
	connected bool
	sas       map[string]security.ChildSA
	last      map[netip.Addr]time.Time // of the attempts
	told      map[netip.Addr]Changed
}

var addresses = []netip.Addr{remote["mag1"], remote["mag2"], remote["lma"]}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, now: epoch,
		sas: map[string]security.ChildSA{}, last: map[netip.Addr]time.Time{}, told: map[netip.Addr]Changed{}}
	cfg := Config{Jitter: func() float64 { return 0.5 }}
	for _, address := range addresses[:2] {
		p := security.Peer{Address: address, Local: here, Identity: peerName(address), ManagedBy: security.BySwanctl}
		p.Traffic = rapid.SampledFrom([]security.Traffic{security.MobilityHeaders, security.MIH}).Draw(t, "traffic")
		p.Initiate = rapid.Bool().Draw(t, "initiate")
		if rapid.Bool().Draw(t, "netlmm") {
			p.ManagedBy, p.Connection, p.Child = security.ByNetlmm, "to-"+p.Identity, "mh"
		}
		cfg.Peers = append(cfg.Peers, p)
	}
	var err error
	if w.a, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) drawSA() security.ChildSA {
	address := rapid.SampledFrom(addresses).Draw(w.t, "remote")
	return security.ChildSA{
		UniqueID: fmt.Sprint(rapid.IntRange(1, 6).Draw(w.t, "id")), IKEUniqueID: fmt.Sprint(rapid.IntRange(1, 3).Draw(w.t, "ike")),
		Local: here, Remote: address, Covers: rapid.SampledFrom([]security.Traffic{0, security.MobilityHeaders, security.MIHOverUDP, security.MIH, security.MobilityHeaders | security.MIH}).Draw(w.t, "covers"),
		RemoteIdentity: rapid.SampledFrom([]string{peerName(address), peerName(address), "mallory"}).Draw(w.t, "identity"),
	}
}

func (w *world) drawEvent() security.Event {
	peer := rapid.SampledFrom(addresses).Draw(w.t, "peer")
	sa := w.drawSA()
	switch rapid.SampledFrom([]string{"snapshot", "lost", "up", "down", "ike-down", "rekey", "loaded", "initiated", "failed", "required", "suspect"}).Draw(w.t, "event") {
	case "snapshot":
		return w.drawSnapshot()
	case "lost":
		return security.CharonLost{Err: errors.New("gone")}
	case "up":
		return security.ChildUp{SA: sa}
	case "down":
		return security.ChildDown{UniqueID: sa.UniqueID}
	case "ike-down":
		return security.IKEDown{IKEUniqueID: sa.IKEUniqueID}
	case "rekey":
		return security.ChildRekeyed{Old: fmt.Sprint(rapid.IntRange(1, 6).Draw(w.t, "old")), SA: sa}
	case "loaded":
		return security.Loaded{Peer: peer}
	case "initiated":
		return security.Initiated{Peer: peer}
	case "failed":
		return security.Failed{Peer: peer, Err: errors.New("no")}
	case "required":
		return security.Required{Peer: peer}
	default:
		return security.Suspect{Peer: peer}
	}
}

func (w *world) drawSnapshot() security.CharonSnapshot {
	snap := security.CharonSnapshot{DataPathInCharon: rapid.Bool().Draw(w.t, "libipsec")}
	for range rapid.IntRange(0, 3).Draw(w.t, "sas") {
		snap.SAs = append(snap.SAs, w.drawSA())
	}
	if rapid.Bool().Draw(w.t, "configured") {
		snap.Connections = allConnections()
	}
	return snap
}

func allConnections() (all []security.Connection) {
	for _, address := range addresses {
		all = append(all, security.Connection{Name: "to-" + peerName(address), Child: "mh", Local: here, Remote: address, Covers: security.MobilityHeaders | security.MIH})
	}
	return all
}

// apply an event to the model.
func (w *world) apply(event security.Event) {
	switch ev := event.(type) {
	case security.CharonSnapshot:
		w.connected, w.libipsec = true, ev.DataPathInCharon
		clear(w.sas)
		for _, sa := range ev.SAs {
			w.sas[sa.UniqueID] = sa
		}
	case security.CharonLost:
		w.connected = false
		if w.libipsec {
			clear(w.sas)
		}
	case security.ChildUp:
		w.sas[ev.SA.UniqueID] = ev.SA
	case security.ChildDown:
		delete(w.sas, ev.UniqueID)
	case security.IKEDown:
		for id, sa := range w.sas {
			if sa.IKEUniqueID == ev.IKEUniqueID {
				delete(w.sas, id)
			}
		}
	case security.ChildRekeyed:
		delete(w.sas, ev.Old)
		w.sas[ev.SA.UniqueID] = ev.SA
	}
}

// check what must hold after every step.
func (w *world) check(actions []Action) {
	for _, action := range actions {
		switch a := action.(type) {
		case Initiate:
			if !w.connected {
				w.t.Fatalf("initiates while charon is away")
			}
			if last, before := w.last[a.Peer]; before && w.now.Sub(last) < w.a.cfg.RetryInitial {
				w.t.Fatalf("%s: attempts %v apart", peerName(a.Peer), w.now.Sub(last))
			}
			w.last[a.Peer] = w.now
		case Changed:
			if a.Up != (a.Identity != "") {
				w.t.Fatalf("up %v with identity %q", a.Up, a.Identity)
			}
			w.told[a.Peer] = a
		}
	}
	for _, address := range addresses[:2] {
		stands, covers := w.stands(address)
		told := w.told[address]
		if w.a.Stands(address) != stands || told.Up != stands || (w.a.Identity(address) != "") != stands || stands && told.Covers != covers {
			w.t.Fatalf("%s: an SA is installed: %v, for %s; Stands %v, told %v", peerName(address), stands, covers, w.a.Stands(address), told)
		}
	}
	if at, due := w.a.NextDeadline(); due && !at.After(w.now) {
		w.t.Fatalf("a deadline is due at once after everything due was done: a busy loop")
	}
}

// stands: an SA of the peer has all of its traffic, and none of another identity has any of it.
func (w *world) stands(address netip.Addr) (stands bool, covers security.Traffic) {
	var own, foreign security.Traffic
	needs := w.a.byAddress[address].Traffic
	for _, sa := range w.sas {
		switch {
		case sa.Remote != address:
		case sa.RemoteIdentity == peerName(address):
			own |= sa.Covers
			stands = stands || sa.Covers.Has(needs)
		default:
			foreign |= sa.Covers
		}
	}
	return stands && foreign&needs == 0, own &^ foreign
}

func (w *world) handle(event security.Event) []Action {
	w.apply(event)
	actions := w.a.Handle(w.now, event)
	w.check(actions)
	return actions
}

// sleep lets time pass, stopping at each deadline.
func (w *world) sleep(d time.Duration, each func([]Action)) {
	end := w.now.Add(d)
	for {
		at, due := w.a.NextDeadline()
		if !due || at.After(end) {
			w.now = end
			return
		}
		w.now = at
		actions := w.a.Expire(w.now)
		w.check(actions)
		each(actions)
	}
}

// Whatever happens: a peer stands exactly while an SA for it is installed and none of another identity, attempts are paced, and a message that waits
// for an SA leads to an attempt once charon is there with its configuration.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			w.handle(w.drawEvent())
			w.sleep(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms"))*time.Millisecond, func([]Action) {})
		}
		peer := addresses[0]
		attempted := 0
		count := func(actions []Action) {
			for _, action := range actions {
				if i, isInitiate := action.(Initiate); isInitiate && i.Peer == peer {
					attempted++
				}
			}
		}
		count(w.handle(security.CharonSnapshot{Connections: allConnections()}))
		count(w.handle(security.Required{Peer: peer}))
		w.sleep(2*time.Minute, count)
		if attempted < 2 {
			t.Fatalf("%d attempts in two minutes for a message that waits", attempted)
		}
	})
}
