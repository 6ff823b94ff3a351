package dataplane

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"netlmm/cmd/internal/api"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/forwardingtest"
	"netlmm/mobility/forwarding/hold"
)

// keeper is a holder that has something to tell.
type keeper struct {
	forwardingtest.Holder
	closed error
}

func (*keeper) Counters() hold.Counters {
	return hold.Counters{Prefixes: 1, Packets: 2, Octets: 300, Released: 4, Dropped: map[string]uint64{"gone": 5}}
}

func (k *keeper) Close() error { return k.closed }

// Packets are held before the routes change, and let go behind them; what is held shows.
func TestApplyHoldsAndReleases(t *testing.T) {
	state := forwarding.NewState()
	var told []string
	var k forwardingtest.Kernel
	k.Fail = func(operation string, _ netip.Prefix) error { told = append(told, operation); return nil }
	h := &keeper{closed: errors.New("no")}
	h.Told = func(operation string, _ netip.Prefix) { told = append(told, operation) }
	p := &Plane{log: slog.New(slog.DiscardHandler), state: func() *forwarding.State { return state }, reconciler: forwarding.New(&k)}
	if status, _ := p.Status(); status.Held != nil || p.HeldCounts() != nil || p.closeHolding() != nil {
		t.Errorf("without a holder: %+v", status)
	}
	p.hold(h)
	e := forwarding.Entry{Prefix: netip.MustParsePrefix("2001:db8:1000::/64"), Role: forwarding.Gateway, Local: peers[0], Peer: peers[1], Interface: "acc0",
		Transfer: forwarding.Arriving, OtherGateway: netip.MustParseAddr("2001:db8:f0::12"), Hold: true}
	state.Set(e)
	p.Apply()
	e.Hold = false
	state.Set(e)
	if p.Apply(); strings.Join(told, " ") != "hold apply apply release" {
		t.Errorf("%q", told)
	}
	status, _ := p.Status()
	if status.Held == nil || *status.Held != (api.Held{Prefixes: 1, Packets: 2, Octets: 300}) {
		t.Errorf("%+v", status.Held)
	}
	if c := p.HeldCounts(); c["released"] != 4 || c["gone"] != 5 {
		t.Errorf("%v", c)
	}
	if err := p.closeHolding(); !errors.Is(err, h.closed) {
		t.Errorf("%v", err)
	}
	p.holdError = errors.New("no queue")
	if _, warnings := p.Status(); !strings.Contains(strings.Join(warnings, "\n"), "no queue") {
		t.Errorf("%q", warnings)
	}
}
