package guard

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/security"
	"netlmm/security/filter"
	"netlmm/security/vici"
)

var (
	self = netip.MustParseAddr("2001:db8::ff")
	mag1 = netip.MustParseAddr("2001:db8::1")

	self4 = netip.MustParseAddr("192.0.2.255")
	mag4  = netip.MustParseAddr("192.0.2.4")
)

// fakeCharon emits what the test wants.
type fakeCharon struct {
	events  chan security.Event
	plugin  string
	mu      sync.Mutex
	resyncs int
	loaded  []vici.ConnectionConfig
}

func (c *fakeCharon) Run(ctx context.Context, emit func(security.Event)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-c.events:
			emit(event)
		}
	}
}

func (c *fakeCharon) Resync() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resyncs++
}

func (c *fakeCharon) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resyncs
}

func (c *fakeCharon) Version(context.Context) (string, error)      { return "fake", nil }
func (c *fakeCharon) KernelPlugin(context.Context) (string, error) { return c.plugin, nil }
func (c *fakeCharon) Load(_ context.Context, connection vici.ConnectionConfig) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loaded = append(c.loaded, connection)
	return nil
}

func (c *fakeCharon) Initiate(context.Context, string, string) error { return nil }
func (c *fakeCharon) Terminate(context.Context, string) error        { return nil }
func (c *fakeCharon) say(event security.Event)                       { c.events <- event; synctest.Wait() }
func (c *fakeCharon) list(sas ...security.ChildSA) security.CharonSnapshot {
	return security.CharonSnapshot{SAs: sas, DataPathInCharon: c.plugin == vici.KernelLibipsec}
}

// fakeKernel holds the tables that filters install, by name.
type fakeKernel struct {
	mu       sync.Mutex
	tables   map[string]filter.Mode
	opened   filter.Config // the latest
	applied  int
	watchers map[chan struct{}]bool
	deaf     bool // nobody is notified
}

func newKernel() *fakeKernel {
	return &fakeKernel{tables: map[string]filter.Mode{}, watchers: map[chan struct{}]bool{}}
}

func (k *fakeKernel) open(cfg filter.Config) (table, error) {
	k.opened = cfg
	return &fakeTable{k, cfg}, nil
}

// change the tables as anybody may, and notify.
func (k *fakeKernel) change(f func(tables map[string]filter.Mode)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(k.tables)
	for w := range k.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (k *fakeKernel) mode(name string) filter.Mode {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tables[name]
}

func (k *fakeKernel) appliedSoFar() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.applied
}

type fakeTable struct {
	kernel *fakeKernel
	cfg    filter.Config
}

func (t *fakeTable) Apply() error {
	t.kernel.change(func(tables map[string]filter.Mode) {
		tables[t.cfg.Table] = t.cfg.Mode
		t.kernel.applied++
	})
	return nil
}

func (t *fakeTable) Verify() error {
	if t.kernel.mode(t.cfg.Table) != t.cfg.Mode {
		return errors.New("not as installed")
	}
	return nil
}

func (t *fakeTable) Remove() error {
	t.kernel.change(func(tables map[string]filter.Mode) { delete(tables, t.cfg.Table) })
	return nil
}

func (t *fakeTable) Counters() (filter.Counters, error) {
	return filter.Counters{In: 1, Out: 2, Forward: 3}, nil
}

func (t *fakeTable) Watch(ctx context.Context, changed func()) error {
	t.kernel.mu.Lock()
	if t.kernel.deaf {
		t.kernel.mu.Unlock()
		return errors.New("no notifications")
	}
	notified := make(chan struct{}, 1)
	t.kernel.watchers[notified] = true
	t.kernel.mu.Unlock()
	changed()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-notified:
			changed()
		}
	}
}

// rig is a guard of one gateway among fakes; its tasks run inside the test's bubble and end with it.
type rig struct {
	*Guard
	charon   *fakeCharon
	kernel   *fakeKernel
	counters *daemon.Counters
	changes  []bool
	told     []Change
}

func newRig(t *testing.T, kernel *fakeKernel, plugin string, protection configs.Security) *rig {
	t.Helper()
	return newRigOf(t, kernel, plugin, protection, configs.Peer{Name: "mag1", Kind: configs.Gateway, Peer: peerOfTest})
}

func newRigOf(t *testing.T, kernel *fakeKernel, plugin string, protection configs.Security, peers ...configs.Peer) *rig {
	t.Helper()
	return newRigOfMIH(t, kernel, plugin, protection, configs.MIH{}, peers...)
}

func newRigOfMIH(t *testing.T, kernel *fakeKernel, plugin string, protection configs.Security, spoken configs.MIH, peers ...configs.Peer) *rig {
	t.Helper()
	r := &rig{charon: &fakeCharon{events: make(chan security.Event), plugin: plugin}, kernel: kernel}
	r.counters = noCounters()
	var err error
	r.Guard, err = assemble(Config{
		Daemon: "lmad", Security: protection, Peers: peers, MIH: spoken,
		Log: quiet, Counters: r.counters,
		Changed: func(c Change) { r.changes, r.told = append(r.changes, c.Up), append(r.told, c) },
	}, r.charon, kernel.open)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	t.Cleanup(func() { cancel(); tasks.Wait() })
	for _, task := range r.Tasks() {
		tasks.Go(func() {
			if err := task.Run(ctx); err != nil {
				t.Errorf("%s: %v", task.Name, err)
			}
		})
	}
	synctest.Wait()
	return r
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func noCounters() *daemon.Counters { return daemon.NewCounters(prometheus.NewRegistry(), nil) }

var peerOfTest = security.Peer{Address: mag1, Local: self, Identity: "mag1", ManagedBy: security.BySwanctl}

func protected(dataPath string) configs.Security {
	return configs.Security{DataPath: dataPath, IPsecDevice: "ipsec0", Filter: true, BackoffFirst: 200 * time.Millisecond, BackoffLongest: time.Second}
}

// sa of the gateway, authenticated as identity.
func sa(id, identity string) security.ChildSA {
	return security.ChildSA{UniqueID: id, IKEUniqueID: id, Local: self, Remote: mag1, Covers: security.MobilityHeaders, RemoteIdentity: identity}
}
