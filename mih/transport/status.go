package transport

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Status is what a Conn is about, for an operator.
type Status struct {
	Listening   []netip.AddrPort
	Counters    Counters
	Connections []Connection // of TCP, in the order of the peers' addresses
}

// Connection is one TCP connection, or one that is wanted.
type Connection struct {
	Remote   netip.AddrPort
	Incoming bool      // the peer opened it
	Stands   bool      // false: it is being opened, or waits to be
	Since    time.Time // when it was opened; zero: it does not stand
	Active   time.Time // when it last carried something
	Queued   int       // messages that wait for it
}

// Status tells the present state.
func (c *Conn) Status() Status {
	out := Status{Counters: c.counters.snapshot()}
	for _, d := range c.sockets {
		out.Listening = append(out.Listening, netip.AddrPortFrom(d.bound, c.config.Port))
	}
	for _, d := range slices.Concat(c.sockets, c.groups) {
		out.Counters.KernelDrops += d.drops.Load()
	}
	if h := c.hub.Load(); h != nil {
		out.Connections = h.connections()
	}
	return out
}

func (h *hub) connections() (list []Connection) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.incoming {
		list = append(list, s.status())
	}
	for to, p := range h.peers {
		one := Connection{Remote: to.to, Queued: p.queue.length()}
		if s := p.current.Load(); s != nil {
			one = s.status()
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Connection) int { return cmp.Or(a.Remote.Compare(b.Remote), a.Since.Compare(b.Since)) })
	return list
}

func (s *stream) status() Connection {
	return Connection{
		Remote: s.remote, Incoming: !s.ours, Stands: true, Since: s.opened,
		Active: time.Unix(0, s.active.Load()), Queued: s.queue.length(),
	}
}
