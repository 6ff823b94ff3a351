package hold

import (
	"errors"
	"net/netip"
	"time"
)

// How often there is something to do, while there is.
const (
	drainStep = time.Millisecond
	chores    = time.Second // expiry, and what the packet filter may forget
	// idle is how long no packet has come when the next is not expected at this very moment.
	idle = 5 * time.Millisecond
)

// run does what packets and callers do not bring about, until close.
func (h *Holder) run() {
	defer h.tasks.Done()
	timer := time.NewTimer(chores)
	defer timer.Stop()
	due := h.now()
	for {
		select {
		case <-h.done:
			return
		case <-h.wake:
		case <-timer.C:
		}
		now := h.now()
		wait := h.step(now)
		if !now.Before(due) {
			h.forget()
			due = now.Add(chores)
		}
		timer.Reset(wait)
	}
}

// nudge has run look at what there is to do.
func (h *Holder) nudge() {
	select {
	case h.wake <- struct{}{}:
	default: // it is about to
	}
}

// step lets out what may leave, drops what is too old, and says when to come again.
func (h *Holder) step(now time.Time) (wait time.Duration) {
	h.mu.Lock()
	defer h.unlock()
	wait = chores
	h.dropped[Expired] += uint64(h.store.expire(now))
	for _, k := range h.store.kept {
		if k.drain == nil {
			continue
		}
		h.letOut(k, now)
		h.passIdle(k, now)
		wait = drainStep
	}
	return wait
}

// forget takes prefixes out of the packet filter that pass us by. The kernel takes its time for that, some ten milliseconds.
func (h *Holder) forget() {
	h.mu.Lock()
	prefixes := h.passing
	h.passing = nil
	h.mu.Unlock()
	if len(prefixes) == 0 || h.gate.forget(prefixes) == nil {
		return
	}
	h.mu.Lock()
	h.passing = append(h.passing, prefixes...) // again with the next chores
	h.mu.Unlock()
}

// Close ends all holding and leaves nothing behind. What is kept is dropped. It may be called again.
func (h *Holder) Close() error {
	h.once.Do(func() { h.closed = h.close() })
	return h.closed
}

func (h *Holder) close() error {
	close(h.done)
	h.tasks.Wait()
	for _, p := range h.prefixes() {
		h.Drop(p)
	}
	return errors.Join(h.gate.remove(), h.line.close(), h.out.close())
}

func (h *Holder) prefixes() (all []netip.Prefix) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p := range h.store.kept {
		all = append(all, p)
	}
	return all
}
