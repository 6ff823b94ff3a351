package dataplane

import (
	"log/slog"
	"testing"

	"netlmm/cmd/internal/api"
	"netlmm/configs"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/forwardingtest"
	"netlmm/mobility/forwarding/kernel"
)

// counted is a kernel that something left by.
type counted struct{}

func (counted) Offloaded() (packets, octets uint64) { return 7, 700 }

// What left shows where anything may, and nowhere else.
func TestWhatIsOffloadedShows(t *testing.T) {
	var k forwardingtest.Kernel
	p := &Plane{log: slog.New(slog.DiscardHandler), state: forwarding.NewState, reconciler: forwarding.New(&k)}
	status, _ := p.Status()
	if packets, octets := p.Offloaded(); status.Offload != nil || p.Offloads() || packets+octets != 0 {
		t.Errorf("without offload: %+v", status.Offload)
	}
	p.offloads, p.offloadNAT = counted{}, kernel.NoNAT
	status, _ = p.Status()
	if !p.Offloads() || status.Offload == nil || *status.Offload != (api.Offload{Packets: 7, Octets: 700, NAT: "none"}) {
		t.Errorf("%+v", status.Offload)
	}
}

// The kernel is told to offload where that is wanted and mobile nodes may have IPv4, which RFC 6909 is of.
func TestOffloadIsOfIPv4Only(t *testing.T) {
	for _, ipv4 := range []bool{false, true} {
		for _, wanted := range []bool{false, true} {
			w := Where{Role: forwarding.Gateway, IPv4: ipv4, Offloading: Offloading{Wanted: wanted, NAT: kernel.NoNAT}}
			if c := w.config(configs.Forwarding{}); c.Offload != (ipv4 && wanted) || c.OffloadNAT != kernel.NoNAT {
				t.Errorf("IPv4 %v, wanted %v: %+v", ipv4, wanted, c)
			}
			p := &Plane{}
			if p.openOffloading(w, nil); p.Offloads() != (ipv4 && wanted) {
				t.Errorf("IPv4 %v, wanted %v: %v", ipv4, wanted, p.Offloads())
			}
		}
	}
}
