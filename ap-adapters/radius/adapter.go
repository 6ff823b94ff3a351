// Package radius is the link SAP of access points and controllers that keep RADIUS accounting (RFC 2866): they say here who came
// and who left, which every one of the enterprise kind can, and repeat what they get no answer to. So an answer goes out only
// after the event was taken, and where another accounting server is to have the record as well, after that one answered.
//
// A request is believed that its client's secret signed. The digest is MD5's, and nothing says when it was made: the network
// between access points and gateway has to be the operator's own. No request is believed that came by an access link, where the
// mobile nodes are.
package radius

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"netlmm/ap-adapters"
	"netlmm/ap-adapters/listening"
	"netlmm/mih"
)

// Name is the adapter's name in indications, configuration and metrics.
const Name = "radius"

// Secret is what an access point and this end know. It is not printed.
type Secret []byte

// String hides it.
func (Secret) String() string { return "(secret)" }

// GoString hides it.
func (Secret) GoString() string { return "(secret)" }

// LogValue hides it.
func (Secret) LogValue() slog.Value { return slog.StringValue("(secret)") }

// Config is what the adapter is told.
type Config struct {
	Listen    netip.AddrPort // zero: [::]:1813, which takes IPv4 too
	Clients   []Client
	Identity  []IdentityAttribute // the first that names somebody counts; none: Chargeable-User-Identity, then User-Name
	RateLimit int                 // requests that are looked at of one address in a second, and twice that at once; 0: 2000
	Untrusted []string            // interfaces by which no request is taken, besides those of Clients

	// SessionTimeout is how many of its Acct-Interim-Intervals a session may be silent before its station is taken to have left;
	// 0: any number. InterimInterval is that interval where requests do not say it; 0: such a session may be silent.
	SessionTimeout  int
	InterimInterval time.Duration

	Forward *Forward     // nil: this is the only accounting server
	Log     *slog.Logger // nil: slog.Default
}

// Client is an access point or controller, or several. The first that matches counts.
type Client struct {
	Address                     netip.Prefix
	Secret                      Secret
	RequireMessageAuthenticator bool
	Links                       []Link // the first that matches says where a station is; when none does it is not served here
}

// Link is where stations of a client are.
type Link struct {
	AccessPoint       string          // by its NAS-Identifier, or its name or address in Called-Station-Id; "": any
	SSID              string          // "": any
	VLAN              string          // "": any
	Interface         string          // access interface, as the MIH users know it
	PointOfAttachment mih.LinkAddress // zero: as Called-Station-Id says, if it does
	LinkType          mih.LinkType    // where NAS-Port-Type does not say it; 0: IEEE 802.11
}

// Adapter implements apadapters.Adapter.
type Adapter struct {
	cfg Config
	log *rate.Limiter

	counters apadapters.Counters
	socket   listening.Socket

	mu    sync.Mutex
	peers []peer // as Config.Clients
}

// peer is what became of a client.
type peer struct {
	heard    time.Time
	stations int
}

var _ apadapters.Adapter = (*Adapter)(nil)

// New checks the configuration. The error names every problem.
func New(cfg Config) (*Adapter, error) {
	if !cfg.Listen.IsValid() {
		cfg.Listen = netip.AddrPortFrom(netip.IPv6Unspecified(), 1813)
	}
	cfg.Log, cfg.RateLimit = cmp.Or(cfg.Log, slog.Default()), cmp.Or(cfg.RateLimit, 2000)
	if len(cfg.Identity) == 0 {
		cfg.Identity = []IdentityAttribute{ChargeableUserIdentity, UserName}
	}
	cfg.Clients, cfg.Untrusted = slices.Clone(cfg.Clients), slices.Clone(cfg.Untrusted)
	var problems []error
	if len(cfg.Clients) == 0 {
		problems = append(problems, errors.New("radius: no clients: every request would be refused; name the access points' addresses"))
	}
	for i, c := range cfg.Clients {
		if !c.Address.IsValid() || len(c.Secret) == 0 || len(c.Links) == 0 {
			problems = append(problems, fmt.Errorf("radius: client %d: address %v, secret and links must all be set", i, c.Address))
		}
		for j, l := range c.Links {
			if l.Interface == "" {
				problems = append(problems, fmt.Errorf("radius: client %d: link %d: interface must be set", i, j))
			}
			cfg.Untrusted = append(cfg.Untrusted, l.Interface)
		}
	}
	if f := cfg.Forward; f != nil && (!f.Server.IsValid() || len(f.Secret) == 0) {
		problems = append(problems, fmt.Errorf("radius: forward: server %v and secret must both be set", f.Server))
	}
	a := &Adapter{cfg: cfg, log: rate.NewLimiter(rate.Every(10*time.Second), 5), peers: make([]peer, len(cfg.Clients))}
	return a, errors.Join(problems...)
}

// Name is "radius".
func (a *Adapter) Name() string { return Name }

// ListenAddress is where the adapter listens, once it does; zero before.
func (a *Adapter) ListenAddress() netip.AddrPort { return a.socket.Address() }

// Run listens until ctx ends. A socket that fails is opened again, paced.
func (a *Adapter) Run(ctx context.Context, emit func(mih.Indication) bool) error {
	s := newServer(a, emit)
	a.socket.Keep(ctx, func(ctx context.Context) error { return a.listenOnce(ctx, s) }, func(err error) {
		a.counters.Count("socket_errors")
		if a.log.Allow() {
			a.cfg.Log.Warn("cannot take RADIUS accounting; trying again", "error", err)
		}
	})
	return nil
}

// inform logs some of what was not taken: an attacker must not fill the log.
func (a *Adapter) inform(message string, attributes ...any) {
	if a.log.Allow() {
		a.cfg.Log.Info(message, attributes...)
	}
}

func (a *Adapter) heard(client int, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.peers[client].heard = now
}

func (a *Adapter) moved(client, by int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.peers[client].stations += by
}

// Status tells of each client when it was heard last, and the counters. A client counts as connected while the socket is open:
// one that has nothing to say does not show itself.
func (a *Adapter) Status() apadapters.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := apadapters.Status{Name: Name, Counters: a.counters.Snapshot()}
	listens, why := a.socket.Address().IsValid(), a.socket.Failure()
	for i, p := range a.peers {
		c := a.cfg.Clients[i]
		peer := apadapters.Peer{Name: c.Address.String(), Connected: listens, Detail: cmp.Or(why, listening.Detail(p.heard)), Stations: p.stations,
			LinkType: cmp.Or(c.Links[0].LinkType, mih.LinkType80211)}
		if c.Address.IsSingleIP() {
			peer.Name = c.Address.Addr().String()
		}
		if len(c.Links) == 1 {
			peer.PointOfAttachment = c.Links[0].PointOfAttachment
		}
		s.Peers = append(s.Peers, peer)
	}
	return s
}
