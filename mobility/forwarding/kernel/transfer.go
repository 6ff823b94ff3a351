package kernel

import (
	"errors"
	"fmt"
	"net/netip"

	"netlmm/mobility/forwarding"
)

// A mobile node on its way between two gateways (RFC 5949 section 4) has a tunnel between them beside the one to its anchor. Each tunnel has
// its table of what it may deliver, so that what the other gateway sends is judged by what its own table has for it: at the previous
// gateway sources of the prefix, whose only way is to the anchor; at the new one the prefix as destination, whose only way is the access
// link. No table that is asked about packets of the other gateway leads back to it.

// way is where packets are routed that a tunnel is to carry.
type way struct {
	via netip.Addr
	dev string
}

// from is the route that takes packets with such a source this way.
func (w way) from(table int, source netip.Prefix) route {
	return route{table: table, dst: everywhere, src: source, metric: entryMetric, via: w.via, dev: w.dev}
}

// to is the route for dst by this way.
func (w way) to(table int, dst netip.Prefix) route {
	return route{table: table, dst: dst, metric: entryMetric, via: w.via, dev: w.dev}
}

// gatewayEntry appends what an IPv6 entry of a gateway takes, given the ways into the tunnels to its anchor p and to the other
// gateway o.
func (l *layout) gatewayEntry(objects []object, e *forwarding.Entry, p, o peer, up, across way) []object {
	i, _ := l.accessIndex(e.Interface)
	objects = known(objects, e)
	if e.Transfer == forwarding.Leaving {
		objects = append(objects, object{route: up.from(l.inTable(o), e.Prefix)}, object{route: across.to(l.inTable(p), e.Prefix)})
	} else {
		objects = l.deliveries(objects, e, p, o)
	}
	objects = l.direct(append(objects, object{route: l.admission(i, e.Prefix)}), e)
	if e.Transfer == forwarding.Arriving {
		up = across
	}
	return append(objects, object{route: up.from(l.outTable(i, e), e.Prefix)})
}

// gatewayEntryIPv4 is the same for an IPv4 home address. A rule takes the place of each route by source.
func (l *layout) gatewayEntryIPv4(objects []object, e *forwarding.Entry, p, o peer, across way) []object {
	objects = known(objects, e)
	if e.Transfer == forwarding.Leaving {
		objects = append(objects,
			object{rule: l.rule(fromTunnelRule, rule{ipv4: true, iif: across.dev, from: e.Prefix, table: l.upTable(p)})},
			object{route: across.to(l.inTable(p), e.Prefix)})
	} else {
		objects = l.deliveries(objects, e, p, o)
	}
	objects = append(objects, object{rule: l.rule(admitRule, rule{ipv4: true, iif: e.Interface, from: e.Prefix, jump: l.RulePriorityBase + localRule})})
	objects = l.direct(objects, e)
	out, up := fromAccessRule, p
	if e.LocalRouting {
		out = throughAnchorRule
	}
	if e.Transfer == forwarding.Arriving {
		up = o
	}
	objects = append(objects, object{rule: l.rule(out, rule{ipv4: true, iif: e.Interface, from: e.Prefix, table: l.upTable(up)})})
	return l.offloaded(objects, e)
}

// deliveries are the routes to the mobile node, for each tunnel by which its packets may come.
func (l *layout) deliveries(objects []object, e *forwarding.Entry, p, o peer) []object {
	objects = append(objects, object{route: l.onLink(*e, p)})
	if e.Transfer != forwarding.NoTransfer {
		objects = append(objects, object{route: l.onLink(*e, o)})
	}
	return objects
}

// transferTable holds, for seg6 at a gateway, the routes that encapsulate for other gateways.
func (l *layout) transferTable() int { return l.decapIPv4Table(peer{slot: maximumPeers}) }

// At a gateway seg6 has a second pair, for the tunnels to other gateways. The packets of a mobile node that stays to one that is leaving, on
// their way to the anchor, would be taken for that one's otherwise.
const (
	acrossIn  = "pmtun2"
	acrossOut = "pmtun3"
)

// Across are the devices by which packets enter tunnels to other gateways: a name, or what names begin with, and a star.
func Across() []string {
	return []string{acrossIn, seg6InIPv4 + "*", ip6tnlPrefix + "*", sitPrefix + "*"}
}

