package domaintest

import (
	"fmt"
	"net/netip"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mag"
	"netlmm/mobility/mh"
)

// check is what holds at every instant, whatever the network does.
func (d *domain) check() error {
	if d.wrong != nil {
		return d.wrong
	}
	if err := d.checkAnchor(); err != nil {
		return fmt.Errorf("lma: %w", err)
	}
	for _, g := range d.gateways {
		if err := g.check(); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return nil
}

// checkSent: a MAG asks for a binding only while the host is there (RFC 5213 sections 6.9.4(2) and 6.13). If it did so for
// a host that went to another MAG, it would take the binding away from that one.
func (d *domain) checkSent(g *gateway, a mag.SendMessage) {
	var pbu mh.BindingUpdate
	if err := pbu.Decode(a.Payload); err != nil {
		d.wrong = err
		return
	}
	if h := d.hostWith(pbu.Options.MobileNodeLinkLayerID); a.Kind != mag.DeRegistration && h.at != g {
		d.wrong = fmt.Errorf("%s sent a PBU (%s, attempt %d) for %s, which is not there", g.name, a.Kind, a.Attempt, h.name)
	}
}

// checkAnchor: a prefix never has two owners, forwarding is what the binding cache says, and no old message moved a binding.
func (d *domain) checkAnchor() error {
	owners := map[netip.Prefix]mobility.MobileNodeID{}
	for _, e := range d.anchor.Snapshot() {
		want := forwarding.Entry{Role: forwarding.Anchor, Local: lmaAddress, Peer: e.ProxyCareOfAddress}
		if e.State != "registered" {
			want = forwarding.Entry{Role: forwarding.Discard}
		}
		for _, p := range e.HomeNetworkPrefixes {
			if owner, ok := owners[p]; ok {
				return fmt.Errorf("%v belongs to %v and %v", p, owner, e.MobileNodeID)
			}
			owners[p] = e.MobileNodeID
			want.Prefix = p
			if got, _ := d.anchor.Forwarding().Get(p); got != want {
				return fmt.Errorf("forwarding has %+v, the binding cache wants %+v", got, want)
			}
		}
		before := d.moved[e.MobileNodeID]
		if e.Timestamp < before.Timestamp || e.Timestamp == before.Timestamp && e.ProxyCareOfAddress != before.ProxyCareOfAddress {
			return fmt.Errorf("an old message moved %v from %v (timestamp %d) to %v (%d)", e.MobileNodeID,
				before.ProxyCareOfAddress, before.Timestamp, e.ProxyCareOfAddress, e.Timestamp)
		}
		d.moved[e.MobileNodeID] = e
	}
	if n := d.anchor.Forwarding().Len(); n != len(owners) {
		return fmt.Errorf("%d forwarding entries for %d prefixes", n, len(owners))
	}
	return nil
}

// check: each forwarding entry stands for a prefix of exactly one bound session, on its link.
func (g *gateway) check() error {
	bound := 0
	for _, e := range g.mag.Snapshot() {
		if e.Expires.IsZero() {
			continue
		}
		for _, p := range e.HomeNetworkPrefixes {
			bound++
			want := forwarding.Entry{
				Prefix: p, Role: forwarding.Gateway, Local: g.address, Peer: lmaAddress,
				Interface: e.Interface, MobileNodeLinkLayerID: e.MobileNodeLinkLayerID,
			}
			if got, _ := g.mag.Forwarding().Get(p); got != want {
				return fmt.Errorf("forwarding has %+v, the binding update list wants %+v", got, want)
			}
		}
	}
	if n := g.mag.Forwarding().Len(); n != bound {
		return fmt.Errorf("%d forwarding entries for %d prefixes", n, bound)
	}
	return nil
}

// checkQuiet is what holds once every message has been delivered and retransmissions had their time: each attached host is
// bound where it is, with the prefix that it always had.
func (d *domain) checkQuiet() error {
	for _, h := range d.hosts {
		if h.at == nil {
			continue
		}
		if err := d.checkServed(h); err != nil {
			return fmt.Errorf("%s, attached to %s on %s: %w", h.name, h.at.name, h.link, err)
		}
	}
	return nil
}

func (d *domain) checkServed(h *host) error {
	var binding mobility.BindingCacheEntry
	for _, e := range d.anchor.Snapshot() {
		if e.MobileNodeID == mobility.NAI(h.name) {
			binding = e
		}
	}
	if binding.State != "registered" || binding.ProxyCareOfAddress != h.at.address {
		return fmt.Errorf("the anchor has it %q at %v", binding.State, binding.ProxyCareOfAddress)
	}
	if p := binding.HomeNetworkPrefixes[0]; p != h.prefix {
		return fmt.Errorf("its prefix became %v, it was %v", p, h.prefix)
	}
	if !h.routed {
		return fmt.Errorf("it was told to do without its router")
	}
	entry, ok := h.at.mag.Forwarding().Get(h.prefix)
	if !ok || entry.Interface != h.link || entry.MobileNodeLinkLayerID != h.mac {
		return fmt.Errorf("its MAG forwards %+v", entry)
	}
	return nil
}
