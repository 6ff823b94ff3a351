package domaintest

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/lma"
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
	return d.checkCircles()
}

// seenLately: for so long after it saw a host a MAG sends at once what waited for the SA (mag.resume). That is a choice: a host that went
// to another MAG meanwhile is taken from there until that one extends its binding.
func (g *gateway) seenLately(h *host, now time.Time) bool {
	return slices.ContainsFunc(links, func(link string) bool {
		at, ok := g.seen[place{link, h.mac}]
		return ok && now.Sub(at) < time.Second
	})
}

// checkSent: a MAG asks for a binding only while the host is there (RFC 5213 sections 6.9.4(2) and 6.13). If it did so for
// a host that went to another MAG, it would take the binding away from that one.
func (d *domain) checkSent(g *gateway, a mag.SendMessage) {
	if a.Kind == mag.RevocationAcknowledgement || a.Kind == mag.HandoverInitiate || a.Kind == mag.HandoverAcknowledge {
		return
	}
	var pbu mh.BindingUpdate
	if err := pbu.Decode(a.Payload); err != nil {
		d.wrong = err
		return
	}
	h := d.hostWith(pbu.Options.MobileNodeLinkLayerID)
	if a.Kind != mag.DeRegistration && (g.revoked[place{links[0], h.mac}] || g.revoked[place{links[1], h.mac}]) {
		d.wrong = fmt.Errorf("%s sent a PBU (%s) for %s, whose binding was revoked", g.name, a.Kind, h.name)
	}
	if a.Kind == mag.DeRegistration || h.at == g {
		return
	}
	if d.resuming && g.seenLately(h, d.now) {
		d.network[len(d.network)-1].late = true
	} else {
		d.wrong = fmt.Errorf("%s sent a PBU (%s, attempt %d) for %s, which is not there", g.name, a.Kind, a.Attempt, h.name)
	}
}

// checkStopped: a MAG that says that it stopped holds nothing and waits for nothing.
func (d *domain) checkStopped(g *gateway) {
	if _, ok := g.mag.NextDeadline(); ok || g.mag.Len() > 0 || g.mag.Forwarding().Len() > 0 || len(g.offers) > 0 {
		d.wrong = fmt.Errorf("%s stopped with %d sessions, %d forwarding entries and %d offers, timers: %t",
			g.name, g.mag.Len(), g.mag.Forwarding().Len(), len(g.offers), ok)
	}
}

// held is what a mobile node is reached at.
func held(prefixes []netip.Prefix, home netip.Prefix) []netip.Prefix {
	all := slices.Clone(prefixes)
	if home.IsValid() {
		all = append(all, netip.PrefixFrom(home.Addr(), 32))
	}
	return all
}

// checkAnchor: neither a prefix nor an IPv4 home address ever has two owners, nor another owner than before; forwarding is what the
// binding cache says; and no old message moved a binding. What the anchor counts is what stands.
func (d *domain) checkAnchor() error {
	owners := map[netip.Prefix]mobility.MobileNodeID{}
	ipv4 := 0
	entries, latest := d.anchor.Snapshot(), maps.Clone(d.latest)
	moved := d.moved
	d.moved = map[netip.Prefix]mobility.BindingCacheEntry{}
	for _, e := range entries {
		want := forwarding.Entry{Role: forwarding.Anchor, Local: lmaAddress, Peer: e.ProxyCareOfAddress}
		if e.State != "registered" {
			want = forwarding.Entry{Role: forwarding.Discard}
		}
		if e.IPv4HomeAddress.IsValid() {
			ipv4++
		}
		all := held(e.HomeNetworkPrefixes, e.IPv4HomeAddress)
		if len(all) == 0 {
			return fmt.Errorf("a binding of %v with nothing bound", e.MobileNodeID)
		}
		for _, p := range all {
			if owner, ok := owners[p]; ok {
				return fmt.Errorf("%v belongs to %v and %v", p, owner, e.MobileNodeID)
			}
			owners[p] = e.MobileNodeID
			if owner, ok := d.belongs[p]; ok && owner != e.MobileNodeID {
				return fmt.Errorf("%v of %v was given to %v", p, owner, e.MobileNodeID)
			}
			d.belongs[p] = e.MobileNodeID
			want.Prefix = p
			if got, _ := d.anchor.Forwarding().Get(p); got != want {
				return fmt.Errorf("forwarding has %+v, the binding cache wants %+v", got, want)
			}
		}
		if err := checkStay(moved[all[0]], e); err != nil {
			return err
		}
		if err := d.checkMove(moved, all[0], e, latest[e.MobileNodeID]); err != nil {
			return err
		}
	}
	c := d.anchor.Counters()
	if n := d.anchor.Forwarding().Len(); n != len(owners) || c.Bindings != len(entries) || c.Waiting > 1 || c.Departed > len(d.hosts) ||
		c.PrefixesFree != 1<<16-uint64(len(owners)-ipv4) || c.IPv4AddressesFree != 1<<16-3-uint64(ipv4) {
		return fmt.Errorf("%d forwarding entries for %d prefixes of %d bindings, %d of them IPv4: %+v", n, len(owners), len(entries), ipv4, c)
	}
	return nil
}

