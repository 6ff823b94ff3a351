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
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility/engine"
	"netlmm/security"
	"netlmm/security/ipsec"
	"netlmm/security/vici"
)

const (
	queue          = 4096
	pendingCalls   = 16              // of one peer; the associations core paces them, so that more mean a hanging charon
	charonPatience = 2 * time.Second // for questions that charon answers at once
)

// Guard protects the control channel to a fixed set of peers.
type Guard struct {
	log     *slog.Logger
	cfg     configs.Security
	peers   map[netip.Addr]configs.Peer
	names   map[netip.Addr]string
	core    *ipsec.Associations
	engine  *engine.Engine[security.Event, ipsec.Action]
	client  *vici.Client
	filter  *packetFilter
	changed func(peer netip.Addr, up bool)

	identities atomic.Pointer[map[netip.Addr]string] // of the peers whose SA stands
	charon     atomic.Pointer[charonFacts]
	work       map[netip.Addr]chan func(context.Context) // slow calls into charon, in order for each peer
}

// charonFacts is what charon said of itself when it was last reached.
type charonFacts struct{ version, plugin string }

// New prepares the guard. changed is called whenever a peer's association comes to stand or goes; it must not block. The
// packet filter is in place when New returns, so that nothing leaves in clear from the daemon's first moment.
func New(cfg configs.Security, peers []configs.Peer, log *slog.Logger, changed func(peer netip.Addr, up bool)) (*Guard, error) {
	g := &Guard{log: log, cfg: cfg, changed: changed, peers: map[netip.Addr]configs.Peer{}, names: map[netip.Addr]string{}}
	g.identities.Store(&map[netip.Addr]string{})
	g.work = map[netip.Addr]chan func(context.Context){}
	var list []security.Peer
	for _, p := range peers {
		g.peers[p.Address], g.names[p.Address] = p, p.Name
		g.work[p.Address] = make(chan func(context.Context), pendingCalls)
		list = append(list, p.Peer)
	}
	if cfg.None {
		log.Warn("security.mode is none: Mobility Headers travel in clear and anybody on the path can move mobile nodes; for laboratories only")
		removeFilter(log)
		return g, nil
	}
	var err error
	if g.filter, err = newPacketFilter(cfg, log); err != nil {
		return nil, err
	}
	g.core, err = ipsec.New(ipsec.Config{
		Peers: list, DataPathInCharon: cfg.DataPath != "xfrm", RetryInitial: cfg.BackoffFirst, RetryMax: cfg.BackoffLongest, Jitter: rand.Float64,
	})
	if err != nil {
		return nil, err
	}
	g.client = vici.New(vici.Config{Socket: cfg.VICISocket})
	g.engine = engine.New[security.Event, ipsec.Action](g.core, queue, g.execute)
	return g, nil
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

// Required says whether a message to a peer needs a security association.
func (g *Guard) Required() bool { return !g.cfg.None }

// Require says that a message to peer waits for its association.
func (g *Guard) Require(peer netip.Addr) { g.post(security.Required{Peer: peer}) }

// Suspect says that peer does not answer although its association is said to stand.
func (g *Guard) Suspect(peer netip.Addr) { g.post(security.Suspect{Peer: peer}) }

// Identity is the authenticated IKE identity behind peer, "" when no association stands. It may be called from anywhere.
func (g *Guard) Identity(peer netip.Addr) string { return (*g.identities.Load())[peer] }

// Awaits says whether peer is configured but charon has not told of an association with it; it asks charon once more then.
func (g *Guard) Awaits(peer netip.Addr) bool {
	if _, known := g.peers[peer]; g.cfg.None || !known || g.Identity(peer) != "" {
		return false
	}
	g.client.Resync()
	return true
}

// Authorized says whether the peer that proved identity may register mobile nodes at address (RFC 5213 section 5.3.1):
// it is configured with that address and, unless security is off, that identity.
func (g *Guard) Authorized(address netip.Addr, identity string) bool {
	peer, known := g.peers[address]
	return known && (g.cfg.None || identity != "" && identity == peer.Identity)
}

func (g *Guard) post(event security.Event) {
	if g.engine != nil && !g.engine.Post(event) {
		g.log.Warn("security: event dropped, queue full", "event", fmt.Sprintf("%T", event))
		g.client.Resync()
	}
}

// event takes what charon says to the core, and asks charon who it is when it was reached.
func (g *Guard) event(event security.Event) {
	switch event := event.(type) {
	case security.CharonSnapshot:
		if g.charon.Load() == nil {
			g.identify() // before anybody hears that an association stands, the filter lets its packets pass
		}
	case security.CharonLost:
		g.charon.Store(nil)
		g.log.Warn("charon is not reached", "error", event.Err)
	case security.Failed:
		g.log.Warn("security association not established", "peer", event.Peer, "error", event.Err)
	}
	g.post(event)
}

func (g *Guard) identify() {
	ctx, cancel := context.WithTimeout(context.Background(), charonPatience)
	defer cancel()
	version, err := g.client.Version(ctx)
	if err != nil {
		return // charon is gone again: the next snapshot asks anew
	}
	plugin, err := g.client.KernelPlugin(ctx)
	if err != nil {
		return
	}
	if g.cfg.DataPath == "auto" {
		if err := g.filter.follow(plugin); err != nil {
			g.log.Error("packet filter", "error", err)
			return
		}
	}
	g.charon.Store(&charonFacts{version, plugin})
	g.log.Info("charon reached", "version", version, "kernel_plugin", plugin)
}

func (g *Guard) execute(action ipsec.Action) {
	switch a := action.(type) {
	case ipsec.Load:
		g.later(a.Peer.Address, func(ctx context.Context) {
			g.report(a.Peer.Address, g.load(ctx, a.Peer), security.Loaded{Peer: a.Peer.Address})
		})
	case ipsec.Initiate:
		g.later(a.Peer, func(ctx context.Context) {
			g.log.Info("initiating security association", "peer", a.Peer, "connection", a.Connection)
			g.report(a.Peer, g.client.Initiate(ctx, a.Connection, a.Child), security.Initiated{Peer: a.Peer})
		})
	case ipsec.Terminate:
		g.later(a.Peer, func(ctx context.Context) {
			if err := g.client.Terminate(ctx, a.IKEUniqueID); err != nil {
				g.log.Warn("suspect IKE SA not terminated", "peer", a.Peer, "error", err)
			}
		})
	case ipsec.Resync:
		g.client.Resync()
	case ipsec.Changed:
		g.remember(a)
		g.log.Info("security association", "peer", a.Peer, "name", g.names[a.Peer], "up", a.Up, "identity", a.Identity)
		g.changed(a.Peer, a.Up)
	}
}

// remember replaces the map that Identity reads, so that readers need no lock.
func (g *Guard) remember(a ipsec.Changed) {
	next := map[netip.Addr]string{}
	for peer, identity := range *g.identities.Load() {
		next[peer] = identity
	}
	delete(next, a.Peer)
	if a.Up {
		next[a.Peer] = a.Identity
	}
	g.identities.Store(&next)
}

func (g *Guard) report(peer netip.Addr, err error, success security.Event) {
	if err != nil {
		g.event(security.Failed{Peer: peer, Err: err})
		return
	}
	g.event(success)
}

// later queues a call that may take as long as charon does.
func (g *Guard) later(peer netip.Addr, call func(context.Context)) {
	select {
	case g.work[peer] <- call:
	default:
		g.log.Warn("charon is too slow: a command was dropped and will be tried again", "peer", peer)
	}
}

// serve makes the calls, one worker for each peer, so that one that does not answer delays no other.
func (g *Guard) serve(ctx context.Context) error {
	var workers sync.WaitGroup
	for _, calls := range g.work {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case call := <-calls:
					call(ctx)
				}
			}
		})
	}
	workers.Wait()
	return nil
}

