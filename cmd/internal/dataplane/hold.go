package dataplane

import (
	"errors"
	"fmt"

	"netlmm/cmd/internal/api"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/hold"
	"netlmm/mobility/forwarding/kernel"
)

// Holding says how a gateway keeps packets for mobile nodes on their way between gateways (RFC 5949).
type Holding struct {
	Table  string // of nftables: each daemon of a network namespace has its own
	Wanted bool   // or else only what an earlier run left goes
	Limits hold.Limits
	Ended  func(hold.Report) // from any goroutine; must not block. May be nil
}

// holder is what keeps packets: a hold.Holder, or a fake.
type holder interface {
	forwarding.Holder
	Counters() hold.Counters
	Close() error
}

// openHolding makes ready to keep packets. Where the kernel cannot, handovers lose what comes meanwhile, and the operator is told.
func (p *Plane) openHolding(w Where) {
	switch {
	case w.Holding.Table == "":
		return
	case !w.Holding.Wanted:
		if _, err := hold.Remove(w.Holding.Table); err != nil {
			p.log.Debug("what an earlier run may have left to hold packets with stays; it holds none", "error", err)
		}
		return
	}
	h, err := hold.Open(hold.Config{Table: w.Holding.Table, AccessInterfaces: w.AccessInterfaces, Tunnels: kernel.Across(), Limits: w.Holding.Limits, Ended: w.Holding.Ended})
	if err != nil {
		p.holdError = err
		return
	}
	p.hold(h)
}

func (p *Plane) hold(h holder) {
	p.holder = h
	p.reconciler.HoldWith(h)
}

// held is what is held, for operators; nil where nothing ever is.
func (p *Plane) held() *api.Held {
	if p.holder == nil {
		return nil
	}
	c := p.holder.Counters()
	return &api.Held{Prefixes: c.Prefixes, Packets: c.Packets, Octets: c.Octets}
}

// HeldCounts are the packets held so far, by what became of them. It may be called from any goroutine.
func (p *Plane) HeldCounts() map[string]uint64 {
	if p.holder == nil {
		return nil
	}
	c := p.holder.Counters()
	c.Dropped["released"] = c.Released
	return c.Dropped
}

// holdWarnings says that packets should be held and cannot.
func (p *Plane) holdWarnings() []string {
	if p.holdError == nil {
		return nil
	}
	return []string{fmt.Sprintf("handovers lose the packets that come while the mobile node is on its way: %v", p.holdError)}
}

// closeHolding drops what is held.
func (p *Plane) closeHolding() error {
	if p.holder == nil {
		return nil
	}
	if err := p.holder.Close(); err != nil {
		return errors.Join(errors.New("what holds packets may stay in the kernel, where it holds none any more"), err)
	}
	return nil
}