// checkMove: no old message moves a binding. With timestamps, that is one whose timestamp is not greater than the greatest accepted
// of the mobile node (RFC 5213 section 5.5) - unless that one is further ahead of the anchor's clock than any that it accepts:
// then this clock was set back since, and what it accepted before that orders nothing (lma.lastTimestamp). An interface whose
// registration waited for another one's de-registration brings the timestamp of its arrival. With sequence numbers, it is one
// that is not ahead of the session's, modulo 2^16.
func (d *domain) checkMove(moved map[netip.Prefix]mobility.BindingCacheEntry, key netip.Prefix, e mobility.BindingCacheEntry, latest uint64) error {
	before, ok := moved[key]
	e.HomeNetworkPrefixes = nil
	d.moved[key] = e
	if d.sequences {
		same := ok && before.MobileNodeLinkLayerID == e.MobileNodeLinkLayerID && before.Registered.Round(0).Equal(e.Registered.Round(0))
		ahead := e.SequenceNumber - before.SequenceNumber
		if same && (ahead >= 1<<15 || ahead == 0 && e.ProxyCareOfAddress != before.ProxyCareOfAddress) {
			return fmt.Errorf("an old message moved %v from %v (number %d) to %v (%d)", e.MobileNodeID,
				before.ProxyCareOfAddress, before.SequenceNumber, e.ProxyCareOfAddress, e.SequenceNumber)
		}
		return nil
	}
	changed := e.Timestamp != before.Timestamp || e.ProxyCareOfAddress != before.ProxyCareOfAddress
	if !changed {
		return nil
	}
	setBack := mh.Timestamp(latest).Time().Sub(d.clock(d.off)) > lma.DefaultTimestampValidityWindow-time.Millisecond
	waited := ok && before.MobileNodeLinkLayerID != e.MobileNodeLinkLayerID || !ok && !d.soleInterface(e.MobileNodeLinkLayerID)
	if e.Timestamp <= latest && !setBack && !waited {
		return fmt.Errorf("an old message moved %v from %v (timestamp %d) to %v (%d), after %d", e.MobileNodeID,
			before.ProxyCareOfAddress, before.Timestamp, e.ProxyCareOfAddress, e.Timestamp, latest)
	}
	if d.latest[e.MobileNodeID] = max(d.latest[e.MobileNodeID], e.Timestamp); setBack {
		d.latest[e.MobileNodeID] = e.Timestamp
	}
	return nil
}

func (d *domain) soleInterface(mac mobility.MobileNodeLinkLayerID) bool { return d.hostWith(mac).sole }

// check: each forwarding entry and each offer stands for exactly one bound session, on its link.
func (g *gateway) check() error {
	routes, bound := 0, 0
	for _, e := range g.mag.Snapshot() {
		if e.Expires.IsZero() {
			continue
		}
		offer, ok := g.offers[place{e.Interface, e.MobileNodeLinkLayerID}]
		if ok {
			bound++
		}
		if !inTransit(e) && !offersWell(e, offer) || ok && e.State != "expected" && !offersWell(e, offer) {
			return fmt.Errorf("the binding update list has %+v, the offer is %+v", e, offer)
		}
		for _, p := range held(e.HomeNetworkPrefixes, e.IPv4HomeAddress) {
			routes++
			got, _ := g.mag.Forwarding().Get(p)
			if err := transfersWell(e, got); err != nil {
				return err
			}
			if err := g.checkOffload(e, got); err != nil {
				return err
			}
			got.Offload = mobility.OffloadPolicy{}
			got.Transfer, got.OtherGateway, got.Hold = forwarding.NoTransfer, netip.Addr{}, false
			want := forwarding.Entry{
				Prefix: p, Role: forwarding.Gateway, Local: g.address, Peer: lmaAddress,
				Interface: e.Interface, MobileNodeLinkLayerID: e.MobileNodeLinkLayerID,
			}
			if got != want {
				return fmt.Errorf("forwarding has %+v, the binding update list wants %+v", got, want)
			}
		}
	}
	if n := g.mag.Forwarding().Len(); n != routes || len(g.offers) != bound {
		return fmt.Errorf("%d forwarding entries for %d prefixes, %d offers for %d bound sessions", n, routes, len(g.offers), bound)
	}
	return nil
}

