package kernel

import (
	"net/netip"
	"strconv"
	"strings"

	"netlmm/mobility/forwarding"
)

// ip6tnlPrefix begins the name of every tunnel device of ours; the slot of the peer follows.
const ip6tnlPrefix = "pmip6-"

// ip6tnl tunnels with one ip6tnl device a peer (RFC 2473). The device decapsulates only what comes from its peer, but lets
// any inner packet pass; the rules of its own decide about those.
type ip6tnl struct{ layout }

func (t *ip6tnl) name() string { return "ip6tnl" }

// base keeps tunnelled packets away from the devices unless they came by the uplink: the driver would take one with the
// right addresses from any interface, an access link included.
func (t *ip6tnl) base() plan {
	p := t.commonBase()
	p.rules = append(p.rules,
		t.rule(outerRule, rule{iif: t.Uplink, to: host(t.Local), ipproto: protocolIPv6, jump: t.RulePriorityBase + localRule}),
		t.rule(denyOuterRule, rule{to: host(t.Local), ipproto: protocolIPv6}))
	if t.ipv4() {
		p.rules = append(p.rules,
			t.rule(outerRule, rule{iif: t.Uplink, to: host(t.Local), ipproto: protocolIPv4, jump: t.RulePriorityBase + localRule}),
			t.rule(denyOuterRule, rule{to: host(t.Local), ipproto: protocolIPv4}))
	}
	if t.Role == forwarding.Anchor {
		p.routes = append(p.routes, t.nobody(mainTable, false)...)
		p.routes = append(p.routes, t.nobody(mainTable, true)...)
	}
	return p
}

func (t *ip6tnl) device(p peer) string { return ip6tnlPrefix + strconv.Itoa(p.slot) }

func (t *ip6tnl) tunnel(p peer) plan {
	dev := t.device(p)
	// Whatever came out of the tunnel goes by the peer's table and by nothing else.
	tun := plan{
		links: []link{{name: dev, local: t.Local, remote: p.addr, lower: t.Uplink, mtu: t.mtu,
			any: t.ipv4(), check: t.check()}},
		rules: []rule{t.rule(fromTunnelRule, rule{iif: dev, table: t.inTable(p)})},
	}
	if t.ipv4() {
		tun.add(t.tunnelIPv4(p, dev, netip.Addr{}))
	}
	if t.Role == forwarding.Anchor {
		tun.routes = []route{{table: t.inTable(p), dst: everywhere, metric: aggregateMetric, kind: blackhole}}
		return tun
	}
	// The gateway's table also serves its own packets to mobile nodes, so that the end of the road is a rule.
	tun.rules = append(tun.rules,
		t.rule(denyTunnelRule, rule{iif: dev}),
		t.rule(toMobileRule, rule{iif: "lo", table: t.inTable(p)}))
	return tun
}

func (t *ip6tnl) entry(objects []object, e forwarding.Entry, p peer) []object {
	if e.Prefix.Addr().Is4() {
		return t.entryIPv4(objects, &e, p, t.device(p), netip.Addr{})
	}
	switch e.Role {
	case forwarding.Anchor:
		return append(objects,
			// throw: a source that may come from this peer continues with the ordinary rules and tables.
			object{route: route{table: t.inTable(p), dst: everywhere, src: e.Prefix, metric: entryMetric, kind: throw}},
			object{route: route{table: mainTable, dst: e.Prefix, metric: entryMetric, dev: t.device(p)}})
	case forwarding.Gateway:
		i, _ := t.accessIndex(e.Interface)
		out := route{table: t.outTable(i, &e), dst: everywhere, src: e.Prefix, metric: entryMetric, dev: t.device(p)}
		objects = append(pinned(objects, &e), object{route: t.onLink(e, p)}, object{route: t.admission(i, e.Prefix)})
		return append(t.direct(objects, &e), object{route: out})
	default:
		return discard(objects, mainTable, &e)
	}
}

func (t *ip6tnl) peers(_ []rule, links []link) []peer {
	var found []peer
	for _, l := range links {
		if slot, ok := slotOfDevice(l.name); ok && l.remote.IsValid() {
			found = append(found, peer{addr: l.remote, slot: slot})
		}
	}
	return found
}

// slotOfDevice is the slot of the peer whose device has that name.
func slotOfDevice(name string) (slot int, ok bool) {
	number, ok := strings.CutPrefix(name, ip6tnlPrefix)
	if !ok {
		number, ok = strings.CutPrefix(name, seg6InIPv4)
	}
	slot, err := strconv.Atoi(number)
	return slot, ok && err == nil && slot >= 0 && slot < maximumPeers
}
