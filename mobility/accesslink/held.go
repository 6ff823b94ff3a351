package accesslink

import (
	"maps"
	"slices"
)

const maximumHeld = 1024

// held keeps advertisements while the kernel says the interface is not running. Between the carrier coming up and the kernel
// attaching the transmit queue, frames are received but what is sent is dropped without an error; the first station on a
// bridge or a wired link solicits in just that moment, and would wait four seconds for its next try. Guarded by Link.mu.
type held struct {
	watched        bool // Run is there to release
	running        bool // IFF_RUNNING, as last seen
	advertisements map[[6]byte]Advertisement
}

// hold keeps a, the latest for its node, if it would be lost now.
func (l *Link) hold(a Advertisement) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &l.held
	if l.port == nil || h.running || !h.watched || len(h.advertisements) >= maximumHeld {
		delete(h.advertisements, a.Destination) // older than a
		return false
	}
	if h.advertisements == nil {
		h.advertisements = map[[6]byte]Advertisement{}
	}
	a.Prefixes, a.DeprecatedPrefixes = slices.Clone(a.Prefixes), slices.Clone(a.DeprecatedPrefixes)
	h.advertisements[a.Destination] = a
	return true
}

// release sends what was held if the interface runs, or anyway: some drivers never say so.
func (l *Link) release(anyway bool) {
	l.mu.Lock()
	var due map[[6]byte]Advertisement
	if l.held.running || anyway {
		due = maps.Clone(l.held.advertisements)
		clear(l.held.advertisements)
	}
	l.mu.Unlock()
	for _, a := range due {
		_ = l.transmit(a) // counted there; nobody waits for it any more
	}
}

// unhold forgets what is held for a node that left.
func (l *Link) unhold(linkLayer [6]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held.advertisements, linkLayer)
}

func (l *Link) setRunning(running bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held.running = running
}

func (l *Link) setWatched(watched bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held.watched = watched
}
