package dataplane

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/configs"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/kernel"
)

var peers = []netip.Addr{netip.MustParseAddr("2001:db8:f0::1"), netip.MustParseAddr("2001:db8:f0::2")}

func TestWhatTheKernelIsTold(t *testing.T) {
	w := Where{
		Role: forwarding.Anchor, Local: netip.MustParseAddr("2001:db8:f0::ff"), IPv4: true, Peers: peers,
		Aggregates: []netip.Prefix{netip.MustParsePrefix("2001:db8:1000::/40"), netip.MustParsePrefix("10.64.0.0/16")},
	}
	cfg := configs.Forwarding{Backend: "seg6", Uplink: "core0", TunnelMTU: 1400, StaticTunnels: true, TunnelDeletionDelay: time.Minute}
	c := w.config(cfg)
	if c.Backend != kernel.SEG6 || c.Uplink != "core0" || c.TunnelMTU != 1400 || c.TunnelDeletionDelay != time.Minute || !c.IPv4 ||
		!slices.Equal(c.StaticTunnels, peers) || !slices.Equal(c.Aggregates, w.Aggregates) || c.Local != w.Local || c.Role != w.Role {
		t.Errorf("%+v", c)
	}
	cfg.StaticTunnels = false
	if c := w.config(cfg); c.StaticTunnels != nil {
		t.Errorf("static tunnels %v that nobody asked for", c.StaticTunnels)
	}
}

// refusing is a kernel that takes nothing while it refuses, and has tunnels to tell of.
type refusing struct {
	nowhere
	refuses bool
}

func (r *refusing) Apply(changes []forwarding.Change) []error {
	errs := make([]error, len(changes))
	for i := range errs {
		if r.refuses {
			errs[i] = errors.New("no memory")
		}
	}
	return errs
}

func (*refusing) Tunnels() []forwarding.Tunnel {
	return []forwarding.Tunnel{{Peer: peers[0], Entries: 1, Static: true}}
}

// TestWhatIsNotAppliedStaysAndShows: nothing is lost silently.
func TestWhatIsNotAppliedStaysAndShows(t *testing.T) {
	state := forwarding.NewState()
	prefix := netip.MustParsePrefix("2001:db8:1000::/64")
	state.Set(forwarding.Entry{Prefix: prefix, Role: forwarding.Anchor, Local: netip.MustParseAddr("2001:db8:f0::ff"), Peer: peers[0]})
	k := &refusing{refuses: true}
	p := &Plane{log: slog.New(slog.DiscardHandler), state: func() *forwarding.State { return state }, reconciler: forwarding.New(k)}
	if p.Apply() {
		t.Error("applied although the kernel refused")
	}
	status, warnings := p.Status()
	if status.Entries != 1 || status.Pending != 1 || status.LastError == "" || !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, prefix.String()) }) {
		t.Errorf("%+v, warnings %q", status, warnings)
	}
	if len(status.Tunnels) != 1 || status.Tunnels[0].Peer != peers[0] || !status.Tunnels[0].Static {
		t.Errorf("tunnels %+v", status.Tunnels)
	}
	k.refuses = false
	p.retry()
	if status, _ := p.Status(); status.Pending != 0 {
		t.Errorf("%+v after the retry", status)
	}
}

func TestNoBackendSaysSo(t *testing.T) {
	p, err := Open(configs.Forwarding{Backend: "none"}, Where{}, slog.New(slog.DiscardHandler), forwarding.NewState)
	if err != nil {
		t.Fatal(err)
	}
	status, warnings := p.Status()
	if !p.Apply() || p.TunnelMTU() != 0 || status.Backend != "none" || len(warnings) != 1 || p.Close(true) != nil {
		t.Errorf("%+v, %q", status, warnings)
	}
}

// TestPeersOverIPv4NeedTheDriver: a daemon does not start with peers that it could make no tunnels to.
func TestPeersOverIPv4NeedTheDriver(t *testing.T) {
	probe := func(sit bool) func() (kernel.Capabilities, error) {
		return func() (kernel.Capabilities, error) {
			return kernel.Capabilities{MultipleTables: true, Subtrees: true, SEG6LWTunnel: true, NextHops: true, Sit: sit}, nil
		}
	}
	w := Where{Role: forwarding.Anchor, Local: netip.MustParseAddr("2001:db8:f0::ff"), LocalIPv4: netip.MustParseAddr("192.0.2.1"), Peers: peers}
	if err := w.reachable(probe(false)); err != nil {
		t.Errorf("without such peers: %v", err)
	}
	w.Peers = append(slices.Clone(peers), netip.MustParseAddr("192.0.2.11"))
	if err := w.reachable(probe(false)); err == nil || !strings.Contains(err.Error(), "192.0.2.11") || !strings.Contains(err.Error(), "module sit") {
		t.Errorf("without the driver: %v", err)
	}
	w.Peers, w.Gateways = peers, w.Peers[len(peers):]
	if err := w.reachable(probe(false)); err == nil || !strings.Contains(err.Error(), "192.0.2.11") {
		t.Errorf("another gateway, without the driver: %v", err)
	}
	if err := w.reachable(probe(true)); err != nil {
		t.Errorf("with the driver: %v", err)
	}
	if c := w.config(configs.Forwarding{Backend: "auto"}); c.LocalIPv4 != w.LocalIPv4 {
		t.Errorf("the kernel is told of %v", c.LocalIPv4)
	}
}
