package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/mobility/forwarding"
)

// protocolKernel is RTPROT_KERNEL, which marks the rules that a network namespace is born with.
const protocolKernel = 2

// bornLocalRules are the lookups of table local as every network namespace has them.
var bornLocalRules = [...]rule{
	{priority: 0, table: localTable, protocol: protocolKernel},
	{ipv4: true, priority: 0, table: localTable, protocol: protocolKernel},
}

// install makes what p asks for and raises links last: a tunnel passes packets only once its rules stand. What leads over
// links can only follow.
func (k *Kernel) install(p plan) error {
	for _, l := range p.links {
		if err := k.system.ensureLink(l); err != nil {
			return err
		}
	}
	requests := make([]request, 0, len(p.hops)+len(p.routes)+len(p.rules))
	for i := range p.hops {
		requests = append(requests, request{hop: &p.hops[i]})
	}
	requests = append(requests, routeRequests(p.routes)...)
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
			k.tunnels[p.addr], k.slots[p.slot], k.since[p.addr] = p, p.addr, k.now()
			k.paths.add(p.addr)
		}
	}
	return nil
}

// ensureBase makes, or mends, what stands as long as the daemon runs. The new lookup of table local is there before the
// old one goes: the router never loses its own addresses.
func (k *Kernel) ensureBase() error {
	want := k.wanted()
	var err error
	if want.hops, err = k.missing(want.hops); err != nil {
		return err
	}
	if err := k.install(want); err != nil {
		return err
	}
	if k.layout.Backend == SEG6 {
		if err := k.system.setTunnelSource(k.layout.Local); err != nil {
			return err
		}
		if index, err := k.system.index(k.layout.Uplink); err == nil { // one that is gone will come back
			k.outer.ensure(index)
		}
	}
	if err := k.leaveAccessUnchecked(); err != nil {
		return err
	}
	rules, err := k.system.rules()
	if err != nil {
		return err
	}
	var outdated []request
	for i, r := range rules {
		moved := k.layout.rule(localRule, rule{ipv4: r.ipv4, table: localTable})
		if r.priority == 0 && r.table == localTable && slices.Contains(want.rules, moved) {
			outdated = append(outdated, request{rule: &rules[i], remove: true})
		}
	}
	return errors.Join(append(k.system.do(outdated), k.ensureSenders(), k.ensureOffloading())...)
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

func (k *Kernel) ourRules() ([]rule, error) {
	all, err := k.system.rules()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r rule) bool { return r.protocol != k.layout.RouteProtocol }), nil
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
	want, keep, keepRules, keepNeighbours := k.wanted(), k.baseRoutes(), map[rule]struct{}{}, k.heldNeighbours()
	keepOffloads := k.heldHomes()
	keepSenders := map[sender]struct{}{}
	for s := range k.heldSenders {
		keepSenders[s] = struct{}{}
	}
	for _, objects := range k.held.odd {
		for _, o := range objects {
			keep[o.route.key()], keepRules[o.rule], keepNeighbours[o.neighbour.key()] = struct{}{}, struct{}{}, struct{}{}
		}
	}
	err := k.removeExcept(kept{
		link: func(l link) bool {
			return slices.ContainsFunc(want.links, func(w link) bool { return w.name == l.name })
		},
		hop: func(h hop) bool { return slices.Contains(want.hops, h) },
		rule: func(r rule) bool {
			_, odd := keepRules[r]
			return odd || slices.Contains(want.rules, r) || r.from.IsValid() && k.has(&k.held.complete, r.from, object{rule: r})
		},
		route: func(r route) bool {
			_, ok := keep[r.key()]
			return ok || k.partOf(&k.held.complete, &r)
		},
		neighbour: func(n neighbour) bool {
			_, ok := keepNeighbours[n.key()]
			return ok
		},
		sender: func(s sender) bool {
			_, ok := keepSenders[s]
			return ok
		},
		offload: func(o offload) bool {
			_, ok := keepOffloads[o.home]
			return ok
		},
	})
	if err == nil && k.layout.Role == forwarding.Gateway && !k.layout.Offload {
		err = k.system.removeOffload() // of a run that had it
	}
	if err != nil {
		return err
	}
	k.forget()
	k.unswept = false
	return nil
}

