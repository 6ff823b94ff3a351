package kernel

import (
	"fmt"
	"net/netip"
	"strings"
)

// The backends say what they want as the values below, which are comparable and render as the ip(8) command that would
// make them. Only conn.go knows how they look in rtnetlink.

// routeKind is rtm_type.
type routeKind uint8

const (
	unicast routeKind = iota
	local
	blackhole
	unreachable
	throw
)

// encapKind is RTA_ENCAP_TYPE, as far as it is used here.
type encapKind uint8

const (
	noEncap encapKind = iota
	seg6Red           // one segment, reduced: an RFC 2473 packet to segment
	endDT6            // seg6local End.DT6: decapsulate and look up in decapTable
	endDX4            // seg6local End.DX4: decapsulate IPv4, and go on as if it were for segment
	foreign           // an encapsulation that is none of ours
)

// Metrics of our routes. They differ from every default, so that replacing a route of ours never replaces an operator's.
const (
	entryMetric     = 213
	poolMetric      = 65212 // the way of a whole pool: behind every entry, also one that covers it
	aggregateMetric = 65213 // the answer for those of a pool that nobody has
)

// mainTable is RT_TABLE_MAIN, localTable RT_TABLE_LOCAL.
const (
	mainTable  = 254
	localTable = 255
)

// route is one route, of the family of dst: IPv4 ones have no src, and a next hop that is IPv6 all the same, for which nobody has to be
// asked by ARP. Its key within the kernel is table, dst, src and metric.
type route struct {
	table      int
	dst, src   netip.Prefix // src is the zero Prefix when any source will do
	metric     uint32
	kind       routeKind
	via        netip.Addr
	dev        string
	encap      encapKind
	segment    netip.Addr // seg6Red, endDX4
	decapTable int        // endDT6
	hop        uint32     // a next hop of ours, in place of dev, via and encap
}

// routeKey is what the kernel tells two routes apart by.
type routeKey struct {
	table    int
	dst, src netip.Prefix
	metric   uint32
}

func (r *route) key() routeKey { return routeKey{r.table, r.dst, r.src, r.metric} }

// prefix is that of the entry to which r belongs, if it belongs to one.
func (r *route) prefix() netip.Prefix {
	if r.src.IsValid() && r.dst.Bits() == 0 {
		return r.src
	}
	return r.dst
}

func (r route) String() string {
	var b strings.Builder
	b.WriteString(ipCommand(r.dst.Addr().Is4()) + " route replace ")
	if r.kind != unicast {
		b.WriteString([...]string{"", "local ", "blackhole ", "unreachable ", "throw "}[r.kind])
	}
	if r.dst.Bits() == 0 {
		b.WriteString("default")
	} else {
		b.WriteString(r.dst.String())
	}
	if r.src.IsValid() {
		fmt.Fprintf(&b, " from %s", r.src)
	}
	switch r.encap {
	case seg6Red:
		fmt.Fprintf(&b, " encap seg6 mode encap.red segs %s", r.segment)
	case endDT6:
		fmt.Fprintf(&b, " encap seg6local action End.DT6 table %d", r.decapTable)
	case endDX4:
		fmt.Fprintf(&b, " encap seg6local action End.DX4 nh4 %s", r.segment)
	case foreign:
		b.WriteString(" encap unknown")
	}
	if r.via.IsValid() && r.dst.Addr().Is4() {
		fmt.Fprintf(&b, " via inet6 %s", r.via)
	} else if r.via.IsValid() {
		fmt.Fprintf(&b, " via %s", r.via)
	}
	if r.dev != "" {
		fmt.Fprintf(&b, " dev %s", r.dev)
	}
	if r.hop != 0 {
		fmt.Fprintf(&b, " nhid %d", r.hop)
	}
	fmt.Fprintf(&b, " table %d metric %d", r.table, r.metric)
	return b.String()
}

// object is one route, one rule, one neighbour entry, one known sender or one home address with offloaded flows: a rule if its priority is
// set, a neighbour entry if its device is, a sender if its source is, and the last if its address is.
type object struct {
	route     route
	rule      rule
	neighbour neighbour
	sender    sender
	offload   offload
	// uncertain objects may or may not be in the kernel, or differ there: a request about them failed. Of a route only the key is known.
	uncertain bool
}

func (o *object) isRule() bool { return o.rule.priority != 0 }

func (o *object) isNeighbour() bool { return o.neighbour.dev != "" }

func (o *object) isSender() bool { return o.sender.source.IsValid() }

func (o *object) isOffload() bool { return o.offload.home.IsValid() }

