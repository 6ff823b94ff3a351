package lma

import (
	"cmp"
	"net/netip"
	"slices"
)

// pathKey is how an anchor reaches a MAG: which of its addresses, over which association, to which end of the tunnel.
type pathKey struct {
	lmaAddress         netip.Addr // that the MAG's PBUs were sent to
	peer               netip.Addr // that they came from; another than the Proxy-CoA with an Alternate Care-of Address
	proxyCareOfAddress netip.Addr
}

// path is one of them with its sessions, so that none of these says it for itself, and so that all sessions of a MAG are
// found without a look at those of others.
type path struct {
	pathKey
	sessions *entry // the first of a list that entry.before and entry.after make
}

// follow makes e a session of the path.
func (l *LMA) follow(e *entry, key pathKey) {
	if e.path != nil && e.path.pathKey == key {
		return
	}
	l.leave(e)
	p := l.paths[key]
	if p == nil {
		p = &path{pathKey: key}
		l.paths[key] = p
	}
	e.path, e.after = p, p.sessions
	if p.sessions != nil {
		p.sessions.before = e
	}
	p.sessions = e
}

// leave takes e off the list of its path and forgets a path without sessions. e.path stays: it says where e was.
func (l *LMA) leave(e *entry) {
	switch {
	case e.path == nil:
		return
	case e.before != nil:
		e.before.after = e.after
	case e.path.sessions == e:
		e.path.sessions = e.after
	}
	if e.after != nil {
		e.after.before = e.before
	}
	e.before, e.after = nil, nil
	if e.path.sessions == nil {
		delete(l.paths, e.path.pathKey)
	}
}

// sessionsAt are the sessions with this Proxy-CoA, path by path, so that the same events have the same actions.
func (l *LMA) sessionsAt(proxyCareOfAddress netip.Addr) []*entry {
	var paths []*path
	for _, p := range l.paths { // as many as there are MAGs, not as there are sessions
		if p.proxyCareOfAddress == proxyCareOfAddress {
			paths = append(paths, p)
		}
	}
	slices.SortFunc(paths, func(a, b *path) int {
		return cmp.Or(a.lmaAddress.Compare(b.lmaAddress), a.peer.Compare(b.peer))
	})
	var found []*entry
	for _, p := range paths {
		for e := p.sessions; e != nil; e = e.after {
			found = append(found, e)
		}
	}
	return found
}
