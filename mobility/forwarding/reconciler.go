package forwarding

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Kernel is what holds the data plane: a backend of package kernel, or the fake of package forwardingtest. It is used by
// one goroutine at a time.
type Kernel interface {
	// Apply brings every prefix named to its entry and returns one error a change, in the same order (nil: the kernel holds
	// it). A change is make-before-break: at no instant has a prefix that keeps a path none. After an error the kernel may
	// hold any part of the change; applying the same or another change of that prefix mends it. A prefix occurs once in
	// changes, which Apply does not keep. The cost does not grow with what else the kernel holds.
	Apply(changes []Change) []error

	// Applied reads back from the kernel the entries that it holds completely. They are as Entry.InKernel
	// has them. What it finds, also of an earlier run, Apply knows how to change from then on. The entries are
	// the kernel's own, to be read until the next Apply.
	Applied() (*Entries, error)

	// Sweep removes what is marked as ours in the kernel and belongs to none of the entries applied.
	Sweep() error
}

// Change asks for Entry to be what the kernel holds for Prefix; an Entry without Role asks for nothing to be held.
type Change struct {
	Prefix netip.Prefix
	Entry  Entry
}

// Status says how the kernel stands to the desired state, for operators.
type Status struct {
	Applied uint64    `json:"applied"` // changes that the kernel took
	Failed  uint64    `json:"failed"`  // changes that it refused, retries included
	Mended  uint64    `json:"mended"`  // entries that Resync found missing, wrong or superfluous in the kernel
	Pending []Failure `json:"pending"` // refused and not applied since, by prefix
	Tunnels []Tunnel  `json:"tunnels"` // by peer; none where the kernel does not tell
}

// Tunnel is one tunnel that stands (RFC 5213 section 5.6.1).
type Tunnel struct {
	Peer    netip.Addr `json:"peer"`
	Entries int        `json:"entries"` // that share it
	Static  bool       `json:"static"`  // stands without entries
	Since   time.Time  `json:"since"`   // made, or found from an earlier run
}

// Failure is one prefix that the kernel does not hold as desired.
type Failure struct {
	Prefix netip.Prefix `json:"prefix"`
	Error  string       `json:"error"`
}

// Reconciler brings a Kernel to a State. What the kernel refuses stays desired: it is pending until a Retry, a Sync that
// changes it again or a Resync succeeds. The caller paces Retry and Resync. It has no lock.
type Reconciler struct {
	kernel                  Kernel
	holder                  Holder                    // nil: nothing is held
	held                    map[netip.Prefix]struct{} // by it
	pending                 map[netip.Prefix]error
	applied, failed, mended uint64
	changes                 []Change // room for those under way
}

// New returns a Reconciler for kernel. What an earlier run left is
// adopted or removed by its first Resync; whoever wants it to stand until then has the kernel read it first (Kernel.Applied).
func New(kernel Kernel) *Reconciler {
	return &Reconciler{kernel: kernel, pending: map[netip.Prefix]error{}}
}

// Sync applies the prefixes of s that changed since the last Sync or Resync. The error joins what the kernel refused of
// them; earlier failures are not tried again, so that the cost of a handover does not depend on them.
func (r *Reconciler) Sync(s *State) error { return r.apply(s, s.TakeChanged()) }

// Retry applies again what is pending.
func (r *Reconciler) Retry(s *State) error {
	prefixes := make([]netip.Prefix, 0, len(r.pending))
	for p := range r.pending {
		prefixes = append(prefixes, p)
	}
	return r.apply(s, prefixes)
}

// Pending is the number of prefixes that the kernel does not hold as desired.
func (r *Reconciler) Pending() int { return len(r.pending) }

// Resync compares all of s with what the kernel holds, applies the difference and removes leftovers. Its cost grows with
// the number of entries: it is for the start and for rare periodic mending.
func (r *Reconciler) Resync(s *State) error {
	held, err := r.kernel.Applied()
	if err != nil {
		return fmt.Errorf("read the forwarding state back from the kernel: %w", err)
	}
	var wrong []netip.Prefix
	for h := range held.All {
		if want, ok := s.Get(h.Prefix); !ok || !sameInKernel(want, h) {
			wrong = append(wrong, h.Prefix)
		}
	}
	for want := range s.All {
		if h, ok := held.Get(want.Prefix); !ok || sameInKernel(want, h) && !r.holds(want.Prefix, want.Hold) {
			wrong = append(wrong, want.Prefix)
		}
	}
	r.dropUnwanted(s)
	clear(r.pending)
	s.TakeChanged()
	r.mended += uint64(len(wrong))
	return errors.Join(r.apply(s, wrong), r.kernel.Sweep(), r.mendHolder())
}

// Status returns a snapshot for operators.
func (r *Reconciler) Status() Status {
	st := Status{Applied: r.applied, Failed: r.failed, Mended: r.mended, Pending: make([]Failure, 0, len(r.pending))}
	for p, err := range r.pending {
		st.Pending = append(st.Pending, Failure{Prefix: p, Error: err.Error()})
	}
	if k, ok := r.kernel.(interface{ Tunnels() []Tunnel }); ok {
		st.Tunnels = k.Tunnels()
	}
	slices.SortFunc(st.Pending, func(a, b Failure) int { return comparePrefixes(a.Prefix, b.Prefix) })
	return st
}

// apply brings the kernel to s for prefixes, in the order of the prefixes so that a run can be repeated.
func (r *Reconciler) apply(s *State, prefixes []netip.Prefix) error {
	if len(prefixes) == 0 {
		return nil
	}
	slices.SortFunc(prefixes, comparePrefixes)
	changes := r.changes[:0]
	for _, p := range prefixes {
		e, _ := s.Get(p)
		changes = append(changes, Change{Prefix: p, Entry: e})
	}
	if r.changes = changes; cap(changes) > keptChanges {
		r.changes = nil
	}
	var failures []error
	notHeld := r.hold(changes)
	for i, err := range r.kernel.Apply(changes) {
		p := changes[i].Prefix
		r.letGo(&changes[i], err != nil)
		err = errors.Join(err, notHeld[p])
		if err == nil {
			r.applied++
			delete(r.pending, p)
			continue
		}
		r.failed++
		r.pending[p] = err
		failures = append(failures, fmt.Errorf("forwarding of %s: %w", p, err))
	}
	return errors.Join(failures...)
}

// sameInKernel compares two entries in what a kernel stores of them.
func sameInKernel(a, b Entry) bool { return a.InKernel() == b.InKernel() }

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}
