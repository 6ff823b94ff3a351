package kernel

import (
	"errors"
	"net/netip"
	"slices"

	"netlmm/mobility/forwarding"
)

// holdings is what the kernel holds for prefixes. A prefix that it holds completely costs no more than its entry, from which the
// objects follow; those of one where something failed are listed.
type holdings struct {
	complete forwarding.Entries        // as Entry.InKernel has them
	odd      map[netip.Prefix][]object // none of these is in complete
}

func (h *holdings) clear() {
	h.complete.Clear()
	h.odd = map[netip.Prefix][]object{}
}

// work is the way of one prefix from the objects held to the objects wanted.
type work struct {
	entry          forwarding.Entry // without Role: nothing is wanted
	prefix         netip.Prefix
	have, want     []object
	adds, removals int // how many: adds of want that have lacks, removals of have that want lacks
	err            error
	skip           bool // nothing was asked of the kernel
	toSweep        bool // neighbour entries that are not wanted any more go with the next Sweep
}

// appendAdds asks for what is to be added or replaced, in the order of want.
func (w *work) appendAdds(requests []request) []request {
	w.adds = -len(requests)
	for i := range w.want {
		if !slices.Contains(w.have, w.want[i]) {
			requests = append(requests, w.want[i].request(false))
		}
	}
	w.adds += len(requests)
	return requests
}

// appendRemovals asks for what is to go, in the opposite order. After an error nothing is removed: what carried packets
// before goes on.
func (w *work) appendRemovals(requests []request) []request {
	if w.err != nil {
		return requests
	}
	w.removals = -len(requests)
	for i := range slices.Backward(w.have) {
		if w.drops(&w.have[i]) {
			requests = append(requests, w.have[i].request(true))
		}
	}
	w.removals += len(requests)
	return requests
}

// wants says whether o, or what replaces it, is wanted.
func (w *work) wants(o *object) bool {
	return slices.ContainsFunc(w.want, func(x object) bool { return x.replaces(o) })
}

// drops says whether o is to be removed now.
func (w *work) drops(o *object) bool {
	return !w.wants(o) && !(w.toSweep && o.isNeighbour())
}

// left is what the kernel may hold after a request of w failed: adds and removals are the outcomes. What could not be added
// is no longer trusted to be what it was, but remains known so that it will be removed.
func (w *work) left(adds, removals []error) []object {
	left := slices.Clone(w.have)
	for i := range w.want {
		o := w.want[i]
		if slices.Contains(w.have, o) {
			continue
		}
		left = slices.DeleteFunc(left, func(x object) bool { return o.replaces(&x) })
		if adds[0] != nil {
			o = o.doubtful()
		}
		left, adds = append(left, o), adds[1:]
	}
	if len(removals) == 0 {
		return left
	}
	for i := range slices.Backward(w.have) {
		o := w.have[i]
		if !w.drops(&o) {
			continue
		}
		if removals[0] == nil {
			left = slices.DeleteFunc(left, func(x object) bool { return x == o })
		}
		removals = removals[1:]
	}
	return left
}

// applyAtOnce bounds the memory that one step of Apply takes; maximumObjects is how many one entry needs at most.
const (
	applyAtOnce    = 128
	maximumObjects = 9
)

// workspace is the memory of Apply, kept for the next.
type workspace struct {
	works          []work
	objects        []object
	adds, removals []request
	results        []error
}

// room returns an empty slice for the objects of one entry, from a piece that does not move.
func (s *workspace) room() []object {
	n := len(s.objects)
	s.objects = s.objects[:n+maximumObjects]
	return s.objects[n:n:len(s.objects)]
}

// Apply implements forwarding.Kernel. It sends all that is to be added for all changes, then all that is to go of those
// changes that were added completely.
func (k *Kernel) Apply(changes []forwarding.Change) []error {
	errs := make([]error, 0, len(changes))
	for step := range slices.Chunk(changes, applyAtOnce) {
		errs = k.apply(errs, step)
	}
	return errs
}

func (k *Kernel) apply(errs []error, changes []forwarding.Change) []error {
	s := &k.workspace
	if s.objects == nil {
		s.objects = make([]object, 0, 2*maximumObjects*applyAtOnce)
	}
	s.works, s.objects, s.adds, s.removals = s.works[:0], s.objects[:0], s.adds[:0], s.removals[:0]
	for i := range changes {
		s.works = append(s.works, k.prepare(&changes[i]))
	}
	for i := range s.works {
		if w := &s.works[i]; !w.skip {
			s.adds = w.appendAdds(s.adds)
		}
	}
	s.results = append(s.results[:0], k.system.do(s.adds)...) // the next do reuses them
	if slices.ContainsFunc(s.results, func(err error) bool { return errors.Is(err, errNoFilter) }) {
		k.watch.disturb() // so that it is made anew
	}
	added := s.results
	for i := range s.works {
		if w := &s.works[i]; !w.skip {
			w.err = errors.Join(added[:w.adds]...)
			added = added[w.adds:]
			s.removals = w.appendRemovals(s.removals)
		}
	}
	added, removed := s.results, k.system.do(s.removals)
	for i := range s.works {
		w := &s.works[i]
		if !w.skip {
			k.settle(w, added[:w.adds], removed[:w.removals])
			added, removed = added[w.adds:], removed[w.removals:]
		}
		errs = append(errs, w.err)
	}
	return errs
}

// prepare says what a change takes, and makes the tunnels that it needs.
func (k *Kernel) prepare(c *forwarding.Change) work {
	w := work{entry: c.Entry.InKernel(), prefix: c.Prefix, toSweep: k.unswept}
	if c.Entry.Role != 0 {
		if w.err = k.check(c); w.err == nil {
			w.err = k.tunnelsFor(&c.Entry)
		}
		if w.err != nil {
			w.skip = true
			return w
		}
		w.want = k.objects(k.workspace.room(), &w.entry)
	}
	if odd, ok := k.held.odd[c.Prefix]; ok {
		w.have = odd
	} else if e, ok := k.held.complete.Get(c.Prefix); ok {
		w.have = k.objects(k.workspace.room(), &e)
	}
	return w
}

// settle notes the outcome of w.
func (k *Kernel) settle(w *work, adds, removals []error) {
	w.err = errors.Join(w.err, errors.Join(removals...))
	switch {
	case w.err != nil:
		k.held.odd[w.prefix] = w.left(adds, removals)
		k.held.complete.Delete(w.prefix)
		return
	case w.entry.Role == 0:
		k.held.complete.Delete(w.prefix)
	default:
		k.held.complete.Set(w.entry)
	}
	delete(k.held.odd, w.prefix)
}
