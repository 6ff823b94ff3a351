package accesslink

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

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
	var watching sync.WaitGroup
	watching.Go(func() { l.watch(ctx) })
	defer watching.Wait()
	buffer := make([]byte, maximumFrame)
	for ctx.Err() == nil {
		p, err := l.current()
		if err != nil {
			pause(ctx, readErrorPause)
			continue
		}
		l.hear(ctx, p, buffer, handler)
	}
	return nil
}

// hear reads from one port until ctx ends or an error, which may mean that the port was replaced.
func (l *Link) hear(ctx context.Context, p *port, buffer []byte, handler Handler) {
	stop := context.AfterFunc(ctx, func() { _ = p.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for ctx.Err() == nil {
		n, _, err := p.conn.ReadFrom(buffer)
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				pause(ctx, readErrorPause) // the interface went down: watch restores it
			}
			return
		}
		l.take(buffer[:n], p, handler, time.Now())
	}
}

// take handles one frame.
func (l *Link) take(frame []byte, p *port, handler Handler, now time.Time) {
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
	if l.presence.seen(seen.linkLayer, now) {
		l.counters.presences.Add(1)
		handler.Present(Presence{seen.linkLayer})
	}
	if seen.solicits {
		l.counters.solicitations.Add(1)
		handler.Solicited(Solicitation{seen.linkLayer, seen.source})
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
