package kernel

import (
	"net/netip"
	"slices"
	"strconv"

	"netlmm/mobility/forwarding"
)

// The veth pair that stands in for the tunnel device: what is routed into one end is encapsulated as it leaves the other.
// That makes the kernel treat the way into the tunnel as a hop of the inner packet: its hop limit is decremented, and what
// exceeds the MTU is answered with a Packet Too Big to the inner source (RFC 2473 sections 3.1 and 7.1).
const (
	seg6In  = "pmtun0"
	seg6Out = "pmtun1"
)

// Addresses of the pair. They exist as permanent neighbours only; neither end has an address.
var (
	seg6InAddr  = netip.MustParseAddr("fe80::a")
	seg6OutAddr = netip.MustParseAddr("fe80::b")
	// seg6NobodyAddr is behind the pair as well, with a link-layer address that is not that of the other end, which ignores the frame.
	seg6NobodyAddr = netip.MustParseAddr("fe80::d")
	seg6InMAC      = [6]byte{0x02, 0, 0x5e, 0, 0x52, 0x0a}
	seg6OutMAC     = [6]byte{0x02, 0, 0x5e, 0, 0x52, 0x0b}
	seg6NobodyMAC  = [6]byte{0x02, 0, 0x5e, 0, 0x52, 0x0d}
)

// seg6 tunnels with segment routing's lightweight tunnels: one segment, reduced encapsulation, which on the wire is plain
// IPv6-in-IPv6 (RFC 2473) and interworks with ip6tnl.
//
// The hop limit and the ECN field of the outer header are the business of the programs at the uplink (outer.go): the kernel by
// itself copies the inner hop limit, and forgets a congestion mark at the exit.
type seg6 struct{ layout }

func (s *seg6) name() string { return "seg6" }

func (s *seg6) base() plan {
	p := s.commonBase()
	p.links = append(p.links, link{name: seg6In, other: seg6Out, mtu: s.inner(s.smallest)})
	p.rules = append(p.rules,
		s.rule(encapRule, rule{iif: seg6Out, table: s.encapTable()}),
		// The encapsulated packet is routed once more from seg6Out, now with our address as source. Anything else there
		// has lost its tunnel and must not wander.
		s.rule(encapsulatedRule, rule{iif: seg6Out, from: host(s.Local), jump: s.RulePriorityBase + localRule}),
		s.rule(denyEncapRule, rule{iif: seg6Out}))
	p.add(s.sitBase())
	if s.Role == forwarding.Gateway {
		p.rules = append(p.rules, s.rule(denyTunnelRule, rule{iif: seg6In}))
		p.add(s.transferBase())
	} else {
		p.routes = append(p.routes, s.nobody(s.encapTable(), false)...)
		p.routes = append(p.routes, s.nobody(mainTable, false)...) // should the pair go
		p.routes = append(p.routes, s.nobody(mainTable, true)...)
		for _, a := range s.Aggregates {
			if a.Addr().Is6() {
				p.over = append(p.over, s.intoPair(mainTable, a.Masked(), poolMetric))
			}
		}
	}
	if s.ipv4() {
		p.rules = append(p.rules, s.rule(fromTunnelRule, rule{ipv4: true, iif: s.Uplink, to: seg6NextHops, table: s.encapTable()}))
		p.routes = append(p.routes, route{table: s.encapTable(), dst: everywhereIPv4, metric: aggregateMetric, kind: blackhole})
	}
	return p
}

// tunnel accepts protocol 41 from this peer on the uplink only. Mobility Headers, IKE and ND from the same peer do not
// match and stay local.
func (s *seg6) tunnel(p peer) plan {
	if p.addr.Is4() {
		return s.deviceTunnel(p)
	}
	t := plan{
		rules: []rule{s.rule(fromTunnelRule, rule{
			iif: s.Uplink, from: host(p.addr), to: host(s.Local), ipproto: protocolIPv6, table: s.decapTable(p)})},
		routes: []route{{
			table: s.decapTable(p), dst: host(s.Local), metric: entryMetric, kind: local,
			encap: endDT6, decapTable: s.inTable(p), dev: s.Uplink}},
	}
	if s.Role == forwarding.Anchor {
		t.hops = []hop{{id: s.hopID(p), segment: p.addr, dev: s.Uplink}}
	} else {
		t.rules = append(t.rules, s.rule(toMobileRule, rule{iif: "lo", table: s.inTable(p), specific: true}))
		// What End.DT6 finds no route for it answers, and a gateway must drop it silently (RFC 5213 section 6.10.5): it goes to
		// nobody. A route that drops would end the lookup of what this host sends itself.
		t.over = append(t.over, route{table: s.inTable(p), dst: everywhere, metric: aggregateMetric, via: seg6NobodyAddr, dev: seg6Out})
	}
	if s.ipv4() {
		t.add(s.tunnelPairIPv4(p))
	}
	return t
}

