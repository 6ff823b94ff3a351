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
// any inner packet pass; the rules of its own decide about those. Without an IPv6 address of this router there are no such
// peers, and what is left are the devices to IPv4 peers (sit.go).
type ip6tnl struct{ layout }

func (t *ip6tnl) name() string { return t.Backend }

// base keeps tunnelled packets away from the devices unless they came by the uplink: the driver would take one with the
// right addresses from any interface, an access link included.
func (t *ip6tnl) base() plan {
	p := t.commonBase()
	if t.Local.IsValid() {
		p.rules = append(p.rules, t.outerRules(t.Local)...)
	}
	p.add(t.sitBase())
	if t.Role == forwarding.Anchor {
		p.routes = append(p.routes, t.nobody(mainTable, false)...)
		p.routes = append(p.routes, t.nobody(mainTable, true)...)
	}
	return p
}

// outerRules let tunnelled packets to our end of the tunnels pass if they came by the uplink, and no others.
func (l *layout) outerRules(local netip.Addr) []rule {
	protocols := []uint8{protocolIPv6}
	if l.ipv4() {
		protocols = append(protocols, protocolIPv4)
	}
	var rules []rule
	for _, protocol := range protocols {
		rules = append(rules,
			l.rule(outerRule, rule{ipv4: local.Is4(), iif: l.Uplink, to: host(local), ipproto: protocol, jump: l.RulePriorityBase + localRule}),
			l.rule(denyOuterRule, rule{ipv4: local.Is4(), to: host(local), ipproto: protocol}))
	}
	return rules
}

// device is the name of the tunnel device of p.
func (l *layout) device(p peer) string {
	if p.addr.Is4() {
		return sitPrefix + strconv.Itoa(p.slot)
	}
	return ip6tnlPrefix + strconv.Itoa(p.slot)
}

func (t *ip6tnl) tunnel(p peer) plan { return t.deviceTunnel(p) }

// deviceTunnel is the tunnel to a peer that has a device.
func (l *layout) deviceTunnel(p peer) plan {
	dev, mtu := l.device(p), l.mtu // ip6tnl follows the path by itself
	if p.addr.Is4() {
		mtu = l.mtuOf(p)
	}
	// Whatever came out of the tunnel goes by the peer's table and by nothing else.
	tun := plan{
		links: []link{{name: dev, local: l.end(p.addr), remote: p.addr, lower: l.Uplink, mtu: mtu,
			any: l.ipv4(), check: l.check()}},
		rules: []rule{l.rule(fromTunnelRule, rule{iif: dev, table: l.inTable(p)})},
	}
	if l.ipv4() {
		tun.add(l.tunnelIPv4(p, dev, netip.Addr{}))
	}
	if l.Role == forwarding.Anchor {
		tun.routes = []route{{table: l.inTable(p), dst: everywhere, metric: aggregateMetric, kind: blackhole}}
		return tun
	}
	// The gateway's table also serves its own packets to mobile nodes, so that the end of the road is a rule.
	tun.rules = append(tun.rules,
		l.rule(denyTunnelRule, rule{iif: dev}),
		l.rule(toMobileRule, rule{iif: "lo", table: l.inTable(p)}))
	return tun
}

func (t *ip6tnl) entry(objects []object, e forwarding.Entry, p, o peer) []object {
	return t.deviceEntry(objects, e, p, o)
}

// deviceEntry is what an entry takes whose peers have devices.
func (l *layout) deviceEntry(objects []object, e forwarding.Entry, p, o peer) []object {
	up, across := way{dev: l.device(p)}, way{dev: l.device(o)}
	if e.Prefix.Addr().Is4() {
		return l.entryIPv4(objects, &e, p, o, up, across)
	}
	switch e.Role {
	case forwarding.Anchor:
		return append(objects,
			// throw: a source that may come from this peer continues with the ordinary rules and tables.
			object{route: route{table: l.inTable(p), dst: everywhere, src: e.Prefix, metric: entryMetric, kind: throw}},
			object{route: up.to(mainTable, e.Prefix)})
	case forwarding.Gateway:
		return l.gatewayEntry(objects, &e, p, o, up, across)
	default:
		return discard(objects, mainTable, &e)
	}
}

func (t *ip6tnl) peers(_ []rule, links []link) []peer { return t.devicePeers(nil, links) }

// devicePeers appends the peers of the devices that an earlier run left. One to which we have no end any more is none.
func (l *layout) devicePeers(found []peer, links []link) []peer {
	for _, device := range links {
		if slot, ok := slotOfDevice(device.name); ok && device.remote.IsValid() && l.end(device.remote).IsValid() {
			found = append(found, peer{addr: device.remote, slot: slot})
		}
	}
	return found
}

// slotOfDevice is the slot of the peer whose device has that name.
func slotOfDevice(name string) (slot int, ok bool) {
	var number string
	for _, prefix := range []string{ip6tnlPrefix, sitPrefix, seg6InIPv4} {
		if number, ok = strings.CutPrefix(name, prefix); ok {
			break
		}
	}
	slot, err := strconv.Atoi(number)
	return slot, ok && err == nil && slot >= 0 && slot < maximumPeers
}
