package kernel

import (
	"errors"
	"net/netip"
	"slices"

	"netlmm/mobility/forwarding"
)

// ensureStatic makes the static tunnels.
func (k *Kernel) ensureStatic() error {
	var errs []error
	for _, addr := range k.layout.StaticTunnels {
		_, err := k.tunnelTo(addr)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Tunnels lists the tunnels, by peer. One that could not be made completely is not among them.
func (k *Kernel) Tunnels() []forwarding.Tunnel {
	entries := map[netip.Addr]int{}
	for e, n := range k.held.complete.Paths {
		entries[e.Peer] += n
		if e.Transfer != forwarding.NoTransfer {
			entries[e.OtherGateway] += n
		}
	}
	tunnels := make([]forwarding.Tunnel, 0, len(k.tunnels))
	for addr := range k.tunnels {
		if _, broken := k.broken[addr]; !broken {
			tunnels = append(tunnels, forwarding.Tunnel{Peer: addr, Entries: entries[addr], Static: k.static(addr), Since: k.since[addr]})
		}
	}
	slices.SortFunc(tunnels, func(a, b forwarding.Tunnel) int { return a.Peer.Compare(b.Peer) })
	return tunnels
}

func (k *Kernel) static(addr netip.Addr) bool { return slices.Contains(k.layout.StaticTunnels, addr) }

// breakUnused marks the tunnels that no entry has referred to for long enough.
func (k *Kernel) breakUnused() {
	used := map[netip.Addr]bool{}
	for e := range k.held.complete.Paths {
		used[e.Peer], used[e.OtherGateway] = true, true
	}
	for _, objects := range k.held.odd {
		for _, o := range objects {
			for _, table := range []int{o.route.table, o.rule.table - 1} { // the rules of IPv4 name the upTable
				if slot, ok := k.layout.slotOf(table); ok {
					used[k.slots[slot]] = true
				}
			}
			if slot, ok := slotOfDevice(o.rule.iif); ok { // and where packets of the other gateway come in
				used[k.slots[slot]] = true
			}
		}
	}
	now := k.now()
	for addr := range k.tunnels {
		if used[addr] || k.static(addr) {
			delete(k.idle, addr)
			continue
		}
		if _, known := k.idle[addr]; !known {
			k.idle[addr] = now
		}
		if now.Sub(k.idle[addr]) >= k.layout.TunnelDeletionDelay {
			k.broken[addr] = struct{}{}
		}
	}
}

// forget drops the tunnels that were about to go, once nothing is left of them.
func (k *Kernel) forget() {
	for addr := range k.broken {
		delete(k.slots, k.tunnels[addr].slot)
		delete(k.tunnels, addr)
		k.paths.remove(addr)
		delete(k.since, addr)
		delete(k.idle, addr)
	}
	clear(k.broken)
}
