package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"netlmm/mobility/forwarding"
)

// protocolKernel is RTPROT_KERNEL, which marks the rules that a network namespace is born with.
const protocolKernel = 2

// bornLocalRule is the lookup of table local as every network namespace has it.
var bornLocalRule = rule{priority: 0, table: localTable, protocol: protocolKernel}

// install makes what p asks for and raises links last: a tunnel passes packets only once its rules stand.
func (k *Kernel) install(p plan) error {
	for _, l := range p.links {
		if err := k.system.ensureLink(l); err != nil {
			return err
		}
	}
	requests := make([]request, 0, len(p.routes)+len(p.rules))
	for i := range p.routes {
		requests = append(requests, request{route: &p.routes[i]})
	}
	for i := range p.rules {
		requests = append(requests, request{rule: &p.rules[i]})
	}
	if err := errors.Join(k.system.do(requests)...); err != nil {
		return err
	}
	for _, l := range p.links {
		if err := k.system.raiseLink(l); err != nil {
			return err
		}
	}
	return nil
}

// adopt learns the tunnels of an earlier run.
func (k *Kernel) adopt() error {
	rules, err := k.ourRules()
	if err != nil {
		return err
	}
	links, err := k.system.ourLinks()
	if err != nil {
		return err
	}
	for _, p := range k.backend.peers(rules, links) {
		if _, known := k.tunnels[p.addr]; !known && !k.slots[p.slot].IsValid() {
			k.tunnels[p.addr], k.slots[p.slot] = p, p.addr
		}
	}
	return nil
}

// ensureBase makes, or mends, what stands as long as the daemon runs. The new lookup of table local is there before the
// old one goes: the router never loses its own addresses.
func (k *Kernel) ensureBase() error {
	if err := k.install(k.wanted()); err != nil {
		return err
	}
	if k.layout.Backend == SEG6 {
		if err := k.system.setTunnelSource(k.layout.Local); err != nil {
			return err
		}
	}
	rules, err := k.system.rules()
	if err != nil {
		return err
	}
	for _, r := range rules {
		if r.priority == bornLocalRule.priority && r.table == localTable {
			return errors.Join(k.system.do([]request{{rule: &r, remove: true}})...)
		}
	}
	return nil
}

// wanted is base and tunnels together.
func (k *Kernel) wanted() plan {
	p := k.backend.base()
	for addr, t := range k.tunnels {
		if _, broken := k.broken[addr]; !broken {
			p.add(k.backend.tunnel(t))
		}
	}
	return p
}

// breakUnused marks the tunnels that no entry refers to.
func (k *Kernel) breakUnused() {
	used := map[int]bool{}
	for _, h := range k.entries {
		for _, r := range h.routes {
			if slot, ok := k.layout.slotOf(r.table); ok {
				used[slot] = true
			}
		}
	}
	for addr, t := range k.tunnels {
		if !used[t.slot] {
			k.broken[addr] = struct{}{}
		}
	}
}

func (k *Kernel) ourRules() ([]rule, error) {
	all, err := k.system.rules()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r rule) bool { return r.protocol != k.layout.RouteProtocol }), nil
}

// Applied implements forwarding.Kernel. It also mends what others did to the base and the tunnels.
func (k *Kernel) Applied() ([]forwarding.Entry, error) {
	if err := k.ensureBase(); err != nil {
		return nil, err
	}
	routes, err := k.system.routes()
	if err != nil {
		return nil, err
	}
	have := make(map[route]struct{}, len(routes))
	for _, r := range routes {
		have[r] = struct{}{}
	}
	clear(k.entries)
	var found []forwarding.Entry
	for _, r := range routes {
		e, p, ok := k.candidate(r)
		if !ok || k.entries[e.Prefix] != nil {
			continue
		}
		parts := k.backend.entry(e, p)
		if slices.ContainsFunc(parts, func(part route) bool { _, ok := have[part]; return !ok }) {
			continue
		}
		k.entries[e.Prefix] = &heldRoutes{routes: parts}
		found = append(found, e)
	}
	return found, nil
}

