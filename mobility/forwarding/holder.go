package forwarding

import "net/netip"

// Holder keeps packets to prefixes whose mobile nodes cannot be reached for the moment (RFC 5949 section 3, RFC 5568 section 5.4):
// package hold, or the fake of package forwardingtest. It is used by the goroutine that uses the Kernel.
type Holder interface {
	// Hold keeps what comes for the prefix of e from its return on. One that is held already stays as it is.
	Hold(e Entry) error
	// Release lets go what is kept for prefix, in order, and after it what still comes. Whoever calls it has made the routes that
	// the packets are to take. They may still be on their way out when it returns.
	Release(prefix netip.Prefix)
	// Drop throws away and counts what is kept for prefix. What still comes is not kept.
	Drop(prefix netip.Prefix)
	// Mend brings back what others took out of the kernel.
	Mend() error
}

// HoldWith has h keep the packets to entries with Hold. Without it, or where it refuses, such packets go where the routes lead.
func (r *Reconciler) HoldWith(h Holder) { r.holder, r.held = h, map[netip.Prefix]struct{}{} }

// hold begins to keep packets for those of changes that want it. That comes before the routes by which they arrive. What the
// holder refused is returned by prefix, nil if there is nothing.
func (r *Reconciler) hold(changes []Change) (refused map[netip.Prefix]error) {
	if r.holder == nil {
		return nil
	}
	for i := range changes {
		c := &changes[i]
		if _, held := r.held[c.Prefix]; held || !c.Entry.Hold {
			continue
		}
		if err := r.holder.Hold(c.Entry); err != nil {
			if refused == nil {
				refused = map[netip.Prefix]error{}
			}
			refused[c.Prefix] = err
			continue
		}
		r.held[c.Prefix] = struct{}{}
	}
	return refused
}

// letGo ends the keeping of packets for c, if it is over, now that the kernel took c or refused it. While there is no way to the mobile
// node they stay.
func (r *Reconciler) letGo(c *Change, refused bool) {
	if _, held := r.held[c.Prefix]; !held || c.Entry.Hold {
		return
	}
	switch {
	case c.Entry.Role == 0:
		r.holder.Drop(c.Prefix)
	case !refused:
		r.holder.Release(c.Prefix)
	default:
		return
	}
	delete(r.held, c.Prefix)
}

// holds says whether packets to prefix are kept if they are to be, and only then.
func (r *Reconciler) holds(prefix netip.Prefix, wanted bool) bool {
	if r.holder == nil {
		return true
	}
	_, held := r.held[prefix]
	return held == wanted
}

// dropUnwanted ends the keeping of packets to prefixes that s has no entry for.
func (r *Reconciler) dropUnwanted(s *State) {
	for p := range r.held {
		if _, wanted := s.Get(p); !wanted {
			r.holder.Drop(p)
			delete(r.held, p)
		}
	}
}

func (r *Reconciler) mendHolder() error {
	if r.holder == nil {
		return nil
	}
	return r.holder.Mend()
}
