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

// Dropped is the name of the counter of Mobility Headers in clear that the packet filter stopped, by direction.
const Dropped = "netlmm_filter_dropped_total"

// Config of a guard.
type Config struct {
	Daemon   string // names the table of the packet filter, for two daemons may share a network namespace
	Security configs.Security
	Peers    []configs.Peer
	Log      *slog.Logger
	Counters *daemon.Counters               // is given the counter Dropped
	Changed  func(peer netip.Addr, up bool) // called whenever a peer's association comes to stand or goes; it may wait, but never for the guard
}

// Guard protects the control channel to a fixed set of peers.
type Guard struct {
	log     *slog.Logger
	limited *slog.Logger // for what every attempt or every message may say
	cfg     configs.Security
	peers   map[netip.Addr]configs.Peer
	order   []netip.Addr // of the peers, as configured
	names   map[netip.Addr]string
	core    *ipsec.Associations
	engine  *engine.Engine[security.Event, ipsec.Action]
	client  charon
	asker   asker
	filter  *packetFilter
	changed func(peer netip.Addr, up bool)

	identities atomic.Pointer[map[netip.Addr]string] // of the peers whose SA stands
	facts      atomic.Pointer[charonFacts]
	told       atomic.Pointer[time.Time]                 // when charon's latest list of associations was complete in identities
	work       map[netip.Addr]chan func(context.Context) // slow calls into charon, in order for each peer
}

// New prepares the guard. The packet filter is in place when New returns, so that nothing leaves in clear from the daemon's
// first moment.
func New(cfg Config) (*Guard, error) {
	return assemble(cfg, vici.New(vici.Config{Socket: cfg.Security.VICISocket}), kernelTable)
}

func assemble(cfg Config, client charon, open func(filter.Config) (table, error)) (*Guard, error) {
	g := &Guard{
		log: cfg.Log, limited: daemon.Limited(cfg.Log), cfg: cfg.Security, changed: cfg.Changed, client: client, asker: newAsker(client.Resync),
		peers: map[netip.Addr]configs.Peer{}, names: map[netip.Addr]string{}, work: map[netip.Addr]chan func(context.Context){},
	}
	g.identities.Store(&map[netip.Addr]string{})
	var list []security.Peer
	for _, p := range cfg.Peers {
		g.peers[p.Address], g.names[p.Address] = p, p.Name
		g.order = append(g.order, p.Address)
		g.work[p.Address] = make(chan func(context.Context), pendingCalls)
		list = append(list, p.Peer)
	}
	var err error
	if g.filter, err = newPacketFilter(cfg.Security, "netlmm_"+cfg.Daemon, g.limited, open); err != nil {
		return nil, err
	}
	cfg.Counters.Source(Dropped, g.droppedByDirection)
	if cfg.Security.None {
		g.log.Warn("security.mode is none: Mobility Headers travel in clear and anybody on the path can move mobile nodes; for laboratories only")
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
		{Name: "security associations", Run: g.engine.Run},
		{Name: "charon", Run: func(ctx context.Context) error { return g.client.Run(ctx, g.event) }},
		{Name: "charon commands", Run: g.serve},
		{Name: "packet filter", Run: g.filter.watch},
	}
}

// Require says that a message to peer waits for its association.
func (g *Guard) Require(peer netip.Addr) { g.post(security.Required{Peer: peer}) }

// Suspect says that peer does not answer although its association is said to stand.
func (g *Guard) Suspect(peer netip.Addr) { g.post(security.Suspect{Peer: peer}) }

// Identity is the authenticated IKE identity behind peer, "" when no association stands. It may be called from anywhere.
func (g *Guard) Identity(peer netip.Addr) string { return (*g.identities.Load())[peer] }

// Awaits says whether peer is configured but charon has not told of an association with it; it asks charon once more then,
// soon and not for every message.
func (g *Guard) Awaits(peer netip.Addr) bool {
	if _, known := g.peers[peer]; g.cfg.None || !known || g.Identity(peer) != "" {
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

// Authorized says whether the peer that proved identity may register mobile nodes at address (RFC 5213 section 5.3.1):
// it is configured with that address and, unless security is off, that identity.
func (g *Guard) Authorized(address netip.Addr, identity string) bool {
	peer, known := g.peers[address]
	return known && (g.cfg.None || identity != "" && identity == peer.Identity)
}

// Peers lists every peer in configured order with the state of its association. bindings counts the mobile nodes of each.
func (g *Guard) Peers(ctx context.Context, bindings map[netip.Addr]int) ([]api.Peer, error) {
	var list []api.Peer
	if g.cfg.None {
		for _, address := range g.order {
			list = append(list, api.Peer{Name: g.names[address], PeerStatus: security.PeerStatus{Address: address, State: "in clear"}, Bindings: bindings[address]})
		}
		return list, nil
	}
	err := g.engine.Do(ctx, func() {
		for _, status := range g.core.Status() {
			list = append(list, api.Peer{Name: g.names[status.Address], PeerStatus: status, Bindings: bindings[status.Address]})
		}
	})
	return list, err
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
		warnings = append(warnings, "charon is not reached at "+g.cfg.VICISocket+": start strongSwan (charon-systemd); no Proxy Binding Update leaves meanwhile")
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
	c, err := g.filter.dropped()
	status.DroppedClear = c.In + c.Out + c.Forward
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	return status, warnings
}