// candidate is the entry that r may be a part of. Each entry has one route that says all about it: in the table of its
// peer, or, when it is discarded, the blackhole.
func (k *Kernel) candidate(r route) (forwarding.Entry, peer, bool) {
	if r.table == mainTable && r.kind == blackhole && r.metric == entryMetric && k.layout.Role == forwarding.Anchor {
		return forwarding.Entry{Prefix: r.dst, Role: forwarding.Discard}, peer{}, true
	}
	slot, ok := k.layout.slotOf(r.table)
	p, stands := k.tunnels[k.slots[slot]]
	if !ok || !stands || r.metric != entryMetric {
		return forwarding.Entry{}, peer{}, false
	}
	e := forwarding.Entry{Prefix: r.src, Role: k.layout.Role, Local: k.layout.Local, Peer: p.addr}
	if k.layout.Role == forwarding.Gateway {
		e.Prefix, e.Interface = r.dst, r.dev
		_, ok = k.layout.accessIndex(e.Interface)
	}
	return e, p, ok && e.Prefix.IsValid() && e.Prefix.Bits() > 0
}

// Sweep implements forwarding.Kernel. Tunnels without entries go too; their slots are free once nothing is left of them.
func (k *Kernel) Sweep() error {
	k.breakUnused()
	want := k.wanted()
	keep := make(map[routeKey]struct{}, len(want.routes))
	for _, r := range want.routes {
		keep[r.key()] = struct{}{}
	}
	for _, h := range k.entries {
		for _, r := range h.routes {
			keep[r.key()] = struct{}{}
		}
	}
	err := k.removeExcept(
		func(l link) bool {
			return slices.ContainsFunc(want.links, func(w link) bool { return w.name == l.name })
		},
		func(r rule) bool { return slices.Contains(want.rules, r) },
		func(r route) bool { _, ok := keep[r.key()]; return ok })
	if err != nil {
		return err
	}
	for addr := range k.broken {
		delete(k.slots, k.tunnels[addr].slot)
		delete(k.tunnels, addr)
	}
	clear(k.broken)
	return nil
}

// removeAll removes everything of ours and puts the lookup of table local back, which comes first.
func (k *Kernel) removeAll() error {
	errs := k.system.do([]request{{rule: &bornLocalRule}})
	errs = append(errs, k.removeExcept(
		func(link) bool { return false }, func(rule) bool { return false }, func(route) bool { return false }))
	if k.layout.Backend == SEG6 {
		errs = append(errs, k.system.setTunnelSource(netip.IPv6Unspecified()))
	}
	clear(k.tunnels)
	clear(k.broken)
	clear(k.slots)
	clear(k.entries)
	return errors.Join(errs...)
}

// removeExcept removes what is ours and not kept: tunnel devices first, because the rules that judge what comes out of them
// must outlive them.
func (k *Kernel) removeExcept(keepLink func(link) bool, keepRule func(rule) bool, keepRoute func(route) bool) error {
	routes, err := k.system.routes()
	if err != nil {
		return err
	}
	rules, err := k.ourRules()
	if err != nil {
		return err
	}
	links, err := k.system.ourLinks()
	if err != nil {
		return err
	}
	var errs []error
	var requests []request
	for i := range routes {
		if !keepRoute(routes[i]) {
			requests = append(requests, request{route: &routes[i], remove: true})
		}
	}
	for _, l := range links {
		if !keepLink(l) {
			errs = append(errs, k.system.removeLink(l.name))
		}
	}
	for i := range rules {
		if !keepRule(rules[i]) {
			requests = append(requests, request{rule: &rules[i], remove: true})
		}
	}
	errs = append(errs, k.system.do(requests)...)
	return errors.Join(errs...)
}

// String renders what stands, for people and for golden tests: one line an object, the commands that would make it.
func (p plan) String() string {
	var b strings.Builder
	for _, l := range p.links {
		fmt.Fprintln(&b, l)
	}
	for _, r := range p.routes {
		fmt.Fprintln(&b, r)
	}
	for _, r := range p.rules {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}