func (g *Guard) load(ctx context.Context, peer security.Peer) error {
	c := g.peers[peer.Address].Credentials
	connection := vici.ConnectionConfig{
		Name: peer.Connection, Child: peer.Child, LocalAddress: peer.Local, RemoteAddress: peer.Address,
		LocalID: c.LocalIdentity, RemoteID: peer.Identity, IKEProposals: c.IKEProposals, ESPProposals: c.ESPProposals,
	}
	if c.PresharedKeyFile == "" {
		connection.Auth = vici.AuthPubkey
		connection.CertFile, connection.KeyFile, connection.CAFile = c.CertificateFile, c.PrivateKeyFile, c.CACertificateFile
		return g.client.Load(ctx, connection)
	}
	secret, err := os.ReadFile(c.PresharedKeyFile)
	if err != nil {
		return fmt.Errorf("pre-shared key: %w", err)
	}
	connection.Auth, connection.PSK = vici.AuthPSK, vici.NewSecret(strings.TrimRight(string(secret), "\r\n"))
	return g.client.Load(ctx, connection)
}

// Peers lists every peer with the state of its association. bindings counts the mobile nodes of each.
func (g *Guard) Peers(ctx context.Context, bindings map[netip.Addr]int) ([]api.Peer, error) {
	var list []api.Peer
	if g.cfg.None {
		for _, p := range g.peers {
			list = append(list, api.Peer{Name: p.Name, PeerStatus: security.PeerStatus{Address: p.Address, State: "in clear"}, Bindings: bindings[p.Address]})
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
	if facts := g.charon.Load(); facts != nil {
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
	status.DroppedClear, err = g.filter.dropped()
	if err != nil {
		warnings = append(warnings, err.Error())
	}
	return status, warnings
}