// replaces says whether adding o leaves nothing of x.
func (o *object) replaces(x *object) bool {
	return o.rule == x.rule && o.route.key() == x.route.key() && o.neighbour.key() == x.neighbour.key() && o.sender == x.sender && o.offload.home == x.offload.home
}

// doubtful is what is known of o after a request about it failed.
func (o *object) doubtful() object {
	return object{rule: o.rule, neighbour: o.neighbour.key(), sender: o.sender, offload: offload{home: o.offload.home}, uncertain: true,
		route: route{table: o.route.table, dst: o.route.dst, src: o.route.src, metric: o.route.metric}}
}

func (o *object) request(remove bool) request {
	if o.isRule() {
		return request{rule: &o.rule, remove: remove}
	}
	if o.isNeighbour() {
		return request{neighbour: &o.neighbour, remove: remove}
	}
	if o.isSender() {
		return request{sender: &o.sender, remove: remove}
	}
	if o.isOffload() {
		return request{offload: &o.offload, remove: remove}
	}
	return request{route: &o.route, remove: remove}
}

// rule is one policy rule, of IPv6 unless ipv4 is set. Absent selectors are zero.
type rule struct {
	ipv4     bool
	priority int
	iif      string
	from, to netip.Prefix
	mark     uint32 // of markMask
	ipproto  uint8
	table    int  // 0: jump, or else the packet is dropped
	specific bool // a default route of table does not count
	jump     int  // priority of the rule to go on with
	protocol uint8
}

func (r rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s rule add pref %d", ipCommand(r.ipv4), r.priority)
	if r.from.IsValid() {
		b.WriteString(" from " + selector(r.from))
	}
	if r.to.IsValid() {
		b.WriteString(" to " + selector(r.to))
	}
	if r.iif != "" {
		fmt.Fprintf(&b, " iif %s", r.iif)
	}
	if r.mark != 0 {
		fmt.Fprintf(&b, " fwmark %#x/%#x", r.mark, uint32(markMask))
	}
	if r.ipproto != 0 {
		fmt.Fprintf(&b, " ipproto %d", r.ipproto)
	}
	switch {
	case r.table != 0:
		fmt.Fprintf(&b, " lookup %d", r.table)
		if r.specific {
			b.WriteString(" suppress_prefixlength 0")
		}
	case r.jump != 0:
		fmt.Fprintf(&b, " goto %d", r.jump)
	default:
		b.WriteString(" blackhole")
	}
	return b.String()
}

func ipCommand(ipv4 bool) string {
	if ipv4 {
		return "ip"
	}
	return "ip -6"
}

// selector is p as ip(8) writes it.
func selector(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// sourceCheck is what the kernel demands of the IPv4 sources that come in by a link.
type sourceCheck uint8

const (
	checkAsIs   sourceCheck = iota // none of our business: the link carries no IPv4
	checkNone                      // anything goes, also from our own addresses
	checkStrict                    // packets to the source would go out by the same link (RFC 3704 section 2.2)
)

// link is one network device, or a pair of them when other is set.
type link struct {
	name          string
	other         string     // veth: the other end
	local, remote netip.Addr // ip6tnl, or sit if they are IPv4: the tunnel's end points
	lower         string     // of these two: the device below
	any           bool       // of these two: for IPv4 and IPv6
	mtu           int
	check         sourceCheck // the other end of a pair checks nothing unless this is checkAsIs
}

func (l link) withMTU(mtu int) link {
	l.mtu = mtu
	return l
}

func (l link) String() string {
	check := [...]string{"", "; sysctl net.ipv4.conf.%[1]s.rp_filter=0", "; sysctl net.ipv4.conf.%[1]s.rp_filter=1"}[l.check]
	if check != "" {
		check = fmt.Sprintf(check, l.name)
	}
	if l.other != "" {
		return fmt.Sprintf("ip link add %s mtu %d type veth peer name %s mtu %d%s", l.name, l.mtu, l.other, l.mtu, check)
	}
	mode := "ip6ip6"
	switch {
	case l.any:
		mode = "any"
	case l.remote.Is4():
		mode = "ip6ip"
	}
	if l.remote.Is4() {
		return fmt.Sprintf("ip link add %s mtu %d type sit mode %s local %s remote %s ttl %d pmtudisc dev %s%s",
			l.name, l.mtu, mode, l.local, l.remote, tunnelHopLimit, l.lower, check)
	}
	return fmt.Sprintf("ip link add %s mtu %d type ip6tnl mode %s local %s remote %s encaplimit none hoplimit %d dev %s%s",
		l.name, l.mtu, mode, l.local, l.remote, tunnelHopLimit, l.lower, check)
}
