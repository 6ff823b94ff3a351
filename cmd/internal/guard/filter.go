package guard

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"netlmm/configs"
	"netlmm/security/filter"
	"netlmm/security/vici"
)

// filterCheck is how often the packet filter is looked after besides the kernel's notifications, and how long these are left
// alone when they cannot be had.
const filterCheck = 5 * time.Second

// Bounds of a fight over the table: another program that takes it away again and again gets it back at this pace.
const (
	mendBurst = 10
	mendEvery = 50 * time.Millisecond
)

// table is the packet filter in the kernel.
type table interface {
	Apply() error
	Verify() error
	Remove() error
	Counters() (filter.Counters, error)
	Watch(ctx context.Context, changed func()) error
}

// kernelTable is the real one.
func kernelTable(cfg filter.Config) (table, error) { return filter.New(cfg) }

// packetFilter is the fail-closed filter in the mode that charon's data path asks for. Until that is known it lets nothing
// pass but what comes from the device of kernel-libipsec, which only charon makes.
type packetFilter struct {
	log  *slog.Logger
	cfg  filter.Config
	open func(filter.Config) (table, error)

	mu      sync.Mutex // held over every change of the table, too
	current table      // nil: switched off
}

// newPacketFilter installs the filter, in a mode of its own choice, or removes it when it is switched off: the table of an earlier
// run outlives its daemon on purpose, and whoever switched the protection off would find that nothing passes.
func newPacketFilter(cfg configs.Security, table filter.Config, log *slog.Logger, open func(filter.Config) (table, error)) (*packetFilter, error) {
	f := &packetFilter{log: log, open: open, cfg: table}
	f.cfg.Mode = filter.Libipsec
	if cfg.DataPath == "xfrm" {
		f.cfg.Mode = filter.XFRM
	}
	if cfg.Filter && !cfg.None {
		return f, f.install(f.cfg.Mode)
	}
	if !cfg.None {
		log.Warn("security.filter is false: without a security association Mobility Headers and MIH can leave and enter in clear")
	}
	old, err := open(f.cfg)
	if err == nil {
		err = old.Remove()
	}
	if err != nil {
		log.Warn("a packet filter of an earlier run may still drop the control channel; see `nft list table inet "+f.cfg.Table+"`", "error", err)
	}
	return f, nil
}

// install makes the table stand in mode. The caller holds mu, or nobody else knows f yet.
func (f *packetFilter) install(mode filter.Mode) error {
	cfg := f.cfg
	cfg.Mode = mode
	next, err := f.open(cfg)
	if err != nil {
		return err
	}
	if err := next.Apply(); err != nil {
		return fmt.Errorf("packet filter: %w", err)
	}
	f.current, f.cfg = next, cfg
	return nil
}

// follow changes the mode to that of charon's kernel plugin.
func (f *packetFilter) follow(plugin string) error {
	mode := filter.XFRM
	if plugin == vici.KernelLibipsec {
		mode = filter.Libipsec
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == nil || f.cfg.Mode == mode {
		return nil
	}
	return f.install(mode)
}

func (f *packetFilter) table() table {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current
}

func (f *packetFilter) enabled() bool { return f.table() != nil }

// dropped is what the filter stopped in clear since the table was made.
func (f *packetFilter) dropped() (filter.Counters, error) {
	if t := f.table(); t != nil {
		return t.Counters()
	}
	return filter.Counters{}, nil
}

// watch puts the table back when somebody flushed the rule set: at once as far as the kernel tells, else within filterCheck.
func (f *packetFilter) watch(ctx context.Context) error {
	if !f.enabled() {
		return nil
	}
	changed := make(chan struct{}, 1)
	ticker := time.NewTicker(filterCheck)
	defer ticker.Stop()
	var listener sync.WaitGroup
	defer listener.Wait()
	listener.Go(func() { f.listen(ctx, changed) })
	pace := rate.NewLimiter(rate.Every(mendEvery), mendBurst)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-ticker.C:
		}
		if pace.Wait(ctx) != nil {
			return nil
		}
		f.mend()
	}
}

// listen passes the kernel's notifications on. Which table object it listens with does not matter: all have one name.
func (f *packetFilter) listen(ctx context.Context, changed chan<- struct{}) {
	for ctx.Err() == nil {
		err := f.table().Watch(ctx, func() {
			select {
			case changed <- struct{}{}:
			default: // the table is to be looked at already
			}
		})
		if err == nil {
			return
		}
		f.log.Warn("changes of the packet filter are noticed late", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(filterCheck):
		}
	}
}

func (f *packetFilter) mend() {
	f.mu.Lock()
	defer f.mu.Unlock()
	wrong := f.current.Verify()
	if wrong == nil {
		return
	}
	f.log.Error("the packet filter was changed by somebody else and is put back", "found", wrong)
	if err := f.current.Apply(); err != nil {
		f.log.Error("packet filter", "error", err)
	}
}
