package dataplane

import (
	"netlmm/cmd/internal/api"
	"netlmm/mobility/forwarding/kernel"
)

// Offloading says what becomes of IPv4 flows that are to leave at this gateway (RFC 6909).
type Offloading struct {
	Wanted bool   // or else none leave
	NAT    string // kernel.Masquerade or kernel.NoNAT
}

// counting is what knows how much left: a kernel.Kernel, or a fake.
type counting interface {
	Offloaded() (packets, octets uint64)
}

// openOffloading makes ready to tell what leaves.
func (p *Plane) openOffloading(w Where, k *kernel.Kernel) {
	if w.Offloading.Wanted && w.IPv4 {
		p.offloads, p.offloadNAT = k, w.Offloading.NAT
	}
}

// Offloads says whether anything may leave here at all.
func (p *Plane) Offloads() bool { return p.offloads != nil }

// Offloaded is what left here by this gateway's own routes, and came back. It may be called from any goroutine.
func (p *Plane) Offloaded() (packets, octets uint64) {
	if p.offloads == nil {
		return 0, 0
	}
	return p.offloads.Offloaded()
}

// offloaded is the same for operators; nil where nothing ever leaves.
func (p *Plane) offloaded() *api.Offload {
	if !p.Offloads() {
		return nil
	}
	packets, octets := p.Offloaded()
	return &api.Offload{Packets: packets, Octets: octets, NAT: p.offloadNAT}
}