// checkQuiet is what holds once every message has been delivered and retransmissions had their time: each attached host is
// bound where it is, with the prefix and the IPv4 home address that it always had; but one whose binding was revoked is not
// served before it attaches anew, or another interface of its mobile node does. Who has an excuse is left out.
func (d *domain) checkQuiet() error {
	if err := d.checkNoTransfers(); err != nil {
		return err
	}
	for _, h := range d.hosts {
		if h.at == nil || h.excuse != none {
			continue
		}
		check := d.checkServed
		if h.revoked && (!h.allowed || check(h) != nil) {
			check = d.checkRevoked
		}
		if err := check(h); err != nil {
			return fmt.Errorf("%s, attached to %s on %s: %w", h.name, h.at.name, h.link, err)
		}
	}
	return nil
}

// checkRevoked: its MAG has forgotten the host. A list that may bring it back may also name a link where it is not, on which it is asked
// for in vain.
func (d *domain) checkRevoked(h *host) error {
	for _, e := range h.at.mag.Snapshot() {
		if e.MobileNodeLinkLayerID == h.mac && (!h.allowed || !e.Expires.IsZero()) {
			return fmt.Errorf("its binding was revoked, its MAG has it %q", e.State)
		}
	}
	if h.routed && h.router == h.at.mag {
		return errors.New("its binding was revoked, and nobody told it to do without its router")
	}
	return nil
}

// newer: a is of a later PBU than b, by the same MAG.
func (d *domain) newer(a, b mobility.BindingCacheEntry) bool {
	if d.sequences {
		return int16(a.SequenceNumber-b.SequenceNumber) > 0 // RFC 6275 section 9.5.1
	}
	return a.Timestamp > b.Timestamp
}

func (d *domain) checkServed(h *host) error {
	var binding mobility.BindingCacheEntry
	for _, e := range d.anchor.Snapshot() {
		// Beside that one, an anchor that lost bindings may have one by a PBU that was late, of a mobile node with two interfaces. By
		// the same MAG the one of before ends by itself: nobody extends it.
		better := h.sole || binding.ProxyCareOfAddress != h.at.address || e.ProxyCareOfAddress == h.at.address && d.newer(e, binding)
		if e.MobileNodeID == h.id() && e.MobileNodeLinkLayerID == h.mac && better {
			binding = e
		}
	}
	if binding.State != "registered" || binding.ProxyCareOfAddress != h.at.address {
		return fmt.Errorf("the anchor has it %q at %v", binding.State, binding.ProxyCareOfAddress)
	}
	if (len(binding.HomeNetworkPrefixes) == 1) != h.ipv6 || binding.IPv4HomeAddress.IsValid() != h.ipv4 {
		return fmt.Errorf("it has %v and %v", binding.HomeNetworkPrefixes, binding.IPv4HomeAddress)
	}
	// Which prefix is which interface's, an anchor forgets with the bindings of a mobile node that has two.
	if h.sole && (h.ipv6 && binding.HomeNetworkPrefixes[0] != h.prefix || h.ipv4 && binding.IPv4HomeAddress != h.home) {
		return fmt.Errorf("it has %v and %v, it had %v and %v", binding.HomeNetworkPrefixes, binding.IPv4HomeAddress, h.prefix, h.home)
	}
	if h.ipv6 && !h.routed {
		return errors.New("it was told to do without its router")
	}
	for _, p := range held(binding.HomeNetworkPrefixes, binding.IPv4HomeAddress) {
		entry, ok := h.at.mag.Forwarding().Get(p)
		if !ok || entry.Interface != h.link || entry.MobileNodeLinkLayerID != h.mac {
			return fmt.Errorf("its MAG forwards %v as %+v", p, entry)
		}
	}
	return d.checkNegotiated(h, binding)
}

// checkGone is what holds when everybody left and every lifetime is over: nothing stands, and nobody waits for anything.
func (d *domain) checkGone() error {
	c := d.anchor.Counters()
	if _, ok := d.anchor.NextDeadline(); ok || c.Bindings+c.Waiting+c.Revocations > 0 || d.anchor.Forwarding().Len() > 0 {
		return fmt.Errorf("the anchor has %+v, timers: %t", c, ok)
	}
	for _, g := range d.gateways {
		if _, ok := g.mag.NextDeadline(); ok || g.mag.Len() > 0 || len(g.offers) > 0 {
			return fmt.Errorf("%s has %d sessions and %d offers, timers: %t", g.name, g.mag.Len(), len(g.offers), ok)
		}
	}
	return nil
}