// For IPv4 each peer has a pair of its own, which tells it from the others: what is routed into the first end is
// encapsulated as it leaves the second; what was decapsulated goes the other way. End.DX4 decides by a next hop of its own
// choice, not by the packet: that next hop leads into the second end, and is of a range that no other packet is for.
const (
	seg6InIPv4  = "pm4in-"
	seg6OutIPv4 = "pm4out-"
)

var (
	seg6NextHops     = netip.MustParsePrefix("169.254.64.0/18") // RFC 3927 addresses, one for each slot
	seg6FirstNextHop = seg6NextHops.Addr().As4()
)

func (s *seg6) pairIPv4(p peer) link {
	return link{name: s.deviceIPv4(p), other: seg6OutIPv4 + strconv.Itoa(p.slot), mtu: s.mtuOf(p), check: s.check()}
}

func (s *seg6) deviceIPv4(p peer) string { return seg6InIPv4 + strconv.Itoa(p.slot) }

func (s *seg6) nextHop(p peer) netip.Addr {
	a := seg6FirstNextHop
	a[2], a[3] = a[2]+byte(p.slot>>8), byte(p.slot)
	return netip.AddrFrom4(a)
}

func (s *seg6) tunnelPairIPv4(p peer) plan {
	pair, table := s.pairIPv4(p), s.decapIPv4Table(p)
	t := plan{
		links: []link{pair},
		rules: []rule{
			s.rule(fromTunnelRule, rule{iif: s.Uplink, from: host(p.addr), to: host(s.Local), ipproto: protocolIPv4, table: table}),
			s.rule(encapRule, rule{ipv4: true, iif: pair.other, table: table}),
		},
		routes: []route{
			{table: table, dst: host(s.Local), metric: entryMetric, kind: local, encap: endDX4, segment: s.nextHop(p), dev: s.Uplink},
			{table: table, dst: everywhereIPv4, metric: entryMetric, encap: seg6Red, segment: p.addr, dev: s.Uplink},
		},
		over: []route{{table: s.encapTable(), dst: host(s.nextHop(p)), metric: entryMetric, via: seg6InAddr, dev: pair.other}},
	}
	t.add(s.tunnelIPv4(p, pair.name, seg6OutAddr))
	return t
}

// intoPair is the route for dst to where packets are encapsulated.
func (s *seg6) intoPair(table int, dst netip.Prefix, metric uint32) route {
	return route{table: table, dst: dst, metric: metric, via: seg6OutAddr, dev: seg6In}
}

// entry makes no route to the pair for a prefix of a pool: that of the pool leads there, and the route that encapsulates
// tells the prefixes apart. A registration thus costs two routes.
func (s *seg6) entry(objects []object, e forwarding.Entry, p, o peer) []object {
	if e.Prefix.Addr().Is4() {
		return s.entryIPv4(objects, &e, p, o, s.wayIPv4(p), s.wayIPv4(o))
	}
	switch {
	case e.Role == forwarding.Gateway:
		return s.entryAtGateway(objects, &e, p, o)
	case p.addr.Is4():
		return s.deviceEntry(objects, e, p, o)
	case e.Role == forwarding.Anchor:
		encap := route{table: s.encapTable(), dst: e.Prefix, metric: entryMetric, hop: s.hopID(p)}
		objects = append(objects,
			object{route: encap},
			// End.DT6 looks up in one table and knows no "continue with the next rule": a packet whose source may come
			// from this peer goes once through the pair backwards, and from there by the ordinary tables.
			object{route: route{table: s.inTable(p), dst: everywhere, src: e.Prefix, metric: entryMetric, via: seg6InAddr, dev: seg6Out}})
		if !s.aggregated(e.Prefix) {
			objects = append(objects, object{route: s.intoPair(mainTable, e.Prefix, entryMetric)})
		}
		return objects
	default:
		if s.aggregated(e.Prefix) {
			return discard(objects, s.encapTable(), &e)
		}
		return discard(objects, mainTable, &e)
	}
}

func (s *seg6) peers(rules []rule, links []link) []peer {
	found := s.devicePeers(nil, slices.DeleteFunc(links, func(l link) bool { return !l.remote.Is4() }))
	for _, r := range rules {
		if r.priority != s.RulePriorityBase+fromTunnelRule || r.ipproto != protocolIPv6 || !r.from.IsValid() {
			continue
		}
		if slot, ok := s.slotOf(r.table - 1); ok {
			found = append(found, peer{addr: r.from.Addr(), slot: slot})
		}
	}
	return found
}
