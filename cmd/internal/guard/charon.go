package guard

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"netlmm/security"
	"netlmm/security/ipsec"
	"netlmm/security/vici"
)

const (
	pendingCalls   = 16              // of one peer; the associations core paces them, so that more mean a hanging charon
	charonPatience = 2 * time.Second // for questions that charon answers at once
)

// charon is the client of the IKE daemon.
type charon interface {
	Run(ctx context.Context, emit func(security.Event)) error
	Resync()
	Version(ctx context.Context) (string, error)
	KernelPlugin(ctx context.Context) (string, error)
	Load(ctx context.Context, connection vici.ConnectionConfig) error
	Initiate(ctx context.Context, connection, child string) error
	Terminate(ctx context.Context, ikeUniqueID string) error
}

// charonFacts is what charon said of itself when it was last reached.
type charonFacts struct{ version, plugin string }

// askEvery is the least time between two questions that messages of peers cause: each makes charon list everything.
const askEvery = 150 * time.Millisecond

// asker asks charon for its associations, at once or as soon as it may.
type asker struct {
	ask     func()
	pace    *rate.Limiter
	pending *atomic.Bool
}

func newAsker(ask func()) asker {
	return asker{ask, rate.NewLimiter(rate.Every(askEvery), 1), &atomic.Bool{}}
}

func (a asker) soon() {
	if a.pending.Swap(true) {
		return
	}
	time.AfterFunc(a.pace.Reserve().Delay(), func() {
		a.pending.Store(false)
		a.ask()
	})
}

func (g *Guard) post(event security.Event) {
	if g.engine != nil && !g.engine.Post(event) {
		g.limited.Warn("security: event dropped, queue full", "event", fmt.Sprintf("%T", event))
		g.asker.soon()
	}
}

// event takes what charon says to the core, and asks charon who it is when it was reached.
func (g *Guard) event(event security.Event) {
	switch event := event.(type) {
	case security.CharonSnapshot:
		if g.facts.Load() == nil {
			g.identify() // before anybody hears that an association stands, the filter lets its packets pass
		}
	case security.CharonLost:
		g.facts.Store(nil)
		g.limited.Warn("charon is not reached", "error", event.Err)
	case security.Failed:
		g.limited.Warn("security association not established", "peer", event.Peer, "error", event.Err)
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
			g.limited.Error("packet filter", "error", err)
			return
		}
	}
	g.facts.Store(&charonFacts{version, plugin})
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
			g.limited.Info("initiating security association", "peer", a.Peer, "connection", a.Connection)
			g.report(a.Peer, g.client.Initiate(ctx, a.Connection, a.Child), security.Initiated{Peer: a.Peer})
		})
	case ipsec.Terminate:
		g.later(a.Peer, func(ctx context.Context) {
			if err := g.client.Terminate(ctx, a.IKEUniqueID); err != nil {
				g.limited.Warn("suspect IKE SA not terminated", "peer", a.Peer, "error", err)
			}
		})
	case ipsec.Resync:
		g.client.Resync()
	case ipsec.Changed:
		g.associationChanged(a)
	case ipsec.Told:
		now := time.Now()
		g.told.Store(&now)
	}
}

func (g *Guard) associationChanged(a ipsec.Changed) {
	peer, now := g.peers[a.Peer], proof{a.Identity, a.Covers}
	if now != (*g.proofs.Load())[a.Peer] {
		g.remember(a.Peer, now)
		g.log.Info("security association", "peer", a.Peer, "name", peer.Name, "up", a.Up, "identity", a.Identity, "covers", a.Covers)
	}
	g.changed(Change{Peer: a.Peer, Kind: peer.Kind, Up: a.Up, MIH: g.MIHIdentity(a.Peer) != ""})
}

// remember replaces the map that Identity reads, so that readers need no lock. A proof of nothing is none.
func (g *Guard) remember(peer netip.Addr, p proof) {
	next := maps.Clone(*g.proofs.Load())
	if next[peer] = p; p == (proof{}) {
		delete(next, peer)
	}
	g.proofs.Store(&next)
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
		g.limited.Warn("charon is too slow: a command was dropped and will be tried again", "peer", peer)
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
