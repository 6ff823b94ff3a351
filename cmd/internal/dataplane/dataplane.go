// Package dataplane joins a protocol machine's desired forwarding state with the kernel: applied on the machine's word,
// retried when the kernel refused, compared as a whole from time to time.
package dataplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/kernel"
)

const (
	retryInterval  = time.Second
	resyncInterval = 30 * time.Second
	leftoverGrace  = 10 * time.Second
	resyncShare    = 200 // a comparison takes at most one part in so many of the owner's time
)

// Plane is one daemon's data plane. Apply, Adopt and Status belong to the goroutine that owns the protocol machine.
type Plane struct {
	log        *slog.Logger
	kernel     *kernel.Kernel // nil with backend none
	reconciler *forwarding.Reconciler
	state      func() *forwarding.State
	holder     holder   // nil: no packets are held
	holdError  error    // why, although they should be
	offloads   counting // nil: nothing leaves by other routes
	offloadNAT string

	firstResync time.Duration // after the start
	mtuChanged  func(mtu int) // may be nil
}

// Where says on which side of the tunnel a plane stands, and what it knows of the network there.
type Where struct {
	Role             forwarding.Role
	Local            netip.Addr
	LocalIPv4        netip.Addr // for peers that are reached over IPv4; of the two addresses one may be missing
	AccessInterfaces []string
	Aggregates       []netip.Prefix // of both IP versions
	IPv4             bool           // IPv4 home addresses may come
	Peers            []netip.Addr   // the other ends that the configuration names
	Gateways         []netip.Addr   // the others, that mobile nodes are handed over with
	Holding          Holding        // at a gateway
	Offloading       Offloading     // likewise
}

// config is what the kernel is told.
func (w Where) config(cfg configs.Forwarding) kernel.Config {
	c := kernel.Config{
		Backend: cfg.Backend, Local: w.Local, LocalIPv4: w.LocalIPv4, Uplink: cfg.Uplink, Role: w.Role, AccessInterfaces: w.AccessInterfaces, Aggregates: w.Aggregates,
		IPv4: w.IPv4, Offload: w.Offloading.Wanted && w.IPv4, OffloadNAT: w.Offloading.NAT, TunnelMTU: cfg.TunnelMTU, TunnelDeletionDelay: cfg.TunnelDeletionDelay,
	}
	if cfg.StaticTunnels {
		c.StaticTunnels = w.Peers
	}
	return c
}

// reachable refuses peers to which this kernel can make no tunnels, before anything is touched.
func (w Where) reachable(probe func() (kernel.Capabilities, error)) error {
	ends := slices.Concat(w.Peers, w.Gateways)
	i := slices.IndexFunc(ends, netip.Addr.Is4)
	if i < 0 {
		return nil
	}
	caps, err := probe()
	if err != nil {
		return err
	}
	if missing := caps.Missing(kernel.Sit, w.Role); len(missing) > 0 {
		return fmt.Errorf("peer %v is reached over IPv4, and tunnels there need what this kernel lacks: %s; `modprobe sit` or install the package with the kernel's modules, "+
			"give the peer's IPv6 address, or set forwarding.backend to none to try the signalling alone", ends[i], strings.Join(missing, ", "))
	}
	return nil
}

// Open probes the kernel and sets the chosen backend up. state is the machine's desired state.
func Open(cfg configs.Forwarding, where Where, log *slog.Logger, state func() *forwarding.State) (*Plane, error) {
	p := &Plane{log: daemon.Limited(log), state: state, firstResync: resyncInterval}
	if cfg.Backend == "none" {
		log.Warn("forwarding.backend is none: mobile nodes are registered, but none of their packets is forwarded")
		p.reconciler = forwarding.New(nowhere{})
		return p, nil
	}
	if err := where.reachable(kernel.Probe); err != nil {
		return nil, fmt.Errorf("forwarding: %w", err)
	}
	k, err := kernel.Open(where.config(cfg))
	if err != nil {
		return nil, fmt.Errorf("forwarding: %w", err)
	}
	p.kernel, p.reconciler = k, forwarding.New(k)
	p.openHolding(where)
	p.openOffloading(where, k)
	log.Info("forwarding", "backend", k.Name(), "tunnel_mtu", k.TunnelMTU())
	for _, warning := range append(k.Warnings(), p.holdWarnings()...) {
		log.Warn(warning)
	}
	return p, nil
}

// TunnelMTU is the largest packet that passes the tunnel, in octets; 0 when there is none.
func (p *Plane) TunnelMTU() int {
	if p.kernel == nil {
		return 0
	}
	return p.kernel.TunnelMTU()
}

// OnMTU has changed called in the owner's goroutine whenever TunnelMTU is another one, from the start of Task on (RFC 5213 section 6.9.5).
func (p *Plane) OnMTU(changed func(mtu int)) { p.mtuChanged = changed }

// followPaths makes the tunnels what the paths to the peers carry.
func (p *Plane) followPaths() {
	changed, err := p.kernel.FollowPaths()
	if err != nil {
		p.log.Error("tunnel MTU not as wanted; it is retried", "error", err)
	}
	if !changed {
		return
	}
	p.log.Info("the paths to the peers carry more or less than before", "tunnel_mtu", p.kernel.TunnelMTU())
	if p.mtuChanged != nil {
		p.mtuChanged(p.kernel.TunnelMTU())
	}
}

