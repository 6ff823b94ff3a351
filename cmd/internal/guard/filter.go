package guard

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"netlmm/configs"
	"netlmm/security/filter"
	"netlmm/security/vici"
)

// filterCheck is how often the packet filter is looked after.
const filterCheck = 5 * time.Second

// packetFilter is the fail-closed filter in the mode that charon's data path asks for. Until that is known it lets nothing
// pass but what comes from the device of kernel-libipsec, which only charon makes.
type packetFilter struct {
	log    *slog.Logger
	device string

	mu      sync.Mutex
	current *filter.Filter // nil: switched off
	mode    filter.Mode
}

func newPacketFilter(cfg configs.Security, log *slog.Logger) (*packetFilter, error) {
	f := &packetFilter{log: log, device: cfg.IPsecDevice}
	if !cfg.Filter {
		log.Warn("security.filter is false: without a security association Mobility Headers of other programs can leave and enter in clear")
		removeFilter(log)
		return f, nil
	}
	mode := filter.Libipsec
	if cfg.DataPath == "xfrm" {
		mode = filter.XFRM
	}
	return f, f.install(mode)
}

// removeFilter takes away the table of an earlier run, which outlives its daemon on purpose: whoever switched the protection
// off would find that nothing passes.
func removeFilter(log *slog.Logger) {
	old, err := filter.New(filter.Config{Mode: filter.XFRM})
	if err == nil {
		err = old.Remove()
	}
	if err != nil {
		log.Warn("a packet filter of an earlier run may still drop Mobility Headers; see `nft list table inet netlmm`", "error", err)
	}
}

// install makes the table stand in mode.
func (f *packetFilter) install(mode filter.Mode) error {
	next, err := filter.New(filter.Config{Mode: mode, Device: f.device})
	if err != nil {
		return err
	}
	if err := next.Apply(); err != nil {
		return fmt.Errorf("packet filter: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current, f.mode = next, mode
	return nil
}

// follow changes the mode to that of charon's kernel plugin.
func (f *packetFilter) follow(plugin string) error {
	mode := filter.XFRM
	if plugin == vici.KernelLibipsec {
		mode = filter.Libipsec
	}
	f.mu.Lock()
	same := f.current == nil || f.mode == mode
	f.mu.Unlock()
	if same {
		return nil
	}
	return f.install(mode)
}

func (f *packetFilter) table() *filter.Filter {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current
}

func (f *packetFilter) enabled() bool { return f.table() != nil }

// dropped is how many Mobility Headers in clear the filter stopped.
func (f *packetFilter) dropped() (uint64, error) {
	table := f.table()
	if table == nil {
		return 0, nil
	}
	c, err := table.Counters()
	return c.In + c.Out + c.Forward, err
}

// watch puts the table back when somebody flushed the rule set.
func (f *packetFilter) watch(ctx context.Context) error {
	ticker := time.NewTicker(filterCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			f.mend()
		}
	}
}

func (f *packetFilter) mend() {
	table := f.table()
	if table == nil {
		return
	}
	wrong := table.Verify()
	if wrong == nil {
		return
	}
	f.log.Error("the packet filter was changed by somebody else and is put back", "found", wrong)
	if err := table.Apply(); err != nil {
		f.log.Error("packet filter", "error", err)
	}
}
