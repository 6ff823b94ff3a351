package kernel

import (
	"net/netip"

	"netlmm/mobility/forwarding"
)

// tunnelHopLimit is the hop limit of outer packets (RFC 2473 section 6.3) where the backend can choose it.
const tunnelHopLimit = 64

// maximumPeers bounds the number of tunnels, and with it the range of routing tables.
const maximumPeers = 16384

// everywhere is ::/0, everywhereIPv4 0.0.0.0/0.
var (
	everywhere     = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	everywhereIPv4 = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
)

// Where each rule stands, relative to Config.RulePriorityBase. The lookup of table local moves behind the rules that judge
// tunnelled packets and those from access links: neither are for the router itself unless a table says so.
const (
	fromTunnelRule    = iota // packets out of a tunnel, by peer
	denyTunnelRule           // what none of those let pass
	outerRule                // ip6tnl: tunnelled packets, as they arrive
	denyOuterRule            // those that did not come by the uplink
	encapRule                // packets that are to be encapsulated
	encapsulatedRule         // the outcome
	denyEncapRule            // what has no tunnel to go through
	linkRule                 // gateway: what a link's own protocols need, past the two that follow
	admitRule                // gateway: packets from an access link, by their source, before they may reach the router itself
	denyLinkRule             // of those, what a routing table cannot refuse
	localRule                // lookup local, in place of the one at priority 0
	toMobileRule             // gateway: the router's own packets to mobile nodes
	arriveRule               // gateway: what comes back of offloaded flows, to mobile nodes
	leaveRule                // gateway: packets of flows that are offloaded, by the router's own routes
	fromAccessRule           // gateway: packets from an access link, by their source, into the tunnel
	localRoutingRule         // gateway: of those that are left, what goes to a mobile node here without the tunnel
	throughAnchorRule        // gateway: the others of them, by their source, into the tunnel
	denyAccessRule           // what none of those let pass
	rulePriorities           // how many there are
)

// plan is the part of a backend's wishes that does not depend on entries.
type plan struct {
	links  []link
	hops   []hop
	rules  []rule
	routes []route
	over   []route // those over links, which must be up
}

func (p *plan) add(q plan) {
	p.links = append(p.links, q.links...)
	p.hops = append(p.hops, q.hops...)
	p.rules = append(p.rules, q.rules...)
	p.routes = append(p.routes, q.routes...)
	p.over = append(p.over, q.over...)
}

// peer is the other end of one tunnel. Its slot numbers the tables and the device that are its own.
type peer struct {
	addr netip.Addr
	slot int
	path int // MTU of the path there; 0: at least that of the uplink
}

// backend turns what is wanted into routes, rules and links. It is a pure function of its layout.
type backend interface {
	name() string
	// base is what stands as long as the daemon runs.
	base() plan
	// tunnel is what stands as long as p has entries.
	tunnel(p peer) plan
	// entry appends to objects, which has room for them, those of one entry whose peer is p, and whose other gateway o if there is
	// one, in the order in which they may appear: a packet that follows a later one finds the earlier ones in place. They go in
	// the opposite order.
	entry(objects []object, e forwarding.Entry, p, o peer) []object
	// peers reads the tunnels back from what an earlier run left.
	peers(rules []rule, links []link) []peer
}

// layout is the resolved configuration, which both backends build on.
type layout struct {
	Config
	mtu      int // of a tunnel whose path is not narrower than the uplink
	smallest int // room for inner packets on the narrowest of all paths; 0: none is narrower

	sitMissing error // why there can be no tunnels over IPv4
}

func (l layout) backend() backend {
	if l.Backend != SEG6 {
		return &ip6tnl{l}
	}
	return &seg6{l}
}

// encapTable holds, for seg6, the routes that encapsulate.
func (l *layout) encapTable() int { return l.TableBase }

// accessTable holds the way into the tunnels of what enters from the i-th access link.
func (l *layout) accessTable(i int) int { return l.TableBase + 1 + i }

// inTable holds what p may deliver to us: at the anchor by source, at the gateway by destination.
func (l *layout) inTable(p peer) int { return l.TableBase + maximumAccessInterfaces + 1 + 2*p.slot }

// decapTable holds, for seg6, the one route that decapsulates what p sends.
func (l *layout) decapTable(p peer) int { return l.inTable(p) + 1 }

// slotOf is the inverse of inTable.
func (l *layout) slotOf(table int) (slot int, ok bool) {
	n := table - l.inTable(peer{})
	return n / 2, n >= 0 && n%2 == 0 && n/2 < maximumPeers
}

// admitTable judges the sources of packets from the i-th access link: throw, which goes on with the next rule, or drop.
func (l *layout) admitTable(i int) int { return l.inTable(peer{slot: maximumPeers}) + i }

// Tables behind those of all peers. IPv4 and IPv6 number theirs apart; of a peer's tables, inTable delivers in both.

// localRoutingTable holds the prefixes of mobile nodes with local routing, at the gateway.
func (l *layout) localRoutingTable() int { return l.admitTable(maximumAccessInterfaces) }

// anchorTable holds the way into the tunnels of what enters from the i-th access link with the source of such a mobile node.
func (l *layout) anchorTable(i int) int { return l.localRoutingTable() + 1 + i }

// decapIPv4Table holds, for seg6, the one route that decapsulates the IPv4 packets of p; among the IPv4 tables, the one that
// encapsulates.
func (l *layout) decapIPv4Table(p peer) int { return l.anchorTable(maximumAccessInterfaces) + p.slot }

// offloadTable holds, among the IPv4 tables, the home addresses that packets of offloaded flows come back to.
func (l *layout) offloadTable() int { return l.accessTable(0) }

