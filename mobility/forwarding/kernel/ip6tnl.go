package kernel

import (
	"fmt"

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
	if t.Role == forwarding.Anchor {
		p.routes = append(p.routes, t.nobody(mainTable)...)
	}
	return p
}

func (t *ip6tnl) device(p peer) string { return fmt.Sprintf("%s%d", ip6tnlPrefix, p.slot) }

func (t *ip6tnl) tunnel(p peer) plan {
	dev := t.device(p)
	// Whatever came out of the tunnel goes by the peer's table and by nothing else.
	tun := plan{
		links: []link{{name: dev, local: t.Local, remote: p.addr, lower: t.Uplink, mtu: t.mtu}},
		rules: []rule{t.rule(fromTunnelRule, rule{iif: dev, table: t.inTable(p)})},
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
	switch e.Role {
	case forwarding.Anchor:
		return append(objects,
			// throw: a source that may come from this peer continues with the ordinary rules and tables.
			object{route: route{table: t.inTable(p), dst: everywhere, src: e.Prefix, metric: entryMetric, kind: throw}},
			object{route: route{table: mainTable, dst: e.Prefix, metric: entryMetric, dev: t.device(p)}})
	case forwarding.Gateway:
		i, _ := t.accessIndex(e.Interface)
		out := route{table: t.accessTable(i), dst: everywhere, src: e.Prefix, metric: entryMetric, dev: t.device(p)}
		return append(objects, object{route: t.onLink(e, p)}, object{route: t.admission(i, e.Prefix)}, object{route: out})
	default:
		return discard(objects, mainTable, &e)
	}
}

func (t *ip6tnl) peers(_ []rule, links []link) []peer {
	var found []peer
	for _, l := range links {
		var slot int
		if n, err := fmt.Sscanf(l.name, ip6tnlPrefix+"%d", &slot); n == 1 && err == nil &&
			slot >= 0 && slot < maximumPeers && l.remote.IsValid() {
			found = append(found, peer{addr: l.remote, slot: slot})
		}
	}
	return found
}