// pathsChanged says that a path carries more or less than before; it never does without a kernel.
func (p *Plane) pathsChanged() <-chan struct{} {
	if p.kernel == nil {
		return nil
	}
	return p.kernel.PathsChanged()
}

// Adopt brings the kernel to the desired state from whatever an earlier run left there.
func (p *Plane) Adopt() {
	if err := p.reconciler.Resync(p.state()); err != nil {
		p.log.Error("forwarding not as wanted; it is retried", "error", err)
	}
}

// Learn finds out what an earlier run left in the kernel and lets it stand for now: the desired state is still to come, and
// until then packets may go the way they went. The first comparison, leftoverGrace later or when a link was disturbed, removes
// what nobody wanted again.
func (p *Plane) Learn() {
	if p.kernel == nil {
		return
	}
	if _, err := p.kernel.Applied(); err != nil {
		p.log.Error("forwarding of an earlier run is not known; it is removed later", "error", err)
	}
	p.firstResync = leftoverGrace
}

// Apply brings the kernel to what changed in the desired state, and says whether it did. What the kernel refuses stays
// desired and is retried.
func (p *Plane) Apply() bool {
	err := p.reconciler.Sync(p.state())
	if err != nil {
		p.log.Error("forwarding not applied; it is retried", "error", err)
	}
	return err == nil
}

// Task retries and compares, in the owner's goroutine by way of do. A comparison of everything holds the owner up for as
// long as it takes, so that it is repeated the more seldom the longer it takes; a disturbed link is mended at once.
func (p *Plane) Task(do func(context.Context, func()) error) daemon.Task {
	return daemon.Task{Name: "forwarding", Run: func(ctx context.Context) error {
		retry, resync := time.NewTicker(retryInterval), time.NewTimer(p.firstResync)
		defer retry.Stop()
		defer resync.Stop()
		for {
			var err error
			select {
			case <-ctx.Done():
				return nil
			case <-retry.C:
				err = do(ctx, p.retry)
			case <-p.disturbed():
				err = do(ctx, p.Adopt)
			case <-p.pathsChanged():
				err = do(ctx, p.followPaths)
			case <-resync.C:
				began := time.Now()
				err = do(ctx, p.Adopt)
				resync.Reset(max(resyncInterval, resyncShare*time.Since(began)))
			}
			if err != nil {
				return nil // the owner has ended, and so does this
			}
		}
	}}
}

// disturbed says that links changed under the forwarding state; it never does without a kernel.
func (p *Plane) disturbed() <-chan struct{} {
	if p.kernel == nil {
		return nil
	}
	return p.kernel.Disturbed()
}

func (p *Plane) retry() {
	if p.reconciler.Pending() == 0 {
		return
	}
	if err := p.reconciler.Retry(p.state()); err != nil {
		p.log.Warn("forwarding still not applied", "error", err)
	}
}

// TunnelErrorCount is the name under which daemons count TunnelErrors.
const TunnelErrorCount = "netlmm_tunnel_errors_total"

// TunnelErrors counts what routers inside the tunnels said of packets, by what came of it. It may be called from any goroutine.
func (p *Plane) TunnelErrors() map[string]uint64 {
	if p.kernel == nil {
		return nil
	}
	return p.kernel.TunnelErrors()
}

// Status is the data plane as the operator sees it.
func (p *Plane) Status() (status api.ForwardingStatus, warnings []string) {
	s := p.reconciler.Status()
	status = api.ForwardingStatus{Backend: "none", TunnelMTU: p.TunnelMTU(), Entries: p.state().Len(), Pending: len(s.Pending)}
	if p.kernel != nil {
		status.Backend = p.kernel.Name()
		warnings = append(warnings, p.kernel.Warnings()...)
	} else {
		warnings = append(warnings, "forwarding.backend is none: no packet of a mobile node is forwarded")
	}
	status.Held, status.Offload = p.held(), p.offloaded()
	warnings = append(warnings, p.holdWarnings()...)
	for _, t := range s.Tunnels {
		status.Tunnels = append(status.Tunnels, api.Tunnel(t))
	}
	for _, f := range s.Pending {
		status.LastError = f.Error
		warnings = append(warnings, fmt.Sprintf("forwarding of %v is not in the kernel: %s", f.Prefix, f.Error))
	}
	return status, warnings
}

// Close leaves the kernel's state for the next start, or takes it out. What is held is dropped in either case.
func (p *Plane) Close(keep bool) error {
	if p.kernel == nil {
		return nil
	}
	return errors.Join(p.closeHolding(), p.kernel.Close(keep))
}

// nowhere is the kernel of backend none: it takes everything and does nothing.
type nowhere struct{}

func (nowhere) Apply(changes []forwarding.Change) []error { return make([]error, len(changes)) }
func (nowhere) Applied() (*forwarding.Entries, error)     { return &forwarding.Entries{}, nil }
func (nowhere) Sweep() error                              { return nil }
