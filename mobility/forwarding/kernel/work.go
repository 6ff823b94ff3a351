package kernel

import (
	"errors"
	"slices"
)

// heldRoutes is what the kernel holds for one prefix, in the order in which it was to appear.
type heldRoutes struct{ routes []route }

// work is the way of one prefix from the routes held to the routes wanted.
type work struct {
	held     *heldRoutes
	want     []route
	adds     []route // to add or to replace, in this order
	removals []route // in this order, once all of adds are in
}

func newWork(h *heldRoutes, want []route) *work {
	w := &work{held: h, want: want}
	for _, r := range want {
		if !slices.Contains(h.routes, r) {
			w.adds = append(w.adds, r)
		}
	}
	for _, r := range slices.Backward(h.routes) {
		if !slices.ContainsFunc(want, func(x route) bool { return x.key() == r.key() }) {
			w.removals = append(w.removals, r)
		}
	}
	return w
}

func (w *work) appendAdds(requests []request) []request {
	for i := range w.adds {
		requests = append(requests, request{route: &w.adds[i]})
	}
	return requests
}

func (w *work) appendRemovals(requests []request) []request {
	for i := range w.removals {
		requests = append(requests, request{route: &w.removals[i], remove: true})
	}
	return requests
}

// added notes the outcome of adds. One whose outcome is an error may or may not be in the kernel: it is no longer trusted
// to hold what it held, but remains known so that it will be removed. After an error nothing is removed: what carried
// packets before goes on.
func (w *work) added(results []error) error {
	for i, r := range w.adds {
		w.held.routes = slices.DeleteFunc(w.held.routes, func(x route) bool { return x.key() == r.key() })
		if results[i] != nil {
			r = route{table: r.table, dst: r.dst, src: r.src, metric: r.metric, encap: foreign}
		}
		w.held.routes = append(w.held.routes, r)
	}
	err := errors.Join(results...)
	if err != nil {
		w.removals = nil
	}
	return err
}

// removed notes the outcome of removals. Once nothing is left but what is wanted, the order is that of want again.
func (w *work) removed(results []error) error {
	for i, r := range w.removals {
		if results[i] == nil {
			w.held.routes = slices.DeleteFunc(w.held.routes, func(x route) bool { return x == r })
		}
	}
	sorted := make([]route, 0, len(w.held.routes))
	for _, r := range w.want {
		if slices.Contains(w.held.routes, r) {
			sorted = append(sorted, r)
		}
	}
	if len(sorted) == len(w.held.routes) {
		w.held.routes = sorted
	}
	return errors.Join(results...)
}
