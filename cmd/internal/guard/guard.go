// Package guard keeps a daemon's control channel protected: it owns the associations core, lets it drive charon over VICI,
// and tells the protocol machine when a peer's security association stands or is gone.
package guard

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility/engine"
	"netlmm/security"
	"netlmm/security/filter"
	"netlmm/security/ipsec"
	"netlmm/security/vici"
)

// queue is how many events may wait for the associations core.
const queue = 4096

// Dropped is the name of the counter of what the packet filter stopped in clear, Mobility Headers and MIH, by direction.
const Dropped = "netlmm_filter_dropped_total"

// Config of a guard.
type Config struct {
	Daemon   string // names the table of the packet filter, for two daemons may share a network namespace
	Security configs.Security
	Peers    []configs.Peer
	Traffic  security.Traffic // what the packet filter keeps out of the clear; 0: all of it
	MIH      configs.MIH      // with whom MIH is spoken
	Log      *slog.Logger
	Counters *daemon.Counters // is given the counter Dropped
	Changed  func(Change)     // called whenever a peer's association comes to stand, goes or covers something else; it may wait, but never for the guard
}

// Change is what became of the association with a peer. An Up may be repeated.
type Change struct {
	Peer netip.Addr
	Kind configs.PeerKind
	Up   bool // for what the peer is there: Mobility Headers of anchors and gateways, MIH of others
	MIH  bool // Up, and what comes from the peer's MIH port is the peer's
}

// proof is what an association that stands says of a peer.
type proof struct {
	identity string // authenticated
	covers   security.Traffic
}

// Guard protects the control channel to a fixed set of peers.
type Guard struct {
	log     *slog.Logger
	limited *slog.Logger // for what every attempt or every message may say
	cfg     configs.Security
	mih     configs.MIH
	peers   map[netip.Addr]configs.Peer
	order   []netip.Addr // of the peers, as configured
	core    *ipsec.Associations
	engine  *engine.Engine[security.Event, ipsec.Action]
	client  charon
	asker   asker
	filter  *packetFilter
	changed func(Change)

	proofs atomic.Pointer[map[netip.Addr]proof] // of the peers whose SA stands
	facts  atomic.Pointer[charonFacts]
	told   atomic.Pointer[time.Time]                 // when charon's latest list of associations was complete in proofs
	work   map[netip.Addr]chan func(context.Context) // slow calls into charon, in order for each peer
}

// New prepares the guard. The packet filter is in place when New returns, so that nothing leaves in clear from the daemon's
// first moment.
func New(cfg Config) (*Guard, error) {
	return assemble(cfg, vici.New(vici.Config{Socket: cfg.Security.VICISocket}), kernelTable)
}

func assemble(cfg Config, client charon, open func(filter.Config) (table, error)) (*Guard, error) {
	g := &Guard{
		log: cfg.Log, limited: daemon.Limited(cfg.Log), cfg: cfg.Security, mih: cfg.MIH, changed: cfg.Changed, client: client, asker: newAsker(client.Resync),
		peers: map[netip.Addr]configs.Peer{}, work: map[netip.Addr]chan func(context.Context){},
	}
	g.proofs.Store(&map[netip.Addr]proof{})
	var list []security.Peer
	for _, p := range cfg.Peers {
		g.peers[p.Address] = p
		g.order = append(g.order, p.Address)
		g.work[p.Address] = make(chan func(context.Context), pendingCalls)
		list = append(list, p.Peer)
	}
	var err error
	table := filter.Config{Device: cfg.Security.IPsecDevice, Table: "netlmm_" + cfg.Daemon, Traffic: cfg.Traffic, InClear: cfg.MIH.InClear()}
	if g.filter, err = newPacketFilter(cfg.Security, table, g.limited, open); err != nil {
		return nil, err
	}
	cfg.Counters.Source(Dropped, g.droppedByDirection)
	if cfg.Security.None {
		g.log.Warn("security.mode is none: the control channel is in clear and anybody on the path can move mobile nodes; for laboratories only")
		return g, nil
	}
	g.core, err = ipsec.New(ipsec.Config{
		Peers: list, RetryInitial: cfg.Security.BackoffFirst, RetryMax: cfg.Security.BackoffLongest, Jitter: rand.Float64,
	})
	if err != nil {
		return nil, err
	}
	g.engine = engine.New[security.Event, ipsec.Action](g.core, queue, g.execute)
	return g, nil
}

// droppedByDirection has nothing to say while the filter cannot be read; Status tells why.
func (g *Guard) droppedByDirection() map[string]uint64 {
	c, err := g.filter.dropped()
	if err != nil {
		return nil
	}
	return map[string]uint64{"in": c.In, "out": c.Out, "forward": c.Forward}
}

// Tasks are the guard's jobs.
func (g *Guard) Tasks() []daemon.Task {
	if g.cfg.None {
		return nil
	}
	return []daemon.Task{
		daemon.Owner("security associations", g.engine),
		{Name: "charon", Run: func(ctx context.Context) error { return g.client.Run(ctx, g.event) }},
		{Name: "charon commands", Run: g.serve},
		{Name: "packet filter", Run: g.filter.watch},
	}
}

// Require says that a message to peer waits for its association.
func (g *Guard) Require(peer netip.Addr) { g.post(security.Required{Peer: peer}) }

