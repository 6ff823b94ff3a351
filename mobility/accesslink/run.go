package accesslink

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
)

const (
	// A host sends three solicitations four seconds apart (RFC 4861 section 10); more than ten a second from one node, or a
	// thousand on a link, serve nobody.
	solicitationInterval   = 100 * time.Millisecond
	solicitationsPerSecond = 1000
	maximumSolicitors      = 4096

	// restoreInterval is how often the interface is looked at when nothing announces a change.
	restoreInterval = time.Second
	readErrorPause  = 100 * time.Millisecond
)

// Run hears the link until ctx ends, and takes the interface into use again after it was down, or deleted and made anew. It
// returns nil. It must be called once, before Close.
func (l *Link) Run(ctx context.Context, handler Handler) error {
	calls := make(chan func(Handler))
	tell := func(call func(Handler)) {
		select {
		case calls <- call:
		case <-ctx.Done():
		}
	}
	var jobs sync.WaitGroup
	defer jobs.Wait()
	jobs.Go(func() { l.watch(ctx) })
	jobs.Go(func() { l.watchNeighbours(ctx, tell) })
	jobs.Go(func() { l.removeLeftovers(ctx, l.leftovers) })
	l.hearAll(ctx, &jobs, tell)
	for {
		select {
		case call := <-calls:
			call(handler)
		case <-ctx.Done():
			return nil
		}
	}
}

// hearAll starts a job for each protocol, so that a flood of one does not hold up another.
func (l *Link) hearAll(ctx context.Context, jobs *sync.WaitGroup, tell func(func(Handler))) {
	jobs.Go(func() {
		l.hear(ctx, func(p *port) *packet.Conn { return p.conn }, func(frame []byte, p *port) { l.take(frame, p, tell, time.Now()) })
	})
	for _, served := range []struct {
		conn func(*port) *packet.Conn
		take func([]byte, *port, time.Time) ([6]byte, bool)
	}{
		{func(p *port) *packet.Conn { return p.arp }, l.takeARP},
		{func(p *port) *packet.Conn { return p.dhcpv4 }, l.takeDHCPv4},
		{func(p *port) *packet.Conn { return p.dhcpv6 }, l.takeDHCPv6},
	} {
		jobs.Go(func() {
			l.hear(ctx, served.conn, func(frame []byte, p *port) {
				now := time.Now()
				if linkLayer, valid := served.take(frame, p, now); valid {
					l.alive(linkLayer, tell, now)
				}
			})
		})
	}
}

// hear takes what comes to one socket of the port, whichever it is at the time, until ctx ends.
func (l *Link) hear(ctx context.Context, which func(*port) *packet.Conn, take func([]byte, *port)) {
	buffer := make([]byte, maximumFrame)
	for ctx.Err() == nil {
		p, err := l.current()
		if err != nil {
			pause(ctx, readErrorPause)
			continue
		}
		conn := which(p)
		if conn == nil {
			return // it is off
		}
		l.read(ctx, conn, buffer, func(frame []byte) { take(frame, p) })
	}
}

// read reads from one socket until ctx ends or an error, which may mean that the port was replaced.
func (l *Link) read(ctx context.Context, conn *packet.Conn, buffer []byte, take func([]byte)) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for ctx.Err() == nil {
		n, _, err := conn.ReadFrom(buffer)
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				pause(ctx, readErrorPause) // the interface went down: watch restores it
			}
			return
		}
		take(buffer[:n])
	}
}

// alive reports a node that was probed and has shown itself.
func (l *Link) alive(linkLayer [6]byte, tell func(func(Handler)), now time.Time) {
	if l.presence.seen(linkLayer, now) {
		l.counters.presences.Add(1)
		tell(func(h Handler) { h.Present(Presence{linkLayer}) })
	}
}

// take handles one frame of Neighbor or Multicast Listener Discovery.
func (l *Link) take(frame []byte, p *port, tell func(func(Handler)), now time.Time) {
	seen, reason := parse(frame)
	if reason == "" && seen.linkLayer == p.linkLayer {
		reason = WrongLinkLayer // nobody else may have our address
	}
	if reason == "" && seen.solicits && !l.mayTake(seen.linkLayer, now) {
		reason = RateLimited
	}
	if reason != "" {
		l.counters.drop(reason)
		return
	}
	l.alive(seen.linkLayer, tell, now)
	if address, collides := l.noteCollision(p, seen, now); collides {
		l.counters.serve(ServedCollision)
		tell(func(h Handler) {
			if h.Collision != nil {
				h.Collision(Presence{seen.linkLayer}, address)
			}
		})
	}
	if seen.solicits {
		l.counters.solicitations.Add(1)
		tell(func(h Handler) { h.Solicited(Solicitation{seen.linkLayer, seen.source}) })
	}
}

// mayTake bounds how many Router Solicitations are handed on, from one node and in all, in bounded memory.
func (l *Link) mayTake(linkLayer [6]byte, now time.Time) bool {
	if last, ok := l.solicited[linkLayer]; ok && now.Sub(last) < solicitationInterval {
		return false
	}
	if !l.solicits.AllowN(now, 1) {
		return false
	}
	if len(l.solicited) >= maximumSolicitors {
		clear(l.solicited)
	}
	l.solicited[linkLayer] = now
	return true
}

// watch restores the interface when the kernel announces a change of it, and every restoreInterval in case an announcement
// was lost or somebody removed our address.
func (l *Link) watch(ctx context.Context) {
	ticker := time.NewTicker(restoreInterval)
	defer ticker.Stop()
	l.setWatched(true)
	defer l.setWatched(false)
	changes := subscribe(ctx)
	for {
		tick := false
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			tick = true
			if changes == nil {
				changes = subscribe(ctx)
			}
		case change, ok := <-changes:
			if !ok {
				changes = nil // it ends with an overrun; the next tick subscribes again
				continue
			}
			if change.Link.Attrs().Name != l.config.Interface {
				continue
			}
		}
		l.note(l.restore())
		l.release(tick)
		if tick {
			l.retryIPv4()
		}
		l.nodes.tidy(time.Now())
	}
}

// subscribe returns the kernel's announcements of link changes, or nil if they cannot be had.
func subscribe(ctx context.Context) chan netlink.LinkUpdate {
	changes := make(chan netlink.LinkUpdate, 16)
	if netlink.LinkSubscribeWithOptions(changes, ctx.Done(), netlink.LinkSubscribeOptions{ErrorCallback: func(error) {}}) != nil {
		return nil
	}
	return changes
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
