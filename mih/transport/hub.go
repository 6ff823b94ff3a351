package transport

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// hub is what one Run holds: the callback, and the TCP connections with what waits for them.
type hub struct {
	c        *Conn
	ctx      context.Context
	group    sync.WaitGroup // every goroutine
	handling sync.Mutex     // of handle
	handle   func([]Packet)

	mu       sync.Mutex
	ended    bool                         // no goroutine may begin
	incoming map[netip.AddrPort]*stream   // by the peer's end
	from     map[netip.Addr]int           // how many of incoming have this address
	gone     map[netip.AddrPort]time.Time // when some of incoming ended
	peers    map[endpoint]*peer           // connections of ours, also those being opened
}

// Who closes a connection before it is answered is answered at the usual port.
const (
	rememberGone    = time.Minute
	maximumRemember = 1024
)

// endpoint is where a connection of ours goes, and where it comes from.
type endpoint struct {
	to     netip.AddrPort
	source netip.Addr // zero: whatever the kernel chooses
}

func newHub(ctx context.Context, c *Conn, handle func([]Packet)) *hub {
	return &hub{
		c: c, ctx: ctx, handle: handle,
		incoming: make(map[netip.AddrPort]*stream), from: make(map[netip.Addr]int), gone: make(map[netip.AddrPort]time.Time), peers: make(map[endpoint]*peer),
	}
}

// deliver hands packets over, those of one socket or connection at a time. A connection that is not read because of that
// makes its peer wait; datagrams wait in the kernel.
func (h *hub) deliver(packets []Packet) {
	if len(packets) == 0 {
		return
	}
	h.handling.Lock()
	defer h.handling.Unlock()
	h.handle(packets)
}

// send puts a message where it waits for its connection. The answer is why it cannot; empty: it does.
func (h *hub) send(d Destination, payload []byte, now time.Time) SendReason {
	item := queued{source: d.Source, dial: d.Dial, until: now.Add(h.c.config.Patience)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return NotRunning
	}
	if s, stands := h.incoming[d.Addr]; stands {
		if !item.dial.IsValid() {
			item.dial = s.reply.Dial
		}
		return full(s.queue.put(item, payload))
	}
	most := h.c.config.MaximumOutgoing
	switch ended, was := h.gone[d.Addr]; {
	case item.dial.IsValid():
		most = h.forReplies()
	case was && now.Sub(ended) < rememberGone:
		most, item.dial = h.forReplies(), netip.AddrPortFrom(d.Addr.Addr(), h.c.config.Port)
	default:
		item.dial = d.Addr
	}
	return h.dial(item, payload, most)
}

// forReplies is how many of our connections there may be when one more is opened to answer somebody: whoever can open a
// connection to us can have that, and our peers are to find some left.
func (h *hub) forReplies() int { return (h.c.config.MaximumOutgoing + 1) / 2 }

func full(taken bool) SendReason {
	if taken {
		return ""
	}
	return QueueFull
}

// dial puts a message into the queue of its peer's connection, which is opened if there is none. h.mu is held.
func (h *hub) dial(item queued, payload []byte, most int) SendReason {
	to := endpoint{item.dial, h.c.sourceFor(Destination{Addr: item.dial, Source: item.source})}
	p, known := h.peers[to]
	if !known {
		if len(h.peers) >= most {
			return TooManyPeers
		}
		p = &peer{h: h, endpoint: to, queue: newQueue(&h.c.config)}
		h.peers[to] = p
	}
	taken := p.queue.put(item, payload)
	if !known {
		h.group.Go(p.run)
	}
	return full(taken)
}

// resend sends what did not get through on a connection that the peer had opened on one of ours. Where that would go is not
// known of every message.
func (h *hub) resend(items []queued) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, item := range items {
		switch {
		case h.ended:
			h.c.count(stopped)
		case item.dial.IsValid() && h.dial(item, item.payload, h.forReplies()) == "":
			h.c.count(resent)
		default:
			h.c.count(connectionLost)
		}
	}
}

// end lets no more goroutines begin and waits for those that there are. ctx has ended.
func (h *hub) end() {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	h.group.Wait()
}