// Suspect says that peer does not answer although its association is said to stand.
func (g *Guard) Suspect(peer netip.Addr) { g.post(security.Suspect{Peer: peer}) }

// Identity is the authenticated IKE identity behind Mobility Headers of an anchor or gateway, "" when no association stands; of others
// none counts. It may be called from anywhere, as MIHIdentity.
func (g *Guard) Identity(peer netip.Addr) string {
	if g.peers[peer].Kind == configs.OtherPeer {
		return ""
	}
	return g.identity(peer, security.MobilityHeaders)
}

// MIHIdentity is the authenticated IKE identity behind what comes from peer's MIH port, "" when no association stands that covers it.
func (g *Guard) MIHIdentity(peer netip.Addr) string { return g.identity(peer, security.MIH) }

func (g *Guard) identity(peer netip.Addr, behind security.Traffic) string {
	if p := (*g.proofs.Load())[peer]; p.covers.Has(behind) {
		return p.identity
	}
	return ""
}

// Awaits says whether peer is configured as anchor or gateway but charon has not told of an association with it; it asks charon once
// more then, soon and not for every message.
func (g *Guard) Awaits(peer netip.Addr) bool {
	if p, known := g.peers[peer]; g.cfg.None || !known || p.Kind == configs.OtherPeer || g.Identity(peer) != "" {
		return false
	}
	g.asker.soon()
	return true
}

// Told says whether charon has listed its associations since then: a peer without Identity now had none under its expected
// identity. False means that charon was not reached, and that nobody can say what stands.
func (g *Guard) Told(since time.Time) bool {
	at := g.told.Load()
	return at != nil && at.After(since)
}

// Authorized returns what says whether the peer that proved identity may speak for address as one of that kind: as a gateway register
// mobile nodes (RFC 5213 section 5.3.1) or prepare handovers, as an anchor revoke. It is configured as such with that address and,
// unless security is off, that identity.
func (g *Guard) Authorized(kind configs.PeerKind) func(address netip.Addr, identity string) bool {
	return func(address netip.Addr, identity string) bool {
		peer, known := g.peers[address]
		return known && peer.Kind == kind && (g.cfg.None || identity != "" && identity == peer.Identity)
	}
}

// Peers lists every peer in configured order with the state of its association. bindings counts the mobile nodes of each.
func (g *Guard) Peers(ctx context.Context, bindings map[netip.Addr]int) ([]api.Peer, error) {
	var list []api.Peer
	if g.cfg.None {
		for _, address := range g.order {
			list = append(list, g.describe(security.PeerStatus{Address: address, State: "in clear"}, bindings))
		}
		return list, nil
	}
	err := g.engine.Do(ctx, func() {
		for _, status := range g.core.Status() {
			list = append(list, g.describe(status, bindings))
		}
	})
	return list, err
}

func (g *Guard) describe(status security.PeerStatus, bindings map[netip.Addr]int) api.Peer {
	peer := g.peers[status.Address]
	return api.Peer{Name: peer.Name, Kind: string(peer.Kind), PeerStatus: status, Bindings: bindings[status.Address]}
}

// Status sums the protection up; warnings are what an operator should look at.
func (g *Guard) Status(ctx context.Context) (status api.SecurityStatus, warnings []string) {
	if g.cfg.None {
		return api.SecurityStatus{Mode: "none"}, []string{"security.mode is none: the control channel is in clear"}
	}
	status = api.SecurityStatus{Mode: "ipsec", DataPath: g.cfg.DataPath, Charon: "not reached", PeersExpected: len(g.peers), Filter: g.filter.enabled()}
	if facts := g.facts.Load(); facts != nil {
		status.Charon, status.KernelPlugin, status.CharonReached = facts.version, facts.plugin, true
	} else {
		warnings = append(warnings, "charon is not reached at "+g.cfg.VICISocket+": start strongSwan (charon-systemd); no association comes up meanwhile, and without one no Proxy Binding Update leaves")
	}
	peers, err := g.Peers(ctx, nil)
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	for _, p := range peers {
		if p.State == "up" {
			status.PeersUp++
		} else {
			warnings = append(warnings, fmt.Sprintf("no security association with %s (%v): %s %s", p.Name, p.Address, p.State, cmp.Or(p.LastError, "")))
		}
	}
	warnings = append(warnings, g.mihWarnings()...)
	c, err := g.filter.dropped()
	status.DroppedClear = c.In + c.Out + c.Forward
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	return status, warnings
}

// mihWarnings tells of MIH Functions that are believed in clear, and of those that cannot be heard for want of traffic selectors.
func (g *Guard) mihWarnings() (warnings []string) {
	for _, peer := range g.mih.Peers {
		address := peer.Address.Addr()
		_, stands := (*g.proofs.Load())[address]
		switch {
		case !peer.Protected && !address.IsLoopback():
			warnings = append(warnings, fmt.Sprintf("MIH with %s (%v) is in clear: protection is none", peer.Name, address))
		case peer.Protected && stands && g.MIHIdentity(address) == "":
			warnings = append(warnings, fmt.Sprintf("the security association with %v does not cover MIH with %s: give its connection the traffic selectors "+
				"udp/4551 and tcp at both ends, as magd-swanctl.conf shows", address, peer.Name))
		}
	}
	return warnings
}