// transferBase is that pair, and judges what comes out of it as it is done for the first.
func (s *seg6) transferBase() plan {
	return plan{
		links: []link{{name: acrossIn, other: acrossOut, mtu: s.inner(s.smallest)}},
		rules: []rule{
			s.rule(encapRule, rule{iif: acrossOut, table: s.transferTable()}),
			s.rule(encapsulatedRule, rule{iif: acrossOut, from: host(s.Local), jump: s.RulePriorityBase + localRule}),
			s.rule(denyEncapRule, rule{iif: acrossOut}),
			s.rule(denyTunnelRule, rule{iif: acrossIn}),
		}}
}

// entryAtGateway is an IPv6 entry with what encapsulates for it, where the other end is no device's.
func (s *seg6) entryAtGateway(objects []object, e *forwarding.Entry, p, o peer) []object {
	up, across := way{dev: s.device(p)}, way{dev: s.device(o)}
	if !p.addr.Is4() {
		up = way{via: seg6OutAddr, dev: seg6In}
		if e.Transfer != forwarding.Arriving {
			objects = append(objects, object{route: s.encapsulated(s.encapTable(), everywhere, e.Prefix, p)})
		}
	}
	if !o.addr.Is4() {
		across = way{via: seg6OutAddr, dev: acrossIn}
		switch e.Transfer {
		case forwarding.Leaving:
			objects = append(objects, object{route: s.encapsulated(s.transferTable(), e.Prefix, netip.Prefix{}, o)})
		case forwarding.Arriving, forwarding.Arrived: // the latter for packets that are within the pair when the way changes
			objects = append(objects, object{route: s.encapsulated(s.transferTable(), everywhere, e.Prefix, o)})
		}
	}
	return s.gatewayEntry(objects, e, p, o, up, across)
}

// encapsulated is a route that encapsulates for p. Linux allows no next hop of its own for a route by source.
func (s *seg6) encapsulated(table int, dst, src netip.Prefix, p peer) route {
	return route{table: table, dst: dst, src: src, metric: entryMetric, encap: seg6Red, segment: p.addr, dev: s.Uplink}
}

// wayIPv4 is the way of IPv4 packets into the tunnel to p.
func (s *seg6) wayIPv4(p peer) way {
	if p.addr.Is4() {
		return way{dev: s.device(p)}
	}
	return way{via: seg6OutAddr, dev: s.deviceIPv4(p)}
}

// peersOf is the anchor of e, or the gateway where e stands at an anchor, and the other gateway of a transfer.
func (k *Kernel) peersOf(e *forwarding.Entry) (p, o peer) {
	p = k.tunnels[e.Peer]
	if e.Transfer != forwarding.NoTransfer {
		o = k.tunnels[e.OtherGateway]
	}
	return p, o
}

// objects appends what e takes, to whose tunnels there are.
func (k *Kernel) objects(objects []object, e *forwarding.Entry) []object {
	p, o := k.peersOf(e)
	return k.backend.entry(objects, *e, p, o)
}

// tunnelsFor makes the tunnels that e needs.
func (k *Kernel) tunnelsFor(e *forwarding.Entry) error {
	if e.Role == forwarding.Discard {
		return nil
	}
	_, err := k.tunnelTo(e.Peer)
	if err == nil && e.Transfer != forwarding.NoTransfer {
		_, err = k.tunnelTo(e.OtherGateway)
	}
	return err
}

// checkTransfer refuses an entry for what it says about another gateway.
func (l *layout) checkTransfer(e *forwarding.Entry) error {
	switch {
	case e.Transfer == forwarding.NoTransfer && !e.OtherGateway.IsValid():
		return nil
	case e.Transfer == forwarding.NoTransfer:
		return fmt.Errorf("it names the other gateway %s without a transfer", e.OtherGateway)
	case e.Role != forwarding.Gateway || e.Transfer > forwarding.Arrived:
		return fmt.Errorf("%v (%d) is nothing for an entry of role %d", e.Transfer, e.Transfer, e.Role)
	case e.OtherGateway == e.Peer:
		return errors.New("the other gateway of its transfer is its anchor")
	}
	return l.checkEnd(e, e.OtherGateway)
}
