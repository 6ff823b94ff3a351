package kernel

import (
	"net/netip"

	"netlmm/mobility/forwarding"
)

// IPv4 home addresses (RFC 5844) go through the same tunnels, as IPv4 in IPv6. IPv4 has no routes by source, so that sources
// are judged in another way than those of IPv6.
//
// At the anchor, each peer has a link of its own on which what it sends arrives decapsulated, and by which its mobile nodes
// are reached. There Linux checks strictly that the way back to a source is the way it came: a MAG delivers only sources
// that are bound at it.
//
// At the gateway, each home address has two rules: one admits what its access link brings with it as source, the other
// leads that into the tunnel of its anchor. What is neither is dropped before it reaches the router itself. That leaves
// what Linux looks up in no table, the limited broadcast: by it a DHCP client without an address finds the server.

// ipv4 says whether this data plane carries IPv4 home addresses.
func (l *layout) ipv4() bool {
	if l.IPv4 {
		return true
	}
	for _, a := range l.Aggregates {
		if a.Addr().Is4() {
			return true
		}
	}
	return false
}

// check is the check of sources on a link by which packets of a tunnel come in.
func (l *layout) check() sourceCheck {
	switch {
	case !l.ipv4():
		return checkAsIs
	case l.Role == forwarding.Anchor:
		return checkStrict
	}
	return checkNone
}

// leaveAccessUnchecked lifts the reverse path filters of access links, which know less than the rules here: what a mobile node that is
// leaving still sends comes from where nothing leads back.
func (k *Kernel) leaveAccessUnchecked() error {
	if !k.layout.ipv4() {
		return nil
	}
	for _, name := range k.layout.AccessInterfaces {
		if _, err := k.system.index(name); err != nil {
			continue // it is still to come
		}
		if err := k.system.leaveUnchecked(name); err != nil {
			return err
		}
	}
	return nil
}

// accessRulesIPv4 move the lookup of table local behind those that judge what enters from access links.
func (l *layout) accessRulesIPv4() []rule {
	rules := []rule{l.rule(localRule, rule{ipv4: true, table: localTable})}
	for _, name := range l.AccessInterfaces {
		rules = append(rules,
			l.rule(denyLinkRule, rule{ipv4: true, iif: name}),
			l.rule(localRoutingRule, rule{ipv4: true, iif: name, table: l.localRoutingTable()}),
			l.rule(denyAccessRule, rule{ipv4: true, iif: name}))
	}
	return append(rules, l.offloadRules()...)
}

// tunnelIPv4 is what IPv4 needs of the tunnel to p, whose packets come and go by dev.
func (l *layout) tunnelIPv4(p peer, dev string, via netip.Addr) plan {
	if l.Role == forwarding.Anchor {
		return plan{}
	}
	return plan{
		rules: []rule{
			l.rule(fromTunnelRule, rule{ipv4: true, iif: dev, table: l.inTable(p)}),
			l.rule(denyTunnelRule, rule{ipv4: true, iif: dev}),
			l.rule(toMobileRule, rule{ipv4: true, iif: "lo", table: l.inTable(p)}),
		},
		over: []route{{table: l.upTable(p), dst: everywhereIPv4, metric: entryMetric, via: via, dev: dev}},
	}
}

// entryIPv4 appends the objects of an entry whose packets come and go by the ways to p and o.
func (l *layout) entryIPv4(objects []object, e *forwarding.Entry, p, o peer, up, across way) []object {
	switch e.Role {
	case forwarding.Anchor:
		return append(objects, object{route: up.to(mainTable, e.Prefix)})
	case forwarding.Gateway:
		return l.gatewayEntryIPv4(objects, e, p, o, across)
	default:
		return discard(objects, mainTable, e)
	}
}