// upTable holds, at the gateway, the way of IPv4 packets into the tunnel to p.
func (l *layout) upTable(p peer) int { return l.decapTable(p) }

// outTable holds the way into the tunnel for the source of e, on the i-th access link.
func (l *layout) outTable(i int, e *forwarding.Entry) int {
	if e.LocalRouting {
		return l.anchorTable(i)
	}
	return l.accessTable(i)
}

func (l *layout) accessIndex(name string) (int, bool) {
	for i, n := range l.AccessInterfaces {
		if n == name {
			return i, true
		}
	}
	return 0, false
}

func (l *layout) rule(position int, r rule) rule {
	r.priority, r.protocol = l.RulePriorityBase+position, l.RouteProtocol
	return r
}

// commonBase is what both backends need: the moved lookup of table local; at the gateway, the judgement
// over what enters from access links: only what an entry's source route lets pass, RFC 5213 section 6.10.5, and all of that into the tunnel, as
// section 6.10.3 wants it without EnableMAGLocalRouting. With it, for some mobile nodes, packets from one of them to
// another leave by the access link of that one: the tunnel takes their sources last. A mobile node may speak to the router itself by the same sources
// and by those that Neighbor Discovery, MLD and DHCPv6 use: with a forged source of the core it could pose as one of the
// hosts there that the router's own services trust.
func (l *layout) commonBase() plan {
	p := plan{rules: []rule{l.rule(localRule, rule{table: localTable})}}
	if l.Role == forwarding.Anchor {
		return p
	}
	p.rules = append(p.rules, l.linkRules()...)
	for i, name := range l.AccessInterfaces {
		p.routes = append(p.routes, route{table: l.admitTable(i), dst: everywhere, metric: aggregateMetric, kind: blackhole})
		p.rules = append(p.rules,
			l.rule(admitRule, rule{iif: name, table: l.admitTable(i)}),
			l.rule(denyLinkRule, rule{iif: name, to: linkLocal}),
			l.rule(denyLinkRule, rule{iif: name, to: multicast}),
			l.rule(fromAccessRule, rule{iif: name, table: l.accessTable(i)}),
			l.rule(localRoutingRule, rule{iif: name, table: l.localRoutingTable()}),
			l.rule(throughAnchorRule, rule{iif: name, table: l.anchorTable(i)}),
			l.rule(denyAccessRule, rule{iif: name}))
	}
	if l.ipv4() {
		p.rules = append(p.rules, l.accessRulesIPv4()...)
	}
	return p
}

// Link-local and multicast destinations are looked up among the routes of the interface only. A route that drops has none,
// so that rules must judge them.
var (
	linkLocal = netip.MustParsePrefix("fe80::/10")
	multicast = netip.MustParsePrefix("ff00::/8")
)

// linkRules pass what has a source that says nothing beyond the link, and the ICMPv6 that stays on it: a host solicits its
// router from the address that it is about to use (RFC 4861 section 7.2.2), bound or not yet. They stand for every
// interface, since all that they skip concerns access links only.
func (l *layout) linkRules() []rule {
	local := l.RulePriorityBase + localRule
	return []rule{
		l.rule(linkRule, rule{from: linkLocal, jump: local}),
		l.rule(linkRule, rule{from: host(netip.IPv6Unspecified()), jump: local}),
		l.rule(linkRule, rule{to: linkLocal, ipproto: protocolICMPv6, jump: local}),
		l.rule(linkRule, rule{to: multicast, ipproto: protocolICMPv6, jump: local}),
	}
}

// nobody answers for the prefixes of the pools of one family that nobody has, in the table where the entries stand; without it
// packets to them would follow the default route out and come back.
func (l *layout) nobody(table int, ipv4 bool) []route {
	routes := make([]route, 0, len(l.Aggregates))
	for _, a := range l.Aggregates {
		if a.Addr().Is4() != ipv4 {
			continue
		}
		routes = append(routes, route{table: table, dst: a.Masked(), metric: aggregateMetric, kind: unreachable})
	}
	return routes
}

// host is the prefix of one address.
func host(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(addr, addr.BitLen()) }

// admission lets packets with such a source enter from the i-th access link.
func (l *layout) admission(i int, source netip.Prefix) route {
	return route{table: l.admitTable(i), dst: everywhere, src: source, metric: entryMetric, kind: throw}
}

// aggregated says whether prefix is of one of the pools.
func (l *layout) aggregated(prefix netip.Prefix) bool {
	for _, a := range l.Aggregates {
		if a.Bits() <= prefix.Bits() && a.Contains(prefix.Addr()) {
			return true
		}
	}
	return false
}

// discard is the route of an entry whose mobile node has left: its traffic is dropped while the binding waits for its end
// (RFC 5213 section 5.3.5).
func discard(objects []object, table int, e *forwarding.Entry) []object {
	return append(objects, object{route: route{table: table, dst: e.Prefix, metric: entryMetric, kind: blackhole}})
}

// direct is the route by which other mobile nodes with local routing reach that of e, while it is here.
func (l *layout) direct(objects []object, e *forwarding.Entry) []object {
	if !e.LocalRouting || !e.OnLink() {
		return objects
	}
	return append(objects, object{route: towards(e, route{table: l.localRoutingTable(), dst: e.Prefix, metric: entryMetric})})
}

// onLink is the route that delivers to the mobile node. It stands in the table of its peer only, so that neither a packet
// that came untunnelled nor one from another peer finds it.
func (l *layout) onLink(e forwarding.Entry, p peer) route {
	return towards(&e, route{table: l.inTable(p), dst: e.Prefix, metric: entryMetric})
}
