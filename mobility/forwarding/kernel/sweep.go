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

// install makes what p asks for and raises links last: a tunnel passes packets only once its rules stand. What leads over
// links can only follow.
func (k *Kernel) install(p plan) error {
	for _, l := range p.links {
		if err := k.system.ensureLink(l); err != nil {
			return err
		}
	}
	requests := routeRequests(p.routes)
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
	return errors.Join(k.system.do(routeRequests(p.over))...)
}

func routeRequests(routes []route) []request {
	requests := make([]request, 0, len(routes))
	for i := range routes {
		requests = append(requests, request{route: &routes[i]})
	}
	return requests
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
	used := map[netip.Addr]bool{}
	for e := range k.held.complete.Paths {
		used[e.Peer] = true
	}
	for _, objects := range k.held.odd {
		for _, o := range objects {
			if slot, ok := k.layout.slotOf(o.route.table); ok {
				used[k.slots[slot]] = true
			}
		}
	}
	for addr := range k.tunnels {
		if !used[addr] {
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

// Applied implements forwarding.Kernel. It also mends what others did to the base and the tunnels. It looks first whether
// all is as it should be, which takes neither memory nor time for each entry beyond reading it.
func (k *Kernel) Applied() (*forwarding.Entries, error) {
	if err := k.ensureBase(); err != nil {
		return nil, err
	}
	asHeld, err := k.asHeld()
	if err == nil && !asHeld {
		err = k.readBack()
	}
	return &k.held.complete, err
}

// asHeld says whether the kernel holds what we know, and nothing else of ours.
func (k *Kernel) asHeld() (bool, error) {
	if len(k.held.odd) > 0 {
		return false, nil
	}
	base := k.baseRoutes()
	entries, found, strange := k.entryObjects(), 0, 0
	err := k.system.routes(func() { found, strange = 0, 0 }, func(r route) {
		switch _, ok := base[r.key()]; {
		case ok:
		case k.partOf(&k.held.complete, &r):
			found++
		default:
			strange++
		}
	})
	return found == entries && strange == 0, err
}

// entryObjects is how many objects the complete entries have.
func (k *Kernel) entryObjects() (n int) {
	for e := range k.held.complete.All {
		n += len(k.backend.entry(k.scratch[:0], e, k.tunnels[e.Peer]))
	}
	return n
}

// partOf says whether r, as it is, belongs to one of entries.
func (k *Kernel) partOf(entries *forwarding.Entries, r *route) bool {
	e, ok := entries.Get(r.prefix())
	if !ok {
		return false
	}
	parts := k.backend.entry(k.scratch[:0], e, k.tunnels[e.Peer])
	return slices.ContainsFunc(parts, func(o object) bool { return !o.isRule() && o.route == *r })
}

// readBack finds out which entries the kernel holds, whoever made them: first those that may be there, by the one
// route that says all about each, then whether all the others are. Of a prefix that was being handed over there may be two.
func (k *Kernel) readBack() error {
	var candidates [2]forwarding.Entries
	reset := func() { candidates = [2]forwarding.Entries{} }
	err := k.system.routes(reset, func(r route) {
		e, ok := k.candidate(r)
		for i := 0; ok && i < len(candidates); i++ {
			if _, taken := candidates[i].Get(e.Prefix); !taken {
				candidates[i].Set(e)
				break
			}
		}
	})
	if err != nil {
		return err
	}
	parts := map[forwarding.Entry]int{}
	err = k.system.routes(func() { clear(parts) }, func(r route) {
		for i := range candidates {
			if k.partOf(&candidates[i], &r) {
				e, _ := candidates[i].Get(r.prefix())
				parts[e]++
			}
		}
	})
	if err != nil {
		return err
	}
	k.held.clear()
	for i := range candidates {
		for e := range candidates[i].All {
			if parts[e] == len(k.backend.entry(k.scratch[:0], e, k.tunnels[e.Peer])) {
				k.held.complete.Set(e)
			}
		}
	}
	return nil
}

// candidate is the entry that r may be a part of. Each entry has one route that says all about it: in the table of its
// peer, or, when it is discarded, the blackhole.
func (k *Kernel) candidate(r route) (forwarding.Entry, bool) {
	if r.metric != entryMetric {
		return forwarding.Entry{}, false
	}
	if r.kind == blackhole && k.layout.Role == forwarding.Anchor {
		return forwarding.Entry{Prefix: r.dst, Role: forwarding.Discard}, r.dst.Bits() > 0
	}
	slot, ok := k.layout.slotOf(r.table)
	p, stands := k.tunnels[k.slots[slot]]
	if !ok || !stands {
		return forwarding.Entry{}, false
	}
	e := forwarding.Entry{Prefix: r.src, Role: k.layout.Role, Local: k.layout.Local, Peer: p.addr}
	if k.layout.Role == forwarding.Gateway {
		e.Prefix, e.Interface = r.dst, r.dev
		_, ok = k.layout.accessIndex(e.Interface)
	}
	return e, ok && e.Prefix.IsValid() && e.Prefix.Bits() > 0
}

// baseRoutes is the routes of base and tunnels.
func (k *Kernel) baseRoutes() map[routeKey]struct{} {
	want := k.wanted()
	keep := make(map[routeKey]struct{}, len(want.routes)+len(want.over))
	for _, routes := range [][]route{want.routes, want.over} {
		for _, r := range routes {
			keep[r.key()] = struct{}{}
		}
	}
	return keep
}

// Sweep implements forwarding.Kernel. Tunnels without entries go too; their slots are free once nothing is left of them.
func (k *Kernel) Sweep() error {
	k.breakUnused()
	want, keep := k.wanted(), k.baseRoutes()
	for _, objects := range k.held.odd {
		for _, o := range objects {
			keep[o.route.key()] = struct{}{}
		}
	}
	err := k.removeExcept(
		func(l link) bool {
			return slices.ContainsFunc(want.links, func(w link) bool { return w.name == l.name })
		},
		func(r rule) bool { return slices.Contains(want.rules, r) },
		func(r route) bool {
			_, ok := keep[r.key()]
			return ok || k.partOf(&k.held.complete, &r)
		})
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
	k.held.clear()
	return errors.Join(errs...)
}

// removeExcept removes what is ours and not kept: tunnel devices first, because the rules that judge what comes out of them
// must outlive them.
func (k *Kernel) removeExcept(keepLink func(link) bool, keepRule func(rule) bool, keepRoute func(route) bool) error {
	var routes []route
	err := k.system.routes(func() { routes = nil }, func(r route) {
		if !keepRoute(r) {
			routes = append(routes, r)
		}
	})
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
		requests = append(requests, request{route: &routes[i], remove: true})
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
