package domaintest

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mag"
	"netlmm/mobility/mh"
)

const handoverLifetime = 10 * time.Second // mag's default

// pair is two gateways, the one with the lower number first.
type pair struct{ a, b netip.Addr }

func pairOf(a, b netip.Addr) pair {
	if b.Less(a) {
		a, b = b, a
	}
	return pair{a, b}
}

// enableHandovers lets a MAG know the others.
func (d *domain) enableHandovers(cfg *mag.Config) {
	if !d.handovers {
		return
	}
	cfg.Gateways = func(a netip.Addr) (string, bool) {
		return d.nameOf(a), slices.ContainsFunc(d.gateways, func(g *gateway) bool { return g.address == a })
	}
	if d.hold {
		cfg.HoldLifetime = time.Second
	}
}

// pairAll has the SAs of a gateway with the others stand.
func (d *domain) pairAll(g *gateway) {
	for _, other := range d.gateways {
		if other != g && other.mag != nil && d.handovers {
			d.pair(g, other, true)
		}
	}
}

// pair makes the SA between two gateways stand, or go.
func (d *domain) pair(a, b *gateway, up bool) {
	if a == b {
		return
	}
	d.apart[pairOf(a.address, b.address)] = !up
	d.event(a, mag.SecurityAssociationChanged{LMAAddress: b.address, Up: up})
	d.event(b, mag.SecurityAssociationChanged{LMAAddress: a.address, Up: up})
}

// protected says whether the SA stands under which a packet travels.
func (d *domain) protected(p packet) bool {
	if p.from != lmaAddress && p.to != lmaAddress {
		return !d.apart[pairOf(p.from, p.to)]
	}
	return d.gatewayOf(p).secured
}

func (h *host) cameFrom() netip.Addr {
	if h.from == nil {
		return netip.Addr{}
	}
	return h.from.address
}

// move is attach with a word about where the host was.
func (d *domain) move(h *host, g *gateway, link string) {
	h.from = h.last
	h.at, h.last, h.link = g, g, link
	d.attached(h)
	h.from = nil
}

// prepare has a gateway announce a host to another one, wherever the host is; cancel takes that back.
func (d *domain) prepare(h *host, g, to *gateway) {
	for _, link := range links {
		d.event(g, mag.PrepareHandover{CorrelationID: 1, Interface: link, MobileNodeLinkLayerID: h.mac, NewMAG: to.address})
	}
}

func (d *domain) cancel(h *host, g *gateway) {
	for _, link := range links {
		d.event(g, mag.CancelHandover{Interface: link, MobileNodeLinkLayerID: h.mac})
	}
}

func (d *domain) progress(g *gateway, a mag.Action) {
	note := func(word string, h mag.Handover, reason mag.HandoverReason) {
		d.note("%s: handover of %v %s, %s MAG, other %s %s", g.name, h.MobileNodeID, word, h.Side, d.nameOf(h.OtherGateway), reason)
	}
	switch a := a.(type) {
	case mag.HandoverPrepared:
		note("prepared", a.Handover, "")
	case mag.HandoverFailed:
		if a.Reason != mag.HandoverNotAttached {
			note("failed", a.Handover, a.Reason)
		}
	case mag.HandoverExpected:
		note("expected", a.Handover, "")
	case mag.HandoverArrived:
		note("arrived", a.Handover, "")
	case mag.HandoverCompleted:
		note("completed", a.Handover, "")
	case mag.HandoverUndone:
		note("undone", a.Handover, a.Reason)
	}
}

// inTransit: the mobile node is not here, or about to leave, and has no offer perhaps.
func inTransit(e mobility.BindingUpdateListEntry) bool {
	return e.State == "expected" || e.State == "holding" || e.State == "leaving"
}

// offersWell: a gateway that was not told the IPv4 default router offers no address.
func offersWell(e mobility.BindingUpdateListEntry, offer mag.OfferAddresses) bool {
	home := e.IPv4HomeAddress
	if !e.IPv4DefaultRouter.IsValid() {
		home = netip.Prefix{}
	}
	return offer.IPv4HomeAddress == home && slices.Equal(offer.HomeNetworkPrefixes, e.HomeNetworkPrefixes)
}

// transfersWell: what is kept or goes to another gateway belongs to a session that is in transit.
func transfersWell(e mobility.BindingUpdateListEntry, got forwarding.Entry) error {
	ok := (got.Transfer == forwarding.NoTransfer) == !got.OtherGateway.IsValid()
	switch e.State {
	case "leaving":
		ok = ok && got.Transfer == forwarding.Leaving
	case "expected":
		ok = ok && got.Hold
	case "holding":
		ok = ok && got.Hold && got.Transfer == forwarding.NoTransfer
	default:
		ok = ok && !got.Hold && got.Transfer != forwarding.Leaving
	}
	if !ok {
		return fmt.Errorf("%v is %s, and forwarded as %+v", e.MobileNodeID, e.State, got)
	}
	return nil
}

// checkNoTransfers: when all is quiet nobody is on the way between two gateways, no packets are kept, and none circle.
func (d *domain) checkNoTransfers() error {
	for _, g := range d.gateways {
		for e := range g.mag.Forwarding().All {
			if e.Transfer != forwarding.NoTransfer || e.Hold {
				return fmt.Errorf("%s still forwards %+v", g.name, e)
			}
		}
		for _, e := range g.mag.Snapshot() {
			if inTransit(e) {
				return fmt.Errorf("%s still has %v %s", g.name, e.MobileNodeID, e.State)
			}
		}
	}
	return nil
}

// checkCircles: two gateways that send a prefix to each other, each believing the other one to have the mobile node, do so for no
// longer than a handover lasts.
func (d *domain) checkCircles() error {
	circles := map[netip.Prefix]time.Time{}
	for _, g := range d.gateways {
		for e := range g.mag.Forwarding().All {
			i := slices.IndexFunc(d.gateways, func(other *gateway) bool { return e.Transfer == forwarding.Leaving && other.address == e.OtherGateway })
			if i < 0 {
				continue
			}
			if back, _ := d.gateways[i].mag.Forwarding().Get(e.Prefix); back.Transfer == forwarding.Leaving && back.OtherGateway == g.address {
				circles[e.Prefix] = d.now
				if since, ok := d.circles[e.Prefix]; ok {
					circles[e.Prefix] = since
				}
			}
		}
	}
	d.circles = circles
	for p, since := range circles {
		if d.now.Sub(since) > handoverLifetime {
			return fmt.Errorf("%v has circled between two gateways since %v", p, since)
		}
	}
	return nil
}

func (d *domain) describeHandover(p packet) string {
	var hi mh.HandoverInitiate
	if hi.Decode(p.payload) == nil {
		flags := ""
		for letter, bit := range map[string]mh.HandoverInitiateFlags{"U": mh.InitiateBuffer, "F": mh.InitiateForwarding} {
			if hi.Flags&bit != 0 {
				flags += letter
			}
		}
		return fmt.Sprintf("%s>%s HI %v %s %v %v", d.nameOf(p.from), d.nameOf(p.to), hi.Options.MobileNodeID, flags, hi.Code,
			shown(hi.Options.HomeNetworkPrefixes, hi.Options.IPv4HomeAddressRequest))
	}
	var hack mh.HandoverAcknowledge
	if hack.Decode(p.payload) == nil {
		return fmt.Sprintf("%s>%s HAck %v %v", d.nameOf(p.from), d.nameOf(p.to), hack.Options.MobileNodeID, hack.Code)
	}
	return "?"
}