// heldNeighbours is the keys of the neighbour entries of what is held completely.
func (k *Kernel) heldNeighbours() map[neighbour]struct{} {
	held := map[neighbour]struct{}{}
	if k.layout.Role == forwarding.Anchor {
		return held
	}
	for e := range k.held.complete.All {
		for _, o := range pinned(k.scratch[:0], &e) {
			held[o.neighbour.key()] = struct{}{}
		}
	}
	return held
}

// removeAll removes everything of ours and puts the lookup of table local back, which comes first.
func (k *Kernel) removeAll() error { return errors.Join(k.restoreLocal(), k.removeOurs()) }

// restoreLocal puts the lookup of table local back, in each IP version where we moved it, or where nobody looks it up: one that somebody
// else moved, as for VRFs, stays there.
func (k *Kernel) restoreLocal() error {
	all, err := k.system.rules()
	var born []request
	for i := range bornLocalRules {
		inVersion := slices.DeleteFunc(slices.Clone(all), func(r rule) bool { return r.ipv4 != bornLocalRules[i].ipv4 })
		ours := slices.ContainsFunc(inVersion, func(r rule) bool { return r.protocol == k.layout.RouteProtocol })
		if ours || !slices.ContainsFunc(inVersion, func(r rule) bool { return r.table == localTable }) {
			born = append(born, request{rule: &bornLocalRules[i]})
		}
	}
	return errors.Join(append(k.system.do(born), err)...)
}

// removeOurs removes everything of ours.
func (k *Kernel) removeOurs() error {
	var errs []error
	errs = append(errs, k.removeExcept(kept{
		link: func(link) bool { return false }, hop: func(hop) bool { return false }, rule: func(rule) bool { return false },
		route: func(route) bool { return false }, neighbour: func(neighbour) bool { return false },
		sender: func(sender) bool { return true }, offload: func(offload) bool { return true }, // they go with the filter
	}))
	if k.layout.Role == forwarding.Gateway {
		errs = append(errs, k.system.removeFilter(), k.system.removeOffload())
	}
	if k.layout.Backend == SEG6 {
		errs = append(errs, k.system.setTunnelSource(netip.IPv6Unspecified()))
	}
	for _, m := range []map[netip.Addr]time.Time{k.since, k.idle} {
		clear(m)
	}
	clear(k.tunnels)
	clear(k.broken)
	clear(k.slots)
	k.held.clear()
	return errors.Join(errs...)
}

// kept says what is to stay.
type kept struct {
	link      func(link) bool
	hop       func(hop) bool
	rule      func(rule) bool
	route     func(route) bool
	neighbour func(neighbour) bool
	sender    func(sender) bool
	offload   func(offload) bool
}

// removeExcept removes what is ours and not kept: tunnel devices first, because the rules that judge what comes out of them
// must outlive them. Neighbour entries go after the routes that need them.
func (k *Kernel) removeExcept(keep kept) error {
	var routes []route
	err := k.system.routes(func() { routes = nil }, func(r route) {
		if !keep.route(r) {
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
	hops, err := k.system.hops()
	if err != nil {
		return err
	}
	neighbours, err := k.ourNeighbours()
	if err != nil {
		return err
	}
	senders, err := k.ourSenders()
	if err != nil {
		return err
	}
	offloads, err := k.ourOffloads()
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
	for i := range neighbours {
		if !keep.neighbour(neighbours[i]) {
			requests = append(requests, request{neighbour: &neighbours[i], remove: true})
		}
	}
	for i := range senders {
		if !keep.sender(senders[i]) {
			requests = append(requests, request{sender: &senders[i], remove: true})
		}
	}
	for i := range offloads {
		if !keep.offload(offloads[i]) {
			requests = append(requests, request{offload: &offloads[i], remove: true})
		}
	}
	for i := range hops {
		if !keep.hop(hops[i]) {
			requests = append(requests, request{hop: &hops[i], remove: true})
		}
	}
	for _, l := range links {
		if !keep.link(l) {
			errs = append(errs, k.system.removeLink(l.name))
		}
	}
	for i := range rules {
		if !keep.rule(rules[i]) {
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
	for _, h := range p.hops {
		fmt.Fprintln(&b, h)
	}
	for _, r := range p.routes {
		fmt.Fprintln(&b, r)
	}
	for _, r := range p.rules {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}
