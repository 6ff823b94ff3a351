package kernel

import (
	"net/netip"
	"slices"

	"netlmm/mobility/forwarding"
)

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
	around, err := k.surroundings()
	if err != nil {
		return false, err
	}
	base := k.baseRoutes()
	entries, found, strange := 0, 0, 0
	for e := range k.held.complete.All {
		n, ok := k.routesOf(&e, around)
		if !ok {
			return false, nil
		}
		entries += n
	}
	err = k.system.routes(func() { found, strange = 0, 0 }, func(r route) {
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

// surroundings is what stands of ours beside routes.
type surroundings struct {
	rules      map[rule]struct{}
	neighbours map[neighbour]struct{}
	senders    map[sender]struct{}
	offloads   map[offload]struct{}
}

func (k *Kernel) surroundings() (s surroundings, err error) {
	rules, err := k.ourRules()
	if err != nil {
		return s, err
	}
	neighbours, err := k.ourNeighbours()
	if err != nil {
		return s, err
	}
	senders, err := k.ourSenders()
	if err != nil {
		return s, err
	}
	offloads, err := k.ourOffloads()
	return surroundings{rules: setOf(rules), neighbours: setOf(neighbours), senders: setOf(senders), offloads: setOf(offloads)}, err
}

// ourNeighbours is none at an anchor, which has no mobile nodes around.
func (k *Kernel) ourNeighbours() ([]neighbour, error) {
	if k.layout.Role == forwarding.Anchor {
		return nil, nil
	}
	return k.system.neighbours()
}

func setOf[T comparable](all []T) map[T]struct{} {
	set := make(map[T]struct{}, len(all))
	for _, x := range all {
		set[x] = struct{}{}
	}
	return set
}

// routesOf is how many routes e has. ok says whether what it has beside them is all around.
func (k *Kernel) routesOf(e *forwarding.Entry, around surroundings) (n int, ok bool) {
	objects := k.objects(k.scratch[:0], e)
	for i := range objects {
		ok := true
		switch o := &objects[i]; {
		case o.isRule():
			_, ok = around.rules[o.rule]
		case o.isNeighbour():
			_, ok = around.neighbours[o.neighbour]
		case o.isSender():
			_, ok = around.senders[o.sender]
		case o.isOffload():
			_, ok = around.offloads[o.offload]
		default:
			n++
		}
		if !ok {
			return 0, false
		}
	}
	return n, true
}

// partOf says whether r, as it is, belongs to one of entries.
func (k *Kernel) partOf(entries *forwarding.Entries, r *route) bool {
	return k.has(entries, r.prefix(), object{route: *r})
}

// has says whether o is one of the objects of the entry of prefix.
func (k *Kernel) has(entries *forwarding.Entries, prefix netip.Prefix, o object) bool {
	e, ok := entries.Get(prefix)
	return ok && slices.Contains(k.objects(k.scratch[:0], &e), o)
}

// readBack finds out which entries the kernel holds, whoever made them: first those that may be there, by the one
// route that says all about each, then whether all the others are. Of a prefix that was being handed over there may be two, and at
// a gateway each with and without local routing. Nothing says all about an entry in a transfer: what is left of one counts as
// incomplete, so that it is made again where it stands, or swept.
func (k *Kernel) readBack() error {
	around, err := k.surroundings()
	if err != nil {
		return err
	}
	stations, policies := around.stations(), around.policies()
	var candidates [4]forwarding.Entries
	reset := func() { candidates = [4]forwarding.Entries{} }
	note := func(e forwarding.Entry) {
		for i := range candidates {
			if _, taken := candidates[i].Get(e.Prefix); !taken {
				candidates[i].Set(e)
				return
			}
		}
	}
	err = k.system.routes(reset, func(r route) {
		e, ok := k.candidate(r)
		if !ok {
			return
		}
		if e.Role != forwarding.Gateway {
			note(e)
			return
		}
		for _, station := range stations(&e) {
			e.MobileNodeLinkLayerID, e.Offload = station, policies[e.Prefix.Addr()]
			for _, e.LocalRouting = range []bool{false, true} { // of which the route says nothing
				note(e)
			}
		}
	})
	if err != nil {
		return err
	}
	var parts [len(candidates)]map[netip.Prefix]uint8
	reset = func() {
		for i := range parts {
			parts[i] = map[netip.Prefix]uint8{}
		}
	}
	err = k.system.routes(reset, func(r route) {
		for i := range candidates {
			if k.partOf(&candidates[i], &r) {
				parts[i][r.prefix()]++
			}
		}
	})
	if err != nil {
		return err
	}
	k.held.clear()
	k.unswept = true
	for i := range candidates {
		for e := range candidates[i].All {
			if n, ok := k.routesOf(&e, around); ok && int(parts[i][e.Prefix]) == n {
				k.held.complete.Set(e)
			}
		}
	}
	return nil
}

// candidate is the entry that r may be a part of. Each entry has one route that says most about it: in the table of its
// peer, or by its device, or, when it is discarded, the blackhole.
func (k *Kernel) candidate(r route) (forwarding.Entry, bool) {
	if r.metric != entryMetric {
		return forwarding.Entry{}, false
	}
	if r.kind == blackhole && k.layout.Role == forwarding.Anchor {
		return forwarding.Entry{Prefix: r.dst, Role: forwarding.Discard}, r.dst.Bits() > 0
	}
	slot, ok := k.layout.slotOf(r.table)
	if r.table == mainTable && r.dst.Addr().Is4() {
		slot, ok = slotOfDevice(r.dev)
	}
	p, stands := k.tunnels[k.slots[slot]]
	if !ok || !stands {
		return forwarding.Entry{}, false
	}
	e := forwarding.Entry{Prefix: r.prefix(), Role: k.layout.Role, Local: k.layout.end(p.addr), Peer: p.addr}
	if k.layout.Role == forwarding.Gateway {
		e.Prefix, e.Interface, e.MobileNodeLinkLayerID = r.dst, r.dev, pinnedTo(r.dst, r.via)
		_, ok = k.layout.accessIndex(e.Interface)
	}
	return e, ok && e.Prefix.IsValid() && e.Prefix.Bits() > 0
}
